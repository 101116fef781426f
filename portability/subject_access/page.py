"""The pages of subject access: one for the person, one for whoever decides; nothing fetched, no script, all escaped."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from portability.formats.readme.markup import Content, Html, element, join, table
from portability.subject_access.items import FLAGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from portability.subject_access.collecting import Collection
    from portability.subject_access.items import Item

__all__ = ["bundle_page", "draft_page"]

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
h1, h2, h3 { line-height: 1.25; }
h3 { margin-bottom: .2rem; }
dl { display: grid; grid-template-columns: minmax(8rem, 14rem) 1fr; gap: .1rem 1rem; margin: .2rem 0 1rem; }
dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; white-space: pre-wrap; }
.table { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { border-bottom: 1px solid; padding: .3rem .6rem; text-align: left; vertical-align: top; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.flags { border-left: .4rem solid; padding-left: .6rem; }
.skip:not(:focus) { position: absolute; left: -999rem; }
@media (max-width: 36rem) { dl { grid-template-columns: 1fr; } }
""".strip()
_TITLES = {"document file": "Documents", "contact": "Who you are"}


def bundle_page(
    collection: Collection, shown: Iterable[Item], placed: Mapping[str, str], counts: Mapping[str, int]
) -> str:
    """Return the page for the person."""
    name = collection.name or f"contact {collection.contact}"
    body = [
        element("h1", "Your personal data"),
        element("p", "What the firm's system holds about ", element("strong", name), "."),
        _counted(counts),
        *_sections(shown, placed),
    ]
    return _page(f"Personal data of {name}", body)


def draft_page(collection: Collection) -> str:
    """Return the page for whoever decides; it is not for the person."""
    name = collection.name or f"contact {collection.contact}"
    rows = [(FLAGS[flag], f"{sum(flag in i.flags for i in collection.items):,}") for flag in FLAGS]
    body = [
        element("h1", "To be decided before release"),
        element(
            "p",
            element("strong", "For the firm alone."),
            f" All that was found about {name}, and why some needs a look.",
        ),
        table("Why items need a look", ("Reason", "Items"), rows),
        *_sections(collection.items, {}, with_flags=True),
    ]
    return _page(f"Draft: {name}", body)


def _page(title: str, body: Iterable[Content]) -> str:
    head = join(
        [
            Html('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
            element("title", title),
            element("style", Html(_STYLE)),
        ]
    )
    skip = element("a", "Skip to the content", href="#content", class_="skip")
    page = element(
        "html", element("head", head), element("body", skip, element("main", *body, id="content")), lang="en"
    )
    return f"<!doctype html>\n{page}\n"


def _counted(counts: Mapping[str, int]) -> Html:
    told = f"{counts['released']:,} items are here."
    if counts["withheld"]:
        told += (
            f" {counts['withheld']:,} more were found and are withheld, because the law lets or makes the firm do so."
        )
    if counts["redacted"]:
        told += f" {counts['redacted']:,} are shown in part: “[redacted]” stands where something was taken out."
    return element("p", told + " Everything stands once more in data.json and, as tables, in the folder csv.")


def _sections(items: Iterable[Item], placed: Mapping[str, str], *, with_flags: bool = False) -> Iterator[Html]:
    ordered = sorted(items, key=lambda item: (item.entity != "contact", item.entity == "document file", item.entity))
    for entity, group in groupby(ordered, key=lambda item: item.entity):
        found = list(group)
        title = _TITLES.get(entity, entity.replace("_", " ").capitalize())
        yield element(
            "section", element("h2", f"{title} ({len(found):,})"), *(_item(i, placed, with_flags) for i in found)
        )


def _item(item: Item, placed: Mapping[str, str], with_flags: bool) -> Html:  # noqa: FBT001 -- a private shorthand
    parts: list[Content] = []
    if item.file is not None:
        target = placed.get(item.name)
        name = item.file_name or item.id
        shown = element("a", name, href=target) if target is not None else element("span", name)
        parts.append(element("h3", shown))
    else:
        parts.append(element("h3", f"{item.entity.replace('_', ' ').capitalize()} {item.id}"))
    if with_flags and item.flags:
        parts.append(element("p", f"{', '.join(item.flags)}: {'; '.join(item.why)}", class_="flags"))
    elif item.ground == "mention":
        parts.append(element("p", "Your name, address or number stands in this text; it may be somebody else's."))
    pairs = [(element("dt", v.name.replace("_", " ")), element("dd", v.text)) for v in item.values if v.name != "id"]
    parts.append(element("dl", *(part for pair in pairs for part in pair)) if pairs else Html(""))
    return element("article", *parts)
