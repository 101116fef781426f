"""Late or not: from the last manifest alone, from an agent's folder, in a table, in JSON and for Prometheus."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from fixtures.sealing import SENDER, Person, trust_line
from portability.cli.escrow_agent import deadman
from portability.cli.escrow_checks import status_command
from portability.errors import CheckFailedError, ConfigError, SignatureError
from portability.escrow.receiving.agreements import load_agreements
from portability.escrow.status.clock import standing
from portability.escrow.status.deadman import deadman_folder, deadman_manifest
from portability.escrow.status.prometheus import prometheus_text
from portability.signing import Policy
from portability.signing.trust import parse_trust
from tests.escrow.receiving.conftest import NAME, World, when

SEALED = datetime(2026, 3, 2, 9, tzinfo=UTC)
BY = SEALED + timedelta(days=7)
LONDON = ZoneInfo("Europe/London")

MOMENTS: dict[str, tuple[datetime, dict[str, Any], str]] = {
    "at once": (SEALED, {}, "OK"),
    "to the second": (BY, {}, "OK"),
    "a second late": (BY + timedelta(seconds=1), {}, "LATE"),
    "another whole period": (BY + timedelta(days=7), {}, "LATE"),
    "past another whole period": (BY + timedelta(days=7, seconds=1), {}, "MISSED"),
    "due by its schedule": (SEALED + timedelta(days=6), {"due_at": SEALED + timedelta(days=5)}, "DUE"),
    "due and late": (BY + timedelta(hours=1), {"due_at": SEALED}, "LATE"),
    "failed before all else": (BY + timedelta(days=90), {"failed": True}, "FAILED"),
    "nothing promised": (BY + timedelta(days=900), {"next_by": None}, "OK"),
    # 2026-03-29 01:00 UTC: the clocks of London go forward. A promise is a moment, and does not move with them.
    "an hour that London skips": (datetime(2026, 3, 29, 2, 0, 1, tzinfo=LONDON), {"next_by": None}, "OK"),
}


@pytest.mark.parametrize(("now", "changes", "expected"), MOMENTS.values(), ids=MOMENTS.keys())
def test_standing_at_a_moment_is(now: datetime, changes: dict[str, Any], expected: str) -> None:
    """OK, DUE, LATE, MISSED, FAILED, to the second."""
    assert standing(sealed_at=SEALED, now=now, **{"next_by": BY, **changes}) == expected


def test_standing_over_a_clock_change_counts_real_hours() -> None:
    """A deposit promised for 02:00 in London on the night of the change is late when UTC says so, in either zone."""
    sealed = datetime(2026, 10, 24, 1, tzinfo=UTC)
    by = datetime(2026, 10, 25, 1, 30, tzinfo=LONDON, fold=1).astimezone(UTC)  # the second 01:30 of that night
    assert by == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    first = datetime(2026, 10, 25, 1, 45, tzinfo=LONDON, fold=0)
    second = datetime(2026, 10, 25, 1, 45, tzinfo=LONDON, fold=1)
    asked = [standing(sealed_at=sealed, next_by=by, now=each.astimezone(UTC)) for each in (first, second)]
    assert asked == ["OK", "LATE"]


def _policy(person: Person = SENDER) -> Policy:
    return Policy(trust=parse_trust(trust_line(person).encode(), "vendors"))


def test_deadman_from_the_manifest_alone(world: World) -> None:
    """A customer who kept manifest.json and its signature needs nothing else."""
    root = world.deposit(1)
    kept = world.folder / "kept"
    kept.mkdir()
    for name in ("manifest.json", "manifest.json.sig"):
        shutil.copy(root / name, kept / name)
    fresh = deadman_manifest(kept / "manifest.json", _policy(), now=when(6))
    late = deadman_manifest(kept / "manifest.json", _policy(), now=when(7.5))
    assert (fresh.standing, late.standing, late.overdue_s) == ("OK", "LATE", 12 * 3600)
    assert fresh.signer == "sender@firm.example"
    with pytest.raises(SignatureError):
        deadman_manifest(kept / "manifest.json", _policy(Person("other")), now=when(6))


def test_deadman_of_a_promise_beyond_the_agreement_is_bound_by_it(world: World) -> None:
    """Whoever signs a silence for years is held to what was agreed."""
    world.deposit(1)
    world.receive(0.1)
    world.deposit(2, chain={"next_by": "2099-01-01T00:00:00Z"})
    agreements = load_agreements(world.agreements)
    (found,) = deadman_folder(world.folder, _policy(), now=when(9.5), agreements=agreements)
    assert found.standing == "LATE"


def test_deadman_by_memory_is_not_fooled_by_what_lies_there(world: World) -> None:
    """A deposit that failed, or that nobody received, does not reset the clock."""
    world.deposit(1)
    world.receive(0.1)
    agreements = load_agreements(world.agreements)
    world.deposit(2, at=when(6), chain={"previous_sha256": "ab" * 32})
    options: dict[str, Any] = {"memory": world.memory, "agreements": agreements}
    (before,) = deadman_folder(world.folder, None, now=when(7.5), **options)
    assert (before.standing, before.sequence) == ("LATE", 1)
    world.receive(6.5)
    (after,) = deadman_folder(world.folder, None, now=when(6.6), **options)
    assert (after.standing, after.sequence) == ("FAILED", 1)


def test_deadman_of_an_agreement_without_any_deposit_is_an_alarm(world: World) -> None:
    """Nothing ever deposited is told too."""
    (found,) = deadman_folder(world.folder, None, now=when(0), agreements=load_agreements(world.agreements))
    assert (found.standing, found.overdue, found.customer) == ("NONE", True, "Alder & Finch LLP")


def _run(command: Any, *arguments: object) -> Result:  # noqa: ANN401
    return CliRunner().invoke(command, [str(each) for each in arguments])


def test_deadman_command_fails_when_late_and_prints_one_document(world: World) -> None:
    """Exit by a CheckFailedError, one JSON document, a table that names the customer."""
    world.deposit(1)
    world.receive(0.1)
    common = [world.folder, "--trust", world.trust, "--agreements", world.agreements, "--memory", world.memory, "--at"]
    fine = _run(deadman, *common, when(1).isoformat())
    assert fine.exit_code == 0
    assert "Alder & Finch LLP" in fine.output
    late = _run(deadman, *common, when(30).isoformat(), "--json")
    assert isinstance(late.exception, CheckFailedError)
    (chain,) = json.loads(late.stdout)["chains"]
    assert (chain["standing"], chain["sequence"]) == ("MISSED", 1)


def test_status_command_of_a_manifest_needs_no_catalogue(world: World) -> None:
    """`escrow status --manifest --at` on a customer's machine, as Prometheus text too."""
    root = world.deposit(1)
    arguments = ["--manifest", root / "manifest.json", "--trust", world.trust, "--at", when(8).isoformat()]
    late = _run(status_command, *arguments)
    assert isinstance(late.exception, CheckFailedError)
    text = _run(status_command, *arguments, "--prometheus")
    assert text.exit_code == 0
    assert f'portability_escrow_overdue{{agreement="{NAME}",deposit_class="data"}} 1.0' in text.output


