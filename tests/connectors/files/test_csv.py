"""Delimited files that people really send: each is read exactly, or refused with place and mend."""
# ruff: noqa: DTZ001 -- naive times are what is read

from __future__ import annotations

import datetime as dt
import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from portability.connectors import open_connector
from portability.errors import ConfigError, ConnectorError, PortabilityError, SourceDataError, SourceUnavailableError
from portability.limits import DEFAULT_LIMITS

MIB = 1024 * 1024


def read(folder: Path, table: str = "t", **limits: int) -> tuple[dict[str, list[Any]], dict[str, bytes], str]:
    """Return a table's columns, its ledger (column and first key) and what the source says aloud."""
    with open_connector(f"csv:///{folder}", limits=replace(DEFAULT_LIMITS, **limits)).snapshot() as snapshot:
        schema = snapshot.discover()
        (found,) = [each for each in schema.tables if each.name == table]
        plan = snapshot.plan(found)
        rows: dict[str, list[Any]] = {name: [] for name in plan.schema.names}
        for batch in snapshot.read(plan):
            for name in rows:
                rows[name] += batch.column(name).to_pylist()
        ledger = {f"{each.column}:{'/'.join(map(str, each.key))}": each.raw for each in snapshot.exceptions(plan)}
        assert plan.totals.rows == len(next(iter(rows.values())))
        return rows, ledger, " ".join(schema.notes)


def write(folder: Path, content: bytes | str, name: str = "t.csv", schema: str = "") -> Path:
    """Put a file into a folder, and a schema file beside it."""
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    if schema:
        (folder / "schema.yaml").write_text(schema)
    return folder


def test_null_and_empty_text_are_told_apart_by_their_quotes(tmp_path: Path) -> None:
    """Nothing between two delimiters is null, two quotes are an empty text."""
    rows, _, _ = read(write(tmp_path, 'a,b\n1,\n2,""\n"",x\n,y\n'))
    assert sorted(zip(*rows.values(), strict=True), key=str) == [("", "x"), ("1", None), ("2", ""), (None, "y")]


def test_undeclared_files_are_text_and_every_assumption_is_said(tmp_path: Path) -> None:
    """No type is guessed: leading zeros, dates and money stay as they were written."""
    rows, _, notes = read(write(tmp_path, "nr;sum;day\r\n007;1,50;01.02.2024\r\n008;;\r\n"))
    assert rows == {"nr": ["007", "008"], "sum": ["1,50", None], "day": ["01.02.2024", None]}
    assert "delimiter ; (likely: the first 3 rows have 3 fields each" in notes
    assert "the first row names the columns; every column is text" in notes


def test_carriage_returns_of_their_own_among_other_line_ends_are_said_aloud(tmp_path: Path) -> None:
    """They may be a person's line break that nobody quoted: then there are more rows than the system had."""
    rows, _, notes = read(write(tmp_path, "name\nAnn\rOwen\nSi\r\n"))
    assert rows == {"name": ["Ann", "Owen", "Si"]}
    assert "1 carriage returns have no line feed behind them, others have" in notes
    _, _, notes = read(write(tmp_path, "name\rAnn\rSi\r"))
    assert "carriage returns" not in notes


def test_german_office_export_is_read_as_declared(tmp_path: Path) -> None:
    """Semicolons, cp1252, decimal comma, dates with dots; what does not fit stands in the ledger with its bytes."""
    schema = """
defaults: {encoding: cp1252, delimiter: ";", decimal_mark: ",", group_mark: "."}
tables:
  t.csv:
    primary_key: [nr]
    columns:
    - {name: nr, type: integer}
    - {name: sum, type: "decimal(9,2)"}
    - {name: day, type: date, format: "%d.%m.%Y"}
    - {name: ok, type: boolean, "true": [Ja], "false": [Nein]}
"""
    lines = [
        "nr;name;sum;day;ok",
        "1;Müller €;1.234.567,50;1.2.2024;Ja",
        "2;x;12,345;00.00.0000;vielleicht",
        "3;x;-,5;29.02.2024;Nein",
        "4;x;12,5000;31.12.1999;",
        '5;x;"";30.02.2024;Ja',
    ]
    rows, ledger, _ = read(
        write(tmp_path, "\r\n".join(lines).encode("cp1252") + b"\r\n6;a\x81b;1;1.1.2024;Ja\r\n", schema=schema)
    )
    assert rows["name"] == ["Müller €", "x", "x", "x", "x", None]
    amounts = [Decimal("1234567.50"), None, Decimal("-0.50"), Decimal("12.50"), None, Decimal("1.00")]
    assert rows["sum"] == amounts
    days = [dt.date(2024, 2, 1), None, dt.date(2024, 2, 29), dt.date(1999, 12, 31), None, dt.date(2024, 1, 1)]
    assert rows["day"] == days
    assert rows["ok"] == [True, None, False, None, True, True]
    assert ledger == {
        "name:6": b"a\x81b",
        "sum:2": b"12,345",
        "sum:5": b"",
        "day:2": b"00.00.0000",
        "day:5": b"30.02.2024",
        "ok:2": b"vielleicht",
    }


