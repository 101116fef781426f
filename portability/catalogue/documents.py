"""Documents as the catalogue keeps and hashes them: RFC 8785 JSON of text, integers, lists and objects."""

from __future__ import annotations

import hashlib
from typing import Any, cast

import rfc8785

__all__ = ["canonical_text", "sha256_text"]


def canonical_text(value: object) -> str:
    """Write plain JSON values in their one form.

    Raises:
        ValueError: A number is not exact everywhere, a key is no text, or a text is no Unicode.
    """
    _refuse_inexact(value)
    try:
        return rfc8785.dumps(cast("Any", value)).decode("utf-8")
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise ValueError("cannot be written as canonical JSON") from error


def _refuse_inexact(value: object) -> None:
    if isinstance(value, float):
        raise ValueError("a floating-point number")  # noqa: TRY004 -- of a document's value, not of an argument
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    for each in inner:
        _refuse_inexact(each)


def sha256_text(text: str) -> str:
    """Return the SHA-256 of a text's UTF-8 bytes, in hex."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