def test_prometheus_text_has_every_standing_and_no_customer(world: World) -> None:
    """One series of each chain is 1, and nobody's name is a label."""
    world.deposit(1)
    world.receive(0.1)
    found = deadman_folder(world.folder, None, now=when(1), agreements=load_agreements(world.agreements))
    text = prometheus_text(found)
    states = [line for line in text.splitlines() if line.startswith("portability_escrow_standing{")]
    assert [line.endswith(" 1.0") for line in states].count(True) == 1
    assert len(states) == 6
    assert "Alder & Finch" not in text


def test_deadman_time_without_a_zone_is_refused(world: World) -> None:
    """A moment is a moment only with its zone."""
    found = _run(deadman, world.folder, "--at", "2026-03-02T09:00:00")
    assert isinstance(found.exception, ConfigError)


AGREEMENTS = {
    "a class that is none": ("class: data", "class: date", 4, "is not one of data, source, access"),
    "a duration in words": ("deposit_within: 8d", "deposit_within: 8 days", 10, "is not written as it must be"),
    "no as a name": ("customer: Alder & Finch LLP", "customer: 7", 3, "is not text"),
    "a field twice": ("threshold: 1", "threshold: 1\n    threshold: 2", 6, "stands twice"),
    "an unknown field": ("threshold: 1", "treshold: 1", 5, "is not a field here"),
    "a threshold above": ("threshold: 1", "threshold: 3", 5, "is more than the 2 recipients"),
    "no signer": ("    signer: sender@firm.example\n", "", 2, "signer"),
    "an officer's key that is none": ("ann: ssh-ed25519 ", "ann: ssh-rsa ", 13, "is no public key"),
    "a key that is none": ("alice: age1", "alice: age2", 7, "not a recipient"),
}


@pytest.mark.parametrize(("old", "new", "line", "message"), AGREEMENTS.values(), ids=AGREEMENTS.keys())
def test_agreements_file_with_a_fault_names_its_line(world: World, old: str, new: str, line: int, message: str) -> None:
    """File, line and what is wrong."""
    content = world.agreements.read_text(encoding="utf-8")
    assert old in content
    world.agreements.write_text(content.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_agreements(world.agreements)
    assert message in f"{caught.value.message} {caught.value.details}"
    assert f"{world.agreements}:{line}" in f"{caught.value.place} {caught.value.details}"


def test_agreements_schema_in_the_docs_is_the_one_in_the_package() -> None:
    """One schema."""
    root = Path(__file__).parents[3]
    docs = (root / "docs/escrow_agreements.schema.json").read_bytes()
    assert docs == (root / "portability/escrow/receiving/agreements.schema.json").read_bytes()
