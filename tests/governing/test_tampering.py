"""A register that somebody changed by hand: found, named, and nothing of it believed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from portability.errors import CatalogueError
from portability.governing import BrokenRequest, Request
from portability.governing.checking import check_register
from portability.governing.holds import is_held
from tests.governing.conftest import Office

Edit = Callable[[sqlite3.Connection], object]


def _edit(office: Office, edit: Edit) -> None:
    """Change the file behind the program's back, past its triggers."""
    path = str(office.catalogue.url_label).removeprefix("sqlite:///")
    connection = sqlite3.connect(office.folder.parent / Path(path).name)
    with connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        edit(connection)
    connection.close()


def _prepared(office: Office) -> tuple[Request, Request]:
    first = office.walk(office.open("portability"), "acknowledged requestor_identified agreed")
    return first, office.walk(office.open("portability"), "acknowledged")


def _field(connection: sqlite3.Connection) -> None:
    (statement,) = connection.execute("SELECT statement FROM request_step WHERE number = 4").fetchone()
    found = json.loads(statement)
    found["details"]["content"] = found["details"]["content"].replace("1250.00", "9950.00")
    text = json.dumps(found, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    assert text != statement
    connection.execute("UPDATE request_step SET statement = ? WHERE number = 4", (text,))


EDITS: dict[str, tuple[Edit, str]] = {
    "a price": (_field, "R-000001"),
    "a signature of another step": (
        lambda c: c.execute(
            "UPDATE request_step SET signature = (SELECT signature FROM request_step WHERE number = 2) WHERE number = 3"
        ),
        "R-000001",
    ),
    "a step taken out": (lambda c: c.execute("DELETE FROM request_step WHERE number = 2"), "R-000001"),
    "the last step cut off": (lambda c: c.execute("DELETE FROM request_step WHERE number = 4"), "R-000001"),
    "the last request cut off": (lambda c: c.execute("DELETE FROM request_step WHERE request = 2"), "R-000002"),
    "a request in the middle taken out": (
        lambda c: c.execute("DELETE FROM request_step WHERE request = 1"),
        "R-000001",
    ),
    "two requests exchanged": (
        lambda c: [
            c.execute("UPDATE request_step SET request = ? WHERE request = ?", each)
            for each in ((9, 1), (1, 2), (2, 9))
        ],
        "R-000001",
    ),
    "the kind made milder": (
        lambda c: c.execute("UPDATE request_kind SET document = replace(document, 'approver', 'operator')"),
        "R-000001",
    ),
    "a step copied into another request": (
        lambda c: c.execute(
            "INSERT INTO request_step SELECT 99, 2, 3, statement, signature FROM request_step WHERE number = 3"
        ),
        "R-000002",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_register_edited_by_hand_is_found_and_the_request_named(small_office: Office, name: str) -> None:
    """Whatever was changed, the check names the request; what cannot be believed is not shown as if it were."""
    _prepared(small_office)
    edit, named = EDITS[name]
    _edit(small_office, edit)
    problems = check_register(small_office.register).problems
    assert any(problem.startswith(named) for problem in problems), problems


def test_edited_request_is_refused_by_every_command(small_office: Office) -> None:
    """No step is added to it; the others go on; and it holds what it may concern."""
    first, second = _prepared(small_office)
    _edit(small_office, _field)
    with pytest.raises(CatalogueError, match="not as it was signed"):
        small_office.walk(first, "exported")
    assert small_office.walk(second, "requestor_identified").course.state == "requestor_identified"
    with small_office.catalogue.reading() as transaction:
        found = small_office.register.load_all(transaction)
    assert [type(each) for each in found] == [BrokenRequest, Request]
    assert is_held([small_office.register], "anybody")


@pytest.mark.parametrize("harm", ["changed", "removed", "readable"])
def test_evidence_that_was_changed_is_found(small_office: Office, harm: str) -> None:
    """Missing, other bytes, or open to others."""
    small_office.open("complaint")
    (path,) = [each for each in (small_office.folder.parent / "evidence").rglob("*") if each.is_file()]
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    if harm == "changed":
        path.write_bytes(b"another letter\n")
    elif harm == "removed":
        path.unlink()
    else:
        path.chmod(0o644)
    (problem,) = check_register(small_office.register).problems
    assert path.name in problem
    words = {"changed": "is not what it was", "removed": "is missing", "readable": "can be read by others"}
    assert words[harm] in problem


def test_deletion_is_frozen_while_a_request_that_freezes_is_open(small_office: Office) -> None:
    """By the customer's name, however it is written; until it is closed."""
    request = small_office.open("sra_intervention", customer="Okafor LLP")
    assert is_held([small_office.register], " okafor  llp")
    assert not is_held([small_office.register], "Harlow LLP")
    small_office.record(request, "withdrawn", "petra")
    assert not is_held([small_office.register], "Okafor LLP")
