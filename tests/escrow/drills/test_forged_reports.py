"""Reports of drills that are signed by a trusted key, and lie; proofs that are dated as suits whoever gives them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from portability.catalogue import Catalogue, moment_text, open_catalogue
from portability.catalogue.deposits import Deposit, move_deposit, record_spooled
from portability.catalogue.receipts import list_drills
from portability.errors import FormatError, SignatureError
from portability.escrow.drills import statement
from portability.escrow.drills.keeping import keep_drill, keep_report
from portability.escrow.drills.report import DrilledDeposit, DrillReport, DrillStep
from portability.escrow.jobs_shapes import Verification
from portability.escrow.status.catalogue_status import Expectation, catalogue_standings
from portability.manifest import to_json
from portability.signing import STATEMENT_NAMESPACE, signing_key_of
from portability.signing.trust import parse_trust

KEY = signing_key_of(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"agent").digest()))
AGENTS = parse_trust(f"agent {KEY.public_line}\n".encode(), "agents")
NOW = datetime.now(UTC).replace(microsecond=0)
FIRST, SECOND = "ab" * 32, "cd" * 32


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _step(level: str, outcome: Any = "passed") -> DrillStep:  # noqa: ANN401 -- one of three words
    return DrillStep(level=level, title=f"what {level} asks", outcome=outcome, duration_ms=1)


REPORT = DrillReport(
    agreement="alder",
    deposit_class="data",
    level="v3",
    result="PASSED",
    started_at=_text(NOW - timedelta(hours=1)),
    finished_at=_text(NOW - timedelta(minutes=50)),
    deposits=(DrilledDeposit(sequence=1, kind="full", manifest_sha256=FIRST),),
    steps=(_step("v1"), _step("v2"), _step("v3")),
    proven=("ann",),
    unproven=(),
    signer="vendor",
    watermark="",
    recovery_time_ms=1,
    recovery_point_age_s=None,
)


def _deposit(sequence: int, manifest: str) -> Deposit:
    sealed_at = _text(NOW - timedelta(days=10 - sequence))
    moment = moment_text(NOW - timedelta(days=10 - sequence))
    return Deposit(
        agreement="alder",
        sequence=sequence,
        deposit_class="data",
        job="nightly",
        kind="full",
        reason="first",
        base_sequence=sequence,
        key_epoch="1",
        deposit_id=f"{sequence:032x}",
        manifest_sha256=manifest,
        previous_sha256=None,
        base_sha256=None,
        watermark=None,
        next_by=None,
        sealed_at=sealed_at,
        sealed_bytes=1,
        content_bytes=1,
        archive_bytes=1,
        state="SPOOLED",
        spool="spool",
        recorded_at=moment,
        moved_at=moment,
        manifest="{}",
        signature="-",
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue with two deposits of one agreement, sealed nine and eight days ago; to be copied."""
    path = tmp_path_factory.mktemp("made") / "catalogue.db"
    with open_catalogue(f"sqlite:///{path}", upgrade=True) as opened:
        for number, manifest in ((1, FIRST), (2, SECOND)):
            with opened.transaction() as transaction:
                record_spooled(transaction, _deposit(number, manifest))
                move_deposit(transaction, "alder", number, "PUBLISHED", moment=NOW)
    return path


@pytest.fixture
def catalogue(made: Path, tmp_path: Path) -> Iterator[Catalogue]:
    """A copy of one's own."""
    for each in made.parent.iterdir():
        shutil.copy(each, tmp_path)
    with open_catalogue(f"sqlite:///{tmp_path / made.name}") as opened:
        yield opened


def _signed(folder: Path, report: DrillReport, **predicate: Any) -> Path:  # noqa: ANN401 -- any JSON
    content = statement.drill_statement(report)
    content["predicate"] |= predicate
    folder.mkdir()
    (folder / "drill.json").write_bytes(to_json(content))
    (folder / "drill.json.sig").write_bytes(KEY.sign(to_json(content), namespace=STATEMENT_NAMESPACE))
    return folder


def _overdue(catalogue: Catalogue, **duty: Any) -> tuple[str, ...]:  # noqa: ANN401 -- of a duty
    agreed = Verification(level="v3", by="ann", **duty)
    expected = {"alder": Expectation(job="nightly", deposit_class="data", verification=(agreed,))}
    (found,) = catalogue_standings(catalogue, now=datetime.now(UTC), expected=expected)
    return found.checks_overdue


