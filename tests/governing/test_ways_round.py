"""Ways round the steps: clocks, rows that were cut off, evidence exchanged, archives made elsewhere, other names."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portability.auditing import change_register, clock, read_register
from portability.connectors import open_connector
from portability.errors import CatalogueError, PortabilityError, ProcedureError, ScopeError
from portability.exports import ExportRequest, export_archive
from portability.governing import Request, recording, require_release
from portability.governing.checking import check_register
from portability.governing.course import check_event
from portability.profiles import load_profile
from portability.scoping import Scope, canonical_scope, parse_scope
from tests.governing.conftest import Office
from tests.scoping.small_firms import build_firms, write_profile

SCOPE = parse_scope(b"{scope: order-1, tenant: 1, matter: [M1]}")


def test_revoked_approver_whose_clock_is_set_back_approves_nothing(
    small_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Far back, the clock is named; a little, the register as it stands decides."""
    request = small_office.walk(small_office.open("portability"), "acknowledged requestor_identified agreed exported")
    before = datetime.now(UTC)
    petra, ada = read_register(small_office.catalogue).operators["petra"], small_office.actors["ada"]
    change_register(small_office.catalogue, "revoke", petra, by="ada", key=ada.key)
    for back, words in ((timedelta(0), "no longer an operator"), (timedelta(hours=1), "this machine's clock says")):
        monkeypatch.setattr(clock, "now", lambda back=back: before - back)
        with pytest.raises(PortabilityError, match=words):
            small_office.record(request, "verified", "petra")
        with pytest.raises(PortabilityError):
            require_release(small_office.register, request.text, small_office.actors["petra"])
    monkeypatch.setattr(clock, "now", lambda: before)
    with pytest.raises(ProcedureError, match="no longer"):
        small_office.record(request, "verified", "petra", now=before)


def test_step_that_says_another_time_than_its_entry_is_found(small_office: Office) -> None:
    """Whoever wrote it past the program's clock."""
    request = small_office.walk(small_office.open("portability"), "acknowledged")
    small_office.record(request, "requestor_identified", now=datetime.now(UTC) + timedelta(days=11))
    (problem,) = check_register(small_office.register).problems
    assert problem.startswith("R-000001: the step requestor_identified says ")


def test_withdrawn_request_without_its_last_row_is_not_open_again(small_office: Office) -> None:
    """The gate sees what the audit chain names; other requests go on."""
    steps = "acknowledged requestor_identified agreed"
    request = small_office.walk(small_office.open("portability"), f"{steps} withdrawn:petra")
    other = small_office.open("portability")
    with sqlite3.connect(small_office.folder.parent / "catalogue.db") as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("DELETE FROM request_step WHERE request = 1 AND sequence = 5")
    connection.close()
    with pytest.raises(CatalogueError, match="not the one that the audit chain names"):
        require_release(small_office.register, request.text, small_office.actors["olga"], act="export")
    assert small_office.walk(other, "acknowledged").course.state == "acknowledged"


def test_evidence_exchanged_while_it_is_kept_is_refused(small_office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept is what was signed for, or nothing is recorded."""
    request = small_office.open("portability")
    found = small_office.content(request.course.kind, "requestor_identified").evidence

    def exchange(*given: object) -> object:
        for _, path in found:
            path.write_text("a blank page\n", encoding="utf-8")
        return check_event(*given)  # type: ignore[arg-type]

    request = small_office.walk(request, "acknowledged")
    monkeypatch.setattr(recording, "check_event", exchange)
    with pytest.raises(ProcedureError, match="evidence changed while it was kept"):
        small_office.record(request, "requestor_identified")
    monkeypatch.undo()
    assert small_office.load(request).course.state == "acknowledged"
    assert check_register(small_office.register).problems == ()


@pytest.fixture
def exported(tmp_path: Path) -> Callable[[str, Scope | None], Path]:
    """Archives of two firms' database, with a scope or without."""
    (tmp_path / "firms").mkdir()
    database = build_firms(tmp_path / "firms")
    profile = load_profile(str(write_profile(tmp_path / "firms" / "profile")))

    def make(name: str, scope: Scope | None) -> Path:
        connector, files = open_connector(f"sqlite:///{database}"), str(tmp_path / "firms" / "files")
        destination = tmp_path / name
        export_archive(
            ExportRequest(connector=connector, destination=destination, profile=profile, documents=files, scope=scope)
        )
        return destination

    return make


def _agreed(office: Office) -> Request:
    request = office.walk(office.open("portability"), "acknowledged requestor_identified")
    return office.record(request, "agreed", scope=SCOPE)


def test_archive_made_elsewhere_is_recorded_only_if_its_rows_keep_to_the_scope(
    small_office: Office, exported: Callable[[str, Scope | None], Path]
) -> None:
    """Its own word for its scope is not enough, and what is no archive cannot be asked."""
    request, whole = _agreed(small_office), exported("whole", None)
    with pytest.raises(ScopeError, match="the whole source"):
        small_office.record(request, "exported", artefact=whole)
    (whole / "data" / "scope.json").write_bytes(canonical_scope(SCOPE))
    with pytest.raises(ScopeError, match="does not keep to the scope that was fixed"):
        small_office.record(request, "exported", artefact=whole)
    (whole / "bagit.txt").rename(whole / "bagit.bak")
    (whole / "data" / "scope.json").unlink()
    with pytest.raises(ScopeError, match="only an archive can be checked"):
        small_office.record(request, "exported", artefact=whole)
    with pytest.raises(ScopeError, match="only an archive can be checked"):
        small_office.record(request, "exported", artefact=small_office.file("made.zip"))
    right = exported("right", SCOPE)
    assert small_office.record(request, "exported", artefact=right).course.state == "exported"


@pytest.mark.parametrize("named", ["Paul Smith", "paul (operator)", "paul, oscar", "somebody", "nobody,paul", "paul,"])
def test_complaint_about_no_known_operator_is_refused(small_office: Office, named: str) -> None:
    """Whom nobody can compare with the register is not excluded by it."""
    with pytest.raises(ProcedureError, match="'complained_of'"):
        small_office.open("complaint", complained_of=named)


def test_complaint_about_several_is_investigated_by_none_of_them(small_office: Office) -> None:
    """Each of those named is excluded."""
    request = small_office.walk(small_office.open("complaint", complained_of="oscar,paul"), "acknowledged")
    with pytest.raises(ProcedureError, match="names this operator"):
        small_office.record(request, "investigated", "paul")
    assert small_office.record(request, "investigated", "petra").course.state == "investigated"
