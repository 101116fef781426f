"""What docs/file_sources.md shows is what happens."""

from __future__ import annotations

import re
import shlex
import sqlite3
from pathlib import Path

import pytest

from portability.cli import _run

TEXT = (Path(__file__).parents[3] / "docs/file_sources.md").read_text(encoding="utf-8")


def test_commands_of_the_document_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its files, its schema file and its commands, in their order, as they are printed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "from-vendor").mkdir()
    with sqlite3.connect("practice.db") as connection:
        connection.execute("CREATE TABLE client (id INTEGER PRIMARY KEY)")
    connection.close()
    for kind, body in re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL):
        if kind == "console":
            for line in re.findall(r"^\$ portability (.*)$", body, re.MULTILINE):
                assert _run(shlex.split(line)) == 0, line
        else:
            name, _, content = body.removeprefix("# ").partition("\n")
            (tmp_path / name).write_text(content, encoding="cp1252" if kind == "text" else "utf-8")
    told = capsys.readouterr().out
    assert 'encoding: "cp1252"' in told
    assert "1234.45" in told
