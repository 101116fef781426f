"""The report: grouped, printable, closed against what an archive might write into it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from portability.checks import Report, StepRecord
from portability.checks.report import Log, printable
from portability.output import TextOutput
from portability.presenting import archives as presenting


def report_of(log: Log, *, outcome: str = "passed", root: str = "archive") -> Report:
    """Make a report of one step."""
    step = StepRecord(number=1, family="C", title="A step", outcome=outcome)
    return Report(root=Path(root), level="quick", steps=(step,), findings=log.findings(), totals={"files": 1234})


def test_log_identical_problems_become_one_finding_with_a_count() -> None:
    """Fifty million problems of one kind are one line with a count and the first examples."""
    log = Log(3)
    for number in range(1000):
        log.add("C154", "data", [f"file {number}"])
    (finding,) = log.findings()
    assert (finding.count, finding.examples) == (1000, ("file 0", "file 1", "file 2"))


def test_log_many_places_are_gathered_after_the_first_ones() -> None:
    """An archive with endless places cannot make an endless report."""
    log = Log(3)
    for number in range(5000):
        log.add("D206", f"file {number}")
    assert len(log.findings()) == 201
    assert sum(finding.count for finding in log.findings()) == 5000


def test_log_findings_come_worst_first() -> None:
    """Errors stand before warnings, findings and notes."""
    log = Log(3)
    for code in ("C161", "L490", "C110", "C154"):
        log.add(code, "here")
    assert [finding.code for finding in log.findings()] == ["C154", "C110", "L490", "C161"]


def test_log_unknown_code_is_a_fault_of_the_check() -> None:
    """A code that the registry does not have cannot be noted."""
    with pytest.raises(KeyError):
        Log(3).add("Z999", "here")


@pytest.mark.parametrize("text", ["\x1b[31mred", "two\nlines", "\u202eright to left", "half \udcff", "nul\0"])
def test_printable_control_characters_are_escaped(text: str) -> None:
    """A file's name cannot command a terminal."""
    assert printable(text).isprintable()
    assert printable(text) != text


def test_printable_long_text_is_cut() -> None:
    """A key of a mebibyte does not fill the report."""
    assert len(printable("x" * 2**20)) < 300


def test_report_without_a_done_step_is_not_ok() -> None:
    """Nothing checked is nothing proved: no steps, or one that was not run, refuse."""
    log = Log(3)
    assert report_of(log).ok
    assert not report_of(log, outcome="not run").ok
    assert not Report(root=Path("x"), level="quick", steps=(), findings=(), totals={}).ok


def test_report_of_nothing_but_steps_without_input_is_not_ok() -> None:
    """A step that had nothing to compare with proves nothing; beside one that passed it refutes nothing."""
    lacking = StepRecord(number=2, family="C", title="Another", outcome="not run", lacks="trust")
    report = report_of(Log(3))
    assert replace(report, steps=(*report.steps, lacking)).ok
    assert not replace(report, steps=(lacking,)).ok
    assert not replace(report, steps=(*report.steps, replace(lacking, outcome="failed"))).ok


def test_report_says_that_it_could_not_be_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A fault of the check is not called a fault of the archive, in text either."""
    log = Log(3)
    log.add("C191", "A step", ["KeyError"])
    presenting.report(TextOutput(), report_of(log, outcome="failed"), tmp_path / "page.html")
    said = capsys.readouterr().out
    assert "COULD NOT BE CHECKED at level quick" in said
    assert "NOT SOUND" not in said
    assert "no verdict on the archive" in said


def test_report_warnings_and_findings_do_not_refuse() -> None:
    """Only an error refuses an archive."""
    log = Log(3)
    for code in ("C161", "L490", "C110"):
        log.add(code, "here")
    assert report_of(log).ok
    log.add("C154", "here")
    assert not report_of(log).ok


def test_report_to_dict_is_plain_json_with_mends() -> None:
    """The report is JSON that says what mends each finding, and does not say where on the disk the archive lies."""
    log = Log(3)
    log.add("C154", "data", ["data/x"])
    plain = report_of(log, root="/home/ann/archive", outcome="failed").to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["archive"] == "archive"
    assert plain["counts"] == {"error": 1, "warning": 0, "finding": 0, "note": 0}
    assert plain["findings"][0]["mend"].startswith("Copy the archive again")
    assert "/home/ann" not in json.dumps(plain)


def test_report_to_html_is_one_page_that_fetches_nothing() -> None:
    """The page stands alone, shows each finding, and escapes what comes from the archive."""
    log = Log(3)
    log.add("C154", "data", ["<script>alert(1)</script>"])
    page = report_of(log, outcome="failed", root="<b>archive").to_html()
    assert "C154" in page
    assert "Refused at level quick" in page
    assert "1,234" in page
    assert "&lt;script&gt;" in page
    for forbidden in ("<script", "http:", "https:", "src=", "<b>archive"):
        assert forbidden not in page
