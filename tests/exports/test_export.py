"""What an export of a small firm contains, refuses and leaves out."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import pyarrow.parquet as pq
import pytest

from portability.errors import ArchiveExistsError, CheckFailedError, ConfigError, MappingError
from portability.exports import ExportResult
from portability.limits import DEFAULT_LIMITS
from portability.profiles import bare_profile

if TYPE_CHECKING:
    from pathlib import Path

Export: TypeAlias = Callable[..., ExportResult]


def _rows(path: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pq.read_table(path).to_pylist()
    return rows


def _nothing_left(firm: Path, name: str = "archive") -> bool:
    return not (firm / name).exists() and not (firm / f".{name}.part/bag/manifest-sha256.txt").exists()


def test_export_of_a_firm_carries_every_table_and_row_of_the_source(export: Export, firm: Path) -> None:
    """The source layer holds the same values as the database, in key order."""
    result = export()
    connection = sqlite3.connect(firm / "firm.db")
    for table in ("client", "matter", "doc"):
        (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert pq.read_metadata(result.archive.data / f"source/main.{table}.parquet").num_rows == count
    matters = _rows(result.archive.data / "source/main.matter.parquet")
    assert [(m["id"], str(m["fee"])) for m in matters] == [(1, "1250.10"), (2, "0.30"), (3, "5.00"), (4, "7.25")]
    assert result.rows == 10


def test_export_twice_of_the_same_data_gives_the_same_payload(export: Export) -> None:
    """Payload manifests are byte-identical; clocks stand outside the payload."""
    first, second = export("one"), export("two")
    manifests = [(r.archive.root / "manifest-sha256.txt").read_bytes() for r in (first, second)]
    assert manifests[0] == manifests[1]


def test_export_of_one_changed_row_changes_one_row_group_of_one_table(export: Export, firm: Path) -> None:
    """Row groups follow the keys, so an update touches its own group only."""
    connection = sqlite3.connect(firm / "firm.db")
    connection.executemany("INSERT INTO client (id, name) VALUES (?, ?)", [(n, f"name {n}") for n in range(10, 5010)])
    connection.commit()
    limits = replace(DEFAULT_LIMITS, row_group_mask_bits=8, row_group_rows_min=64, row_group_rows_max=1024)
    before = export("before", limits=limits)
    connection.execute("UPDATE client SET name = 'changed' WHERE id = 2500")
    connection.commit()
    after = export("after", limits=limits)
    files = [pq.ParquetFile(r.archive.data / "source/main.client.parquet") for r in (before, after)]
    groups = [[file.read_row_group(n) for n in range(file.num_row_groups)] for file in files]
    assert len(groups[0]) == len(groups[1]) > 10
    assert sum(not a.equals(b) for a, b in zip(*groups, strict=True)) == 1


def test_export_row_that_does_not_satisfy_the_model_goes_to_quarantine_with_its_reason(export: Export) -> None:
    """Nothing is dropped: kept rows and quarantined rows are all rows."""
    result = export()
    quarantined = _rows(result.archive.data / "quarantine/matter.parquet")
    assert [(row["id"], row["reason"]) for row in quarantined] == [("3", "reference:client_id"), ("4", "code:status")]
    assert result.entities["matter"] + result.quarantined["matter"] == 4


def test_export_text_that_is_no_date_is_kept_in_extras_and_found(export: Export) -> None:
    """The typed field is empty, the source's text is not lost."""
    result = export()
    (matter,) = [row for row in _rows(result.archive.data / "tables/matter.parquet") if row["id"] == "2"]
    assert matter["opened_on"] is None
    assert matter["extras"] == '{"$unreadable":{"opened_on":"ca. 1999"}}'
    assert [(f.place, f.count) for f in result.findings if f.code == "M101"] == [("matter.opened_on", 1)]


def test_export_control_total_that_differs_by_quarantined_rows_is_explained(export: Export) -> None:
    """The difference is said, and why; the export goes on."""
    (total,) = _rows(export().archive.data / "tables/control_total.parquet")
    assert (str(total["source_value"]), str(total["difference"])) == ("1262.6500000000", "-12.2500000000")
    assert total["status"] == "explained"


def test_export_documents_are_stored_once_and_missing_ones_are_listed(export: Export) -> None:
    """Two scans of the same bytes and one letter are two files; a path out of the folder is refused."""
    result = export()
    stored = sorted(path.read_bytes() for path in (result.archive.data / "documents").glob("*/*"))
    assert stored == [b"\x00\xff\x10", b"a letter\n"]
    assert result.documents == {"present": 3, "missing_in_source": 1, "unreadable": 1}


