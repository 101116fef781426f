"""Reading JSON that somebody else wrote: bounded in size and depth, and refused where two readers could disagree."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from portability.limits import Limits

__all__ = ["StrictJsonError", "parse_strictly"]


class StrictJsonError(ValueError):
    """The document is refused; ``code`` says why and the message adds what is known."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def parse_strictly(data: bytes, limits: Limits) -> object:
    """Return the plain values of a JSON document.

    Raises:
        StrictJsonError: Too large (D202), too deep (D203), a key twice (D204), or not JSON in UTF-8 (D201).
    """
    if len(data) > limits.json_bytes_max:
        raise StrictJsonError("D202", f"{len(data)} bytes")
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_without_doubles, parse_constant=_refuse_constant)
    except StrictJsonError:
        raise
    except RecursionError:
        raise StrictJsonError("D203", "nested too deeply to be read") from None
    except ValueError as error:
        raise StrictJsonError("D201", _reason(error)) from error
    _check_values(value, limits.json_depth_max)
    return value


def _reason(error: ValueError) -> str:
    # A syntax error names line and column; it does not quote the document.
    if isinstance(error, json.JSONDecodeError):
        return str(error)
    return "not UTF-8" if isinstance(error, UnicodeDecodeError) else "a number is out of all bounds"


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = sorted(key for key, _ in pairs)
        doubled = next(key for key, after in itertools.pairwise(names) if key == after)
        raise StrictJsonError("D204", f"key {doubled[:80]!r}")
    return found


def _refuse_constant(name: str) -> None:
    raise StrictJsonError("D201", f"{name} is not JSON")


def _check_values(value: object, depth_max: int) -> None:
    """Refuse depth, and texts that cannot be written as UTF-8: JSON can escape half a surrogate pair."""
    level: list[object] = [value]
    depth = 0
    while level:
        if not all(each.isascii() or _is_text(each) for each in level if isinstance(each, str)):
            raise StrictJsonError("D201", "half a surrogate pair")
        if depth > depth_max:
            raise StrictJsonError("D203", f"nested more than {depth_max} deep")
        level = [inner for each in level for inner in _inner(each)]
        depth += 1


def _is_text(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _inner(value: object) -> list[object]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []
