"""README.html: what it says, that nothing can be injected, that it needs nothing."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources

import pytest

from portability.checks.codes import load_codes
from portability.formats.exceptions import ExceptedGroup
from portability.formats.readme import ReadmeFacts, render_readme
from portability.formats.readme.advice import advise
from portability.formats.summary import (
    Bar,
    DocumentGroup,
    Figure,
    MissingDocument,
    Series,
    Summary,
)
from portability.manifest import (
    Column,
    ColumnTotals,
    ControlTotals,
    Finding,
    SnapshotRecord,
    Table,
    TableTotals,
)
from tests.formats.readme_facts import FACTS, LEDGERS, SOURCE, SUMMARY, TOTALS

EVIL = "<script>alert('x')</script>\"'&\u202e\x07"


class Page(HTMLParser):
    """A reader that refuses what a browser would repair: tags closed in another order than opened."""

    VOID = frozenset({"meta"})

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in {"style", "title", "desc"}:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page(facts: ReadmeFacts = FACTS) -> Page:
    """Render and read the page."""
    return Page(render_readme(facts))


def with_ledgers(**changes: object) -> ReadmeFacts:
    """Return the facts with other books."""
    return replace(FACTS, summary=replace(SUMMARY, ledgers=(replace(LEDGERS, **changes),)))  # type: ignore[arg-type]


# -- form -------------------------------------------------------------------------------------------------------------


def test_readme_refers_to_nothing_outside_the_archive() -> None:
    """No script, no image, no style sheet, no address; links lead to its own parts and to files beside it."""
    read = page()
    assert not {"script", "img", "link", "iframe", "object", "form", "base"} & {tag for tag, _ in read.tags}
    links = [attributes["href"] or "" for attributes in read.named("a")]
    assert links
    assert not [link for link in links if "//" in link or ":" in link or ".." in link]
    assert not re.search(r"https?://|url\(|@import", render_readme(FACTS))


def test_readme_links_lead_to_parts_that_exist() -> None:
    """Every `#name` on the page is the id of something, and no id stands twice."""
    read = page()
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {f"#{each}" for each in ids} >= {a["href"] for a in read.named("a") if (a["href"] or "").startswith("#")}


def test_readme_is_accessible_in_its_structure() -> None:
    """Language, one first heading, captions, scopes, and a description of each drawing."""
    read = page()
    assert read.named("html") == [{"lang": "en-GB"}]
    assert len(read.named("h1")) == 1
    levels = [int(tag[1]) for tag, _ in read.tags if re.fullmatch(r"h[1-6]", tag)]
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))
    assert len(read.named("caption")) == len(read.named("table")) > 5
    assert all("scope" in attributes for attributes in read.named("th"))
    assert len(read.named("svg")) == 2
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in read.named("svg"))


def test_readme_colours_have_enough_contrast() -> None:
    """Each colour of text against each ground reaches 4.5 to 1, as WCAG AA wants."""
    style = resources.files("portability.formats").joinpath("templates/page.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", style))
    for text in ("ink", "soft", "accent", "good", "look", "grave"):
        for ground in (colours["paper"], colours["card"], "#fdf5e8", "#f1eee6"):
            assert contrast(colours[text], ground) >= 4.5, (text, ground)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_readme_of_the_same_facts_is_the_same_page() -> None:
    """Nothing of the moment is in it."""
    assert render_readme(FACTS) == render_readme(replace(FACTS))


def hostile_summary() -> Summary:
    """Return a summary whose every name is hostile."""
    return replace(
        SUMMARY,
        firms=(EVIL, EVIL),
        counts=(),
        control_totals=(replace(SUMMARY.control_totals[0], name=EVIL, unit="money", currency=EVIL, status=EVIL),),
        missing_documents=(MissingDocument(source=EVIL, locator=EVIL, availability=EVIL, problem=EVIL),),
        documents=(DocumentGroup(availability=EVIL, count=1, size_bytes=1),),
        series=(
            Series(
                name="documents_by_type", unit="count", bars=(Bar(label=EVIL, value="1"), Bar(label="x", value="2"))
            ),
        ),
        ledgers=(replace(LEDGERS, currency=EVIL, classes=(replace(LEDGERS.classes[0], account_class=EVIL),)),),
        figures=(Figure(name=EVIL, currency=EVIL, count=1, amount="1"),),
    )


def hostile_facts() -> ReadmeFacts:
    """Return facts whose every name is hostile."""
    table = Table(
        schema=EVIL,
        name=EVIL,
        file="source/x.parquet",
        columns=(Column(name=EVIL, position=1, native_type=EVIL, carried="excluded", reason=EVIL),),
    )
    return ReadmeFacts(
        system=EVIL,
        summary=hostile_summary(),
        source=replace(
            SOURCE,
            tables=(table, replace(table, file="", excluded=EVIL)),
            snapshot=SnapshotRecord(method=EVIL, level=EVIL, note=EVIL),
        ),
        totals=ControlTotals(
            tables=(
                TableTotals(schema=EVIL, name=EVIL, rows=1, columns=(ColumnTotals(name=EVIL, non_null=1, excepted=1),)),
            )
        ),
        findings=(Finding(code=EVIL, severity=EVIL, place=EVIL, text=EVIL, count=1, examples=(EVIL,)),),
        exceptions=(
            ExceptedGroup(
                schema=EVIL, table=EVIL, column=EVIL, reason=EVIL, native_type=EVIL, count=1, keys=(json.dumps([EVIL]),)
            ),
        ),
        disagreements=(EVIL,),
        advice={EVIL: EVIL},
    )


def test_readme_escapes_whatever_comes_from_the_data() -> None:
    """A script in any name is shown as it is written, in every place that shows names; marks of direction are not."""
    facts = hostile_facts()
    text = render_readme(facts)
    read = Page(text)
    assert not read.named("script")
    assert "<script" not in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", text)
    assert read.text.count("alert('x')") > 20


def test_readme_cuts_a_name_without_end() -> None:
    """A megabyte of a name does not become a megabyte of a page."""
    facts = replace(FACTS, system="x" * 1_000_000)
    assert len(render_readme(facts)) < 100_000


# -- what it says -----------------------------------------------------------------------------------------------------


def test_readme_says_that_client_money_agrees_to_the_penny() -> None:
    """At the top and in the section on money, with the amount."""
    text = page().text
    assert "Client ledgers and client cash books agree to the penny: £1,234,567.89." in text
    assert "The trial balance balances: debits and credits are £2,000,000.00 each." in text
    assert "No client ledger is in debit." in text


def test_readme_says_a_difference_aloud_and_which_way_it_goes() -> None:
    """A penny missing in the bank is the first thing that a reader sees."""
    facts = with_ledgers(client_cash_books="1234567.88", difference="0.01", overdrawn_client_ledgers=2)
    text = page(facts).text
    assert "To look at Client ledgers and client cash books differ by £0.01." in text
    assert "The client ledgers show £0.01 more than the client cash books." in text
    assert "2 client ledgers in debit (SRA Accounts Rule 5.3)." in text


def test_readme_says_that_the_trial_balance_is_out() -> None:
    """Both sides and the difference, with its sign."""
    text = page(with_ledgers(credits="2000001.35", trial_difference="-1.35")).text
    assert "debits £2,000,000.00, credits £2,000,001.35, difference −£1.35." in text


def test_readme_writes_balances_as_an_accountant_does() -> None:
    """Debit and credit balances have their letters, not signs."""
    text = page().text
    assert "Client bank accounts 2 £1.00 £0.00 £1.00 Dr" in text
    assert "Client ledgers of matters 40 £0.00 £1.00 £1.00 Cr" in text


@pytest.mark.parametrize(
    ("level", "mark", "words"),
    [
        ("exact", "In order", "photographed in a single moment"),
        ("per-table", "To look at", "one table after the other"),
        ("window", "To look at", "people may have been working"),
        ("other", "To look at", "was not recorded"),
    ],
)
def test_readme_tells_the_snapshot_level_in_plain_words(level: str, mark: str, words: str) -> None:
    """Each level has its sentence, and only the exact one is in order."""
    facts = replace(FACTS, source=replace(SOURCE, snapshot=SnapshotRecord(method="x", level=level)))
    text = page(facts).text
    assert words in text
    assert f"{mark} {'Read' if level == 'exact' else 'Not read'} in one consistent view" in text


def test_readme_tells_control_totals_in_one_sentence() -> None:
    """How many figures, over what, with what result."""
    assert "asked for 2 control figures over 12 rows of 1 table" in page().text
    assert "computed again from the files: all agree." in page().text
    assert "from the files: 1 figure differs." in page(replace(FACTS, disagreements=("users.rows",))).text


def test_readme_tells_a_finding_as_what_is_wrong_and_what_to_do() -> None:
    """A rule says what should hold; the page says what was found."""
    text = page().text
    assert "6 Clients whose number another client has too L413" in text
    assert "What to do: Agree which keeps it before the new system starts." in text
    assert "Clients (for example 7 )" in text


def test_readme_tells_lost_values_of_several_reasons_once_and_leads_to_the_reasons() -> None:
    """One heading for all of them, with their sum; the table further down has each column and reason."""
    reasons = ("not a date of the calendar", "infinite", "not a number")
    found = tuple(
        Finding(code="E201", severity="finding", place="users.born", text=f"cannot be held ({reason})", count=2)
        for reason in reasons
    )
    text = page(replace(FACTS, findings=found)).text
    assert text.count("E201") == 1
    assert "6 Values that no type can hold" in text
    assert "In 1 column, with the reasons, under What could not be carried as it was" in text


def test_readme_says_what_the_connector_remarked() -> None:
    """A remark is a sentence, not a place: all of them stand on the page, under one heading."""
    found = tuple(
        Finding(code="E202", severity="finding", place="source", text=text, count=1)
        for text in ("the view totals is not exported", "notes.txt was not read")
    )
    text = page(replace(FACTS, findings=found)).text
    assert text.count("E202") == 1
    assert "the view totals is not exported notes.txt was not read" in text


def test_readme_takes_advice_of_somebody_who_knows_better() -> None:
    """The caller's advice stands before ours."""
    assert "What to do: Ask Joan." in page(replace(FACTS, advice={"L413": "Ask Joan."})).text


