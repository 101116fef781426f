"""A depository that somebody else runs: what is committed there is copied into a folder of the agent's, and received.

The copy is the agent's backup as well. What was copied before is compared again: manifests and their signatures byte by
byte, all other files by size. Receipts go back into the depository; nothing there is changed or deleted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from portability.depositories import Depository, DepositoryConfig, PutRequest, download, read_small
from portability.errors import ConfigError
from portability.escrow.receiving.findings import Found, finding
from portability.escrow.signed_files import read_bounded
from portability.limits import DEFAULT_LIMITS
from portability.sealing.manifest import MANIFEST_JSON, MANIFEST_SIGNATURE
from portability.yaml_files import read_yaml

__all__ = ["Mirrored", "load_depository", "mirror", "put_receipts"]

_FILE = re.compile(r"([a-z0-9][a-z0-9_-]{0,63})/([0-9]{6})/(.+)")


@dataclass(frozen=True, kw_only=True)
class Mirrored:
    """What a run copied, and what there is not as it was copied before."""

    copied: tuple[str, ...]
    findings: tuple[Found, ...]


def load_depository(path: Path) -> DepositoryConfig:
    """Read a depository's file: ``name``, ``url``, ``login`` and so on, as in a job (docs/depositories.md).

    Raises:
        ConfigError: It cannot be read, or says something that no depository has.
    """
    document = read_yaml(path)
    unknown = {*document.content} - {*DepositoryConfig.__dataclass_fields__} if document.content else {"nothing"}
    for name in sorted(unknown):
        raise document.fault((name,), "is not a field of a depository")
    try:
        return msgspec.convert(document.content, DepositoryConfig, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise ConfigError(str(error), place=str(path)) from None


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise ValueError("is not what it must be")


def mirror(depository: Depository, folder: Path, progress: Callable[[str], None] = lambda _: None) -> Mirrored:
    """Copy what is committed and not yet here, and compare the rest.

    Raises:
        DepositoryError: It cannot be read.
        ConfigError: The folder cannot be written.
    """
    if not folder.is_dir():
        raise ConfigError("there is no such folder", place=str(folder), hint="Make it; it becomes your copy.")
    there: dict[tuple[str, str], dict[str, int]] = {}
    for each in depository.list():
        if found := _FILE.fullmatch(each.name):
            there.setdefault((found[1], found[2]), {})[found[3]] = each.size_bytes
    copied, findings = [], list[Found]()
    for (agreement, number), files in sorted(there.items()):
        if MANIFEST_SIGNATURE not in files:
            continue
        prefix, target = f"{agreement}/{number}", folder / agreement / number
        if target.is_dir():
            findings += _compare(depository, prefix, files, target)
            continue
        progress(f"copying {prefix}")
        target.parent.mkdir(exist_ok=True)
        download(depository, prefix, target)
        copied.append(prefix)
    for path in sorted(folder.glob("*/[0-9][0-9][0-9][0-9][0-9][0-9]")):
        if (path.parent.name, path.name) not in there:
            findings.append(finding("A202", f"{depository.name}: {path.parent.name}/{path.name}"))
    return Mirrored(copied=tuple(copied), findings=tuple(findings))


def _compare(depository: Depository, prefix: str, files: dict[str, int], target: Path) -> Iterator[Found]:
    place = f"{depository.name}: {prefix}"
    here = {each.relative_to(target).as_posix(): each.stat().st_size for each in target.rglob("*") if each.is_file()}
    wrong = sorted(name for name in files.keys() | here.keys() if files.get(name) != here.get(name))
    if wrong:
        yield finding("A203", place, *wrong[:10])
    for name in (MANIFEST_JSON, MANIFEST_SIGNATURE):
        if name in wrong or name not in files:
            continue
        content = read_small(depository, f"{prefix}/{name}", size_bytes_max=DEFAULT_LIMITS.json_bytes_max)
        if content != read_bounded(target / name):
            yield finding("A201", f"{place}/{name}")


def put_receipts(depository: Depository, folder: Path) -> int:
    """Put the receipts that the depository lacks, the signature of each last; return how many files went.

    Raises:
        DepositoryError: It refuses, or another receipt lies there.
    """
    there = {each.name for each in depository.list()}
    sent = 0
    for path in sorted(folder.glob("*/[0-9][0-9][0-9][0-9][0-9][0-9].receipt.json")):
        for file in (path, path.with_name(f"{path.name}.sig")):
            name = f"{file.parent.name}/{file.name}"
            if file.is_file() and name not in there:
                depository.put(PutRequest(name=name, source=file))
                sent += 1
    return sent
