"""Archive against target: to the penny, under every key, and what explains a difference."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from portability.archive import Archive
from portability.cli import _run
from portability.connectors import open_connector
from portability.errors import ArchiveExistsError, CheckFailedError, MappingError, PortabilityError
from portability.exports import ExportRequest, export_archive
from portability.profiles import load_profile
from portability.reconciling import Certificate, ReconcileRequest, reconcile, require_explained
from portability.streams import digest_file
from portability.targets import open_target
from portability.targets.crosswalk import bookkeeping_ddl

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """
CREATE TABLE client (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE matter (id INTEGER PRIMARY KEY, client_id INTEGER, fee TEXT);
INSERT INTO client VALUES (1, 'Ann Owen'), (2, 'Siân <b>Ó</b> Dálaigh');
INSERT INTO matter VALUES (1, 1, '1250.10'), (2, 2, '0.30'), (3, 1, '90071992547409.93');
"""
FIRM = (
    "'1' AS id, '$profile/firm' AS source_key, 'Tiny LLP' AS name, 'GBP' AS base_currency, 'Europe/London' AS time_zone"
)
MAPS = {
    "firm": f"SELECT {FIRM}",
    "contact": "SELECT id::VARCHAR AS id, 'client/' || id AS source_key, 'person' AS contact_type, "
    "name AS display_name FROM source.client",
    "client": "SELECT id::VARCHAR AS id, 'client/' || id AS source_key, id::VARCHAR AS contact_id, "
    "id::VARCHAR AS client_number, 'individual' AS client_type, 'active' AS status, false AS is_placeholder "
    "FROM source.client",
    "matter": "SELECT id::VARCHAR AS id, 'matter/' || id AS source_key, id::VARCHAR AS matter_number, "
    "client_id::VARCHAR AS client_id, 'A matter' AS title, 'open' AS status, exact_money(fee) AS fixed_fee, "
    "'GBP' AS currency, false AS is_confidential, DATE '2020-01-01' AS opened_on FROM source.matter",
    "matter_party": "SELECT id::VARCHAR AS id, 'matter/' || id AS source_key, id::VARCHAR AS matter_id, "
    "client_id::VARCHAR AS contact_id, 'client' AS party_role FROM source.matter",
}
PROFILE = """
profile: tiny
title: A tiny firm
detect: [client, matter]
load:
  tables:
    people: {entity: client, key: {column: number, kind: integer}}
    jobs: {entity: matter, references: {person: people}, key: {column: number, kind: integer}}
  without: {firm: there is one, contact: within people, matter_party: within jobs}
  totals:
    - {name: matters, canonical: SELECT count(*) AS value FROM matter, target: SELECT count(*) AS value FROM jobs}
    - name: fees by client
      unit: money
      decimals: 2
      keys: {person: people}
      canonical: >
        SELECT m.client_id AS person, min(t.display_name) AS label, sum(m.fixed_fee) * 100 AS value
        FROM matter m JOIN client c ON c.id = m.client_id JOIN contact t ON t.id = c.contact_id GROUP BY m.client_id
      target: SELECT person, sum(pence) AS value FROM jobs GROUP BY person
"""
LOADS = {"people": "SELECT id AS _id, client_number AS name FROM client", "jobs": "SELECT id AS _id FROM matter"}
TARGET = """
CREATE TABLE people (number INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE jobs (number INTEGER PRIMARY KEY, person INTEGER, pence BIGINT);
INSERT INTO people VALUES (71, '1'), (72, '2');
INSERT INTO jobs VALUES (81, 71, 125010), (82, 72, 30), (83, 71, 9007199254740993);
"""
CROSSWALK = [
    ("people", "1", "71"),
    ("people", "2", "72"),
    ("jobs", "1", "81"),
    ("jobs", "2", "82"),
    ("jobs", "3", "83"),
]


@dataclass(frozen=True, kw_only=True)
class Move:
    """An archive, and a target that it was imported into."""

    folder: Path

    def change(self, *statements: str) -> None:
        with sqlite3.connect(self.folder / "target.db") as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    def reconcile(self, name: str = "certificate") -> Certificate:
        with open_target(f"sqlite:///{self.folder}/target.db") as target:
            request = ReconcileRequest(
                archive=Archive.open(self.folder / "archive"),
                target=target,
                profile=load_profile(str(self.folder / "profile")),
                destination=self.folder / name,
            )
            return reconcile(request)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the archive, the profile and the target as it was after its import."""
    folder = tmp_path_factory.mktemp("move")
    for kind, files in (("map", MAPS), ("load", LOADS)):
        (folder / "profile" / kind).mkdir(parents=True)
        for name, text in files.items():
            (folder / "profile" / kind / f"{name}.sql").write_text(text, encoding="utf-8")
    (folder / "profile/profile.yaml").write_text(PROFILE, encoding="utf-8")
    for name, script in (("source", SOURCE), ("target", TARGET)):
        connection = sqlite3.connect(folder / f"{name}.db")
        connection.executescript(script)
        connection.close()
    source, profile = open_connector(f"sqlite:///{folder}/source.db"), load_profile(str(folder / "profile"))
    export_archive(ExportRequest(connector=source, destination=folder / "archive", profile=profile))
    with open_target(f"sqlite:///{folder}/target.db") as target, target.transaction():
        for statement in bookkeeping_ddl(target):
            target.execute(statement)
        for line in CROSSWALK:
            values = ", ".join(target.text(text) for text in (*line, "x", "x", "loaded", "import"))
            target.execute(f"INSERT INTO _portability_crosswalk VALUES ({values})")
        archive_id = digest_file(folder / "archive/manifest-sha256.txt").sha256
        target.execute(
            "INSERT INTO _portability_import (import_id, archive_id, profile, state, started_at) "
            f"VALUES ('import', '{archive_id}', 'tiny', 'finished', '2026-01-01T00:00:00Z')"
        )
    return folder


@pytest.fixture
def move(exported: Path, tmp_path: Path) -> Move:
    """Everything imported, nothing rejected; a copy to change."""
    folder = tmp_path / "move"
    shutil.copytree(exported, folder)
    return Move(folder=folder)


def test_reconcile_equal_sides_agree_to_the_penny_beyond_a_floats_reach(move: Move) -> None:
    """9,007,199,254,740,993 pence is a number that no float holds."""
    certificate = move.reconcile()
    assert certificate.ok
    assert [(c.name, c.state, c.agreeing) for c in certificate.comparisons] == [
        ("matters", "agrees", 1),
        ("fees by client", "agrees", 2),
    ]
    assert certificate.comparisons[1].target == Decimal("90071992548660.33")
    require_explained(certificate)


def test_reconcile_one_penny_off_is_unexplained_under_its_key(move: Move) -> None:
    """The line names the target's key, both amounts and the difference; the command leaves with 9."""
    move.change("UPDATE jobs SET pence = pence + 1 WHERE number = 83")
    certificate = move.reconcile()
    (line,) = certificate.comparisons[1].lines
    assert (line.key, line.state, line.difference) == (("71",), "unexplained", Decimal("0.01"))
    with pytest.raises(CheckFailedError, match="fees by client"):
        require_explained(certificate)


def test_reconcile_rejected_row_explains_exactly_its_difference(move: Move) -> None:
    """A matter that was rejected is missed in the count and in its client's fees, and nowhere else."""
    move.change(
        "DELETE FROM jobs WHERE number = 82",
        "DELETE FROM _portability_crosswalk WHERE target_key = '82'",
        "INSERT INTO _portability_reject VALUES ('jobs', '2', 'length', 'title', 'too long', 'import')",
    )
    certificate = move.reconcile()
    assert certificate.ok
    assert [c.state for c in certificate.comparisons] == ["explained", "explained"]
    (line,) = certificate.comparisons[1].lines
    assert (line.key, line.archive, line.target) == (("72",), Decimal("0.30"), Decimal("0.00"))
    (apart,) = certificate.not_loaded
    assert (apart.table, apart.kind, apart.reason, apart.rows) == (
        "jobs",
        "length",
        "too long",
        ("2",),
    )


def test_reconcile_missing_row_without_a_reject_is_listed_as_left_out(move: Move) -> None:
    """A row that the profile's SQL gave nothing for is on the certificate as well."""
    move.change("DELETE FROM jobs WHERE number = 82", "DELETE FROM _portability_crosswalk WHERE target_key = '82'")
    (apart,) = move.reconcile().not_loaded
    assert (apart.table, apart.kind, apart.rows) == ("jobs", "left out", ("2",))


def test_reconcile_row_lost_after_the_import_is_unexplained(move: Move) -> None:
    """The crosswalk says that it was loaded: nothing explains that it is gone."""
    move.change("DELETE FROM jobs WHERE number = 82")
    assert [c.state for c in move.reconcile().comparisons] == ["unexplained", "unexplained"]


def test_reconcile_rejects_do_not_excuse_another_difference(move: Move) -> None:
    """Only the amount that the rejected rows carry is explained."""
    move.change(
        "DELETE FROM jobs WHERE number = 82",
        "DELETE FROM _portability_crosswalk WHERE target_key = '82'",
        "UPDATE jobs SET pence = pence - 1 WHERE number = 81",
    )
    fees = move.reconcile().comparisons[1]
    assert (fees.explained, fees.unexplained, fees.lines[0].key) == (1, 1, ("71",))


def test_reconcile_files_hold_every_line_and_a_place_to_sign(move: Move) -> None:
    """HTML, JSON and two CSV files; a client's name is text there, never markup."""
    move.reconcile()
    folder = move.folder / "certificate"
    assert sorted(path.name for path in folder.iterdir()) == [
        "certificate.html",
        "certificate.json",
        "not_loaded.csv",
        "totals.csv",
    ]
    with (folder / "totals.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(r["total"], r["key"], r["label"], r["archive"]) for r in rows][1:] == [
        ("fees by client", "71", "Ann Owen", "90071992548660.03"),
        ("fees by client", "72", "Siân <b>Ó</b> Dálaigh", "0.30"),
    ]
    page = (folder / "certificate.html").read_text(encoding="utf-8")
    assert "<b>" not in page
    assert "For the firm (COFA)" in page
    assert json.loads((folder / "certificate.json").read_bytes())["ok"] is True


def test_reconcile_destination_exists_is_refused_and_kept(move: Move) -> None:
    """Nothing is overwritten."""
    move.reconcile()
    with pytest.raises(ArchiveExistsError):
        move.reconcile()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param("sum(m.fixed_fee) * 100", "sum(m.fixed_fee)::DOUBLE", "DOUBLE", id="a float"),
        pytest.param("m.client_id AS person", "m.client_id AS who", "person", id="no key"),
        pytest.param("FROM jobs GROUP BY person", "FROM nowhere", "no such table", id="target's SQL"),
        pytest.param(
            "count(*) AS value FROM matter,", "count(*) AS value FROM nowhere,", "nowhere", id="archive's SQL"
        ),
    ],
)
def test_reconcile_wrong_sql_is_named_and_leaves_nothing(move: Move, old: str, new: str, said: str) -> None:
    """The error names the total; no folder stands there afterwards."""
    path = move.folder / "profile/profile.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(PortabilityError, match=said) as caught:
        move.reconcile()
    assert "load.totals" in caught.value.place
    assert not [path for path in move.folder.iterdir() if "certificate" in path.name]