def test_report_that_is_true_is_kept_once_and_counts(catalogue: Catalogue, tmp_path: Path) -> None:
    """What the others below are changed from."""
    folder = _signed(tmp_path / "drill", REPORT)
    assert _overdue(catalogue, every_s=86_400)
    keep_report(catalogue, folder, AGENTS, {"alder"})
    keep_report(catalogue, folder, AGENTS, {"alder"})
    assert not _overdue(catalogue, every_s=86_400)
    (late,) = _overdue(catalogue, within_s=86_400)
    assert "the last was of deposit 1" in late
    with catalogue.reading() as transaction:
        assert len(list_drills(transaction, "alder")) == 1


LIES: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "a level that does not exist": ({"level": "v9"}, FormatError, "no such level"),
    "a level that was not taken": ({"level": "v4"}, FormatError, "was not taken"),
    "steps that were left out": ({"steps": ()}, FormatError, "was not taken"),
    "a step that failed": ({"steps": (*REPORT.steps, _step("v3", "failed"))}, FormatError, "not that of its steps"),
    "a step that was not run": ({"steps": (*REPORT.steps, _step("v3", "not run"))}, FormatError, "not that of"),
    "warnings beside PASSED": ({"warnings": ("x",)}, FormatError, "not that of its steps"),
    "another number": (
        {"deposits": (replace(REPORT.deposits[0], sequence=2),)},
        SignatureError,
        "did not make",
    ),
    "deposits the wrong way round": (
        {"deposits": (DrilledDeposit(sequence=2, kind="full", manifest_sha256=SECOND), *REPORT.deposits)},
        FormatError,
        "not in their order",
    ),
    "another's agreement": ({"agreement": "birch"}, SignatureError, "did not make"),
    "the future": (
        {"started_at": _text(NOW + timedelta(days=400)), "finished_at": _text(NOW + timedelta(days=401))},
        FormatError,
        "in the future",
    ),
    "before there was a deposit": ({"started_at": "2019-01-01T00:00:00Z"}, FormatError, "before the deposit"),
    "an end before its beginning": ({"finished_at": "2019-01-01T00:00:00Z"}, FormatError, "ended before"),
}


@pytest.mark.parametrize(("change", "error", "message"), LIES.values(), ids=LIES.keys())
def test_report_that_lies_is_refused(
    catalogue: Catalogue, tmp_path: Path, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    """A key that is trusted signed it; that does not make it so, and nothing is kept."""
    folder = _signed(tmp_path / "drill", replace(REPORT, **change))
    with pytest.raises(error, match=message):
        keep_report(catalogue, folder, AGENTS, {"alder"})
    with catalogue.reading() as transaction:
        assert list_drills(transaction, "alder") == list_drills(transaction, "birch") == ()


def test_report_whose_statement_says_otherwise_is_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    """What other programs read of it, and what we read, are one."""
    folder = _signed(tmp_path / "drill", REPORT, result="FAILED")
    with pytest.raises(FormatError, match="its statement says another thing"):
        keep_report(catalogue, folder, AGENTS, {"alder"})


def test_drill_of_any_folder_is_no_check_of_the_chain(catalogue: Catalogue) -> None:
    """One's own drill of a folder that says it is alder's is kept, and counts for no deposit that was made."""
    strange = replace(REPORT, deposits=(replace(REPORT.deposits[0], manifest_sha256="ef" * 32),))
    keep_drill(catalogue, strange, to_json(statement.drill_statement(strange)), "")
    assert _overdue(catalogue, every_s=86_400)


def test_drill_that_is_dated_ahead_puts_nothing_off(catalogue: Catalogue) -> None:
    """It was here when it was recorded: the next is due from then."""
    ahead = replace(REPORT, started_at=_text(NOW + timedelta(days=300)))
    keep_drill(catalogue, ahead, to_json(statement.drill_statement(ahead)), "")
    agreed = Verification(level="v3", by="ann", every_s=86_400)
    expected = {"alder": Expectation(job="nightly", deposit_class="data", verification=(agreed,))}
    (found,) = catalogue_standings(catalogue, now=NOW + timedelta(days=2), expected=expected)
    assert found.checks_overdue