@pytest.mark.parametrize(
    ("declared", "texts", "values", "unfit"),
    [
        (
            "integer",
            ["007", "+5", "-0", "9223372036854775807"],
            [7, 5, 0, 2**63 - 1],
            ["9223372036854775808", "1.0", " 1", "1e3"],
        ),
        (
            "decimal(38,2)",
            ["9" * 36 + ".99", "-.5", "5."],
            [Decimal("9" * 36 + ".99"), Decimal("-0.50"), Decimal(5)],
            ["1" * 37, "0.001", "NaN", "-", "."],
        ),
        ("float", ["1e308", "-0.0", "Infinity", "5e-324"], [1e308, -0.0, float("inf"), 5e-324], ["1,5", "0x10", "one"]),
        (
            "date",
            ["0001-01-01", "9999-12-31"],
            [dt.date(1, 1, 1), dt.date(9999, 12, 31)],
            ["2024-2-1", "2023-02-29", "0000-00-00", "2024-01-01 "],
        ),
        (
            "timestamp",
            ["2024-03-31 02:30", "2024-03-31T02:30:00.1234560"],
            [dt.datetime(2024, 3, 31, 2, 30), dt.datetime(2024, 3, 31, 2, 30, 0, 123456)],
            ["2024-03-31 24:00:00", "2024-03-31 10:00:00.1234567", "2024-03-31 10:00:00Z"],
        ),
        (
            "instant",
            ["2024-03-31T02:30:00+02", "2024-03-31 02:30:00Z"],
            [dt.datetime(2024, 3, 31, 0, 30, tzinfo=dt.UTC), dt.datetime(2024, 3, 31, 2, 30, tzinfo=dt.UTC)],
            ["2024-03-31 02:30:00"],
        ),
        (
            "time",
            ["00:00", "23:59:59.999999"],
            [dt.time(0), dt.time(23, 59, 59, 999999)],
            ["24:00:00", "-01:00:00", "7:30"],
        ),
        ("hex", ["\\x00ff", "", "AB"], [b"\0\xff", b"", b"\xab"], ["abc", "zz"]),
        ("base64", ["AP8=", ""], [b"\0\xff", b""], ["AP8", "****"]),
        ("json", ['{"a": 1.0, "a": 1}'], ['{"a": 1.0, "a": 1}'], ["{", "nope"]),
    ],
)
def test_declared_types_take_what_fits_and_nothing_else(
    tmp_path: Path, declared: str, texts: list[str], values: list[Any], unfit: list[str]
) -> None:
    """A value is exact or in the ledger: nothing is rounded, trimmed, shifted or guessed."""
    cells = [*texts, *unfit]
    lines = [f'{number},"{cell.replace(chr(34), chr(34) * 2)}"' for number, cell in enumerate(cells)]
    columns = f"[{{name: id, type: integer}}, {{name: v, type: '{declared}'}}]"
    schema = f"tables: {{t.csv: {{primary_key: [id], columns: {columns}}}}}"
    rows, ledger, _ = read(write(tmp_path, "\n".join(["id,v", *lines]), schema=schema))
    assert rows["v"] == [*values, *[None] * len(unfit)]
    assert ledger == {f"v:{number}": cell.encode() for number, cell in enumerate(cells) if number >= len(texts)}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('a,b\n1,"x\n2,y\n', "line 2 opens a quote that is never closed"),
        ('a,b\n1,"x"y\n2,y\n', "line 2 has text behind a closing quote"),
        ("a,b\n1,2\n3\n", "line 3 has 1 fields where 2 are expected"),
        ("a,b\n1,2,3\n", "line 2 has 3 fields where 2 are expected"),
        ("a,b,a\n1,2,3\n", "stands twice in the header: columns 1 and 3"),
        ("a,,c\n1,2,3\n", "in the header is missing or no text: column 2"),
        ("a,b\0\n1,2\n", "in the header is missing or no text: column 2"),
        ("sep=;\na;b\n1;2\n", "for Excel alone"),
        ("", "not even its columns are known"),
        ("\n\n", "not even its columns are known"),
    ],
)
def test_broken_files_are_refused_with_their_line_and_no_value(tmp_path: Path, content: str, words: str) -> None:
    """A reader that repairs would have made up a row."""
    write(tmp_path, content, schema='tables: {t.csv: {delimiter: ","}}')
    with pytest.raises(PortabilityError, match=words) as caught:
        read(tmp_path)
    assert "t.csv" in caught.value.place
    assert caught.value.hint


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        ("a\n\\\nx\n", "quote: ''", ["\\", "x"]),
        ("a\n\n", "quote: ''", [None]),
        ('a\n""\n\nx', "quote: '\"'", [None, "", "x"]),
        ("\n\na\n1\n", "delimiter: ','", ["1"]),
        ("\n1\n", "header: none, columns: [{name: a}]", [None, "1"]),
        ("\ufeffa\n\ufeffx\n", "delimiter: ','", ["\ufeffx"]),
    ],
)
def test_files_of_one_column_keep_their_empty_rows(
    tmp_path: Path, content: str, options: str, expected: list[str | None]
) -> None:
    """An empty line is a row of one null, but before the header: that one is no row, and the header no value."""
    rows, _, _ = read(write(tmp_path, content, schema=f"tables: {{t.csv: {{{options}}}}}"))
    assert rows == {"a": expected}


