"""Sources that would make a scope leak, or lose rows in silence: odd keys, foreign paths, names in shared tables."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

import psycopg
import pymysql
import pytest

from portability.checks import verify
from portability.connectors import open_connector
from portability.errors import ScopeError
from portability.exports import ExportRequest, ExportResult, export_archive
from portability.profiles import load_profile
from portability.scoping import parse_scope
from tests.scoping.small_firms import write_profile
from tests.scoping.test_scoped_export import decoded, ids

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Export = "Callable[..., ExportResult]"


def change(firms: Path, sql: str, *changes: tuple[str, str]) -> None:
    """Change the database of the two firms, and their profile."""
    with sqlite3.connect(firms / "firms.db") as connection:
        connection.executescript(sql)
    connection.close()
    write_profile(firms / "profile", *changes)


def small(folder: Path, url: str, section: str, tenant: str) -> ExportResult:
    """Export one tenant of a database of its own with a profile of these lines under ``scope:``."""
    (folder / "profile").mkdir(exist_ok=True)
    text = f"profile: small\ntitle: t\ndetect: [firm, note]\nscope:\n{section}"
    (folder / "profile/profile.yaml").write_text(text, encoding="utf-8")
    request = ExportRequest(
        connector=open_connector(url),
        destination=folder / f"archive-{tenant}",
        profile=load_profile(str(folder / "profile")),
        scope=parse_scope(f"{{scope: s, tenant: {{key: '{tenant}'}}}}".encode()),
    )
    return export_archive(request)


def run_mariadb(url: str, *statements: str) -> None:
    """Run statements as an import from elsewhere does."""
    rest = url.partition("://")[2]
    account, _, place = rest.rpartition("@")
    user, _, password = account.partition(":")
    host, _, tail = place.partition("/")
    name, _, port = host.partition(":")
    connection = pymysql.connect(
        host=name, port=int(port or 3306), user=user, password=password, database=tail.partition("?")[0]
    )
    with connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        connection.commit()


COMPLAINTS = """
CREATE TABLE complaint (id INTEGER PRIMARY KEY, client_id INTEGER NOT NULL REFERENCES client, body TEXT);
INSERT INTO complaint VALUES (1, 101, 'own complaint'), (2, 102, 'OTHERCLIENT complaint'), (3, 102, 'unasked');
CREATE TABLE task (id INTEGER PRIMARY KEY, matter_id INTEGER NOT NULL REFERENCES matter,
  complaint_id INTEGER REFERENCES complaint, payer INTEGER REFERENCES client);
