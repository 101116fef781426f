"""The top of the page: whose data, the verdict in a few lines, what there is, how complete, pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from portability.formats.readme.charts import Point, bars, columns
from portability.formats.readme.facts import ReadmeFacts
from portability.formats.readme.markup import Content, Html, data, element, join, link, table
from portability.formats.readme.money import money_verdict
from portability.formats.readme.words import (
    amount,
    code_words,
    date_words,
    entity_words,
    hours,
    number,
    size_words,
)
from portability.formats.summary import ControlFigure, Series
from portability.plurals import counted

__all__ = ["UNJUDGED", "completeness_section", "contents_section", "masthead", "pictures_section", "records_section"]

_EXACT = """\
Everything was read in one consistent view of the database, as if it had been photographed in a single moment: no
figure can be from before a change and another from after it."""
_PER_TABLE = """\
Each table was read in one consistent view, but one table after the other. A change made while the export ran may show
in one table and not yet in another."""
_WINDOW = """\
The system cannot hold a consistent view: rows were read while people may have been working. What changed between the
start and the end of the export (both times stand in export.json) may be there in part."""
_LEVELS = {"exact": (True, _EXACT), "per-table": (False, _PER_TABLE), "window": (False, _WINDOW)}
UNJUDGED = """\
The legal rules were not asked: nobody has said which tables are clients, matters and books. Whether the \
books agree is not known."""
_UNKNOWN_LEVEL = (False, "How consistent the export is was not recorded.")
_TILES = ("client", "matter", "contact", "document", "email", "time_entry", "bill", "ledger_transaction")
_FIRMS_MAX = 6
_COLUMNS_MAX = 10
_TABLES_MAX = 500
_BARS_MAX = 8


# -- masthead ---------------------------------------------------------------------------------------------------------


def masthead(facts: ReadmeFacts) -> Html:
    """Return the head of the page with the verdict in a few lines."""
    return join(
        [
            element("p", "Legal Portability Archive", class_="eyebrow"),
            element("h1", data(facts.heading)),
            element("p", *_lead(facts), class_="lead"),
            element("ul", *(_verdict(good, text) for good, text in _verdicts(facts)), class_="verdicts"),
        ]
    )


def _lead(facts: ReadmeFacts) -> Iterator[Content]:
    yield "This folder holds the data that "
    yield from _named(facts.summary.firms)
    yield " kept in "
    if facts.is_mapped:
        yield data(facts.system)
        yield ": the records, the books and the documents, in open formats that anyone can read without the vendor’s "
        yield "software. "
    else:
        yield f"{facts.kept_in[0].lower()}{facts.kept_in[1:]}, table by table as it was, in open formats that anyone "
        yield "can read without the vendor’s software. Which of it are clients, matters or bills is not said here: the "
        yield "program had no description (a profile) of this system. "
    yield "When it was made stands in "
    yield element("code", "export.json")
    yield ", one folder up. "
    yield "This page bears no date of its own, so that two exports of the same data are the same to the last byte."


def _named(firms: Sequence[str]) -> Iterator[Content]:
    if not 0 < len(firms) <= _FIRMS_MAX:
        yield counted(len(firms), "firm") if firms else "the firm"
        return
    for at, name in enumerate(firms):
        yield "" if not at else " and " if at == len(firms) - 1 else ", "
        yield data(name)


def _verdicts(facts: ReadmeFacts) -> Iterator[tuple[bool, Content]]:
    yield from money_verdict(facts)
    yield not facts.disagreements, _totals_sentence(facts)
    exact, _ = _level(facts)
    told = "Read in one consistent view of the database." if exact else "Not read in one consistent view: see below."
    yield exact, told
    yield from _documents_verdict(facts)
    grave = [each for each in facts.shown_findings() if each.severity in {"error", "finding"}]
    count, kinds = sum(each.count for each in grave), len({each.code for each in grave})
    if count:
        of_kinds = counted(kinds, "kind")
        yield False, f"{counted(count, 'observation')} of {of_kinds} to look at, each listed below with what to do."
    elif facts.is_mapped:
        yield True, "Nothing was found in the records that needs looking at."
    if not facts.is_mapped:
        yield False, UNJUDGED


def _documents_verdict(facts: ReadmeFacts) -> Iterator[tuple[bool, Content]]:
    groups = {group.availability: group.count for group in facts.summary.documents}
    here, lost = groups.get("present", 0), groups.get("missing_in_source", 0) + groups.get("unreadable", 0)
    if lost:
        found = counted(here, "document is", "documents are")
        yield False, f"{found} here; {number(lost)} that the records name could not be had."
    elif here:
        yield True, f"Every document that the records name is here: {number(here)}."


def _verdict(good: bool, text: Content) -> Html:  # noqa: FBT001 -- a private shorthand
    mark = element("span", "In order" if good else "To look at", class_="mark good" if good else "mark look")
    return element("li", mark, element("span", text))


# -- what is in it ----------------------------------------------------------------------------------------------------


def contents_section(facts: ReadmeFacts) -> Html:
    """Return the counts."""
    tiles = [
        element("div", element("dt", entity_words(name)), element("dd", number(count.rows)))
        for name in _TILES
        if (count := facts.count(name)) and count.rows
    ]
    carried = [each for each in facts.source.tables if each.file]
    rows = sum(each.rows for each in facts.totals.tables)
    layer = (
        f"{counted(len(carried), 'table')} of the original database with {counted(rows, 'row')}, exactly as they were"
    )
    source = element(
        "p",
        f"Beside these stands the source layer: {layer}, whatever the records above make of them."
        if facts.is_mapped
        else f"The source layer: {layer}. Each is listed further down.",
    )
    return join([element("dl", *tiles, class_="tiles") if tiles else Html(""), source, _dates(facts)])


def _dates(facts: ReadmeFacts) -> Html:
    rows = [
        (f"{entity_words(each.entity)}: {each.field.replace('_', ' ')}", date_words(each.first), date_words(each.last))
        for each in facts.summary.dates
    ]
    return table("First and last dates in the data", ("Record", "First", "Last"), rows, numeric=2) if rows else Html("")


def records_section(facts: ReadmeFacts) -> Html:
    """Return every kind of record with its number; every table where nobody has said what they are."""
    rows = [
        (
            join([entity_words(each.entity), " ", element("code", each.entity, class_="quiet")]),
            number(each.rows),
            number(each.deleted) if each.deleted else "",
            number(each.quarantined) if each.quarantined else "",
        )
        for each in facts.summary.counts
        if each.rows or each.quarantined
    ]
    if not rows:
        told = "Nobody has described this system to the program yet: the archive holds the source layer alone."
        return join([element("p", told), _tables(facts)])
    header = ("Kind of record", "Rows", "of them deleted", "in quarantine")
    return table("Every kind of record in the archive, with the name of its table", header, rows, numeric=3)


def _tables(facts: ReadmeFacts) -> Html:
    counts = {(each.schema, each.name): each.rows for each in facts.totals.tables}
    carried = [each for each in facts.source.tables if each.file]
    rows = [
        (element("code", data(each.label)), link(each.file), number(counts.get((each.schema, each.name), 0)))
        for each in carried[:_TABLES_MAX]
    ]
    shown = table("Every table, and the file that holds it", ("Table", "File", "Rows"), rows)
    more = len(carried) - _TABLES_MAX
    return join([shown, element("p", f"And {number(more)} more in schema/source.json.")]) if more > 0 else shown


# -- completeness -----------------------------------------------------------------------------------------------------


def completeness_section(facts: ReadmeFacts) -> Html:
    """Return how sure it is that nothing is missing."""
    _, told = _level(facts)
    parts: list[Html] = [element("h3", "One moment in time"), element("p", told)]
    parts += _notes(facts)
    parts += [element("h3", "Counted twice"), element("p", _totals_sentence(facts))]
    if facts.disagreements:
        parts.append(element("ul", *(element("li", data(each)) for each in facts.disagreements)))
    if facts.summary.control_totals:
        parts += [_control_totals(facts.summary.control_totals)]
    if facts.columns:
        parts += [element("h3", "Every column accounted for"), element("p", _columns_sentence(facts))]
    return join(parts)


def _notes(facts: ReadmeFacts) -> Iterator[Html]:
    note = facts.source.snapshot.note if facts.source.snapshot else None
    if note and note in " ".join(facts.source.notes):  # of many files: each note is a finding, and has its line there
        heading = element("a", "What to look at", href="#findings")
        yield element("p", "What was assumed, and what was not read, is listed under ", heading, ".")
    elif note:
        yield element("p", "The export notes: ", data(note))


def _level(facts: ReadmeFacts) -> tuple[bool, str]:
    level = facts.source.snapshot.level if facts.source.snapshot else ""
    return _LEVELS.get(level, _UNKNOWN_LEVEL)


def _totals_sentence(facts: ReadmeFacts) -> str:
    tables = facts.totals.tables
    figures = sum(1 + len(each.columns) for each in tables)
    rows = sum(each.rows for each in tables)
    asked = (
        f"The database itself was asked for {counted(figures, 'control figure')} over {counted(rows, 'row')} of "
        f"{counted(len(tables), 'table')} (rows, sums, smallest and largest values, sizes), and the same were computed "
        "again from the files"
    )
    if facts.disagreements:
        return f"{asked}: {counted(len(facts.disagreements), 'figure differs', 'figures differ')}."
    return f"{asked}: all agree."


def _control_totals(totals: Sequence[ControlFigure]) -> Html:
    results = {"match": "agrees", "explained": "explained", "mismatch": "differs"}
    rows = [
        (
            data(each.name[:1].upper() + each.name[1:]),
            _figure(each, each.source),
            _figure(each, each.package),
            results.get(each.status, each.status),
        )
        for each in totals
    ]
    header = ("Figure", "In the old system", "In the records here", "Result")
    return table("Figures that the old system and the records here must share", header, rows, numeric=3)


def _figure(total: ControlFigure, value: str) -> str:
    return amount(value, total.currency or "") if total.unit == "money" else number(value)


def _columns_sentence(facts: ReadmeFacts) -> str:
    counts = facts.columns
    if counts is None:
        return ""
    return (
        f"Of {counted(counts.total, 'column')} in the old database, {counted(counts.mapped, 'feeds', 'feed')} the "
        f"records here, {counted(counts.carried, 'is carried as it is', 'are carried as they are')}, "
        f"{counted(counts.excluded, 'was', 'were')} left out for the reasons given below. None is unaccounted for; "
        "reports/coverage.json names each."
    )


# -- pictures ---------------------------------------------------------------------------------------------------------

_TITLES = {
    "bills_issued": "Bills issued, by year",
    "documents_by_type": "Documents, by kind",
    "matters_by_status": "Matters, by status",
    "matters_opened": "Matters opened, by year",
    "postings": "Postings to the books, by year",
    "time_recorded": "Hours recorded, by year",
}
_BY_YEAR = {"matters_opened", "bills_issued", "time_recorded", "postings"}


def pictures_section(facts: ReadmeFacts) -> Html:
    """Return the charts; one alone for each subject."""
    figures = [_picture(series) for series in facts.summary.series if len(series.bars) > 1]
    size = sum(group.size_bytes for group in facts.summary.documents)
    told = element("p", f"The documents here take {size_words(size)}.") if size else Html("")
    return join([element("div", *figures, class_="pictures"), told]) if figures else Html("")


def _picture(series: Series) -> Html:
    title = _TITLES.get(series.name, code_words(series.name))
    if series.name == "bills_issued":
        title = f"{title} ({series.unit})"
    if series.name in _BY_YEAR:
        return columns(title, _years(series))
    return bars(title, _kinds(series))


def _years(series: Series) -> list[Point]:
    """Return the latest years one by one, and what is before them as one bar."""
    ordered = sorted(series.bars, key=lambda bar: int(bar.label))
    early, late = ordered[:-_COLUMNS_MAX], ordered[-_COLUMNS_MAX:]
    points = [_point(series, bar.label, Decimal(bar.value)) for bar in late]
    if early:
        total = sum((Decimal(bar.value) for bar in early), Decimal(0))
        points.insert(0, _point(series, f"to {early[-1].label}", total))
    return points


def _kinds(series: Series) -> list[Point]:
    ordered = sorted(series.bars, key=lambda bar: (-Decimal(bar.value), bar.label))
    points = [_point(series, code_words(bar.label), Decimal(bar.value)) for bar in ordered[:_BARS_MAX]]
    if rest := ordered[_BARS_MAX:]:
        total = sum((Decimal(bar.value) for bar in rest), Decimal(0))
        points.append(_point(series, counted(len(rest), "other kind"), total))
    return points


def _point(series: Series, label: str, value: Decimal) -> Point:
    if series.unit == "minutes":
        shown = hours(str(value)).partition(".")[0]
    else:
        shown = f"{value / 1000:,.0f}k" if abs(value) >= 10_000 else f"{value:,.0f}"  # noqa: PLR2004 -- room at a bar
    return Point(label=label, value=value, shown=shown)