def test_files_put_together_are_read_and_said(tmp_path: Path) -> None:
    """A byte order mark within a file is a character of a value, wherever the readers' pieces begin."""
    content = "a,b\n" + "\ufeff1,x\n" * 50
    rows, _, notes = read(write(tmp_path, b"\xef\xbb\xbf" + content.encode()), csv_compared_bytes=100)
    assert rows["a"] == ["\ufeff1"] * 50
    assert "50 byte order marks stand within the file" in notes


def test_encoding_that_the_file_contradicts_is_refused_or_said(tmp_path: Path) -> None:
    """A mark is sure, so a wrong declaration stops; valid UTF-8 is nearly sure, so it is said."""
    write(tmp_path, b"\xef\xbb\xbfa,b\n1,2\n", schema="tables: {t.csv: {encoding: cp1252}}")
    with pytest.raises(ConfigError, match="declared as cp1252, but its byte order mark says utf-8"):
        read(tmp_path)
    write(tmp_path, "a,b\n1,Müller\n")
    rows, _, notes = read(tmp_path)
    assert rows["b"] == ["MÃ¼ller"]
    assert "declared as cp1252, yet every byte sequence is UTF-8" in notes


def test_odd_but_clear_files_are_read(tmp_path: Path) -> None:
    """Mixed line ends, line ends and NUL in quotes, a quote in a word, names that differ in case."""
    content = 'Id,ID,id\r\n1,"two\r\nlines",5" pipe\n2,"nul\x00",\r3,"a ""b""", "x"\n\n4,y,z'
    rows, _, _ = read(write(tmp_path, content))
    assert rows["Id"] == ["1", "2", "3", "4"]
    assert rows["ID"] == ["two\r\nlines", "nul\x00", 'a "b"', "y"]
    assert rows["id"] == ['5" pipe', None, ' "x"', "z"]


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8-sig", ""),
        ("utf-16", ""),
        ("utf-16-le", ""),
        ("utf-32", ""),
        ("utf-16-be", "utf-16-be"),
        ("cp1252", "cp1252"),
        ("big5", "big5"),
    ],
)
def test_encodings_give_the_same_text(tmp_path: Path, encoding: str, declared: str) -> None:
    """With a mark, by their shape, or declared; in Big5 a letter's second byte may look like a delimiter."""
    text = "名|功許\n功|蓋\n" if encoding == "big5" else "näme|wert\nä|€ 5\n"
    schema = f"tables: {{t.csv: {{encoding: {declared}, delimiter: '|'}}}}" if declared else ""
    rows, ledger, _ = read(write(tmp_path, text.encode(encoding), schema=schema))
    (first, second), (third, fourth) = (line.split("|") for line in text.strip().split("\n"))
    assert rows == {first: [third], second: [fourth]}
    assert ledger == {}


def test_bytes_that_are_no_text_stand_in_the_ledger_as_they_were(tmp_path: Path) -> None:
    """Broken UTF-8, a lone surrogate in UTF-16, and a text that holds our own mark."""
    content = b"id,v\n1,ok\n2,a\xff\xc3\n3,\xed\xa0\x80\n4,\xf4\x8f\xbe\x81\n"
    schema = "tables: {t.csv: {encoding: utf-8, primary_key: [id]}}"
    rows, ledger, _ = read(write(tmp_path, content, schema=schema))
    assert rows["v"] == ["ok", None, None, None]
    assert ledger == {"v:2": b"a\xff\xc3", "v:3": b"\xed\xa0\x80", "v:4": b"\xf4\x8f\xbe\x81"}
    (tmp_path / "schema.yaml").unlink()
    units = "id,v\n1,a".encode("utf-16-le") + b"\x00\xd8" + "\n".encode("utf-16-le")
    rows, ledger, _ = read(write(tmp_path, b"\xff\xfe" + units))
    assert rows["v"] == [None]
    assert ledger == {"v:": "a".encode("utf-16-le") + b"\x00\xd8"}


