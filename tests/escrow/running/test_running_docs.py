"""docs/escrow_running.md does what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs/escrow_running.md"


@pytest.mark.slow
def test_running_document_commands_do_what_they_say(tmp_path: Path) -> None:
    """Typed one after the other in an empty folder, with the job file that the page shows."""
    text = PAGE.read_text(encoding="utf-8")
    lines = re.findall(r"^\$ (.*)$", text, re.MULTILINE)
    assert len(lines) > 12
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/portability"
    program.write_text(f"#!{sys.executable}\nfrom portability.cli import main\nmain()\n", encoding="utf-8")
    program.chmod(0o755)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(PAGE.parents[1]), *sys.path]),
        "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
        "HOME": str(tmp_path / "home"),
    }
    shown: dict[str, str] = {}
    for line in lines:
        if "escrow deposit" in line:  # the job file stands before it on the page
            (tmp_path / "vendor/jobs/smith.yaml").write_text(_job(text), encoding="utf-8")
        done = subprocess.run(
            [shutil.which("sh") or "sh", "-c", line],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        shown[f"{len(shown)} {line}"] = done.stdout
    deposits = [out for line, out in shown.items() if "escrow deposit" in line]
    assert "full, PUBLISHED" in deposits[0]
    assert "differential, PUBLISHED" in deposits[1]
    assert (tmp_path / "archive/bagit.txt").is_file()


def _job(text: str) -> str:
    found = re.search(r"```yaml\n(name: smith\n.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]