def test_readme_does_not_count_quarantined_rows_twice() -> None:
    """The mapping's finding says why; the rule's finding of the same rows is left out."""
    text = page().text
    assert "10 observations of 2 kinds" in text
    assert "L490" not in text


def test_readme_names_everything_that_was_not_carried() -> None:
    """Values, documents and rows, each with where they are."""
    text = page().text
    assert "5 values that no type can hold" in text
    assert "public.users.born not a date of the calendar 3 , 4 , 5 … 5" in text
    assert "P:\\DOCS\\1.pdf" in text
    assert "4 rows lack something" in text


def test_readme_names_what_was_left_out_with_the_reason() -> None:
    """Credentials and whole tables."""
    text = page().text
    assert "public.users.hash credential, by its name" in text
    assert "public.sessions session state" in text


def test_readme_of_an_archive_without_mapping_says_so() -> None:
    """A bare source layer gets a page too, whose example is one of its own tables."""
    empty = Summary(
        firms=(),
        counts=(),
        dates=(),
        ledgers=(),
        figures=(),
        control_totals=(),
        documents=(),
        missing_documents=(),
        series=(),
    )
    facts = ReadmeFacts(system="The source layer alone", summary=empty, source=SOURCE, totals=TOTALS)
    read = page(facts)
    assert "the archive holds the source layer alone" in read.text
    assert "data that the firm kept in a PostgreSQL database, table by table" in read.text
    assert "<title>A PostgreSQL database: data archive</title>" in render_readme(facts)
    assert "To look at The legal rules were not asked" in read.text
    assert "public.users source/public.users.parquet 12" in read.text
    assert "duckdb -c \"SELECT * FROM 'source/public.users.parquet' LIMIT 20\"" in read.text
    assert "The money" not in read.text


def test_readme_chart_of_many_years_joins_the_early_ones() -> None:
    """Ten bars and one for all before; the numbers stand in the drawing's description too."""
    bars = tuple(Bar(label=str(year), value="2") for year in range(1990, 2025))
    facts = replace(FACTS, summary=replace(SUMMARY, series=(Series(name="matters_opened", unit="count", bars=bars),)))
    (drawing,) = page(facts).named("svg")
    assert (drawing["aria-label"] or "").startswith("Matters opened, by year. to 2014: 50; 2015: 2;")


def test_readme_has_advice_for_every_finding_of_the_model() -> None:
    """No rule of the model ends on the page as a bare rule."""
    codes = [each for each in load_codes().values() if each.code.startswith("L") and each.severity == "finding"]
    assert codes
    for each in codes:
        finding = Finding(code=each.code, severity=each.severity, place="x", text="TEXT", count=1)
        assert "TEXT" not in advise(finding, {}).what, each.code


def test_readme_shows_a_rule_it_does_not_know_as_not_kept() -> None:
    """A code of a newer version is told by its text, as not so."""
    finding = Finding(code="L999", severity="finding", place="x", text="Every cat has a hat.", count=1)
    assert advise(finding, {}).what == "Not so: Every cat has a hat."
