"""The verifier of the sealed form as a whole: fails closed, believes nothing early, changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from portability.checks import refuse_errors
from portability.checks.sealed import SEALED_STEPS, SealedRequest, verify_sealed
from portability.checks.sealed.case import SealedStep
from portability.errors import CheckFailedError, ConfigError
from tests.checks.sealed.conftest import MakeRequest


def test_verify_unknown_level_is_a_mistake_of_the_caller(small: Path) -> None:
    """There are four levels."""
    with pytest.raises(ValueError, match="v9"):
        verify_sealed(small, level="v9", request=SealedRequest())


def test_verify_where_nothing_is_ends_in_a_code(tmp_path: Path) -> None:
    """A path that does not exist or is empty is refused, not raised about; nothing after it is done."""
    (tmp_path / "empty").mkdir()
    for name in ("nowhere", "empty"):
        report = verify_sealed(tmp_path / name, level="v1", request=SealedRequest())
        assert report.codes() == {"X101"}
        assert {step.outcome for step in report.steps[1:]} == {"not run"}


def test_verify_failed_level_leaves_the_higher_ones_undone(copied: Path) -> None:
    """A changed segment does not hide the rest of v0, and nothing of v1 is believed."""
    (copied / "segments/000000.age").write_bytes(b"x")
    (copied / "OPEN.md").unlink()
    report = verify_sealed(copied, level="v1", request=SealedRequest())
    assert report.codes("error") == {"X141", "X143"}
    first = next(number for number, (level, _) in enumerate(SEALED_STEPS) if level == "v1")
    assert {step.outcome for step in report.steps[:first] if not step.lacks} == {"passed", "failed"}
    assert {step.outcome for step in report.steps[first:]} == {"not run"}
    with pytest.raises(CheckFailedError, match="X141"):
        refuse_errors(report)


def test_verify_manifest_is_not_read_before_its_signature(copied: Path) -> None:
    """A manifest of any content says nothing as long as its signature is wrong."""
    (copied / "manifest.json").write_bytes(b"[" * 100_000)
    report = verify_sealed(copied, level="v1", request=SealedRequest())
    assert report.codes() == {"X124"}


def test_verify_leaves_the_sealed_archive_untouched(good: dict[str, Path]) -> None:
    """A check writes nothing."""
    root = good["sealed"]
    before = sorted((path, path.stat().st_mtime_ns) for path in root.rglob("*"))
    verify_sealed(root, level="v1", request=SealedRequest())
    assert sorted((path, path.stat().st_mtime_ns) for path in root.rglob("*")) == before


def test_verify_reached_through_a_link_is_the_sealed_archive(small: Path, small_tar: Path, tmp_path: Path) -> None:
    """Links above it are the user's own; only those within it are refused."""
    for number, target in enumerate((small, small_tar)):
        (tmp_path / str(number)).symlink_to(target)
        assert verify_sealed(tmp_path / str(number), level="v1", request=SealedRequest()).ok


def test_verify_tells_every_step_and_file(small: Path) -> None:
    """Progress names each step by its number, and the files as they are read."""
    told: list[str] = []
    verify_sealed(small, level="v1", request=SealedRequest(), progress=told.append)
    steps = [step.title for level, step in SEALED_STEPS if level in ("v0", "v1")]
    assert [text for text in told if text.split(".")[0].isdecimal()] == [f"{n}. {t}" for n, t in enumerate(steps, 1)]
    assert "segments/000000.age" in told


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyError("x"), "X191"), (MemoryError(), "X191"), (PermissionError(13, "denied", "/a/b"), "X192")],
)
def test_verify_step_that_fails_unexpectedly_refuses(
    small: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    """A fault of ours or of the disk is a code too, and ends the check."""
    steps = (("v0", failing(error)), *SEALED_STEPS[1:])
    monkeypatch.setattr("portability.checks.sealed.verifier.SEALED_STEPS", steps)
    report = verify_sealed(small, level="v1", request=SealedRequest())
    assert report.codes() == {code}
    assert {step.outcome for step in report.steps[1:]} == {"not run"}


def test_verify_fault_of_a_step_is_no_verdict_on_the_archive(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails closed, and says that it could not check rather than that the archive is refused."""
    steps = (("v0", failing(KeyError("x"))), *SEALED_STEPS[1:])
    monkeypatch.setattr("portability.checks.sealed.verifier.SEALED_STEPS", steps)
    report = verify_sealed(small, level="v1", request=SealedRequest())
    assert report.unchecked
    assert "Could not be checked at level v1" in report.to_html()
    with pytest.raises(CheckFailedError, match="could not be checked: X191") as caught:
        refuse_errors(report)
    assert "fault of the program" in (caught.value.hint or "")


def test_verify_step_without_its_input_finds_errors_and_never_passes(small: Path, make_request: MakeRequest) -> None:
    """Without an option the steps that need it are not run; with it they are, and whatever they find counts."""
    lacking = verify_sealed(small, level="v1", request=SealedRequest())
    assert lacking.ok
    assert lacking.not_given == {"trust": (3, 5), "previous": (8,), "recipients": (12,)}
    given = make_request({"trust": "allowed_until_2025", "recipients": "recipients"})
    refused = verify_sealed(small, level="v1", request=given)
    assert refused.codes("error") == {"X127"}
    assert not refused.ok
    assert refused.not_given == {}  # what came after the error was not run for that


def test_verify_option_that_cannot_be_used_is_raised(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the caller gave wrong says nothing of the sealed archive."""
    steps = (("v0", failing(ConfigError("no such place"))), *SEALED_STEPS[1:])
    monkeypatch.setattr("portability.checks.sealed.verifier.SEALED_STEPS", steps)
    with pytest.raises(ConfigError):
        verify_sealed(small, level="v1", request=SealedRequest())


def failing(error: Exception) -> SealedStep:
    """Make a step that ends in an error which no check expects."""

    def check(_: object) -> None:
        raise error

    return SealedStep(title="A step", check=check)
