"""Numbers in front of nouns, and the first few of many, as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["counted", "first_few"]

_FEW = 5


def counted(count: int, singular: str, plural: str = "") -> str:
    """Write a number with its noun; the plural has an s where none is given.

    Examples:
        >>> [counted(1, "row"), counted(1204, "row"), counted(0, "entity", "entities")]
        ['1 row', '1,204 rows', '0 entities']
    """
    return f"{count:,} {singular if count == 1 else plural or f'{singular}s'}"


def first_few(texts: Sequence[str], *, between: str = "; ") -> str:
    """Join the first few of many texts, for a message whose details have all of them.

    Examples:
        >>> first_few(["a", "b", "c", "d", "e", "f", "g"], between=", ")
        'a, b, c, d, e, and 2 more'
    """
    rest = len(texts) - _FEW
    return between.join([*texts[:_FEW], *([f"and {rest:,} more"] if rest > 0 else [])])
