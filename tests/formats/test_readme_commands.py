"""The commands on README.html work on the archive that it stands in."""

from __future__ import annotations

import html
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from portability.formats.bag import write_bag
from portability.formats.readme import render_readme
from tests.formats.canonical_rows import create_entities, insert
from tests.formats.readme_facts import FACTS


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A bag with a few canonical tables and the page."""
    data = tmp_path / "archive" / "data"
    (data / "tables").mkdir(parents=True)
    connection = duckdb.connect()
    names = ("matter", "document", "document_version")
    create_entities(connection, *names)
    insert(connection, "matter", id="1", title="£ Straße")
    insert(connection, "document", id="d", title="Will", file_name="will.pdf")
    insert(connection, "document_version", id="v", document_id="d", file_sha256="ab" * 32)
    for name in names:
        connection.execute(f"COPY {name} TO '{data}/tables/{name}.parquet' (FORMAT parquet)")
    (data / "README.html").write_text(render_readme(FACTS), encoding="utf-8")
    write_bag(data.parent, info={"Bagging-Date": "2026-11-22"})
    return data.parent


def commands(start: str) -> list[str]:
    """Return the commands of the page that begin so."""
    blocks = re.findall(r"<pre><code>(.*?)</code></pre>", render_readme(FACTS), re.DOTALL)
    return [line for block in blocks for line in html.unescape(block).splitlines() if line.startswith(start)]


def test_readme_duckdb_commands_work(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line runs in the folder of the page; the table for Excel lands outside the archive."""
    monkeypatch.chdir(archive / "data")
    lines = commands("duckdb ")
    assert len(lines) == 3
    results = [duckdb.sql(shlex.split(line)[2]) for line in lines]
    found = [relation.fetchall() for relation in results if relation is not None]
    assert ("Will", "will.pdf", f"documents/ab/{'ab' * 32}") in found[-1]
    assert "£ Straße" in (archive.parent / "table.csv").read_text(encoding="utf-8")


def test_readme_python_command_works(archive: Path) -> None:
    """The line runs as it stands in the folder of the page."""
    (line,) = commands("python ")
    command = [sys.executable, *shlex.split(line)[1:]]
    done = subprocess.run(command, cwd=archive / "data", capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum not found")
def test_readme_checksum_command_works_and_finds_damage(archive: Path) -> None:
    """No output when all is well; a changed bit is named."""
    (line,) = commands("sha256sum ")
    sound = subprocess.run(["/bin/sh", "-c", line], cwd=archive, capture_output=True, check=False)
    assert (sound.returncode, sound.stdout, sound.stderr) == (0, b"", b"")
    with (archive / "data/README.html").open("ab") as file:
        file.write(b" ")
    damaged = subprocess.run(["/bin/sh", "-c", line], cwd=archive, capture_output=True, check=False)
    assert damaged.returncode != 0
    assert b"data/README.html: FAILED" in damaged.stdout
