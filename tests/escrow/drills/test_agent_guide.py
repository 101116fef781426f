"""docs/escrow_agent.md does what it says."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fixtures.signers import ALLOWED_SIGNERS
from tests.escrow.drills.conftest import Deposited
from tests.escrow.drills.test_release_walk import _expanded
from tests.governing.shell import Shell

_VENDOR = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"made-up signer ann").digest())  # fixtures.signers.ANN
PAGE = (Path(__file__).parents[3] / "docs/escrow_agent.md").read_text(encoding="utf-8")


def test_agents_guide_every_command_does_what_it_says(deposited: Deposited, tmp_path: Path) -> None:
    """All console blocks run in their order, on one real deposit."""
    shutil.copytree(deposited.folder, tmp_path / "store/alder")
    (tmp_path / "vendors").write_text(ALLOWED_SIGNERS, encoding="utf-8")
    (agreements,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for name, key in deposited.keys.items():
        shutil.copy(key, tmp_path / name)
        made = subprocess.run(["age-keygen", "-y", key], check=True, capture_output=True, text=True)  # noqa: S607
        agreements = agreements.replace(f"age1...{name}", made.stdout.strip())
    # The deposit of the tests promises its next one for long after anybody runs them.
    agreements = agreements.replace("26h", "900y")
    (tmp_path / "vendor").write_bytes(_VENDOR.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    (tmp_path / "vendor").chmod(0o600)
    shell = Shell(tmp_path)
    for name in ("cara", "dan"):
        shell.ok(f"portability keys new {name} --kind signing")
        public = (tmp_path / f"{name}.pub").read_text(encoding="utf-8").strip()
        agreements = agreements.replace(f"ssh-ed25519 AAAA...{name}", public)
    (tmp_path / "agreements.yaml").write_text(agreements, encoding="utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for line in (line.removeprefix("$ ") for block in blocks for line in block.splitlines()):
        shell.ok(_expanded(shell, line))
    assert (tmp_path / "store/alder/000001/manifest.json.sig").is_file()
    assert (tmp_path / "restored/bagit.txt").is_file()
    assert "Recovery time, measured" in (tmp_path / "drill/drill.html").read_text(encoding="utf-8")