INSERT INTO task VALUES (1, 101, 2, 102), (2, 101, 1, 101);
"""


@pytest.mark.parametrize("client", ["", "client: C1, "])
def test_row_of_another_client_never_comes_whoever_refers_to_it(
    firms: Path, export: Callable[..., ExportResult], client: str
) -> None:
    """A matter's task refers to two complaints and two clients: those of the matter's own client come, no other."""
    change(firms, COMPLAINTS)
    export(f"{{scope: s, tenant: 1, {client}matter: M1}}")
    archive = firms / "archive"
    assert ids(archive, "complaint") == [1]
    assert ids(archive, "client") == [101]
    assert ids(archive, "person") == [101]
    assert "OTHERCLIENT" not in decoded(archive)
    report = verify(archive, level="deep")
    assert report.ok, report.findings


FOLDING = """
CREATE TABLE firm (code TEXT PRIMARY KEY, name TEXT);
INSERT INTO firm VALUES ('a', 'ALPHAFIRM'), ('b', 'BETAFIRM');
CREATE TABLE matter (ref TEXT PRIMARY KEY, firm_code TEXT NOT NULL REFERENCES firm);
INSERT INTO matter VALUES ('m1', 'a'), ('M1', 'b');
CREATE TABLE note (id INTEGER PRIMARY KEY, matter_ref TEXT COLLATE NOCASE NOT NULL, body TEXT);
INSERT INTO note VALUES (1, 'm1', 'alpha'), (2, 'M1', 'BETAFIRM body');
"""
BY_CODE = "  roots: {tenant: {table: firm, key: code}}\n  keys: {matter_ref: matter.ref, firm_code: firm.code}\n"


def test_key_that_the_column_would_fold_reaches_no_other_tenants_row(tmp_path: Path) -> None:
    """Matters m1 and M1 of two firms; the column of notes calls both equal."""
    with sqlite3.connect(tmp_path / "firms.db") as connection:
        connection.executescript(FOLDING)
    connection.close()
    for tenant, mine in (("a", [1]), ("b", [2])):
        small(tmp_path, f"sqlite:///{tmp_path / 'firms.db'}", BY_CODE, tenant)
        assert ids(tmp_path / f"archive-{tenant}", "note") == mine


@pytest.mark.parametrize("kind", ["NUMERIC", "INTEGER"])
@pytest.mark.parametrize("through", [False, True])
def test_number_that_stands_for_two_texts_reaches_the_one_it_prints(
    tmp_path: Path, kind: str, *, through: bool
) -> None:
    """Firms 07 and 7; a column of numbers holds 7, which is not 07."""
    key = "key INTEGER PRIMARY KEY, code TEXT" if through else "code TEXT PRIMARY KEY, key INTEGER"
    with sqlite3.connect(tmp_path / "firms.db") as connection:
        connection.executescript(
            f"CREATE TABLE firm ({key}); INSERT INTO firm (code, key) VALUES ('07', 1), ('7', 2);"
            f"CREATE TABLE note (id INTEGER PRIMARY KEY, firm_code {kind}); INSERT INTO note VALUES (1, '7');"
        )
    connection.close()
    root = "key" if through else "code"
    section = f"  roots: {{tenant: {{table: firm, key: {root}}}}}\n  keys: {{note.firm_code: firm.code}}\n"
    for tenant, mine in (("1" if through else "07", []), ("2" if through else "7", [1])):
        small(tmp_path, f"sqlite:///{tmp_path / 'firms.db'}", section, tenant)
        assert ids(tmp_path / f"archive-{tenant}", "note") == mine


@pytest.mark.parametrize(
    ("parent", "child", "refs"),
    [
        ("utf8mb4_bin", "utf8mb4_general_ci", ("m1", "M1")),
        ("utf8mb4_nopad_bin", "utf8mb4_general_ci", ("m1", "m1 ")),
        ("utf8mb4_nopad_bin", "utf8mb4_bin", ("m1", "m1 ")),
    ],
)
def test_keys_of_two_collations_are_followed_by_their_bytes(
    tmp_path: Path, mariadb_url: Callable[[], str], parent: str, child: str, refs: tuple[str, str]
) -> None:
    """Two collations beside each other are neither an error of the server nor a wider match."""
    url = mariadb_url()
    run_mariadb(
        url,
        "CREATE TABLE firm (code VARCHAR(10) PRIMARY KEY, name TEXT)",
        "INSERT INTO firm VALUES ('a', 'A'), ('b', 'B')",
        f"CREATE TABLE matter (ref VARCHAR(10) COLLATE {parent} PRIMARY KEY, firm_code VARCHAR(10) NOT NULL,"
        " FOREIGN KEY (firm_code) REFERENCES firm(code))",
        f"INSERT INTO matter VALUES ('{refs[0]}', 'a'), ('{refs[1]}', 'b')",
        f"CREATE TABLE note (id INT PRIMARY KEY, matter_ref VARCHAR(10) COLLATE {child} NOT NULL)",
        f"INSERT INTO note VALUES (1, '{refs[0]}'), (2, '{refs[1]}')",
    )
    assert small(tmp_path, url, BY_CODE, "a").rows == 3
    (note,) = (tmp_path / "archive-a/data/source").glob("*.note.parquet")
    assert _column(note) == [1]


@pytest.mark.parametrize("collation", ["utf8mb4_unicode_ci", "utf8mb4_nopad_bin", "latin1_swedish_ci"])
def test_tenant_named_by_a_text_of_any_collation_is_found_on_mariadb(
    tmp_path: Path, mariadb_url: Callable[[], str], collation: str
) -> None:
    """A collation that is not its character set's own is no error of the server."""
    url = mariadb_url()
    code = f"VARCHAR(10) CHARACTER SET {collation.split('_')[0]} COLLATE {collation}"
    run_mariadb(
        url,
        f"CREATE TABLE firm (code {code} PRIMARY KEY, name TEXT)",
        "INSERT INTO firm VALUES ('a', 'A'), ('b', 'B')",
        f"CREATE TABLE matter (ref {code} PRIMARY KEY, firm_code {code} NOT NULL,"
        " FOREIGN KEY (firm_code) REFERENCES firm(code))",
        "INSERT INTO matter VALUES ('m1', 'a'), ('m2', 'b')",
        f"CREATE TABLE note (id INT PRIMARY KEY, matter_ref {code} NOT NULL)",
        "INSERT INTO note VALUES (1, 'm1'), (2, 'm2')",
    )
    assert small(tmp_path, url, BY_CODE, "a").rows == 3


def _column(path: Path) -> list[Any]:
    import pyarrow.parquet as pq  # noqa: PLC0415

    return list(pq.read_table(path).column("id").to_pylist())


BY_ID = "  roots: {tenant: {table: firm, key: id}}\n"


def test_orphan_under_a_declared_key_stops_every_scope_on_mariadb(
    tmp_path: Path, mariadb_url: Callable[[], str]
) -> None:
    """Loaded while keys were off: the row would be in no firm's archive, so none is made."""
    url = mariadb_url()
    run_mariadb(
        url,
        "CREATE TABLE firm (id INT PRIMARY KEY, name TEXT)",
        "INSERT INTO firm VALUES (1, 'A'), (2, 'B')",
        "CREATE TABLE note (id INT PRIMARY KEY, firm_id INT NOT NULL, FOREIGN KEY (firm_id) REFERENCES firm(id))",
        "CREATE TABLE line (id INT PRIMARY KEY, note_id INT NOT NULL, FOREIGN KEY (note_id) REFERENCES note(id))",
        "INSERT INTO note VALUES (1, 1), (2, 2)",
        "SET foreign_key_checks = 0",
        "INSERT INTO note VALUES (3, 3)",
        "INSERT INTO line VALUES (1, 1), (2, 3), (3, 99)",
    )
    with pytest.raises(ScopeError, match="no tenant") as caught:
        small(tmp_path, url, BY_ID, "1")
    assert [line.partition(" row")[0] for line in caught.value.details] == ["1", "2"]


def test_orphan_under_a_key_that_was_never_checked_stops_every_scope_on_postgresql(
    tmp_path: Path, postgresql_url: Callable[[], str]
) -> None:
    """NOT VALID: the rows before the key were never checked. Once it is validated it is trusted."""
    url = postgresql_url()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE firm (id INT PRIMARY KEY, name TEXT)")
        connection.execute("INSERT INTO firm VALUES (1, 'A'), (2, 'B')")
        connection.execute("CREATE TABLE note (id INT PRIMARY KEY, firm_id INT NOT NULL)")
        connection.execute("INSERT INTO note VALUES (1, 1), (2, 2), (3, 3)")
        connection.execute("ALTER TABLE note ADD CONSTRAINT f FOREIGN KEY (firm_id) REFERENCES firm (id) NOT VALID")
        with pytest.raises(ScopeError, match=r"1 row of public\.note reaches no tenant"):
            small(tmp_path, url, BY_ID, "1")
        connection.execute("DELETE FROM note WHERE id = 3")
        connection.execute("ALTER TABLE note VALIDATE CONSTRAINT f")
    with open_connector(url).snapshot() as snapshot:
        assert snapshot.proven_keys() == {(("public", "note"), ("firm_id",))}
    assert small(tmp_path, url, BY_ID, "1").rows == 2


RATES = "CREATE TABLE rates (rate_no INTEGER PRIMARY KEY, firm TEXT, rate TEXT);"
SHARED = ("shared: {vat: the law's rates}", "shared: {vat: the law's rates, rates: a lookup}")


