"""Reading manifest.json, which somebody else wrote: bounded, canonical, of a version that this program knows.

``parse_manifest`` does all of it in order; its parts are public for the verifier, which has a code for each. Nothing
here checks a signature: whoever reads a manifest checks that first, over the file's exact bytes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec
import rfc8785

from portability.errors import SealError
from portability.limits import DEFAULT_LIMITS, Limits
from portability.sealing.contradictions import iter_contradictions
from portability.sealing.manifest import FORMAT, MANIFEST_JSON, VERSION, SealedManifest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["canonical_json", "known_version", "manifest_of", "parse_json", "parse_manifest"]

_DEPTH_MAX = 16  # a manifest has four levels
_HOLDERS_MORE = 1_000  # objects and lists beside files, envelopes and recipients: a handful, and what is to come
_VALUES_EACH = 6  # an object has at most four; envelopes name five recipients


def canonical_json(value: object) -> bytes:
    """Write plain JSON values, or one of the wire types, as RFC 8785 has it; integers and text only.

    Raises:
        SealError: A number is not exact in every reader, a text is no Unicode, or the nesting is too deep.
    """
    try:
        plain = msgspec.to_builtins(value)
        _refuse_inexact(plain, 0)
        return rfc8785.dumps(plain)
    except (rfc8785.CanonicalizationError, TypeError, ValueError, RecursionError) as error:
        raise SealError("cannot be written as canonical JSON", place=MANIFEST_JSON) from error


def _refuse_inexact(value: object, depth: int) -> None:
    if depth > _DEPTH_MAX or isinstance(value, float):
        raise ValueError
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    for each in inner:
        _refuse_inexact(each, depth + 1)


def parse_json(data: bytes, limits: Limits = DEFAULT_LIMITS) -> object:
    """Return the plain values of a manifest's bytes.

    Raises:
        SealError: Too large, not JSON in UTF-8, or with numbers that are no integers.
    """
    if len(data) > limits.json_bytes_max:
        raise SealError(f"is larger than the limit of {limits.json_bytes_max} bytes", place=MANIFEST_JSON)
    _refuse_crowded(data, limits)
    try:
        return json.loads(data.decode("utf-8"), parse_float=_refuse, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise SealError("is not JSON of integers and text", place=MANIFEST_JSON) from error


def _refuse_crowded(data: bytes, limits: Limits) -> None:
    """Refuse what parsed takes many times its length: a list of nothing is two bytes here, and sixty in memory.

    Brackets and commas are counted wherever they stand, in texts too, so the bounds leave room above what the form has.
    """
    holders = limits.sealed_files_max + 2 * limits.envelopes_max + limits.recipients_max + _HOLDERS_MORE
    found = data.count(b"{") + data.count(b"[")
    if found > holders or data.count(b",") > _VALUES_EACH * holders:
        raise SealError("holds more objects and values than a manifest can have", place=MANIFEST_JSON)


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)


def known_version(plain: object) -> tuple[bool, str]:
    """Tell whether a manifest's format and major version are known, and what it says of them."""
    found = plain if isinstance(plain, dict) else {}
    name, version = str(found.get("format", "none"))[:80], str(found.get("version", "none"))[:80]
    major = version.split(".")[0]
    return name == FORMAT and major == VERSION.split(".")[0], f"{name} {version}"


def manifest_of(plain: object) -> SealedManifest:
    """Return plain values as a manifest; fields that this version does not know are ignored.

    Raises:
        SealError: Not of this shape; the message names the field.
    """
    try:
        return msgspec.convert(plain, SealedManifest)
    except (msgspec.ValidationError, RecursionError) as error:
        raise SealError(f"is not a manifest: {error}", place=MANIFEST_JSON) from error


def parse_manifest(data: bytes, limits: Limits = DEFAULT_LIMITS) -> SealedManifest:
    """Read a manifest's exact bytes.

    Raises:
        SealError: Not canonical JSON, of another format or version, of another shape, or at odds with itself.
    """
    plain = parse_json(data, limits)
    if canonical_json(plain) != data:
        raise SealError(
            "is not canonical JSON", place=MANIFEST_JSON, hint="Copy it again; an editor may have changed it."
        )
    known, version = known_version(plain)
    if not known:
        hint = "Use a version of this program that knows it."
        raise SealError(f"is of a format that this program does not read: {version}", place=MANIFEST_JSON, hint=hint)
    manifest = manifest_of(plain)
    for fault in _first(iter_contradictions(manifest, limits)):
        raise SealError(f"contradicts itself: {fault.detail}", place=fault.place)
    return manifest


def _first(found: Iterator[Any]) -> Iterator[Any]:
    yield from (each for each, _ in zip(found, range(1), strict=False))
