"""What an interrupted upload left in a committed deposit, of which it is no part: moved out of it, never deleted."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from pathlib import Path

__all__ = ["LEFTOVERS", "put_aside"]

LEFTOVERS = ".leftovers"
_PART = re.compile(r".+\.part", re.DOTALL)


def put_aside(deposit: Path) -> list[str]:
    """Move ``.part`` files into the folder for them beside the deposit; return which, relative to the deposit.

    The vendor's login can write here: the folder is held open, and is no link that leads elsewhere.

    Raises:
        OSError: Something else has the folder's name, or a file cannot be moved.
    """
    left = [each for each in deposit.rglob("*") if _PART.fullmatch(each.name) and not each.is_dir()]
    if not left:
        return []
    aside = deposit.parent / LEFTOVERS
    with contextlib.suppress(FileExistsError):  # an earlier run's, or somebody else's, which is not opened below
        aside.mkdir(mode=0o700)
    folder = os.open(aside, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        for each in left:
            name = each.relative_to(deposit.parent).as_posix().replace("/", "-")
            os.rename(each, _free_name(folder, name), dst_dir_fd=folder)
    finally:
        os.close(folder)
    return [str(each.relative_to(deposit)) for each in left]


def _free_name(folder: int, name: str) -> str:
    taken = set(os.listdir(folder))
    return next(each for n in itertools.count() if (each := f"{n}-{name}") not in taken)