def test_shared_table_that_names_tenants_is_refused_unless_the_profile_says_why(
    firms: Path, export: Callable[..., ExportResult]
) -> None:
    """By value, whatever the column is called; the refusal names it and the mend, and a misspelt excuse is told."""
    change(firms, RATES + "INSERT INTO rates VALUES (1, 'ALPHAFIRM LLP', '1'), (2, 'BETAFIRM LLP', '2');", SHARED)
    with pytest.raises(ScopeError, match=r"mentions: rates\.firm") as caught:
        export("{scope: s, tenant: 1}")
    assert len(caught.value.details) == 1
    write_profile(firms / "profile", SHARED, ("  mixed:", "  mentions: {rates.firma: x}\n  mixed:"))
    with pytest.raises(ScopeError, match=r"rates\.firma is no column"):
        export("{scope: s, tenant: 1}")
    write_profile(firms / "profile", SHARED, ("  mixed:", "  mentions: {rates.firm: published by law}\n  mixed:"))
    export("{scope: s, tenant: 1}")
    assert ids(firms / "archive", "rates", "rate_no") == [1, 2]


def test_shared_table_of_numbers_and_common_words_is_shared(firms: Path, export: Callable[..., ExportResult]) -> None:
    """1 and 2 are tenants' keys and much else besides."""
    change(firms, RATES + "INSERT INTO rates VALUES (1, '1', '1'), (2, '2', 'LLP');", SHARED)
    export("{scope: s, tenant: 1}")
    assert ids(firms / "archive", "rates", "rate_no") == [1, 2]


def test_document_of_another_tenant_is_not_fetched_by_its_path(
    firms: Path, export: Callable[..., ExportResult]
) -> None:
    """Named outright, with the slashes of Windows, or in another case than the only file that answers to it."""
    rows = "(150, 101, 'BETAFIRM/letter1.txt'), (151, 101, 'BETAFIRM\\letter2.txt'), (152, 101, 'alpha2/x.txt')"
    change(firms, f"INSERT INTO doc (id, matter_id, path) VALUES {rows}, (250, 201, 'ALPHA2/x.txt');")
    (firms / "files/ALPHA2").mkdir()
    (firms / "files/ALPHA2/x.txt").write_text("BETAFIRM folded letter", encoding="utf-8")
    result = export("{scope: s, tenant: 1}")
    assert result.documents == {"present": 10, "unreadable": 2, "missing_in_source": 1}
    stored = [path.read_bytes() for path in (firms / "archive/data/documents").rglob("*") if path.is_file()]
    assert not any(b"BETAFIRM" in content for content in stored)


def test_documents_are_taken_from_the_tenants_own_folder_where_the_profile_declares_one(
    firms: Path, export: Callable[..., ExportResult]
) -> None:
    """Within it another case may do; outside nothing is taken, though no row of another tenant names it."""
    root = ("tenant: {table: firm, key: id}", "tenant: {table: firm, key: id, folder: 'F{key}'}")
    rows = "(150, 101, 'F1/A.TXT'), (151, 101, 'f1/a.txt'), (152, 101, 'F2/b.txt'), (153, 101, 'f2/B.txt')"
    change(firms, f"DELETE FROM doc; INSERT INTO doc (id, matter_id, path) VALUES {rows};", root)
    for firm, name in ((1, "a"), (2, "b")):
        (firms / f"files/F{firm}").mkdir()
        (firms / f"files/F{firm}/{name}.txt").write_text(f"letter of {firm}", encoding="utf-8")
    result = export("{scope: s, tenant: 1}")
    assert result.documents == {"present": 2, "unreadable": 2}
    stored = [path.read_bytes() for path in (firms / "archive/data/documents").rglob("*") if path.is_file()]
    assert stored == [b"letter of 1"]


def _described(archive: Path) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted(archive.rglob("*.json")))


def test_generated_columns_and_labels_name_nobody_else_on_mariadb(
    tmp_path: Path, mariadb_url: Callable[[], str]
) -> None:
    """The expression goes, and of the labels those that the scope's rows do not use, in the type's text too."""
    url = mariadb_url()
    run_mariadb(
        url,
        "CREATE TABLE firm (id INT PRIMARY KEY, name TEXT)",
        "INSERT INTO firm VALUES (1, 'A'), (2, 'B')",
        "CREATE TABLE note (id INT PRIMARY KEY, firm_id INT NOT NULL, team ENUM('ALPHAFIRM','BETAFIRM of Leeds'),"
        " other ENUM('BETAFIRM'), who TEXT GENERATED ALWAYS AS (IF(firm_id = 2, 'BETAFIRM vip', 'x')) VIRTUAL,"
        " FOREIGN KEY (firm_id) REFERENCES firm(id))",
        "INSERT INTO note (id, firm_id, team) VALUES (1, 1, 'ALPHAFIRM'), (2, 2, 'BETAFIRM of Leeds')",
    )
    small(tmp_path, url, BY_ID, "1")
    text = _described(tmp_path / "archive-1")
    assert "BETAFIRM" not in text
    assert "enum('ALPHAFIRM')" in text
    assert verify(tmp_path / "archive-1", level="deep").ok


