"""Redacted and pseudonymised exports: what goes, what stays joined, what is recorded, and what is refused."""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portability.archive import Archive
from portability.checks import verify
from portability.connectors import open_connector
from portability.errors import ConfigError, ScopeError
from portability.exports import ExportRequest, export_archive
from portability.profiles import load_profile
from portability.scoping.redaction import ColumnOrder, Redaction, load_redaction
from portability.scoping.redaction_pseudonyms import KINDS, Pseudonyms
from tests.exports.conftest import MAPS, PROFILE, SCHEMA
from tests.scoping.leaks import leaks

PSEUDONYMS = Pseudonyms(bytes(range(32)))
ORDER = """
redaction: 1
by: Jane Roe
why: trial migration
mode: pseudonymise
columns:
  matter.status: {do: keep, why: a code}
"""
ORDER_REDACT = """
redaction: 1
by: Jane Roe
why: a copy for training
mode: redact
columns: {client.name: {do: redact, why: nobody needs names}}
documents: keep
"""


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A key file that nobody else may read."""
    path = tmp_path / "pseudonyms.key"
    path.write_bytes(bytes(range(32)))
    path.chmod(0o600)
    return path


@pytest.fixture
def load(tmp_path: Path, key: Path) -> Callable[..., Redaction]:
    """Load an order from its text."""

    def loaded(text: str = ORDER, *, with_key: bool = True) -> Redaction:
        path = tmp_path / "redaction.yaml"
        path.write_text(text, encoding="utf-8")
        return load_redaction(path, key if with_key else None)

    return loaded


@pytest.fixture
def export(tmp_path: Path) -> Callable[[Redaction], Archive]:
    """Export the small firm of tests/exports with a redaction."""
    with closing(sqlite3.connect(tmp_path / "firm.db")) as connection:
        connection.executescript(SCHEMA)
    (tmp_path / "files").mkdir()
    (tmp_path / "files/A.TXT").write_bytes(b"a letter about Ann Owen\n")
    (tmp_path / "profile/map").mkdir(parents=True)
    (tmp_path / "profile/profile.yaml").write_text(PROFILE, encoding="utf-8")
    for name, sql in MAPS.items():
        (tmp_path / f"profile/map/{name}.sql").write_text(sql, encoding="utf-8")

    def run(order: Redaction) -> Archive:
        request = ExportRequest(
            connector=open_connector(f"sqlite:///{tmp_path / 'firm.db'}"),
            destination=tmp_path / "archive",
            profile=load_profile(str(tmp_path / "profile")),
            documents=str(tmp_path / "files"),
        )
        return export_archive(replace(request, redaction=order)).archive

    return run


# --- pseudonyms ------------------------------------------------------------------------------------------------------


@given(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]), max_size=24))
@settings(max_examples=60, deadline=None)
def test_text_reference_keeps_its_length_and_shape(text: str) -> None:
    """Letters become letters, digits digits, all else stays where it is."""
    made = PSEUDONYMS.text("reference", text)
    assert len(made) == len(text)
    assert [(c.isdigit(), c.isupper(), c.islower()) for c in made] == [
        (c.isdigit(), c.isupper(), c.islower()) for c in text
    ]


def test_text_references_that_differ_stay_different() -> None:
    """What was unique stays unique: all 1,000 numbers of three digits give all 1,000."""
    assert {PSEUDONYMS.text("reference", f"{n:03d}") for n in range(1000)} == {f"{n:03d}" for n in range(1000)}


@pytest.mark.parametrize("kind", ["reference", "key"])
def test_text_keys_with_letters_of_any_script_stay_different(kind: str) -> None:
    """No letter outside ASCII is put in place by one of ASCII: what was unique stays unique, kind by kind of letter."""
    letters = "éèüßaebÀÉzʃłŁабвЯ漢字ª²½٣"
    values = [f"{a}{b}{c}" for a in letters for b in letters for c in "0189"]
    made = [PSEUDONYMS.text(kind, value) for value in values]
    assert len(set(made)) == len(values)
    assert PSEUDONYMS.text(kind, "éz1") != PSEUDONYMS.text(kind, "èc7")
    for value, pseudonym in zip(values, made, strict=True):
        assert [(unicodedata.category(c), c.isascii()) for c in pseudonym] == [
            (unicodedata.category(c), c.isascii()) for c in value
        ]


def test_octets_of_keys_keep_their_length_and_stay_different() -> None:
    """All keys of one byte give all keys of one byte, and longer ones others of their length."""
    assert {PSEUDONYMS.octets(bytes([n])) for n in range(256)} == {bytes([n]) for n in range(256)}
    assert len(PSEUDONYMS.octets(bytes(16))) == 16
    assert PSEUDONYMS.octets(bytes(16)) not in {bytes(16), PSEUDONYMS.octets(bytes(15) + b"\1")}
    assert PSEUDONYMS.octets(b"") == b""


def test_text_same_value_is_the_same_in_a_kind_and_another_with_another_key() -> None:
    """Joins hold; without the key nothing does."""
    other = Pseudonyms(bytes(range(1, 33)))
    for kind in KINDS:
        value = "31/12/1960" if kind == "date" else "Ann@Example.org"
        assert PSEUDONYMS.text(kind, value) == PSEUDONYMS.text(kind, value)
        assert PSEUDONYMS.text(kind, value) != value
        assert kind == "date" or PSEUDONYMS.text(kind, value) != other.text(kind, value)
    assert PSEUDONYMS.text("email", "ANN@example.org") == PSEUDONYMS.text("email", "ann@EXAMPLE.org")
    assert PSEUDONYMS.check_value != other.check_value


def test_text_name_goes_word_by_word_and_titles_stay() -> None:
    """A surname alone is the surname in the whole name."""
    surname = PSEUDONYMS.text("name", "Owen")
    assert PSEUDONYMS.text("name", "Mrs Ann Owen") == f"Mrs {PSEUDONYMS.text('name', 'Ann')} {surname}"
    assert PSEUDONYMS.text("name", "") == ""


def test_day_keeps_its_year_and_text_dates_their_form() -> None:
    """Ages stay about right, and a date stays one that can be read; what is no date goes."""
    made = PSEUDONYMS.day(date(1960, 12, 31))
    assert (made.year, made == date(1960, 12, 31)) == (1960, False)
    assert PSEUDONYMS.text("date", "31/12/1960") == f"{made:%d/%m/%Y}"
    assert PSEUDONYMS.text("date", "ca. 1960") == "[redacted]"


# --- the order -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (("by: Jane Roe", "by: ' '"), ":3: by"),
        (("mode: pseudonymise", "mode: guess"), ":5: mode"),
        (("do: keep", "do: no"), ":7: columns.matter.status.do"),
        (("why: a code", "reason: a code"), ":7: columns.matter.status.reason"),
        (("redaction: 1", "redaction: 2"), ":2: redaction"),
        (("do: keep", "do: pseudonymise"), ":7: columns.matter.status"),
        (("columns:", "documents: keep\ncolumns:"), ":6: documents"),
        (("by: Jane Roe", "by: [Jane"), ":4"),
    ],
)
def test_load_redaction_faulty_order_is_refused_with_file_line_and_field(
    load: Callable[..., Redaction], change: tuple[str, str], place: str
) -> None:
    """An unknown field, an empty reason or a YAML trap is named where it stands."""
    with pytest.raises(ConfigError) as caught:
        load(ORDER.replace(*change))
    assert caught.value.place.endswith(f"redaction.yaml{place}")


def test_redaction_schema_is_the_documented_one() -> None:
    """The schema in docs/ and the one in the package are one."""
    root = Path(__file__).parents[2]
    package = root / "portability/scoping/redaction.schema.json"
    assert (root / "docs/redaction.schema.json").read_bytes() == package.read_bytes()


def test_load_redaction_key_that_is_weak_or_open_is_refused(load: Callable[..., Redaction], key: Path) -> None:
    """No key, a short one, or one that others may read makes no pseudonyms."""
    with pytest.raises(ConfigError, match="need a key"):
        load(with_key=False)
    key.chmod(0o644)
    with pytest.raises(ConfigError, match="others may read"):
        load()
    key.chmod(0o600)
    key.write_bytes(b"secret")
    with pytest.raises(ConfigError, match="at least 32 random bytes"):
        load()


# --- the export ------------------------------------------------------------------------------------------------------


def _column(archive: Archive, table: str, column: str) -> list[object]:
    found: list[object] = pq.read_table(archive.data / f"source/main.{table}.parquet").column(column).to_pylist()
    return found


def test_export_pseudonymised_names_go_and_joins_and_money_stay(
    load: Callable[..., Redaction], export: Callable[[Redaction], Archive]
) -> None:
    """No file holds a name or the key; keys, amounts and codes are as they were; the archive is sound."""
    archive = export(load())
    # A title and a note of class privileged, a text that feeds no field, a document: none of them is there.
    assert leaks(archive.root, ["Ann Owen", "Siân", "quoted", "Orphan", "a letter about", "1234"]) == []
    assert not any(bytes(range(32)) in path.read_bytes() for path in archive.root.rglob("*") if path.is_file())
    assert [str(each) for each in _column(archive, "matter", "fee")] == ["1250.10", "0.30", "5.00", "7.25"]
    assert _column(archive, "matter", "client_id") == [1, 2, 9, 1]
    assert _column(archive, "matter", "status") == ["open", "closed", "open", "mystery"]
    names = _column(archive, "client", "name")
    shown = pq.read_table(archive.data / "tables/contact.parquet").column("display_name").to_pylist()
    assert sorted(map(str, names)) == sorted(shown)
    report = verify(archive.root, level="deep")
    assert report.ok
    assert "D252" in report.codes("note")
    assert report.facts["redacted_by"] == "Jane Roe: trial migration"


@pytest.mark.slow
def test_export_pseudonymised_record_counts_and_marks_every_column(
    load: Callable[..., Redaction], export: Callable[[Redaction], Archive]
) -> None:
    """reports/redactions.json says who, why and how often; the control totals of the same columns are marked."""
    archive = export(load())
    record = json.loads((archive.data / "reports/redactions.json").read_text())
    columns = {f"{each['table']}.{each['column']}": each for each in record["columns"]}
    assert (record["by"], record["why"], record["documents"]) == ("Jane Roe", "trial migration", "removed")
    assert (columns["client.name"]["done"], columns["client.name"]["kind"]) == ("pseudonymised", "name")
    assert columns["client.name"]["values"] == 2
    assert columns["doc.path"]["done"] == "redacted"
    assert "matter.status" not in columns
    marked = {
        f"{table.name}.{column.name}": column.redacted
        for table in archive.control_totals().tables
        for column in table.columns
        if column.redacted is not None
    }
    assert marked == {name: each["values"] for name, each in columns.items()}


@pytest.mark.slow
def test_export_redacted_column_goes_and_the_rest_stays(
    load: Callable[..., Redaction], export: Callable[[Redaction], Archive]
) -> None:
    """Without pseudonyms only what is listed goes."""
    archive = export(load(ORDER_REDACT, with_key=False))
    assert _column(archive, "client", "name") == ["[redacted]", "[redacted]"]
    assert _column(archive, "matter", "title") == ["Sale", "Will", "Orphan", "Odd status"]
    assert verify(archive.root, level="deep").ok


def test_export_order_for_a_column_that_is_not_there_is_refused(
    load: Callable[..., Redaction], export: Callable[[Redaction], Archive], tmp_path: Path
) -> None:
    """A misspelt column would let its values through: all such are named before a row is read."""
    text = ORDER + "  client.nmae: {do: redact, why: typing}\n  matter.id: {do: redact, why: a key}\n"
    with pytest.raises(ScopeError, match=r"client\.nmae") as caught:
        export(load(text))
    assert len(caught.value.details) == 2
    assert not (tmp_path / "archive").exists()


KEYED = """
CREATE TABLE scan (id BLOB NOT NULL PRIMARY KEY, n TEXT); INSERT INTO scan VALUES (x'aa01', 'Ann'), (x'bb02', 'Joe');
CREATE TABLE label (id TEXT NOT NULL PRIMARY KEY, n TEXT); INSERT INTO label VALUES ('aa01', 'Ann'), ('bb02', 'Joe');
CREATE TABLE step (id INTEGER PRIMARY KEY, n TEXT); INSERT INTO step VALUES (1, 'Ann'), (2, 'Joe');
"""


@pytest.fixture
def keyed(tmp_path: Path) -> Callable[[Redaction], Archive]:
    """Export three tables that feed no field, with keys of bytes, text and numbers."""
    with closing(sqlite3.connect(tmp_path / "keyed.db")) as connection:
        connection.executescript(KEYED)
    (tmp_path / "keyed").mkdir()
    (tmp_path / "keyed/profile.yaml").write_text("profile: keyed\ntitle: t\ndetect: [scan]\n", encoding="utf-8")

    def run(order: Redaction) -> Archive:
        request = ExportRequest(
            connector=open_connector(f"sqlite:///{tmp_path / 'keyed.db'}"),
            destination=tmp_path / "archive",
            profile=load_profile(str(tmp_path / "keyed")),
        )
        return export_archive(replace(request, redaction=order)).archive

    return run


def test_export_pseudonymised_keys_of_no_known_class_stay_apart(keyed: Callable[[Redaction], Archive]) -> None:
    """A key of bytes is told apart as it was, and is not as it was, like one of text; numbers stay."""
    archive = keyed(Redaction(by="j", why="t", mode="pseudonymise", key=bytes(range(32))))
    scans, labels = _column(archive, "scan", "id"), _column(archive, "label", "id")
    assert (len(set(scans)), len(set(labels)), _column(archive, "step", "id")) == (2, 2, [1, 2])
    assert not {b"\xaa\x01", b"\xbb\x02", b""} & set(scans)
    assert _column(archive, "scan", "n") == ["[redacted]", "[redacted]"]
    assert "S" not in {code[0] for code in verify(archive.root, level="deep").codes("error", "warning")}


def test_export_class_that_a_key_is_of_is_refused_before_a_row_is_read(
    keyed: Callable[[Redaction], Archive], tmp_path: Path
) -> None:
    """Keys of text and bytes that go with their class are named all at once; with a number for a key it is kept."""
    order = Redaction(by="j", why="t", mode="redact", classes=("unknown",))
    with pytest.raises(ScopeError, match="is part of a key") as caught:
        keyed(order)
    assert [each.partition(":")[0] for each in caught.value.details] == ["main.label.id", "main.scan.id"]
    assert not (tmp_path / "archive").exists()
    kept = {f"{name}.id": ColumnOrder(do="keep", why="its key") for name in ("label", "scan")}
    archive = keyed(replace(order, columns=kept))
    assert (_column(archive, "step", "id"), _column(archive, "step", "n")) == ([1, 2], ["[redacted]"] * 2)
