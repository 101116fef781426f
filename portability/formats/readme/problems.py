"""What is not as it should be: findings, what could not be carried, and what was left out on purpose."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from portability.formats.exceptions import ExceptedGroup
from portability.formats.readme.advice import advise
from portability.formats.readme.facts import ReadmeFacts
from portability.formats.readme.markup import Content, Html, data, element, join, link, table
from portability.formats.readme.overview import UNJUDGED
from portability.formats.readme.words import code_words, entity_words, number
from portability.manifest import Finding
from portability.plurals import counted

__all__ = ["findings_section", "left_out_section", "lost_section"]

_KINDS_MAX = 60
_PLACES_MAX = 12
_EXAMPLES_MAX = 3
_ROWS_MAX = 40
_REASON_MAX = 160
_REMARK_MAX = 600
_KEY_MAX = 60
_AND_DOCUMENTS = ", and every document that the profile names"
_SEVERITIES = ("error", "finding", "warning", "note")
_HEADINGS = {
    "error": "Faults of this export",
    "finding": "In the firm’s own records",
    "warning": "Worth knowing",
    "note": "Notes",
}


# -- findings ---------------------------------------------------------------------------------------------------------


def findings_section(facts: ReadmeFacts) -> Html:
    """Return the findings, grouped by what they are."""
    findings = facts.shown_findings()
    unjudged = Html("") if facts.is_mapped else element("p", UNJUDGED)
    if not findings:
        return element("p", "Nothing was found that needs looking at.") if facts.is_mapped else unjudged
    intro = element(
        "p",
        "Nothing here was changed to make it look better: what the old system held is in the archive as it was, and "
        "this is the list to go through and sign off. Every case stands in ",
        link("reports/findings.json"),
        ".",
    )
    groups = _grouped(facts, findings)
    parts: list[Html] = [unjudged, intro]
    severity = ""
    for many in groups[:_KINDS_MAX]:
        if many[0].severity != severity:
            severity = many[0].severity
            parts.append(element("h3", _HEADINGS.get(severity, code_words(severity))))
        parts.append(_finding(facts, many))
    if len(groups) > _KINDS_MAX:
        parts.append(element("p", f"And {counted(len(groups) - _KINDS_MAX, 'more kind')} in reports/findings.json."))
    return join(parts)


def _grouped(facts: ReadmeFacts, findings: Sequence[Finding]) -> list[list[Finding]]:
    """Return findings of which the page says the same together, the gravest first, then the most frequent."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        what = advise(finding, facts.advice).what
        groups.setdefault((finding.severity, finding.code, what), []).append(finding)
    rank = {name: at for at, name in enumerate(_SEVERITIES)}

    def order(many: list[Finding]) -> tuple[int, int, str]:
        return rank.get(many[0].severity, len(rank)), -sum(each.count for each in many), many[0].code

    return sorted(groups.values(), key=order)


def _finding(facts: ReadmeFacts, many: Sequence[Finding]) -> Html:
    first = many[0]
    total = sum(each.count for each in many)
    advice = advise(first, facts.advice)
    head = [element("span", number(total), class_="count"), element("span", data(advice.what), class_="what")]
    places = join(_LINES.get(first.code, _places)(facts, many))
    return element(
        "div",
        element("p", *head, element("span", first.code, class_="code"), class_="head"),
        element("p", element("strong", "What to do: "), data(advice.do), class_="advice"),
        element("ul", places, class_="places"),
        class_=f"finding {'grave' if first.severity == 'error' else ''}".strip(),
    )


def _places(facts: ReadmeFacts, many: Sequence[Finding]) -> Iterator[Html]:
    for each in many[:_PLACES_MAX]:
        parts: list[Content] = [_place(facts, each.place)]
        if len(many) > 1:
            parts += [f": {number(each.count)}"]
        if each.examples:
            shown = each.examples[:_EXAMPLES_MAX]
            parts.append(" (for example " if each.count > len(shown) else " (")
            for at, example in enumerate(shown):
                parts += [", " if at else "", element("code", data(example, length_max=80))]
            parts.append(")")
        yield element("li", *parts)
    if len(many) > _PLACES_MAX:
        yield element("li", f"and {counted(len(many) - _PLACES_MAX, 'more place')}")


def _place(facts: ReadmeFacts, place: str) -> Html:
    return data(entity_words(place)) if facts.count(place) else element("code", data(place))


def _lost_values(facts: ReadmeFacts, many: Sequence[Finding]) -> Iterator[Html]:
    """Point to the table that has them by column and reason."""
    if not facts.exceptions:
        yield from _places(facts, many)
        return
    heading = element("a", "What could not be carried as it was", href="#lost")
    columns = {(each.schema, each.table, each.column) for each in facts.exceptions}
    yield element("li", f"In {counted(len(columns), 'column')}, with the reasons, under ", heading)


def _remarks(_: ReadmeFacts, many: Sequence[Finding]) -> Iterator[Html]:
    """Say them: each is a sentence of its own, and its place is the whole source."""
    for each in many[:_ROWS_MAX]:
        yield element("li", data(each.text, length_max=_REMARK_MAX))
    if len(many) > _ROWS_MAX:
        yield element("li", f"and {number(len(many) - _ROWS_MAX)} more in reports/findings.json")


