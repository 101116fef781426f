"""Scopes over the built-in practice, whose references are mostly undeclared, and over the real systems' schemas."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from portability.checks import verify
from portability.connectors import open_connector
from portability.exports import ExportRequest, check_scope, export_archive
from portability.exports.choices import apply_profile
from portability.practice import generate
from portability.profiles import load_profile
from portability.scoping import load_scope, parse_scope, section_problems
from tests.governing.shell import Shell

if TYPE_CHECKING:
    from tests.conftest import MakeDatabase
    from tests.servers import MariaDBServer, PostgreSQLServer

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three firms of which one has a client with many matters."""
    folder = tmp_path_factory.mktemp("scoped_practice")
    generate(folder / "practice.db", folder / "files", entries=2000, firms=3)
    return folder


def some_client(practice: Path) -> tuple[int, str, list[tuple[int, str]]]:
    """Return firm, number and matters of a client that has at least four."""
    with closing(sqlite3.connect(practice / "practice.db")) as connection:
        firm, client, number = connection.execute(
            "SELECT c.FIRM_ID, c.CL_ID, c.CL_NO FROM CL_MAST c JOIN MTR_MAST m ON m.CL_ID = c.CL_ID "
            "WHERE c.FIRM_ID > 101 GROUP BY 1, 2, 3 HAVING count(*) > 3 ORDER BY 2 LIMIT 1"
        ).fetchone()
        sql = "SELECT MTR_ID, MTR_NO FROM MTR_MAST WHERE CL_ID = ? ORDER BY 1"
        return firm, number, connection.execute(sql, [client]).fetchall()


def test_scope_section_of_the_practice_fits_it_whatever_a_scope_names(practice: Path) -> None:
    """Every table has a path, a reason or a reference, and a date or a reason, for every kind of root."""
    profile = load_profile("practice")
    with open_connector(f"sqlite:///{practice / 'practice.db'}").snapshot() as snapshot:
        assert section_problems(apply_profile(snapshot.discover(), profile), profile) == ()


@pytest.mark.slow
def test_production_order_for_three_matters_of_one_client_gives_exactly_those(practice: Path) -> None:
    """Of every table the rows of these three matters, counted by hand in the source; the archive verifies deep."""
    firm, client, matters = some_client(practice)
    named, others = matters[:3], matters[3:]
    text = json.dumps({"scope": "order-17", "tenant": firm, "client": client, "matter": [no for _, no in named]})
    request = ExportRequest(
        connector=open_connector(f"sqlite:///{practice / 'practice.db'}"),
        destination=practice / "order",
        documents=str(practice / "files"),
        scope=parse_scope(text.encode()),
    )
    export_archive(request)
    data = practice / "order/data"
    keys = ", ".join(str(key) for key, _ in named)
    with closing(sqlite3.connect(practice / "practice.db")) as connection:
        for table in ("MTR_MAST", "TIME_ENT", "MTR_PARTY", "BILL_HDR", "DISBMT", "EML_MAST", "TASK_LST", "DIARY"):
            (expected,) = connection.execute(f"SELECT count(*) FROM {table} WHERE MTR_ID IN ({keys})").fetchone()
            assert pq.read_metadata(data / f"source/main.{table.lower()}.parquet").num_rows == expected, table
    assert pq.read_metadata(data / "source/main.cl_mast.parquet").num_rows == 1
    for path in data.rglob("*.parquet"):
        for number in (number for _, number in others):
            assert number not in repr(pq.read_table(path).to_pylist()), path
    report = verify(practice / "order", level="deep")
    assert report.ok, report.findings


