"""Verify and restore: what a deposit is worth, tried in a clean room, dated and signed."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fixtures.signers import ALLOWED_SIGNERS, ANN
from portability.cli.escrow_checks import restore_command, verify_command
from portability.errors import ConfigError, SealError
from portability.escrow.drills.job import DrillRequest, drill
from portability.escrow.drills.report import DrillReport
from portability.escrow.drills.statement import write_drill
from tests.conftest import MakeDatabase
from tests.escrow.drills.conftest import Deposited

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def _drill(deposited: Deposited, staging: Path, level: str, **changes: Any) -> DrillReport:  # noqa: ANN401
    fields: dict[str, Any] = {
        "folder": deposited.folder,
        "identities": deposited.identities["ann"],
        "policy": deposited.policy,
        "now": NOW,
        **changes,
    }
    return drill(DrillRequest(staging=staging, level=level, **fields))


def _left(staging: Path) -> list[str]:
    return [path.name for path in staging.rglob("*")]


def test_drill_to_a_database_restores_and_compares_every_total(deposited: Deposited, tmp_path: Path) -> None:
    """v4: opened, verified deep, restored into SQLite, totals agree; times and the unproven key are in the report."""
    target = tmp_path / "restored.db"
    staging = tmp_path / "staging"
    staging.mkdir()
    report = _drill(deposited, staging, "v4", target=f"sqlite:///{target}")
    assert report.passed
    assert report.restored is not None
    assert report.restored.totals_compared > 10
    assert report.restored.totals_differing == 0
    with closing(sqlite3.connect(target)) as restored:
        (tables,) = restored.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone()
    assert tables == report.restored.tables == 3
    assert (report.proven, report.unproven) == (("ann",), ("ben",))
    assert report.recovery_point_age_s == 2 * 24 * 3600
    assert report.recovery_time_ms is not None
    assert [step.level for step in report.steps] == ["v1", "v2", "v3", "v3", "v4"]
    assert _left(staging) == []


@pytest.mark.slow
@pytest.mark.parametrize("dbms", ["postgresql_url", "mariadb_url"])
def test_drill_restores_into_a_server(
    deposited: Deposited, tmp_path: Path, dbms: str, request: pytest.FixtureRequest
) -> None:
    """v4 into PostgreSQL and MariaDB, each fresh."""
    make: MakeDatabase = request.getfixturevalue(dbms)
    report = _drill(deposited, tmp_path, "v4", target=make())
    assert report.passed
    assert report.restored is not None
    assert report.restored.totals_differing == 0


def test_drill_without_a_key_stops_at_v1_and_says_who_is_unproven(deposited: Deposited, tmp_path: Path) -> None:
    """An agent's drill opens nothing, and claims nothing about anybody's key."""
    report = _drill(deposited, tmp_path, "v1", identities=())
    assert report.passed
    assert (report.proven, report.unproven) == ((), ("ann", "ben"))
    with pytest.raises(ConfigError, match="no key was given"):
        _drill(deposited, tmp_path, "v2", identities=())


def test_drill_report_is_an_intoto_statement_signed_for_ssh_keygen(deposited: Deposited, tmp_path: Path) -> None:
    """The report on disk: a test result about the manifest's hash, a right signature, a page that says unproven."""
    report = _drill(deposited, tmp_path, "v2")
    write_drill(report, tmp_path / "drill", ANN)
    content = (tmp_path / "drill/drill.json").read_bytes()
    statement = json.loads(content)
    assert statement["predicate"]["result"] == "WARNED"  # ben's key opened nothing
    assert statement["subject"][0]["digest"]["sha256"] == report.deposits[0].manifest_sha256
    trust = tmp_path / "signers"
    trust.write_text(ALLOWED_SIGNERS, encoding="utf-8")
    command: list[str | Path] = [
        "ssh-keygen",
        "-Y",
        "verify",
        "-f",
        trust,
        "-I",
        "ann@firm.example",
        "-n",
        "legal-portability-statement",
    ]
    subprocess.run([*command, "-s", tmp_path / "drill/drill.json.sig"], input=content, check=True, capture_output=True)
    assert "Keys unproven" in (tmp_path / "drill/drill.html").read_text(encoding="utf-8")


def test_drill_with_both_keys_proves_both(deposited: Deposited, tmp_path: Path) -> None:
    """Nobody is unproven once each key has opened its envelope."""
    both = (*deposited.identities["ann"], *deposited.identities["ben"])
    report = _drill(deposited, tmp_path, "v2", identities=both)
    assert report.unproven == ()


def _copy(deposited: Deposited, tmp_path: Path) -> Path:
    folder = tmp_path / "copy" / deposited.folder.name
    shutil.copytree(deposited.folder, folder)
    return folder


def test_drill_of_a_damaged_deposit_fails_at_its_level_and_runs_no_further(
    deposited: Deposited, tmp_path: Path
) -> None:
    """A flipped byte fails v1 by its code; opening and restoring are named as not run."""
    folder = _copy(deposited, tmp_path)
    segment = folder / "000001/segments/000000.age"
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 1
    segment.write_bytes(bytes(content))
    report = _drill(deposited, tmp_path, "v4", folder=folder)
    assert not report.passed
    assert "X145" in report.steps[0].details[0]
    assert [step.outcome for step in report.steps[1:]] == ["not run"] * 3
    assert report.recovery_time_ms is None


def test_drill_into_a_full_database_fails_and_touches_nothing(deposited: Deposited, tmp_path: Path) -> None:
    """v4 wants an empty database; what is in another is left as it was."""
    target = tmp_path / "full.db"
    with closing(sqlite3.connect(target)) as connection:
        connection.executescript("CREATE TABLE theirs (id INTEGER); INSERT INTO theirs VALUES (7);")
    report = _drill(deposited, tmp_path, "v4", target=f"sqlite:///{target}")
    assert [step.outcome for step in report.steps] == ["passed"] * 4 + ["failed"]
    with closing(sqlite3.connect(target)) as connection:
        assert connection.execute("SELECT id FROM theirs").fetchall() == [(7,)]


def test_drill_by_a_stranger_to_the_trust_file_is_refused(deposited: Deposited, tmp_path: Path) -> None:
    """Without a trusted signature there is nothing to drill."""
    folder = _copy(deposited, tmp_path)
    (folder / "000001/manifest.json").write_bytes(b"{}")
    with pytest.raises(SealError):
        _drill(deposited, tmp_path, "v1", folder=folder)


def test_verify_command_writes_the_report_and_restore_gives_archive_and_database(
    deposited: Deposited, tmp_path: Path
) -> None:
    """The two commands on the command line, one JSON document each; nothing plain is left in the staging folder."""
    trust, staging = tmp_path / "vendors", tmp_path / "staging"
    staging.mkdir()
    trust.write_text(ALLOWED_SIGNERS, encoding="utf-8")
    common = ["--identity", deposited.keys["ben"], "--trust", trust, "--staging", staging, "--json"]
    options = [deposited.folder, "--level", "v3", "--report", tmp_path / "drill", *common]
    done = CliRunner().invoke(verify_command, [str(each) for each in options])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["result"] == "WARNED"
    out = tmp_path / "restored"
    options = [deposited.folder, "--archive", out, "--target", f"sqlite:///{tmp_path / 'new.db'}", *common]
    done = CliRunner().invoke(restore_command, [str(each) for each in options])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["deposits"] == [1]
    tag = Path("tagmanifest-sha256.txt")
    assert (out / tag).read_bytes() == (deposited.archive / tag).read_bytes()
    assert _left(staging) == []
