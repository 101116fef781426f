"""Reports and the register of policy documents."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from portability.auditing import OperatorRules
from portability.errors import ArchiveExistsError, CatalogueError, ProcedureError
from portability.governing import FolderStore
from portability.governing.calendars import local_day
from portability.governing.policies import change_policy, read_policies
from portability.governing.report_page import render_report, write_page
from portability.governing.reports import REPORTS, Facts, Report
from portability.governing.witness import Witness
from tests.governing.conftest import Office


def _today() -> date:
    """The day it is in London: asked by each test, since a run may go on over midnight."""
    return local_day(datetime.now(UTC))


def _facts(office: Office, as_of: date | None = None, rules: OperatorRules | None = None) -> Facts:
    with office.catalogue.reading() as transaction:
        return Facts(
            requests=office.register.load_all(transaction),
            as_of=as_of or _today() + timedelta(days=1),
            policies=read_policies(transaction),
            operators=Witness(transaction).operators(),
            rules=rules or OperatorRules(),
        )


def _rows(report: Report, caption: str) -> tuple[tuple[str | int, ...], ...]:
    return next(table.rows for table in report.tables if table.caption == caption)


def test_report_of_requests_lists_ages_states_and_breaches(small_office: Office) -> None:
    """As of a day: what is open, for how long, and which clock was missed."""
    today = _today()
    office = small_office
    office.open("portability", received_on=(today - timedelta(days=40)).isoformat())
    office.record(office.open("complaint", received_on=today.isoformat()), "withdrawn", "petra")
    report = REPORTS["requests"](_facts(office, today))
    (row,) = _rows(report, "Open requests")
    assert (row[0], row[1], row[3], row[-1]) == ("R-000001", "portability", "received", 40)
    breaches = _rows(report, "Clock breaches")
    assert [(each[0], each[-1]) for each in breaches] == [("R-000001", "overdue")] * 2
    assert [(point.label, point.shown) for point in report.charts[0].points][2] == ("31 to 90 days", "1")
    assert report.document["open"] == 1


def test_report_of_releases_names_purpose_basis_and_both_people(small_office: Office) -> None:
    """Who released what to whom, who approved it, why and on which lawful basis."""
    steps = "acknowledged requestor_identified agreed exported verified:petra delivered:oscar"
    small_office.walk(small_office.open("portability"), steps)
    report = REPORTS["releases"](_facts(small_office))
    (found,) = report.document["releases"]
    assert (found["released_by"], found["approved_by"], found["lawful_basis"]) == ("oscar", "petra", "contract")
    assert found["purpose"] == "move of the customer's data to a successor"
    assert len(found["artefact_sha256"]) == 64
    assert found["scope_sha256"] is None


def test_report_of_complaints_counts_by_category_and_month_with_a_chart(small_office: Office) -> None:
    """Twelve months to the day, older ones together; the page draws both."""
    today = _today()
    for category, day in (("delay", today), ("delay", today), ("export", today - timedelta(days=500))):
        small_office.open("complaint", category=category, received_on=day.isoformat())
    report = REPORTS["complaints"](_facts(small_office, today))
    rows = {row[0]: row[1:] for row in _rows(report, "Complaints by month and category")}
    assert rows[today.isoformat()[:7]] == (2, 0, 2)
    assert rows["earlier"] == (0, 1, 1)
    assert rows["all"] == (2, 1, 3)
    assert len(rows) == 14
    page = render_report(report)
    assert page.count("<svg") == 2
    assert "By category. delay: 2; export: 1" in page


def test_report_of_policies_lists_what_is_past_its_review(small_office: Office) -> None:
    """And operators whose training or agreement has lapsed."""
    today = _today()
    office, store = small_office, FolderStore(small_office.folder.parent / "evidence")
    document = office.file("policy.txt")
    for name, days in (("confidentiality", 10), ("retention", 400)):
        change_policy(
            office.catalogue,
            store,
            "add",
            name,
            office.actors["petra"],
            document=document,
            review_by=today + timedelta(days=days),
        )
    rules = OperatorRules(training_days=365)
    report = REPORTS["policies"](_facts(office, today + timedelta(days=20), rules))
    assert [row[0] for row in _rows(report, "Past their review date")] == ["confidentiality"]
    assert len(_rows(report, "All policy documents")) == 2
    lapsed = _rows(report, "Operators whose agreement or training has lapsed")
    assert {row[0] for row in lapsed} == {*office.actors}
    assert {row[-1] for row in lapsed} == {"no training is on record"}


def test_policy_changes_that_make_no_sense_are_refused(small_office: Office) -> None:
    """By the wrong role, twice, unknown, without a document, with a day that has passed."""
    today = _today()
    office, store = small_office, FolderStore(small_office.folder.parent / "evidence")
    document, later = office.file("policy.txt"), today + timedelta(days=300)

    def change(what: str, name: str, actor: str = "petra", **rest: object) -> None:
        change_policy(office.catalogue, store, what, name, office.actors[actor], **rest)  # type: ignore[arg-type]

    change("add", "retention", document=document, review_by=later)
    for what, name, rest, words in (
        ("add", "retention", {"document": document, "review_by": later}, "is in the register already"),
        ("review", "training", {"review_by": later}, "is not in the register"),
        ("add", "training", {"review_by": later}, "needs its document"),
        ("review", "retention", {"review_by": today}, "needs a day in the future"),
        ("add", "../x", {"document": document, "review_by": later}, "is no name"),
    ):
        with pytest.raises(ProcedureError, match=words):
            change(what, name, **rest)
    with pytest.raises(ProcedureError, match="needs one of the roles"):
        change("review", "retention", "olga", review_by=later)
    change("retire", "retention")
    assert read_policies(office.catalogue)["retention"].retired
    change("add", "retention", document=document, review_by=later)
    assert not read_policies(office.catalogue)["retention"].retired


def test_policy_register_edited_by_hand_is_refused(small_office: Office) -> None:
    """Its signatures are checked whenever it is read."""
    from sqlalchemy import text  # noqa: PLC0415 -- a hand in the database

    store = FolderStore(small_office.folder.parent / "evidence")
    change_policy(
        small_office.catalogue,
        store,
        "add",
        "retention",
        small_office.actors["petra"],
        document=small_office.file("policy.txt"),
        review_by=date(2090, 1, 1),
    )
    with small_office.catalogue.transaction() as transaction:
        transaction.execute(text("DROP TRIGGER policy_step_no_update"))
        transaction.execute(text("UPDATE policy_step SET statement = replace(statement, '2090-01-01', '2099-01-01')"))
    with pytest.raises(CatalogueError, match="not as it was signed"):
        read_policies(small_office.catalogue)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_report_page_is_self_contained_escaped_and_accessible(small_office: Office, tmp_path: Path) -> None:
    """No script, nothing from outside, no markup out of a field; headings, captions and scopes are there."""
    small_office.open("complaint", customer="<script>alert(1)</script>\u202e & Sons", category="price")
    for name, make in REPORTS.items():
        page = render_report(make(_facts(small_office)))
        found = _Page()
        found.feed(page)
        tags = [tag for tag, _ in found.tags]
        assert "script" not in tags
        assert "link" not in tags
        assert not re.search(r"(?:src|href)=\"(?!#)", page), name
        assert "\u202e" not in page
        assert (tags.count("h1"), tags.count("main"), dict(found.tags)["html"]["lang"]) == (1, 1, "en-GB")
        assert all(attributes.get("scope") for tag, attributes in found.tags if tag == "th")
        assert tags.count("caption") == tags.count("table")
        assert all(a.get("aria-label") for tag, a in found.tags if tag == "svg")
    report = REPORTS["requests"](_facts(small_office))
    write_page(report, tmp_path / "page.html")
    with pytest.raises(ArchiveExistsError):
        write_page(report, tmp_path / "page.html")
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []
