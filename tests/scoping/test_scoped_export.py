"""What a scoped archive holds: what the scope names, and nothing of anybody else in any file."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from portability.checks import verify
from portability.errors import InterruptedRunError, ScopeError
from portability.scoping import parse_scope
from tests.scoping.small_firms import MARKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from portability.exports import ExportResult

Export = "Callable[..., ExportResult]"


def ids(archive: Path, table: str, column: str = "id") -> list[Any]:
    """Return one column of a table of the source layer."""
    return list(pq.read_table(archive / f"data/source/main.{table}.parquet").column(column).to_pylist())


def decoded(archive: Path) -> str:
    """Return every byte of an archive that may say something: Parquet by its values, all else as it lies there."""
    texts = []
    for path in sorted(archive.rglob("*")):
        if path.suffix == ".parquet":
            texts.append(repr(pq.read_table(path).to_pylist()) + repr(pq.read_metadata(path).metadata))
        if path.is_file():
            texts.append(path.name + path.read_bytes().decode("utf-8", "replace"))
    return "\n".join(texts)


@pytest.mark.parametrize("firm", [1, 2])
def test_export_of_one_tenant_holds_all_of_it_and_no_word_of_the_other(
    firms: Path, export: Callable[..., ExportResult], firm: int
) -> None:
    """Rows, documents, scans, JSON, exceptions, findings, page, schema: searched for the other firm's mark."""
    result = export(f"{{scope: firm-{firm}, tenant: {firm}}}")
    archive = firms / "archive"
    with sqlite3.connect(firms / "firms.db") as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            mine = f"SELECT count(*) FROM {table} WHERE rowid IN (SELECT rowid FROM {table})"
            (everything,) = connection.execute(mine).fetchone()
            share = everything if table == "vat" else everything // 2
            assert pq.read_metadata(archive / f"data/source/main.{table}.parquet").num_rows == share, table
    connection.close()
    text = decoded(archive)
    assert MARKS[firm] in text
    assert MARKS[3 - firm] not in text
    assert result.documents == {"present": 10}
    assert result.exceptions == 1
    report = verify(archive, level="deep")
    assert report.ok, report.findings


def test_archive_says_which_scope_it_is_and_how_each_table_was_kept(
    firms: Path, export: Callable[..., ExportResult]
) -> None:
    """The canonical scope, its hash in export.json and bag-info, the keys by which each table was filtered."""
    scope = "{scope: order-1, tenant: 1, matter: [M1]}"
    export(scope, request_number="R-000001")
    data = firms / "archive/data"
    content = (data / "scope.json").read_bytes()
    wanted = parse_scope(scope.encode()).sha256
    assert hashlib.sha256(content).hexdigest() == wanted
    record = json.loads((data.parent / "export.json").read_text())
    assert (record["scope_sha256"], record["request"]) == (wanted, "R-000001")
    assert f"Legal-Portability-Scope-SHA256: {wanted}" in (data.parent / "bag-info.txt").read_text()
    kept = json.loads((data / "schema/scope.json").read_text())
    tables = {each["table"]: each for each in kept["tables"]}
    assert kept["roots"]["matter"] == {"table": "main.matter", "columns": ["id"], "keys": [["101"]]}
    assert tables["main.note"]["owners"][1]["keys"][0]["when"] == {"of_kind": "M"}
    assert {name: each["treatment"] for name, each in tables.items()} == {
        "main.account": "belongs",
        "main.client": "referred",
        "main.doc": "belongs",
        "main.firm": "referred",
        "main.matter": "root",
        "main.note": "belongs",
        "main.odd": "belongs",
        "main.person": "referred",
        "main.posting": "belongs",
        "main.posting_line": "belongs",
        "main.price": "outside",
        "main.staff": "referred",
        "main.vat": "shared",
    }


def test_production_order_for_matters_of_one_client_gives_exactly_those(
    firms: Path, export: Callable[..., ExportResult]
) -> None:
    """Two of a client's matters: their rows, what these refer to, and nothing that hangs on the client."""
    export("{scope: order-1, tenant: 1, client: C1, matter: [M1, M4]}")
    archive = firms / "archive"
    assert ids(archive, "matter") == [101, 104]
    assert ids(archive, "client") == [101]
    assert ids(archive, "person") == [101]
    assert ids(archive, "staff") == [100, 101]
    assert ids(archive, "posting") == [101, 104, 107, 110]
    # The bank's ledger belongs to no matter and is referred to; another matter's ledger is not there.
    assert ids(archive, "account") == [101, 104, 150]
    assert ids(archive, "note") == [101, 104]
    assert ids(archive, "doc") == [101, 104]
    assert ids(archive, "price") == []
    assert ids(archive, "odd") == [101]
    assert "hits" not in pq.read_schema(archive / "data/source/main.doc.parquet").names
    text = decoded(archive)
    for other in (
        "matter 0",
        "matter 2",
        "posting 0",
        "letter 2",
        "scan 3",
        "note 8",
        "250 an hour",
        "see M2",
        "-13-45",
    ):
        assert f"{MARKS[1]} {other}" not in text
        assert other == "250 an hour" or other not in text
    report = verify(archive, level="deep")
    assert report.ok, report.findings


def test_export_by_contact_gives_what_is_about_that_person(firms: Path, export: Callable[..., ExportResult]) -> None:
    """The person's clients and their matters, by any key that leads to the person."""
    export("{scope: subject-1, tenant: 1, contact: {key: 101}}")
    archive = firms / "archive"
    assert ids(archive, "person") == [101]
    assert ids(archive, "client") == [101]
    assert ids(archive, "matter") == [101, 104]


def test_export_by_days_gives_what_lies_within_both_included(firms: Path, export: Callable[..., ExportResult]) -> None:
    """A table by its own day, its lines by the posting's, standing rows whole."""
    export("{scope: years, tenant: 1, dates: {from: 2021-06-02, to: 2022-06-03}}")
    archive = firms / "archive"
    assert ids(archive, "posting") == [101, 102, 107, 108]
    assert sorted(set(ids(archive, "posting_line", "posting_id"))) == [101, 102, 107, 108]
    assert len(ids(archive, "matter")) == 6


def test_export_of_named_tables_and_columns_reads_no_other(firms: Path, export: Callable[..., ExportResult]) -> None:
    """Other tables keep their columns and lose their rows; a column outside is not selected."""
    export("{scope: part, tenant: 1, tables: [matter, posting], columns: {matter: [opened]}}")
    archive = firms / "archive"
    assert len(ids(archive, "posting")) == 12
    assert ids(archive, "client") == []
    kept = pq.read_schema(archive / "data/source/main.matter.parquet").names
    assert kept == ["id", "client_id", "handler", "opened"]
    assert f"{MARKS[1]} matter" not in decoded(archive)
    source = json.loads((archive / "data/schema/source.json").read_text())
    (matter,) = [table for table in source["tables"] if table["name"] == "matter"]
    reasons = {column["name"]: column["reason"] for column in matter["columns"] if column["carried"] == "excluded"}
    assert reasons == dict.fromkeys(("number", "title"), "outside the scope part")


def test_source_description_of_a_scoped_archive_names_nobody_else(
    firms: Path, export: Callable[..., ExportResult]
) -> None:
    """Views, defaults, checks and positions of sequences could; a view here is even called after the other firm."""
    with sqlite3.connect(firms / "firms.db") as connection:
        connection.executescript(
            "CREATE TABLE seen (id INTEGER PRIMARY KEY AUTOINCREMENT,"
            " firm_id INTEGER NOT NULL DEFAULT 4242424242424242,"
            " who TEXT DEFAULT 'BETAFIRM', CHECK (who <> 'BETAFIRM!'));"
            "CREATE INDEX seen_by ON seen (who) WHERE who = 'BETAFIRM';"
            "INSERT INTO seen (id, firm_id, who) VALUES (7, 1, 'x'), (9000100090001, 2, 'BETAFIRM');"
        )
    connection.close()
    export("{scope: firm-1, tenant: 1}")
    text = decoded(firms / "archive")
    assert "BETAFIRM" not in text.upper()
    assert "9000100090001" not in text  # long enough that no hash has it by chance
    assert "4242424242424242" not in text


