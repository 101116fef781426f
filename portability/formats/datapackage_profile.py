"""Our profile of Data Package version 2: what a datapackage.json of an archive must be, and the check of it.

The profile is datapackage.schema.json (JSON Schema 2020-12), beside this module and in every archive. It refers to
nothing outside itself, so checking fetches nothing, whatever a document says.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

__all__ = ["PERSONAL_DATA_CLASSES", "PROFILE_PATH", "profile_bytes", "validate_datapackage"]

PERSONAL_DATA_CLASSES = ("none", "personal", "financial", "special_category", "privileged")
"""The least restrictive first."""

PROFILE_PATH = "schema/datapackage.schema.json"
"""Where an archive carries the profile, below ``data/``."""

_PROBLEMS_MAX = 200
_TEXT_MAX = 160  # a hostile document's values are not repeated at length


def profile_bytes() -> bytes:
    """Return our profile, for an archive to carry at ``PROFILE_PATH``."""
    return resources.files("portability.formats").joinpath("datapackage.schema.json").read_bytes()


def validate_datapackage(document: object, *, problems_max: int = _PROBLEMS_MAX) -> list[str]:
    """Check a document against the profile, and its names against each other.

    Args:
        document: What datapackage.json holds, as plain JSON values.
        problems_max: Problems listed before the rest is only counted.

    Returns:
        One sentence for each problem, with its place first; empty when there is none.
    """
    found = [_sentence(error) for error in _validator().iter_errors(document)]
    # Names can be compared only where the shape is right.
    problems = sorted(found) or list(_wrong_names(document))
    left = len(problems) - problems_max
    return [*problems[:problems_max], f"and {left} more"] if left > 0 else problems


@functools.cache
def _validator() -> Draft202012Validator:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 -- a tenth of a start, and only who verifies checks one

    schema = json.loads(profile_bytes())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def _sentence(error: ValidationError) -> str:
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
    message = "must not be here" if error.validator == "not" else error.message
    message = message if len(message) <= _TEXT_MAX else f"{message[:_TEXT_MAX]} ..."
    return f"{place.lstrip('.') or 'the document'}: {message}"


class _Field(msgspec.Struct):
    name: str


class _Reference(msgspec.Struct):
    fields: list[str]
    resource: str | None = None


class _ForeignKey(msgspec.Struct):
    fields: list[str]
    reference: _Reference


class _Schema(msgspec.Struct, rename="camel"):
    fields: list[_Field]
    primary_key: list[str] = []
    unique_keys: list[list[str]] = []
    foreign_keys: list[_ForeignKey] = []

    def names(self) -> list[str]:
        return [field.name for field in self.fields]


class _Resource(msgspec.Struct):
    name: str
    path: str
    table: _Schema = msgspec.field(name="schema")
    layer: str = msgspec.field(name="lpa:layer")


class _Package(msgspec.Struct):
    resources: list[_Resource]


def _wrong_names(document: object) -> Iterator[str]:
    package = msgspec.convert(document, _Package)
    by_name = {each.name: each for each in package.resources}
    seen: set[str] = set()
    for number, each in enumerate(package.resources):
        yield from (f"resources[{number}]{problem}" for problem in _wrong_resource(each, by_name, seen))
        seen.add(each.path)


def _wrong_resource(resource: _Resource, by_name: Mapping[str, _Resource], seen: set[str]) -> Iterator[str]:
    own = resource.table.names()
    if resource.path in seen:
        yield ".path: stands twice"
    if resource.name != resource.path.removesuffix(".parquet").replace("/", "."):
        yield ".name: is not the path with dots"
    if resource.layer != resource.path.partition("/")[0]:
        yield ".lpa:layer: is not the path's"
    if len(set(own)) != len(own):
        yield ".schema.fields: a name stands twice"
    for columns in [resource.table.primary_key, *resource.table.unique_keys]:
        if not set(columns) <= set(own):
            yield f".schema: a key names a field that does not exist: {', '.join(columns)[:_TEXT_MAX]}"
    for number, key in enumerate(resource.table.foreign_keys):
        if problem := _wrong_reference(key, resource, by_name):
            yield f".schema.foreignKeys[{number}]: {problem}"


def _wrong_reference(key: _ForeignKey, resource: _Resource, by_name: Mapping[str, _Resource]) -> str:
    target = resource if key.reference.resource is None else by_name.get(key.reference.resource)
    if target is None:
        return "refers to a resource that does not exist"
    if len(key.fields) != len(key.reference.fields):
        return "has not as many fields as it refers to"
    if not set(key.fields) <= set(resource.table.names()):
        return "names a field that does not exist"
    if not set(key.reference.fields) <= set(target.table.names()):
        return "refers to a field that does not exist"
    return ""
