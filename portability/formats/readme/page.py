"""The page around the sections: head, contents, foot. It needs no script, no network and no font."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from string import Template

from portability.formats.readme.markup import Html, element, join

__all__ = ["Section", "render_page", "template"]

Section = tuple[str, str, Html]  # name, heading, body


def render_page(title: str, masthead: Html, sections: Sequence[Section], *, footer: Html) -> str:
    """Return the page."""
    links = [element("li", element("a", heading, href=f"#{name}")) for name, heading, _ in sections]
    main = [
        element("section", element("h2", heading, id=f"{name}-title"), body, id=name, aria_labelledby=f"{name}-title")
        for name, heading, body in sections
    ]
    return Template(template("page.html")).substitute(
        title=element("title", title),
        style=template("page.css"),
        masthead=masthead,
        contents=element("nav", element("ul", *links), aria_label="On this page"),
        main=join(main),
        footer=footer,
    )


def template(name: str) -> Html:
    """Return markup that ships with the product."""
    folder = resources.files("portability.formats").joinpath("templates")
    return Html(folder.joinpath(name).read_text(encoding="utf-8"))