def test_reconcile_target_without_an_import_is_refused(move: Move) -> None:
    """There is no crosswalk to go by."""
    move.change("DROP TABLE _portability_crosswalk")
    with pytest.raises(MappingError, match="nothing was imported"):
        move.reconcile()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param("UPDATE _portability_import SET archive_id = 'f00'", "another archive", id="another archive"),
        pytest.param("UPDATE _portability_import SET state = 'started'", "not finished", id="unfinished"),
        pytest.param("DELETE FROM _portability_import", "nothing was imported", id="no record"),
    ],
)
def test_reconcile_archive_that_was_not_imported_last_is_refused(move: Move, change: str, said: str) -> None:
    """What never came from this archive is not certified against it."""
    move.change(change)
    with pytest.raises(MappingError, match=said):
        move.reconcile()


def test_reconcile_quarantined_rows_are_on_the_certificate(move: Move) -> None:
    """They are in no total and not in the target: whoever signs must know."""
    quarantine = move.folder / "archive/data/quarantine"
    quarantine.mkdir(exist_ok=True)
    row = {"id": ["9"], "source_key": ["key_date/9"], "reason": ["required:due_on"]}
    pq.write_table(pa.table(row), quarantine / "key_date.parquet")
    (apart,) = move.reconcile().not_loaded
    assert (apart.table, apart.kind, apart.reason, apart.rows) == (
        "key_date",
        "quarantine",
        "required:due_on",
        ("key_date/9",),
    )


def test_reconcile_command_prints_a_document_and_fails_on_a_difference(
    move: Move, capfd: pytest.CaptureFixture[str]
) -> None:
    """One JSON document, exit code 9."""
    move.change("UPDATE jobs SET pence = 1 WHERE number = 81")
    url, profile = f"sqlite:///{move.folder}/target.db", str(move.folder / "profile")
    out = str(move.folder / "out")
    code = _run(["reconcile", str(move.folder / "archive"), url, "--profile", profile, "--out", out, "--json"])
    document = json.loads(capfd.readouterr().out)
    assert code == 9
    assert document["ok"] is False
    assert document["comparisons"][1]["lines"][0]["archive"] == "90071992548660.03"
