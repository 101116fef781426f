"""The practice is what its seed and its sizes say, and nothing else."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from portability.errors import ConfigError, ConnectorError
from portability.practice import generate
from portability.practice.__main__ import main
from portability.practice.documents import DOCUMENTS_MAX
from tests.practice.conftest import Built
from tests.practice.contents import read_content


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_generate_same_seed_gives_the_same_rows_and_files(built: Built, tmp_path: Path) -> None:
    """Rows, documents and expectations depend on seed and sizes alone."""
    planted = generate(tmp_path / "again.db", tmp_path / "documents")
    assert planted == built.planted
    assert read_content(f"sqlite:///{tmp_path / 'again.db'}") == read_content(f"sqlite:///{built.database}")
    assert _tree(tmp_path / "documents") == _tree(built.documents_dir)


def test_generate_other_seed_gives_another_practice(built: Built, tmp_path: Path) -> None:
    """A second seed tells another story of the same size."""
    planted = generate(tmp_path / "other.db", tmp_path / "documents", seed=2)
    assert planted.rows["LEDG_LINE"] == built.planted.rows["LEDG_LINE"]
    assert planted.client_ledger_pence != built.planted.client_ledger_pence


def test_generate_counts_are_the_tables_counts(built: Built, books: sqlite3.Connection) -> None:
    """`Planted.rows` is what SQL counts in each table, the empty one included."""
    counted = {name: books.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in built.planted.rows}
    assert counted == built.planted.rows
    assert counted["FAX_QUEUE"] == 0
    assert min(count for name, count in counted.items() if name != "FAX_QUEUE") > 0


@pytest.mark.parametrize(("entries", "firms"), [(150, 1), (451, 3), (1000, 6), (5003, 2)])
def test_generate_writes_exactly_the_ledger_entries_asked_for(tmp_path: Path, entries: int, firms: int) -> None:
    """The ledger has as many lines as asked for, odd numbers and many firms included."""
    planted = generate(tmp_path / "practice.db", tmp_path / "documents", entries=entries, firms=firms)
    assert planted.rows["LEDG_LINE"] == entries
    assert len(planted.firms) == firms


def test_generate_many_entries_stops_writing_documents_at_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Documents grow with the practice, but only to their named limit."""
    monkeypatch.setattr("portability.practice.documents.DOCUMENTS_MAX", 20)
    planted = generate(tmp_path / "practice.db", tmp_path / "documents")
    assert 20 <= planted.rows["DOC_VER"] + planted.rows["DOC_BLOB"] + planted.rows["EML_MAST"] < 20 + 15
    assert DOCUMENTS_MAX > 20


def test_generate_too_few_entries_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    """Too small a practice is a configuration error, and no file appears."""
    with pytest.raises(ConfigError, match="150"):
        generate(tmp_path / "practice.db", tmp_path / "documents", entries=100, firms=1)
    assert list(tmp_path.iterdir()) == []


def test_generate_database_with_a_table_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    """Nothing is ever added to a database that holds something."""
    path = tmp_path / "mine.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE MINE (ID INTEGER)")
    before = path.read_bytes()
    with pytest.raises(ConnectorError, match="not empty"):
        generate(path, tmp_path / "documents")
    assert path.read_bytes() == before


def test_generate_unknown_scheme_is_refused(tmp_path: Path) -> None:
    """Only the three kinds of database can be filled."""
    with pytest.raises(ConfigError, match="oracle"):
        generate("oracle://host/db", tmp_path / "documents")


def test_generate_bad_port_is_refused(tmp_path: Path) -> None:
    """A port that is no number is a configuration error."""
    with pytest.raises(ConfigError, match="port"):
        generate("mysql://root@127.0.0.1:many/practice", tmp_path / "documents")


def test_generate_documents_dir_that_is_a_file_leaves_no_database(tmp_path: Path) -> None:
    """When the share cannot be written, no half-written database stays behind."""
    (tmp_path / "documents").write_text("in the way", encoding="utf-8")
    with pytest.raises(ConfigError, match="documents"):
        generate(tmp_path / "practice.db", tmp_path / "documents")
    assert not (tmp_path / "practice.db").exists()


def test_generate_without_the_driver_names_the_pip_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing driver is an error that tells how to get it."""
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(ConnectorError, match="psycopg") as caught:
        generate("postgresql://127.0.0.1/none", tmp_path / "documents")
    assert "pip install" in caught.value.hint


def test_command_prints_what_was_planted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command builds a practice and prints the expectations as JSON."""
    code = main([str(tmp_path / "practice.db"), str(tmp_path / "documents"), "--entries", "150", "--firms", "1"])
    assert code == 0
    assert json.loads(capsys.readouterr().out)["rows"]["LEDG_LINE"] == 150


def test_command_with_a_bad_target_ends_with_the_errors_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failure is a sentence on stderr and the error's own exit code."""
    assert main(["oracle://host/db", str(tmp_path)]) == ConfigError.exit_code
    assert "oracle" in capsys.readouterr().err
