"""What a pseudonymised export makes of each source column, decided before a row is read. It fails closed.

A column's personal-data class is that of the canonical fields that it feeds, as the coverage says. A text that feeds
no field is of no known class, and goes; so do the fields of class privileged and special_category: free text and
opinions. What has a kind of pseudonym gets one. Keys stay, or become pseudonyms together with every column that refers
to them. Money, quantities and codes stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portability.errors import FormatError
from portability.model import PD_CLASSES
from portability.scoping.redaction_pseudonyms import KINDS

if TYPE_CHECKING:
    from portability.manifest import SourceSchema
    from portability.model import Field, Model

__all__ = ["UNKNOWN", "Place", "Targets", "Verdict", "text_width", "verdicts"]

Place = tuple[str, str, str]
"""Schema, table and column."""

Targets = Mapping[Place, Iterable[str]]
"""The canonical fields ``entity.field`` that each source column feeds."""

UNKNOWN = "unknown"
"""The class of a column that feeds no field."""

_OF_PEOPLE = ("personal", "special_category", "privileged")
_GONE = ("special_category", "privileged")  # never pseudonymised: what they say would still be said
# Pseudonyms by field, whatever the entity; by entity where the field's name alone says too little.
_KINDS: dict[str, str] = {
    **dict.fromkeys(("display_name", "given_name", "family_name", "middle_names", "preferred_name"), "name"),
    **dict.fromkeys(("salutation", "previous_names", "released_to", "checked_out_to", "user_label"), "name"),
    **dict.fromkeys(("organisation_name", "trading_name"), "organisation"),
    "initials": "initials",
    **dict.fromkeys(("email", "from_address", "to_addresses", "cc_addresses", "bcc_addresses", "attendees"), "email"),
    **dict.fromkeys(("phone", "fax"), "phone"),
    **dict.fromkeys(("line1", "line2", "line3", "address_lines", "town", "county", "place_of_birth"), "address"),
    "postcode": "postcode",
    **dict.fromkeys(("date_of_birth", "date_of_death", "started_on", "left_on"), "date"),
    **dict.fromkeys(("national_insurance_number", "company_number", "regulator_id", "uprn"), "reference"),
    **dict.fromkeys(("client_number", "matter_number", "bill_number", "reference", "client_reference"), "reference"),
    **dict.fromkeys(("court_case_number", "provider_reference", "sort_code", "account_number"), "reference"),
    **dict.fromkeys(("iban", "bic", "message_id", "bank_details"), "reference"),
    "firm.name": "organisation",
    "matter.folder_root": "",  # of class none, but such paths are made of numbers and names
    "login_name": "key",
}
# Where a column feeds fields of two kinds, the first of these is taken.
KINDS_BY_RANK = ("key", "organisation", *(kind for kind in KINDS if kind not in {"key", "organisation"}))
_POINTS = ("contact_point.value", "contact_point.normalised_value")
# A means of contact is told by its column's name; one that is not is taken for a reference, whose shape stays.
_POINT_HINTS = (("mail", "email"), ("web", "web"), ("url", "web"), ("tel", "phone"), ("phone", "phone"))
_MORE_HINTS = (("mob", "phone"), ("fax", "phone"), ("ddi", "phone"))


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What becomes of a column's text: ``keep``, ``redact`` or ``pseudonymise`` (then ``kind``); its class, and why.

    ``is_personal`` is whether numbers and dates in it are treated too: keys and what only extras hold are not.
    """

    do: str
    pd: str
    why: str
    kind: str = ""
    is_personal: bool = False
    is_document: bool = False


_WIDTH = re.compile(r"\b(?:n?(?:var)?char|character(?: varying)?|n?varchar2|bpchar)\s*\((\d+)\)", re.IGNORECASE)
_CODE_WIDTH_MAX = 8  # characters of a text that is taken for a code when it feeds a code list


def verdicts(source: SourceSchema, targets: Targets, model: Model) -> dict[Place, Verdict]:
    """Return the verdict on every column that is carried."""
    places = [
        (t.schema, t.name, c.name)
        for t in source.tables
        if t.excluded is None
        for c in t.columns
        if c.carried != "excluded"
    ]
    fed = {place: list(_fed(targets.get(place, ()), model)) for place in places}
    codes = {
        (t.schema, t.name, c.name)
        for t in source.tables
        for c in t.columns
        if (text_width(c.native_type) or _CODE_WIDTH_MAX + 1) <= _CODE_WIDTH_MAX
    }
    found = {place: _verdict(place, fed[place], is_short=place in codes) for place in places}
    families = _families(source, fed)
    own = {place for place in places if any(each.name == "id" for _, each in fed[place])}
    treated = {families.find(p) for p in own if _contents(fed[p]) and found[p].do != "keep"}
    for place in places:
        if place not in families.parent or (_contents(fed[place]) and place not in own):
            continue  # what it says of its own decides
        if families.find(place) in treated:
            why = "a key that says who somebody is"
            found[place] = Verdict(do="pseudonymise", kind="key", pd=found[place].pd, why=why)
        elif not _contents(fed[place]):
            found[place] = Verdict(do="keep", pd=found[place].pd, why="a key that says nothing of its own")
    return found


def text_width(native_type: str) -> int | None:
    """Return how many characters a column holds by its declaration; None where it says nothing of it."""
    found = _WIDTH.search(native_type)
    return int(found[1]) if found else None


def _fed(names: Iterable[str], model: Model) -> Iterator[tuple[str, Field]]:
    """Yield entity and field; conditions and unreadable values name none, the source key is the id once more."""
    for name in names:
        entity, _, wanted = name.partition(".")
        if wanted in {"source_key", "unreadable", "(condition)"}:
            continue
        try:
            yield entity, model.entity(entity).field(wanted)
        except (FormatError, KeyError):
            continue


def _contents(fed: list[tuple[str, Field]]) -> list[tuple[str, Field]]:
    """The fields that say something of their own: neither an id nor a reference."""
    return [(entity, each) for entity, each in fed if each.name != "id" and each.ref is None]


def _verdict(place: Place, fed: list[tuple[str, Field]], *, is_short: bool) -> Verdict:
    if not fed:
        return Verdict(do="redact", pd=UNKNOWN, why="feeds no field, so its class is not known")
    contents = _contents(fed)
    pd = max((each.pd for _, each in fed), key=PD_CLASSES.index)
    is_document = any(each.ref == "file_object" for _, each in fed)
    if not contents:
        return Verdict(do="keep", pd=pd, why="a key that says nothing of its own", is_document=is_document)
    said = [(entity, each) for entity, each in contents if each.name != "extras"]
    worst = max((each.pd for _, each in contents), key=PD_CLASSES.index)
    kinds = {_kind(place[2], entity, each) for entity, each in said}
    gone = [f"{e}.{f.name}" for e, f in said if f.pd in _GONE or _KINDS.get(f"{e}.{f.name}", f.name) == ""]
    is_personal = len(contents) == len(fed) and any(each.pd in _OF_PEOPLE for _, each in said)
    kind = next((k for k in KINDS_BY_RANK if k in kinds), "")
    do, why = "redact", f"feeds {', '.join(gone[:1]) or _names(contents)}"
    if is_short and any(each.code_values for _, each in said):
        do, why = "keep", f"a code: feeds {_names([f for f in said if f[1].code_values])}"
    elif all(each.pd in {"none", "financial"} and each.type.startswith("decimal") for _, each in contents):
        do, why = "keep", f"money or a quantity: feeds {_names(contents)}"
    elif kind and not gone:
        do = "pseudonymise"
    elif worst == "none" and not gone:
        do, why = "keep", f"feeds {_names(contents)}, of class none"
    kind = kind if do == "pseudonymise" else ""
    return Verdict(do=do, kind=kind, pd=worst, why=why, is_personal=is_personal, is_document=is_document)


def _names(fed: list[tuple[str, Field]]) -> str:
    return ", ".join(f"{entity}.{each.name}" for entity, each in fed[:3])


def _kind(column: str, entity: str, each: Field) -> str:
    name = f"{entity}.{each.name}"
    if name in _POINTS:
        lowered = column.casefold()
        return next((kind for part, kind in (*_POINT_HINTS, *_MORE_HINTS) if part in lowered), "reference")
    return _KINDS.get(name) or _KINDS.get(each.name, "")


@dataclass(kw_only=True)
class _Families:
    """Columns that hold each other's keys: the same text must stay the same text in all of them."""

    parent: dict[Place, Place] = field(default_factory=dict)

    def find(self, place: Place) -> Place:
        while self.parent.setdefault(place, place) != place:
            place = self.parent[place]
        return place

    def join(self, first: Place, second: Place) -> None:
        self.parent[self.find(first)] = self.find(second)


def _families(source: SourceSchema, fed: Mapping[Place, list[tuple[str, Field]]]) -> _Families:
    families = _Families()
    for table in source.tables:
        for key in table.foreign_keys:
            for mine, theirs in zip(key.columns, key.target_columns, strict=False):
                pair = (table.schema, table.name, mine), (key.target_schema, key.target_table, theirs)
                if pair[0] in fed and pair[1] in fed:
                    families.join(*pair)
    feeders: dict[tuple[str, str, str, str], list[Place]] = {}
    for place, fields in fed.items():
        for entity, each in fields:
            target = entity if each.name == "id" else each.ref
            if target is not None and target != "file_object":
                feeders.setdefault((*place[:2], f"{entity}.{each.name}", target), []).append(place)
    for (_, _, _, target), parts in feeders.items():
        if len(parts) == 1:  # the parts of a composed key are no keys of that entity
            families.join(parts[0], ("", "", target))
    return families
