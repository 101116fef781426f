"""What an opened deposit of class access is worth: its parts are there and right, unpack, and hold their instructions.

Nothing of it is run at any level: what keeps a portal running is started by people, by its instructions.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from portability.archive import DATA, is_safe_path
from portability.errors import FormatError
from portability.escrow.sources.access import ACCESS_JSON, FORMAT, AccessDeposit
from portability.escrow.sources.unpacking import unpack
from portability.limits import Limits
from portability.manifest import read_json

__all__ = ["check_parts", "is_access_bag", "unpack_parts"]


def is_access_bag(root: Path) -> bool:
    """Tell whether an opened deposit says that it is one of class access."""
    return (root / DATA / ACCESS_JSON).is_file()


def check_parts(root: Path, limits: Limits) -> str:
    """Check that every part is there, with the hash that is listed.

    Raises:
        FormatError: One is not.
    """
    deposit = _read(root, limits)
    for part in deposit.parts:
        if not is_safe_path(part.file) or not (root / DATA / part.file).is_file():
            raise FormatError(f"names a file that is not there: {part.file[:200]!r}", place=ACCESS_JSON)
        with (root / DATA / part.file).open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != part.sha256:
                raise FormatError("is not what is listed", place=part.file)
    return f"{len(deposit.parts)} parts, slot {deposit.slot}"


def unpack_parts(root: Path, out: Path, limits: Limits) -> str:
    """Unpack every part into a folder that does not exist, and look for the instructions.

    Raises:
        FormatError: One cannot be unpacked, or the instructions are in none.
    """
    deposit = _read(root, limits)
    for part in deposit.parts:
        if "/" in part.name or part.name in ("", ".", ".."):
            raise FormatError("has a part without a name", place=ACCESS_JSON)
        unpack(root / DATA / part.file, out / part.name, limits)
    if deposit.instructions is None:
        return "unpacked in an empty folder"
    name, _, path = deposit.instructions.partition("/")
    # A part that is one file is that file, under its own name.
    found = (out / name / path) if path else next(iter(sorted((out / name).glob("*"))), out / name)
    if not found.resolve().is_relative_to(out.resolve()) or not found.is_file():
        raise FormatError(f"the instructions are not there: {deposit.instructions[:200]}", place=ACCESS_JSON)
    return f"unpacked in an empty folder; instructions: {deposit.instructions}; nothing of it was run"


def _read(root: Path, limits: Limits) -> AccessDeposit:
    try:
        deposit = read_json(root / DATA / ACCESS_JSON, AccessDeposit, size_bytes_max=limits.json_bytes_max)
    except msgspec.MsgspecError:
        raise FormatError("is not as it must be", place=ACCESS_JSON) from None
    if deposit.format != FORMAT or not deposit.version.startswith("1.") or not deposit.parts:
        raise FormatError("is not of a version that is known", place=ACCESS_JSON)
    return deposit
