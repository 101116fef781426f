"""How to read and check the archive, who may open it, and what the words mean."""

from __future__ import annotations

from string import Template

from portability.formats.readme.facts import ReadmeFacts
from portability.formats.readme.markup import Html, data, element, join
from portability.formats.readme.page import template
from portability.formats.readme.words import entity_words

__all__ = ["checking_section", "glossary_section", "opening_section", "reading_section"]

_EXAMPLES = ("matter", "client", "contact", "document", "user")


def reading_section(facts: ReadmeFacts) -> Html:
    """Return commands that work on this very archive."""
    path, words = _example(facts)
    has_documents = all((count := facts.count(name)) and count.rows for name in ("document", "document_version"))
    documents = template("documents.html") if has_documents else Html("")
    if not path:
        return element("p", "There are no tables in this archive.")
    text = Template(template("reading.html"))
    return Html(text.substitute(path=join([path]), words=data(words), documents=documents))


def _example(facts: ReadmeFacts) -> tuple[str, str]:
    """Return a file that this archive has, and what it holds."""
    present = [each.entity for each in facts.summary.counts if each.rows]
    for name in (*_EXAMPLES, *present):
        if name in present:
            return f"tables/{name}.parquet", entity_words(name).lower()
    carried = [each for each in facts.source.tables if each.file]
    return (carried[0].file, f"rows of {carried[0].name}") if carried else ("", "")


def checking_section(_: ReadmeFacts) -> Html:
    """Return how to check that nothing was changed."""
    return template("checking.html")


def opening_section(_: ReadmeFacts) -> Html:
    """Return who may open the archive."""
    return template("opening.html")


def glossary_section(_: ReadmeFacts) -> Html:
    """Return ten words."""
    return template("glossary.html")
