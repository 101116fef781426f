"""docs/escrow_release.md does what it says: from request to restored database, refused at each step that is missing."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from fixtures.signers import ALLOWED_SIGNERS
from tests.escrow.drills.conftest import Deposited
from tests.governing.shell import Shell

PAGE = (Path(__file__).parents[3] / "docs/escrow_release.md").read_text(encoding="utf-8")
REFUSED = " || true"


def _lines() -> list[str]:
    blocks = re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


def _expanded(shell: Shell, line: str) -> str:
    """Put the output of ``$(...)`` in its place, as a shell does; our own commands run in this process."""

    def output(found: re.Match[str]) -> str:
        command, pipe, rest = found[1].partition(" | ")
        if not command.startswith("portability "):
            return shell.ok(found[1]).strip()
        said = shell.ok(command)
        filtered = subprocess.run(["/bin/sh", "-c", rest], input=said, capture_output=True, text=True, check=True)
        assert pipe
        return filtered.stdout.strip()

    return re.sub(r"\$\(([^)]*)\)", output, line)


@pytest.mark.slow
def test_release_page_every_command_does_what_it_says(deposited: Deposited, tmp_path: Path) -> None:
    """All console blocks run in their order; each `|| true` is refused with exit code 17 and changes nothing."""
    shutil.copytree(deposited.folder, tmp_path / "depository/alder")
    shutil.copy(deposited.keys["ann"], tmp_path / "custodian")
    made = subprocess.run(["age-keygen", "-y", tmp_path / "custodian"], check=True, capture_output=True)  # noqa: S607
    (tmp_path / "custodian.pub").write_bytes(made.stdout)
    (tmp_path / "vendors").write_text(ALLOWED_SIGNERS, encoding="utf-8")
    (settings,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "portability.yaml").write_text(settings, encoding="utf-8")
    shell = Shell(tmp_path)
    refused = 0
    for line in _lines():
        expanded = _expanded(shell, line)
        if expanded.endswith(REFUSED):
            said = shell.run(expanded.removesuffix(REFUSED))
            assert said.code == 17, (line, said)
            refused += 1
        else:
            shell.ok(expanded)
    assert refused == 12
    with closing(sqlite3.connect(tmp_path / "restored.db")) as database:
        assert database.execute("SELECT count(*) FROM client").fetchone() == (2,)
    entries = shell.ok("portability audit verify --json")
    assert '"first_bad": null' in entries
