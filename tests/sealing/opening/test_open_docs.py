"""docs/opening.md does what it says."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from portability.cli import cli
from tests.sealing.opening.conftest import Keys
from tests.sealing.opening.stock import tree

PAGE = Path(__file__).parents[3] / "docs/opening.md"


def test_opening_document_commands_do_what_they_say(
    sealed: Path, archive: Path, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder with the files that they name, one after the other."""
    shutil.copytree(sealed, tmp_path / "sealed")
    shutil.copy(keys.ann.file, tmp_path / "my-key")
    shutil.copy(keys.trust, tmp_path / "allowed_signers")
    monkeypatch.chdir(tmp_path)
    lines = re.findall(r"^\$ (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) == 4
    for line in lines:
        program, *arguments = shlex.split(line)
        if program == "portability":
            assert CliRunner().invoke(cli, arguments).exit_code == 0, line
        else:
            subprocess.run([program, *arguments], check=True, capture_output=True)
    assert tree(tmp_path / "archive") == tree(tmp_path / "opened") == tree(archive)
    assert "data/tables/matter.parquet" in tree(tmp_path / "some")
