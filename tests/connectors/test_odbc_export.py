"""Whole exports through ODBC: as the page on it says, and the same tables as without it."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from portability.practice import generate
from tests.conftest import MakeDatabase
from tests.connectors.odbc_databases import need_driver

PAGE = (Path(__file__).parents[2] / "docs/odbc.md").read_text(encoding="utf-8")
pytestmark = pytest.mark.slow


def _run(command: str, folder: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-ec", command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


def test_commands_of_the_page_do_what_it_says(tmp_path: Path) -> None:
    """Every line but the installation, in order: inspected, exported and sound to the last entry."""
    need_driver("SQLite3")
    (tmp_path / "demo").mkdir()
    generate(f"sqlite:///{tmp_path / 'demo/practice.db'}", tmp_path / "demo/files", entries=200, firms=1)
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        for line in re.findall(r"^\$ (portability .*)$", block, re.MULTILINE):
            _run(line, tmp_path)


def test_tables_exported_through_odbc_are_those_exported_without_it(
    postgresql_url: MakeDatabase, tmp_path: Path
) -> None:
    """Byte for byte, every one of them; all control totals agreed, or there would be no archive."""
    need_driver("PostgreSQL Unicode")
    url = postgresql_url()
    generate(url, tmp_path / "files", entries=200, firms=1)
    for name, address in (("native", url), ("by-odbc", f"odbc+{url}")):
        _run(f"portability export '{address}' {name} --documents files", tmp_path)
    native, by_odbc = (_tables(tmp_path / name) for name in ("native", "by-odbc"))
    assert native
    assert by_odbc == native
    _run("portability verify by-odbc --level deep", tmp_path)


def _tables(archive: Path) -> dict[str, str]:
    files = sorted((archive / "data/source").rglob("*.parquet"))
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
