"""Markers: every firm's texts carry the firm's own word and no other's, and nothing else changes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from portability.practice import firm_marker, generate
from portability.practice.markers import mark_row
from portability.practice.tables import TABLES


def test_generate_with_markers_plants_one_in_every_row_that_can_carry_it(tmp_path: Path) -> None:
    """What the practice holds is counted the same; texts carry their firm's marker, within their width."""
    planted = generate(tmp_path / "marked.db", tmp_path / "files", entries=300, firms=2, markers=True)
    assert planted == generate(tmp_path / "plain.db", tmp_path / "plain", entries=300, firms=2)
    with closing(sqlite3.connect(tmp_path / "marked.db")) as connection:
        connection.row_factory = sqlite3.Row
        for table in TABLES:
            if "FIRM_ID" not in table.names:
                continue
            for row in connection.execute(f'SELECT * FROM "{table.name}"'):
                own = firm_marker(row["FIRM_ID"])
                (other,) = {firm_marker(firm) for firm in planted.firms} - {own}
                assert not any(other in str(value) for value in tuple(row))
        for sql in ("SELECT EMAIL FROM CT_MAST", "SELECT BODY FROM NOTE_TXT", "SELECT DETAIL FROM AUD_LOG"):
            assert all("Zq" in text for (text,) in connection.execute(sql) if text), sql
        (contacts,) = (table for table in TABLES if table.name == "CT_MAST")
        widths = {c.name: int(c.kind[8:-1]) for c in contacts.columns if "varchar" in c.kind}
        for name, width in widths.items():
            assert (connection.execute(f"SELECT max(length({name})) FROM CT_MAST").fetchone()[0] or 0) <= width


def test_generate_with_markers_every_document_has_its_firms_own(tmp_path: Path) -> None:
    """The bytes of each file, letters, drafts and mails, hold the marker of the firm in whose folder it lies."""
    generate(tmp_path / "practice.db", tmp_path / "files", entries=300, firms=2, markers=True)
    files = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {".pdf", ".docx", ".eml"}
    for path in files:
        firm = int(path.relative_to(tmp_path / "files").parts[0])
        assert firm_marker(firm).encode() in path.read_bytes()
        assert firm_marker(firm) in path.name


@pytest.mark.parametrize(
    ("table", "values", "column", "marked"),
    [
        ("CT_MAST", {"EMAIL": "a@example.com"}, "EMAIL", "a.Zqdxxj@example.com"),
        ("CL_MAST", {"CL_NO": "LDN0000123"}, "CL_NO", "Zqdxxj000123"),
        ("AUD_LOG", {"DETAIL": '{"A": 1}'}, "DETAIL", '{"A": 1, "MARK": "Zqdxxj"}'),
        ("DOC_BLOB", {"ORIG_NAME": "scan.pdf"}, "ORIG_NAME", "scan Zqdxxj.pdf"),
        ("CT_MAST", {"DOB": "31/12/1960"}, "DOB", "31/12/1960"),
        ("CT_MAST", {"NOTES": ""}, "NOTES", ""),
    ],
)
def test_mark_row_keeps_the_form_of_a_text(table: str, values: dict[str, object], column: str, marked: str) -> None:
    """An address stays one, JSON stays JSON, a number its end; dates as typed and empty texts stay as they are."""
    assert mark_row(table, {"FIRM_ID": 101, **values})[column] == marked


def test_firm_marker_of_many_firms_are_all_different() -> None:
    """Hundreds of firms have markers of their own, of one length, none within another."""
    markers = [firm_marker(firm) for firm in range(101, 601)]
    assert len({marker.lower() for marker in markers}) == len(markers)
    assert {len(marker) for marker in markers} == {6}