def test_copy_text_and_outfile_dialects_are_read(tmp_path: Path) -> None:
    r"""PostgreSQL's COPY and MariaDB's INTO OUTFILE write special characters behind a backslash, and \N for null."""
    schema = """
tables:
  t.tsv: {quote: "", escape: backslash, nulls: ['\\N'], header: none, columns: [{name: a}, {name: b}]}
  q.csv: {escape: backslash, nulls: ['\\N'], header: none, columns: [{name: a}, {name: b}]}
"""
    write(tmp_path, "1\ta\\tb\\n\\\\c\n2\t\\N\n3\t\n4\ttwo\\\nlines\n", "t.tsv", schema)
    write(tmp_path, '1,"a\\"b\\\\"\n2,\\N\n3,"x\\\ny"\n', "q.csv")
    assert read(tmp_path)[0]["b"] == ["a\tb\n\\c", None, "", "two\nlines"]
    assert read(tmp_path, "q")[0]["b"] == ['a"b\\', None, "x\ny"]


def test_long_rows_are_read_up_to_the_limit_and_refused_beyond(tmp_path: Path) -> None:
    """A field longer than a block is read; one longer than the limit is named, and does not fill the memory."""
    write(tmp_path, "id,v\n" + "".join(f"{n},x\n" for n in range(3000)) + "3000," + "é" * 300_000 + "\n")
    rows, _, _ = read(tmp_path, csv_compared_bytes=64 * 1024)
    assert max(map(len, filter(None, rows["v"]))) == 300_000
    with pytest.raises(SourceDataError, match="line 3002 is longer than the limit of 500000 bytes"):
        read(tmp_path, csv_compared_bytes=64 * 1024, csv_row_bytes_max=500_000)


def test_a_file_that_changes_is_refused(tmp_path: Path) -> None:
    """Also when its size and its time are the old ones."""
    path = write(tmp_path, "a,b\n1,2\n") / "t.csv"
    with open_connector(f"csv:///{tmp_path}").snapshot() as snapshot:
        (table,) = snapshot.discover().tables
        times = path.stat()
        path.write_bytes(b"a,b\n1,3\n")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        with pytest.raises(SourceUnavailableError, match="changed while it was read"):
            snapshot.plan(table)


def test_a_link_out_of_the_folder_and_a_pipe_are_refused(tmp_path: Path) -> None:
    """Whoever sends a folder does not choose which of our files are read."""
    (tmp_path / "secret.csv").write_text("a\n1\n")
    folder = tmp_path / "sent"
    folder.mkdir()
    (folder / "t.csv").symlink_to("../secret.csv")
    with pytest.raises(ConnectorError, match="leads out of the folder"):
        read(folder)
    (folder / "t.csv").unlink()
    os.mkfifo(folder / "t.csv")
    with pytest.raises(ConnectorError, match="is no file"):
        read(folder)


def test_files_that_are_no_tables_are_named(tmp_path: Path) -> None:
    """A folder's other files are not read, and that is said."""
    (tmp_path / "contract.pdf").write_bytes(b"%PDF")
    (tmp_path / "sub").mkdir()
    assert "nobody declares them: contract.pdf, sub/" in read(write(tmp_path, "a\n1\n"))[2]


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("tables: {t.csv: {columns: [{name: c}]}}", "not in the header: c"),
        ("tables: {t.csv: {}, gone.csv: {}}", "declared but not there: gone.csv"),
        ("tables: {t.csv: {columns: [{name: a, type: money}]}}", "there is no type 'money'"),
        ("tables: {t.csv: {columns: [{name: a, type: 'decimal(40,2)'}]}}", "a decimal of 40 digits"),
        ("tables: {t.csv: {encoding: klingon}}", "encoding 'klingon' is not known"),
        ("tables: {t.csv: {delimeter: ';'}}", "is not a field here"),
        ("tables: {t.csv: {primary_key: [b]}}", "2 share it"),
        ("tables: {t.csv: {columns: [{name: a, type: date, format: '%d.%q'}]}}", "%q cannot be read"),
    ],
)
def test_a_wrong_schema_file_is_refused_with_its_place(tmp_path: Path, schema: str, words: str) -> None:
    """What is declared must be true of the files."""
    write(tmp_path, "a,b\n1,2\n2,2\n", schema=schema)
    with pytest.raises((ConfigError, ConnectorError, SourceDataError), match=words):
        read(tmp_path)