# Findings that are not told by their places.
_LINES = {"E201": _lost_values, "E202": _remarks}


# -- lost -------------------------------------------------------------------------------------------------------------


def lost_section(facts: ReadmeFacts) -> Html:
    """Return values, documents and rows that are not where they belong."""
    parts = [*_exceptions(facts), *_documents(facts), *_quarantine(facts)]
    return (
        join(parts)
        if parts
        else element("p", f"Nothing: every value and row was carried as it was{_AND_DOCUMENTS * facts.is_mapped}.")
    )


def _exceptions(facts: ReadmeFacts) -> Iterator[Html]:
    groups = sorted(facts.exceptions, key=lambda each: (-each.count, each.schema, each.table, each.column, each.reason))
    if not groups:
        return
    yield element("h3", "Values")
    yield element(
        "p",
        f"{counted(sum(each.count for each in groups), 'value')} that no type can hold, such as a date of 0000-00-00: "
        "empty in the table, and kept, byte for byte, in ",
        link("reports/exceptions.parquet"),
        ". Restored into a database of the same kind, each stands in its place again.",
    )
    rows = [
        (
            element("code", data(f"{each.schema}.{each.table}.{each.column}")),
            data(each.reason, length_max=_REASON_MAX),
            _keys(each),
            number(each.count),
        )
        for each in groups[:_ROWS_MAX]
    ]
    yield table("Columns with such values", ("Column", "Why", "Rows, by their key", "Values"), rows)
    if len(groups) > _ROWS_MAX:
        yield element("p", f"And {counted(len(groups) - _ROWS_MAX, 'more column')} in the same file.")


def _keys(group: ExceptedGroup) -> Html:
    """Return a few of the rows' keys; a key of one column without the brackets of its JSON."""
    shown = [element("code", data(_plain_key(key), length_max=_KEY_MAX)) for key in group.keys[:_EXAMPLES_MAX]]
    parts: list[Content] = []
    for at, key in enumerate(shown):
        parts += [", " if at else "", key]
    if shown and group.count > len(shown):
        parts.append(" …")
    return element("span", *parts)


def _plain_key(key: str) -> str:
    try:
        values = json.loads(key)
    except ValueError:
        return key
    return values[0] if isinstance(values, list) and len(values) == 1 and isinstance(values[0], str) else key


def _documents(facts: ReadmeFacts) -> Iterator[Html]:
    groups = [each for each in facts.summary.documents if each.availability != "present"]
    if not groups:
        return
    yield element("h3", "Documents")
    rows = [(code_words(each.availability), number(each.count)) for each in groups]
    yield table("Documents that the records name and that are not here", ("What became of them", "Number"), rows)
    if facts.summary.missing_documents:
        shown = [
            element(
                "li", element("code", data(each.locator)), ": ", data(each.problem or code_words(each.availability))
            )
            for each in facts.summary.missing_documents
        ]
        yield element("p", "The first of them; all are in ", link("reports/documents.parquet"), ":")
        yield element("ul", *shown)


def _quarantine(facts: ReadmeFacts) -> Iterator[Html]:
    kept_apart = [each for each in facts.summary.counts if each.quarantined]
    if not kept_apart:
        return
    total = sum(each.quarantined for each in kept_apart)
    yield element("h3", "Rows in quarantine")
    yield element(
        "p",
        f"{counted(total, 'row lacks', 'rows lack')} something that a record of their kind must have. Not among the "
        "records, and not lost: each stands whole, with the reason, in ",
        element("code", "quarantine/"),
        ".",
    )
    rows = [(entity_words(each.entity), number(each.quarantined)) for each in kept_apart]
    yield table("Rows in quarantine", ("Kind of record", "Rows"), rows)


# -- left out ---------------------------------------------------------------------------------------------------------


def left_out_section(facts: ReadmeFacts) -> Html:
    """Return tables and columns that were left out, with their reasons."""
    columns = [
        (element("code", data(f"{each.label}.{column.name}")), data(column.reason or ""))
        for each in facts.source.tables
        if not each.excluded
        for column in each.columns
        if column.carried == "excluded"
    ]
    tables = [(element("code", data(each.label)), data(each.excluded)) for each in facts.source.tables if each.excluded]
    intro = element(
        "p",
        "Passwords, keys and other secrets by which people sign in never leave the old system: they would be a danger "
        "in anyone’s hands and are of use to nobody. Everything else that is not here is named below.",
    )
    parts = [intro]
    if columns:
        parts.append(_listed("Columns left out", "Column", columns))
    if tables:
        parts.append(_listed("Tables left out", "Table", tables))
    if not columns and not tables:
        parts.append(element("p", "Nothing else was left out."))
    return join(parts)


def _listed(caption: str, noun: str, rows: Sequence[Sequence[Content]]) -> Html:
    shown = table(caption, (noun, "Why"), rows[:_ROWS_MAX], numeric=0)
    more = len(rows) - _ROWS_MAX
    return join([shown, element("p", f"And {number(more)} more in schema/source.json.")]) if more > 0 else shown