@pytest.fixture(scope="module")
def small_practice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two firms with few entries."""
    folder = tmp_path_factory.mktemp("small_practice")
    generate(folder / "practice.db", folder / "files", entries=300, firms=2)
    return folder


@pytest.mark.parametrize(
    ("name", "restriction"),
    [
        pytest.param("entities", "entities: [matter, client]", marks=pytest.mark.slow),
        ("both", "entities: [matter, client], fields: {matter: [title, status]}"),
        pytest.param(
            "fields",
            "fields: {matter: [title, status], client: [client_number], time_entry: [duration_minutes]}",
            marks=pytest.mark.slow,
        ),
        ("tables", "tables: [MTR_MAST, TIME_ENT]"),
    ],
)
def test_scope_of_entities_tables_or_fields_verifies(small_practice: Path, name: str, restriction: str) -> None:
    """What is neither named nor read for what is named is there without a row, and the verifier takes it so."""
    scope = parse_scope(f"{{scope: {name}, tenant: [{{key: 101}}], {restriction}}}".encode())
    archive = small_practice / name
    database = f"sqlite:///{small_practice / 'practice.db'}"
    documents = str(small_practice / "files")
    connector = open_connector(database)
    export_archive(ExportRequest(connector=connector, destination=archive, documents=documents, scope=scope))
    report = verify(archive, level="full", scope=(archive / "data/scope.json").read_bytes())
    assert report.ok, [each for each in report.findings if each.severity == "error"]
    assert (pq.read_metadata(archive / "data/source/main.vat_cd.parquet").num_rows == 0) is (name != "fields")


@pytest.mark.slow
def test_commands_of_the_page_run_as_they_stand(practice: Path, tmp_path: Path) -> None:
    """docs/scoping.md's own scope and commands, over a practice in which it names real rows."""
    page = (DOCS / "scoping.md").read_text(encoding="utf-8")
    firm, client, matters = some_client(practice)
    (scope,) = re.findall(r"```yaml\n# order\.yaml\n(.*?)```", page, re.DOTALL)
    for old, new in (
        ("[102]", f"[{firm}]"),
        ("[MCR0000018]", f"[{client}]"),
        ("LDS0000037, MCR0000042, {key: 46}", f"{matters[0][1]}, {matters[1][1]}, {{key: {matters[2][0]}}}"),
    ):
        assert old in scope
        scope = scope.replace(old, new)
    (tmp_path / "order.yaml").write_text(scope, encoding="utf-8")
    assert load_scope(tmp_path / "order.yaml").narrow_kinds == ("client", "matter")
    shutil.copy(practice / "practice.db", tmp_path / "practice.db")
    shutil.copytree(practice / "files", tmp_path / "files")
    (block,) = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    shell = Shell(tmp_path)
    for line in block.strip().splitlines():
        said = shell.run(line.removeprefix("$ "))
        assert said.code == 0, (line, said.err)
    told = shell.run("portability scope check order.yaml sqlite:///practice.db --json")
    assert len(json.loads(told.out)["tables"]) == 47
    assert (tmp_path / "released/data/scope.json").is_file()


@pytest.mark.slow
def test_real_systems_keep_a_matter_and_a_firm(
    postgresql_server: PostgreSQLServer,
    postgresql_url: MakeDatabase,
    mariadb_server: MariaDBServer,
    mariadb_url: MakeDatabase,
    real_systems: Path,
    tmp_path: Path,
) -> None:
    """OpenLawOffice and ClinicCases by a matter, CCCD by a provider: every table has a path, and other rows are out."""
    from tests.real import cccd, cliniccases, openlawoffice  # noqa: PLC0415

    systems = {
        "openlawoffice": (openlawoffice, postgresql_server, postgresql_url, ["install_pg15.sql"], "matter", "matter"),
        "cliniccases": (cliniccases, mariadb_server, mariadb_url, ["default.sql"], "matter", "cm"),
        "cccd": (cccd, postgresql_server, postgresql_url, ["schema_pg.sql", "static_copy.sql"], "tenant", "providers"),
    }
    for name, (module, server, database, scripts, kind, table) in systems.items():
        url = database()
        for script in scripts:
            server.load(real_systems / name / script, url)
        (tmp_path / name).mkdir()
        module.fill(url, tmp_path / name)
        profile = load_profile(name)
        with open_connector(url).snapshot() as snapshot:
            source = apply_profile(snapshot.discover(), profile)
            assert section_problems(source, profile) == (), name
            (root,) = [each for each in source.tables if each.name == table]
            plan = snapshot.plan(root, excluded=frozenset(c.name for c in root.columns if c.name != "id"))
            key = next(iter(snapshot.read(plan))).column("id")[0].as_py()
        scope = parse_scope(json.dumps({"scope": "one", kind: {"key": str(key)}}).encode())
        rows = {each.table.split(".")[1]: each.rows for each in check_scope(open_connector(url), scope, profile).tables}
        assert rows[table] == 1
        assert sum(rows.values()) > 20, name
