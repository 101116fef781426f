"""README.html: one page that tells a partner of the firm what an archive holds, how sure that is, and what to do.

It needs nothing: no script, no network, no font. It holds no clock, so that the payload is the same for the same
snapshot; dates on it are dates of the firm's data. Whatever comes from the data is escaped.
"""

from __future__ import annotations

from portability.formats.readme.facts import Columns, ReadmeFacts
from portability.formats.readme.markup import Html, element, link, shorten
from portability.formats.readme.money import money_section
from portability.formats.readme.overview import (
    completeness_section,
    contents_section,
    masthead,
    pictures_section,
    records_section,
)
from portability.formats.readme.page import render_page
from portability.formats.readme.practical import checking_section, glossary_section, opening_section, reading_section
from portability.formats.readme.problems import findings_section, left_out_section, lost_section
from portability.manifest import FORMAT_VERSION

__all__ = ["Columns", "ReadmeFacts", "render_readme"]

_SECTIONS = (
    ("contents", "What is in it", contents_section),
    ("money", "The money", money_section),
    ("completeness", "How complete it is", completeness_section),
    ("pictures", "The firm in pictures", pictures_section),
    ("findings", "What to look at", findings_section),
    ("lost", "What could not be carried as it was", lost_section),
    ("left-out", "What was left out, and why", left_out_section),
    ("reading", "How to read it", reading_section),
    ("checking", "How to check it", checking_section),
    ("opening", "Who may open it", opening_section),
    ("glossary", "Ten words", glossary_section),
    ("records", "Every kind of record", records_section),
)


def render_readme(facts: ReadmeFacts) -> str:
    """Return the page."""
    sections = [(name, title, body) for name, title, make in _SECTIONS if (body := make(facts))]
    title = f"{shorten(facts.heading)}: data archive"
    return render_page(title, masthead(facts), sections, footer=_footer())


def _footer() -> Html:
    format_text = link("FORMAT.md")
    told = f"Legal Portability Archive, format {FORMAT_VERSION}. The format is described in full in "
    return element("p", told, format_text, ", beside this page. This page needs no network and runs no program.")