def test_generated_columns_and_labels_name_nobody_else_on_postgresql(
    tmp_path: Path, postgresql_url: Callable[[], str]
) -> None:
    """As on MariaDB; a type whose columns use different labels is described without any."""
    url = postgresql_url()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE firm (id INT PRIMARY KEY, name TEXT)")
        connection.execute("INSERT INTO firm VALUES (1, 'A'), (2, 'B')")
        connection.execute("CREATE TYPE team AS ENUM ('ALPHAFIRM', 'second', 'BETAFIRM of Leeds')")
        connection.execute(
            "CREATE TABLE note (id INT PRIMARY KEY, firm_id INT NOT NULL REFERENCES firm, one team, two team,"
            " who TEXT GENERATED ALWAYS AS (CASE firm_id WHEN 2 THEN 'BETAFIRM vip' ELSE 'x' END) STORED)"
        )
        connection.execute(
            "INSERT INTO note VALUES (1, 1, 'ALPHAFIRM', 'second'), (2, 2, 'BETAFIRM of Leeds', 'BETAFIRM of Leeds')"
        )
    small(tmp_path, url, BY_ID, "1")
    archive = tmp_path / "archive-1"
    assert "BETAFIRM" not in _described(archive)
    tables = json.loads((archive / "data/schema/source.json").read_text(encoding="utf-8"))["tables"]
    (note,) = [table for table in tables if table["name"] == "note"]
    assert [c["labels"] for c in note["columns"] if c["native_type"].endswith("team")] == [None, None]
    report = verify(archive, level="deep")
    assert report.ok, report.findings


def test_rows_with_dates_that_cannot_be_read_are_told(firms: Path, export: Callable[..., ExportResult]) -> None:
    """Compared as texts they fall in or out by chance; they are outside, and counted."""
    change(
        firms,
        "INSERT INTO posting VALUES (196, 101, '31/12/2035', ''), (198, 101, '2021-6-5', ''), (197, 101, 20210605, ''),"
        " (199, 101, '2021-02-30', ''), (195, 101, '2021-06-30T23:00', ''), (296, 201, 'x', '');",
    )
    result = export("{scope: s, tenant: 1, dates: {from: 2021-06-01, to: 2021-06-30}}")
    assert ids(firms / "archive", "posting") == [101, 107, 195]
    told = [(f.place, f.count) for f in result.findings if f.code == "E303"]
    assert told == [("main.posting(day)", 4)]


def test_rows_of_a_kind_that_the_profile_does_not_know_are_told(
    firms: Path, export: Callable[..., ExportResult]
) -> None:
    """A kind in another case belongs to nothing that a narrow scope names; a whole tenant's archive has the row."""
    change(firms, "UPDATE note SET of_kind = 'm' WHERE id = 101;")
    result = export("{scope: s, tenant: 1, matter: M1}")
    assert ids(firms / "archive", "note") == []
    assert [(f.place, f.count) for f in result.findings if f.code == "E303"] == [("main.note(of_id)", 1)]
    whole = export("{scope: s, tenant: 1}", "whole")
    assert not [f for f in whole.findings if f.code == "E303"]


def test_name_of_another_tenant_and_name_of_nobody_are_told_alike(
    firms: Path, export: Callable[..., ExportResult]
) -> None:
    """Whether another firm has a number is nothing that a scope may find out."""
    told = []
    for key in ("203", "999"):
        with pytest.raises(ScopeError) as caught:
            export(f"{{scope: s, tenant: 1, matter: {{key: {key}}}}}")
        told.append(str(caught.value).replace(key, "N"))
    assert told[0] == told[1]
    assert (firms / "firms.db").is_file()
