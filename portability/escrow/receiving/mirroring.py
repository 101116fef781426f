"""A depository that somebody else runs: what is committed there is copied into a folder of the agent's, and received.

The copy is the agent's backup as well. What was copied before is compared again: manifests and their signatures byte by
byte, all other files by size. Receipts go back into the depository; nothing there is changed or deleted.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from portability.depositories import Depository, DepositoryConfig, PutRequest, download_file, read_small
from portability.errors import ConfigError, DepositoryError, PortabilityError, SealError, SignatureError
from portability.escrow.receiving.findings import Found, finding
from portability.escrow.receiving.receipts import RECEIPT_NAME
from portability.escrow.signed_files import read_bounded
from portability.folders import new_folder
from portability.limits import DEFAULT_LIMITS
from portability.sealing.manifest import MANIFEST_JSON, MANIFEST_SIGNATURE
from portability.sealing.reading import parse_manifest
from portability.signing import SEALED_NAMESPACE, Trust, check_signature
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


def mirror(
    depository: Depository,
    folder: Path,
    *,
    agreements: Iterable[str],
    trust: Trust,
    progress: Callable[[str], None] = lambda _: None,
) -> Mirrored:
    """Copy what is committed and not yet here, and compare the rest; only what was agreed on is asked for.

    What cannot be copied of one agreement keeps back what follows it, and no other agreement.

    Raises:
        ConfigError: There is no such folder.
    """
    if not folder.is_dir():
        raise ConfigError("there is no such folder", place=str(folder), hint="Make it; it becomes your copy.")
    copied, findings = list[str](), list[Found]()
    for agreement in sorted(agreements):
        try:
            for prefix, found in _mirrored(depository, folder, agreement, trust, progress):
                copied += [prefix] if prefix else []
                findings += found
        except (PortabilityError, OSError) as error:
            said = error.message if isinstance(error, PortabilityError) else error.strerror or ""
            findings.append(finding("A214", f"{depository.name}: {agreement}", said))
    return Mirrored(copied=tuple(copied), findings=tuple(findings))


def _mirrored(
    depository: Depository, folder: Path, agreement: str, trust: Trust, progress: Callable[[str], None]
) -> Iterator[tuple[str, list[Found]]]:
    """Yield what was copied of an agreement and what is wrong there, deposit by deposit."""
    there: dict[str, dict[str, int]] = {}
    copied = waiting = 0
    for each in depository.list(agreement):
        if found := _FILE.fullmatch(each.name):
            there.setdefault(found[2], {})[found[3]] = each.size_bytes
    for number, files in sorted(there.items()):
        prefix, target = f"{agreement}/{number}", folder / agreement / number
        if MANIFEST_SIGNATURE not in files:
            continue
        if target.is_dir() and not _is_trusted_now(target, trust):
            yield "", list(_compare(depository, prefix, files, target))
            continue
        if copied == DEFAULT_LIMITS.arrivals_max:
            waiting += 1
            continue
        copied += 1
        progress(f"copying {prefix}")
        target.parent.mkdir(exist_ok=True)
        more = _copied(depository, prefix, files, target, trust)
        yield prefix, [finding("A203", f"{depository.name}: {prefix}", *more)] if more else []
    if waiting:
        yield "", [finding("A216", f"{depository.name}: {agreement}", f"{waiting} more than {copied}")]
    for path in sorted(folder.glob(f"{agreement}/[0-9][0-9][0-9][0-9][0-9][0-9]")):
        if path.name not in there:
            yield "", [finding("A202", f"{depository.name}: {agreement}/{path.name}")]


def _is_trusted_now(target: Path, trust: Trust) -> bool:
    """Tell whether no more than manifest and signature was copied, for want of trust in a key that is trusted now."""
    if {each.name for each in target.iterdir()} != {MANIFEST_JSON, MANIFEST_SIGNATURE}:
        return False
    signature = read_bounded(target / MANIFEST_SIGNATURE, DEFAULT_LIMITS.signature_bytes_max)
    return bool(_listed(read_bounded(target / MANIFEST_JSON), signature, trust))


def _copied(depository: Depository, prefix: str, files: dict[str, int], target: Path, trust: Trust) -> list[str]:
    """Copy a deposit; where manifest and signature lie here alone, all of it takes their place."""
    if not target.is_dir():
        return _copy(depository, prefix, files, target, trust)
    whole = target.with_name(f".{target.name}.whole")
    shutil.rmtree(whole, ignore_errors=True)  # of a run that was killed
    more = _copy(depository, prefix, files, whole, trust)
    shutil.rmtree(target)  # whoever is killed now copies it anew; that it is the same is known from the memory
    whole.rename(target)
    return more


def _copy(depository: Depository, prefix: str, files: dict[str, int], target: Path, trust: Trust) -> list[str]:
    """Copy a deposit: manifest and signature, then what a trusted signature lists; return what lies there besides.

    Whoever runs the depository says how long a file is; whoever signed says how much of it is taken.
    """
    content = read_small(depository, f"{prefix}/{MANIFEST_JSON}", size_bytes_max=DEFAULT_LIMITS.json_bytes_max)
    name = f"{prefix}/{MANIFEST_SIGNATURE}"
    signature = read_small(depository, name, size_bytes_max=DEFAULT_LIMITS.signature_bytes_max)
    listed = _listed(content, signature, trust)
    with new_folder(target) as staging:
        (staging / MANIFEST_JSON).write_bytes(content)
        (staging / MANIFEST_SIGNATURE).write_bytes(signature)
        for path, size_bytes in listed.items():
            if files.get(path) == size_bytes:  # what is missing or cut there is missing here, and fails by name
                (staging / path).parent.mkdir(parents=True, exist_ok=True)
                download_file(depository, f"{prefix}/{path}", staging / path, size_bytes_max=size_bytes)
    return sorted(files.keys() - listed.keys() - {MANIFEST_JSON, MANIFEST_SIGNATURE}) if listed else []


def _listed(content: bytes, signature: bytes, trust: Trust) -> dict[str, int]:
    """Return the files that a manifest lists, by size; none when nobody who is trusted has signed it."""
    try:
        trust.named(check_signature(content, signature, namespace=SEALED_NAMESPACE))
        return {each.path: each.size_bytes for each in parse_manifest(content).files}
    except (SignatureError, SealError):
        return {}


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
        DepositoryError: It refuses, or another receipt lies there; after all others were put.
    """
    sent, refused = 0, list[DepositoryError]()
    by_agreement: dict[str, list[Path]] = {}
    for path in sorted(each for each in folder.glob("*/*.json") if RECEIPT_NAME.fullmatch(each.name)):
        by_agreement.setdefault(path.parent.name, []).append(path)
    for agreement, paths in by_agreement.items():
        try:
            there = {each.name for each in depository.list(agreement)}
        except DepositoryError as error:
            refused.append(error)
            continue
        for path in paths:
            try:
                sent += _put_receipt(depository, path, there)
            except DepositoryError as error:
                refused.append(error)
    if refused:
        raise refused[0]
    return sent


def _put_receipt(depository: Depository, path: Path, there: set[str]) -> int:
    sent = 0
    for file in (path, path.with_name(f"{path.name}.sig")):
        name = f"{file.parent.name}/{file.name}"
        if file.is_file() and name not in there:
            depository.put(PutRequest(name=name, source=file))
            sent += 1
    return sent