def test_references_that_the_scope_cuts_are_told_with_its_name(
    firms: Path, export: Callable[..., ExportResult]
) -> None:
    """A line of a named matter's posting on another matter's ledger: counted, named, no error of anybody."""
    with sqlite3.connect(firms / "firms.db") as connection:
        connection.execute("INSERT INTO posting_line VALUES (101, 3, 102, 1)")  # the other matter's
        connection.execute("INSERT INTO posting_line VALUES (101, 4, 4711, 1)")  # nobody's: broken in the source
    connection.close()
    result = export("{scope: order-1, tenant: 1, matter: M1}")
    cut = [finding for finding in result.findings if finding.code == "E302"]
    assert [(f.severity, f.place, f.count) for f in cut] == [("note", "main.posting_line(account_id)", 1)]
    assert "outside the scope order-1" in cut[0].text
    source = json.loads((firms / "archive/data/schema/source.json").read_text())
    (lines,) = [table for table in source["tables"] if table["name"] == "posting_line"]
    assert {key["target_table"]: key["broken_rows"] for key in lines["foreign_keys"]} == {"account": 2, "posting": None}
    report = verify(firms / "archive", level="deep")
    assert report.ok, report.findings


def test_stopped_export_is_resumed_only_under_the_same_scope(firms: Path, export: Callable[..., ExportResult]) -> None:
    """What was read under one scope never gets into the archive of another."""
    files = firms / "files"

    def stop(step: str) -> None:
        if step.startswith("documents"):
            raise KeyboardInterrupt

    with pytest.raises(InterruptedRunError):
        export("{scope: firm-2, tenant: 2}", progress=stop)
    result = export("{scope: firm-1, tenant: 1}", resume=True, documents=str(files))
    assert result.resumed_tables == 0
    assert MARKS[2] not in decoded(firms / "archive")
    with pytest.raises(InterruptedRunError):
        export("{scope: firm-2, tenant: 2}", "again", progress=stop)
    assert export("{scope: firm-2, tenant: 2}", "again", resume=True).resumed_tables == 13


def test_refused_scope_leaves_nothing_on_the_disk(firms: Path, export: Callable[..., ExportResult]) -> None:
    """No archive, no unfinished one: no row was read."""
    before = sorted(path.name for path in firms.iterdir())
    with pytest.raises(ScopeError):
        export("{scope: order-1, tenant: 1, matter: M77}")
    assert sorted(path.name for path in firms.iterdir()) == before


def test_same_scope_twice_gives_the_same_bytes(firms: Path, export: Callable[..., ExportResult]) -> None:
    """The payload of a scoped archive is as repeatable as any other."""
    payloads = []
    for name in ("one", "two"):
        export("{scope: order-1, tenant: 1, matter: [M1, M4]}", name)
        payloads.append((firms / name / "manifest-sha256.txt").read_bytes())
    assert payloads[0] == payloads[1]


NULLABLE = """
CREATE TABLE looser (id INTEGER PRIMARY KEY, firm_id INTEGER, client_id INTEGER NOT NULL REFERENCES client, number TEXT,
  title TEXT, handler INTEGER REFERENCES staff, opened DATE);
INSERT INTO looser SELECT id, CASE WHEN number = 'M1' THEN NULL ELSE id / 100 END, client_id, number, title, handler,
  opened FROM matter;
DROP TABLE matter;
ALTER TABLE looser RENAME TO matter;
"""


@pytest.mark.parametrize("named", ["matter: [M1]", "client: C1", "matter: [M1, M4]"])
def test_matter_whose_own_tenant_key_is_null_is_its_clients_tenants(
    firms: Path, export: Callable[..., ExportResult], named: str
) -> None:
    """The next key decides where the first is null; the verifier follows it too, in scopes below a tenant."""
    with sqlite3.connect(firms / "firms.db") as connection:
        connection.executescript(NULLABLE)
    connection.close()
    export(f"{{scope: order, tenant: 1, {named}}}")
    assert 101 in ids(firms / "archive", "matter")
    report = verify(firms / "archive", level="full", scope=(firms / "archive/data/scope.json").read_bytes())
    assert report.ok, report.findings


@pytest.mark.parametrize("named", ["", "matter: [M1], ", "client: C1, "])
def test_export_of_named_tables_verifies(firms: Path, export: Callable[..., ExportResult], named: str) -> None:
    """A table that is not named is there empty, shared ones too, and the verifier takes it so."""
    export(f"{{scope: order, tenant: 1, {named}tables: [firm, client, matter, doc]}}")
    scope = (firms / "archive/data/scope.json").read_bytes()
    assert ids(firms / "archive", "vat", "code") == []
    report = verify(firms / "archive", level="full", scope=scope)
    assert report.ok, report.findings