def test_export_credentials_are_nowhere_in_the_archive(export: Export) -> None:
    """The column is not read, and the coverage report says why."""
    result = export()
    fates = {c.name: c for t in result.coverage.tables if t.name == "client" for c in t.columns}
    assert fates["pin"].status == "excluded"
    assert "pin" not in pq.read_schema(result.archive.data / "source/main.client.parquet").names
    assert not any(
        b"1234" in row for row in (result.archive.data / "source/main.client.parquet").read_bytes().split(b"\0")
    )


def test_export_excluded_table_is_listed_with_its_reason(export: Export) -> None:
    """It has no file, but the description of the source still knows it."""
    result = export()
    (table,) = [t for t in result.archive.source_schema().tables if t.name == "session_log"]
    assert (table.excluded, table.file) == ("state of the web server", "")


def test_export_to_a_name_that_exists_is_refused_and_leaves_it_alone(export: Export, firm: Path) -> None:
    """Nothing is ever overwritten."""
    (firm / "archive").write_text("mine", encoding="utf-8")
    with pytest.raises(ArchiveExistsError):
        export()
    assert (firm / "archive").read_text(encoding="utf-8") == "mine"


def test_export_with_documents_on_disk_and_no_folder_given_is_refused(export: Export, firm: Path) -> None:
    """The error names the option; leaving documents out must be said."""
    with pytest.raises(ConfigError, match="letters") as caught:
        export(documents=None)
    assert "--documents" in caught.value.hint
    assert _nothing_left(firm)
    assert export(documents=None, without_documents=True).documents["excluded"] == 3


def test_export_with_unclassified_columns_lists_them_all_and_stops(export: Export, firm: Path) -> None:
    """A vendor's new columns never leave unnoticed, nor stay behind unnoticed."""
    connection = sqlite3.connect(firm / "firm.db")
    connection.executescript("ALTER TABLE client ADD COLUMN mood TEXT; ALTER TABLE matter ADD COLUMN colour TEXT")
    with pytest.raises(MappingError, match=r"2 source columns are unclassified: client\.mood, matter\.colour"):
        export()
    assert _nothing_left(firm)


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("SELECT nonsense FROM source.client", "nonsense"),
        ("SELECT id::VARCHAR AS id, 'x' AS source_key, name AS colour FROM source.client", "has no field 'colour'"),
        (
            "SELECT id::VARCHAR AS id, 'x' AS source_key, 1.5::DOUBLE AS credit_limit FROM source.client",
            "credit_limit is DOUBLE",
        ),
        ("SELECT 'a' AS id, 'x' AS source_key FROM source.client", "same id occurs more than once"),
        ("SELECT name AS notes FROM source.client", "column id is missing"),
        ("SELEC id FROM source.client", "client"),
    ],
    ids=["unknown-column", "unknown-field", "inexact-type", "doubled-id", "no-id", "syntax"],
)
def test_export_with_a_wrong_map_stops_with_its_place_and_leaves_nothing(
    export: Export, firm: Path, sql: str, complaint: str
) -> None:
    """Every way in which a profile's SQL can be wrong names the file."""
    (firm / "profile/map/client.sql").write_text(sql, encoding="utf-8")
    with (firm / "profile/profile.yaml").open("a", encoding="utf-8") as stream:
        stream.write("# mapped elsewhere\n")
    with pytest.raises(MappingError, match=complaint):
        export()
    assert _nothing_left(firm)


def test_export_whose_map_breaks_a_rule_of_ours_is_stopped(export: Export, firm: Path) -> None:
    """A control total that nothing explains is an error, not a finding."""
    profile = firm / "profile/profile.yaml"
    profile.write_text(
        profile.read_text(encoding="utf-8").replace("sum(fixed_fee)", "sum(fixed_fee) + 1"), encoding="utf-8"
    )
    with pytest.raises(CheckFailedError, match="control_total"):
        export()
    assert _nothing_left(firm)


def test_export_of_an_unknown_database_holds_the_source_layer_alone_and_says_so(export: Export) -> None:
    """No profile is needed to get the data out."""
    result = export(profile=bare_profile(), documents=None)
    assert result.entities == {}
    assert result.coverage.unclassified == 0
    assert not (result.archive.data / "tables").exists()


def test_export_control_total_that_would_have_to_be_rounded_is_refused(export: Export, firm: Path) -> None:
    """Eleven decimals do not become ten in silence."""
    profile = firm / "profile/profile.yaml"
    text = profile.read_text(encoding="utf-8")
    profile.write_text(text.replace("sum(fee)", "sum(fee) + 0.00000000001"), encoding="utf-8")
    with pytest.raises(MappingError, match="exactly"):
        export()
    assert _nothing_left(firm)
