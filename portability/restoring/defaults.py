"""Defaults that mean the same in every DBMS: numbers, texts, true and false."""

from __future__ import annotations

import re

from portability.formats.ddl.dialect import PlannedColumn, quoted_text
from portability.manifest import Column

__all__ = ["plain_default"]

_NUMBER = re.compile(r"\(?'?([+-]?\d{1,18}(?:\.\d{1,10})?)'?\)?(?:::[a-z ]+(?:\([0-9, ]+\))?)?")
_TEXT = re.compile(r"'((?:[^'\\]|'')*)'(?:::[a-z ]+(?:\(\d+\))?)?")
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def plain_default(column: Column, planned: PlannedColumn, dbms: str) -> str:
    """Return SQL of the column's default in a DBMS of another kind; nothing when it means something of its own."""
    text = (column.default or "").strip()
    kind = planned.shape.kind
    if kind == "boolean" and text.lower() in _BOOLEANS:
        value = _BOOLEANS[text.lower()]
        return str(int(value)) if dbms in ("mariadb", "sqlite") else str(value).upper()
    if kind in ("integer", "decimal", "float") and (found := _NUMBER.fullmatch(text)):
        # A decimal that is text here is text as a default too.
        return quoted_text(found[1]) if "TEXT" in planned.type.upper() else found[1]
    if kind == "text" and (found := _TEXT.fullmatch(text)):
        return quoted_text(found[1].replace("''", "'"))
    return ""
