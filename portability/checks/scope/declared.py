"""What an archive of a scope declares: the scope, the keys to follow, and what the export says it did with each table.

Three documents of the archive, read here anew and by nobody else's code: ``scope.json``, the ``scope:`` section of
``map/profile.yaml``, and ``schema/scope.json``. The last one is a claim, which the rows are held against.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import rfc8785
import yaml

from portability.checks.case import open_regular
from portability.checks.strict_json import StrictJsonError, parse_strictly

if TYPE_CHECKING:
    from portability.checks.case import Case

__all__ = [
    "NARROW_KINDS",
    "PROFILE_YAML",
    "SCOPE_JSON",
    "TREATMENTS_JSON",
    "DeclaredKey",
    "Rules",
    "Scope",
    "Treatments",
    "read_rules",
    "read_scope",
    "read_treatments",
]

SCOPE_JSON = "scope.json"
TREATMENTS_JSON = "schema/scope.json"
PROFILE_YAML = "map/profile.yaml"
NARROW_KINDS = ("client", "matter", "contact")
KINDS = ("tenant", *NARROW_KINDS)


class _Value(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    name: str | None = None
    key: str | None = None


_DATES = {"first": "from", "last": "to"}


class _Dates(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, rename=_DATES):
    first: str | None = None
    last: str | None = None


class Scope(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``scope.json``: every restriction that stands there holds; of a list, one entry."""

    scope: str
    version: str
    tenant: tuple[_Value, ...] = ()
    client: tuple[_Value, ...] = ()
    matter: tuple[_Value, ...] = ()
    contact: tuple[_Value, ...] = ()
    dates: _Dates | None = None
    entities: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    fields: dict[str, tuple[str, ...]] = {}
    columns: dict[str, tuple[str, ...]] = {}

    def named(self, kind: str) -> tuple[_Value, ...]:
        """The rows named of a kind."""
        found: tuple[_Value, ...] = getattr(self, kind)
        return found

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of which rows are named."""
        return tuple(kind for kind in KINDS if self.named(kind))


def read_scope(content: bytes) -> Scope:
    """Read a scope in its canonical form.

    Raises:
        ValueError: It is no scope, or not in that form; the message says which.
    """
    found = msgspec.json.decode(content, type=Scope)
    if rfc8785.dumps(msgspec.json.decode(content)) != content:
        message = "is not in canonical form (RFC 8785)"
        raise ValueError(message)
    return found


@dataclass(frozen=True, kw_only=True)
class DeclaredKey:
    """A key of the profile: ``table`` is empty where columns of that name are meant in any table; no ``to``: no key."""

    table: str
    columns: tuple[str, ...]
    to_table: str = ""
    to_columns: tuple[str, ...] = ()
    when: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Root:
    """The table whose rows a kind names."""

    table: str
    key: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The ``scope:`` section of a profile; names as it writes them."""

    roots: dict[str, Root] = field(default_factory=dict)
    keys: tuple[DeclaredKey, ...] = ()
    owner: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=dict)
    referred: dict[str, str] = field(default_factory=dict)
    outside: dict[str, str] = field(default_factory=dict)
    dates: dict[str, str] = field(default_factory=dict)
    undated: dict[str, str] = field(default_factory=dict)
    mixed: dict[str, str] = field(default_factory=dict)
    mentions: dict[str, str] = field(default_factory=dict)


def read_rules(case: Case) -> Rules:
    """Read the profile's section from the archive; one that says nothing gives rules that know no key.

    Raises:
        ValueError: It cannot be read.
    """
    if PROFILE_YAML not in case.payload.files:
        return Rules()
    with open_regular(case.data / PROFILE_YAML) as stream:
        content = stream.read(case.limits.tag_file_bytes_max + 1)
    if len(content) > case.limits.tag_file_bytes_max:
        message = f"{PROFILE_YAML} is larger than the limit of {case.limits.tag_file_bytes_max} bytes"
        raise ValueError(message)
    try:
        section: dict[str, Any] = (yaml.safe_load(content) or {}).get("scope") or {}
        return _rules(section)
    except (yaml.YAMLError, AttributeError, TypeError, KeyError, RecursionError, UnicodeDecodeError) as error:
        message = f"{PROFILE_YAML} has no section that can be read: {type(error).__name__}"
        raise ValueError(message) from error


def _rules(section: dict[str, Any]) -> Rules:
    roots = {
        str(kind): Root(table=str(each["table"]), key=str(each["key"]), name=str(each.get("name") or each["key"]))
        for kind, each in (section.get("roots") or {}).items()
    }
    keys = [key for place, target in (section.get("keys") or {}).items() for key in _keys(str(place), target)]
    owner = {
        str(table): {str(kind): _listed(columns) for kind, columns in dict(kinds).items()}
        for table, kinds in (section.get("owner") or {}).items()
    }
    texts = {
        name: {str(key): str(value) for key, value in (section.get(name) or {}).items()}
        for name in ("shared", "referred", "outside", "dates", "undated", "mixed", "mentions")
    }
    return Rules(roots=roots, keys=tuple(keys), owner=owner, **texts)


def _listed(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list) else (str(value),)


def _keys(place: str, target: object) -> list[DeclaredKey]:
    table, columns = _split(place)
    if target is None:
        return [DeclaredKey(table=table, columns=columns)]
    found = []
    for each in target if isinstance(target, list) else [target]:
        entry: dict[str, Any] = each if isinstance(each, dict) else {"to": each}
        to_table, to_columns = _split(str(entry["to"]))
        when = tuple((str(name), str(value)) for name, value in (entry.get("when") or {}).items())
        found.append(DeclaredKey(table=table, columns=columns, to_table=to_table, to_columns=to_columns, when=when))
    return found


def _split(place: str) -> tuple[str, tuple[str, ...]]:
    """``T.A,B`` -> table and columns; no table where there is no dot."""
    table, _, columns = place.rpartition(".")
    return table.strip(), tuple(column.strip() for column in columns.split(","))


class _Treated(msgspec.Struct, frozen=True, kw_only=True):
    table: str
    treatment: str


class Treatments(msgspec.Struct, frozen=True, kw_only=True):
    """``schema/scope.json``, as far as it is held against the rows."""

    tables: tuple[_Treated, ...]
    sha256: str


def read_treatments(case: Case) -> Treatments:
    """Read what the export says it did.

    Raises:
        ValueError: It is missing or cannot be read.
    """
    if TREATMENTS_JSON not in case.payload.files:
        message = f"{TREATMENTS_JSON} is missing"
        raise ValueError(message)
    with open_regular(case.data / TREATMENTS_JSON) as stream:
        content = stream.read(case.limits.json_bytes_max + 1)
    try:
        return msgspec.convert(parse_strictly(content, case.limits), Treatments)
    except (StrictJsonError, msgspec.ValidationError) as error:
        message = f"{TREATMENTS_JSON}: {error}"
        raise ValueError(message) from error
