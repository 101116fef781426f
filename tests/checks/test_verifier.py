"""The verifier as a whole: fails closed, tells its progress, leaves nothing behind, believes no directory."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from fixtures.writing import seal
from portability.checks import STEPS, require, verify
from portability.checks.steps import Step
from portability.errors import CheckFailedError


def test_verify_unknown_level_is_a_mistake_of_the_caller(tiny: Path) -> None:
    """There are three levels."""
    with pytest.raises(ValueError, match="deepest"):
        verify(tiny, level="deepest")


def test_verify_where_nothing_is_ends_in_a_code(tmp_path: Path) -> None:
    """A directory that does not exist, is empty, or is a file is refused, not raised about."""
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    for name in ("nowhere", "file", "empty"):
        report = verify(tmp_path / name, level="deep")
        assert report.codes() == {"C101"}
        others = sum(family != "R" for family, _ in STEPS) - 1
        assert [step.outcome for step in report.steps] == ["failed"] + ["not run"] * others


def test_verify_archive_reached_through_a_link_is_the_archive(tiny: Path, tmp_path: Path) -> None:
    """Links above an archive are the user's own; only those within it are refused."""
    (tmp_path / "link").symlink_to(tiny)
    assert verify(tmp_path / "link", level="deep").ok


def test_verify_failed_description_leaves_the_rows_unread(copied: Path) -> None:
    """Rows are read only in files that are what the description says; what was not done refuses too."""
    (copied / "data/reports/coverage.json").write_bytes(b"{}\n")
    seal(copied)
    report = verify(copied, level="deep")
    assert {step.outcome for step in report.steps if step.family in "FSL"} == {"not run"}
    assert not report.ok


def test_verify_failed_documents_leave_the_rows_to_be_checked(copied: Path) -> None:
    """A missing document does not hide what is wrong with the rows."""
    (document,) = (copied / "data/documents").glob("*/*")
    document.unlink()
    document.parent.rmdir()
    seal(copied)
    report = verify(copied, level="deep")
    assert report.codes("error") == {"F502"}
    assert "not run" not in {step.outcome for step in report.steps if not step.lacks}


def test_verify_levels_hold_each_other(tiny: Path) -> None:
    """Each level does the steps of the one before and more."""
    done = [{step.number for step in verify(tiny, level=level).steps} for level in ("quick", "full", "deep")]
    assert done[0] < done[1] < done[2]
    assert done[2] == {number for number, (family, _) in enumerate(STEPS, 1) if family != "R"}  # it has no scope


def test_verify_tells_every_step(tiny: Path) -> None:
    """Progress names each step by its number, and what is being read."""
    told: list[str] = []
    verify(tiny, level="deep", progress=told.append)
    assert [text for text in told if text.split(".")[0].isdecimal()] == [
        f"{number}. {step.title}" for number, (family, step) in enumerate(STEPS, 1) if family != "R"
    ]
    assert "schema/source.json" in told


def test_verify_leaves_no_scratch_behind(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The private directory for what does not fit into memory is gone afterwards."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert verify(tiny, level="deep").ok
    assert list(tmp_path.iterdir()) == []


def failing(error: Exception) -> Step:
    """Make a step that ends in an error which no check expects."""

    def check(_: object) -> None:
        raise error

    return Step(title="A step", check=check)


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyError("x"), "C191"), (MemoryError(), "C191"), (PermissionError(13, "denied", "/a/b"), "C192")],
)
def test_verify_step_that_fails_unexpectedly_refuses(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    """A fault of ours or of the disk is a code too, and ends the check."""
    monkeypatch.setattr("portability.checks.verifier.STEPS", (("C", failing(error)), *STEPS[1:]))
    report = verify(tiny, level="quick")
    assert report.codes() == {code}
    assert {step.outcome for step in report.steps[1:]} == {"not run"}
    with pytest.raises(CheckFailedError, match=code):
        require(report)


def test_verify_fault_of_a_step_is_no_verdict_on_the_archive(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused for having not been checked, in these words; a code beside it is a verdict again."""
    monkeypatch.setattr("portability.checks.verifier.STEPS", (("C", failing(KeyError("x"))), *STEPS[1:]))
    report = verify(tiny, level="quick")
    assert (report.unchecked, report.ok) == (True, False)
    with pytest.raises(CheckFailedError, match="could not be checked: C191"):
        require(report)
    monkeypatch.setattr("portability.checks.verifier.STEPS", (("C", failing(OSError(5, "bad"))), *STEPS[1:]))
    assert not verify(tiny, level="quick").unchecked


def test_verify_names_that_sort_around_a_slash_are_found(copied: Path) -> None:
    """The manifest and the directory are walked side by side; a dot sorts before a slash and a letter after it."""
    for name in ("a.sql", "a/b.sql", "a0.sql", "a_.sql", "a.b/c.sql"):
        path = copied / "data/map" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"SELECT 1\n")
    seal(copied)
    assert verify(copied, level="full").ok
