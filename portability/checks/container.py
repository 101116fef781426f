"""C: the container. Every byte is vouched for, nothing else is there, and nothing read so far could hurt the reader.

The order is the proof: names and kinds before any file is opened; who vouches for the tag manifest before what it says;
the tag manifest before the tag files; the manifest before the payload. Only grammar and checksums are looked at here;
what documents mean comes later.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from portability.archive import DATA, EXPORT_JSON
from portability.checks.authenticity import check_signature, check_signer, check_trusted
from portability.checks.bagtext import iter_manifest, parse_info, read_tag_manifest
from portability.checks.case import Payload, PayloadFile, file_sha256
from portability.checks.steps import Step
from portability.checks.strict_json import StrictJsonError, parse_strictly
from portability.checks.tree import check_names, iter_files, list_directory
from portability.formats.bag import BAG_INFO_TXT, BAGIT_TXT, MANIFEST, SIGNATURE, TAGMANIFEST
from portability.manifest import FORMAT_VERSION, ExportRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.checks.case import Case

__all__ = ["STEPS"]

_TAG_FILES = (BAG_INFO_TXT, BAGIT_TXT, EXPORT_JSON, MANIFEST)
_TOP = {*_TAG_FILES, TAGMANIFEST, SIGNATURE, DATA}
_DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_VERSION = "Legal-Portability-Archive-Version"
_OXUM = "Payload-Oxum"
_REQUIRED_INFO = ("Bagging-Date", _VERSION, _OXUM)
_DOCUMENTS = "documents/"


def _check_top(case: Case) -> None:
    if not case.root.is_dir():
        case.log.add("C101", case.root.name)
        return
    found = {entry.name: entry.kind for entry in list_directory(case.root)}
    if BAGIT_TXT not in found:
        case.log.add("C101", case.root.name, [f"{BAGIT_TXT} is missing"])
        return
    for name, kind in found.items():
        wanted = "directory" if name == DATA else "file"
        if kind in ("link", "special"):
            case.log.add("C102" if kind == "link" else "C103", name)
        elif name not in _TOP or kind != wanted:
            case.log.add("C108", name)
    for name in sorted({*_TAG_FILES, TAGMANIFEST, DATA} - found.keys()):
        case.log.add("C109", name)
    for name in sorted(found.keys() & _TOP - {DATA, MANIFEST}):
        if (case.root / name).lstat().st_size > case.limits.tag_file_bytes_max:
            case.log.add("C111", name)


def _check_payload_names(case: Case) -> None:
    check_names(case.data, DATA, case.log, case.limits)


def _check_tag_manifest(case: Case) -> None:
    listed = read_tag_manifest(case.root / TAGMANIFEST, case.log)
    if case.log.errors:
        return
    for name in sorted(listed.keys() ^ set(_TAG_FILES)):
        case.log.add("C123", TAGMANIFEST, [name])


def _check_tag_files(case: Case) -> None:
    for name, sha256 in read_tag_manifest(case.root / TAGMANIFEST, case.log).items():
        if file_sha256(case.root / name) != sha256:
            case.log.add("C124", name)


def _check_declaration(case: Case) -> None:
    if (case.root / BAGIT_TXT).read_bytes() != _DECLARATION:
        case.log.add("C131", BAGIT_TXT)


def _check_info(case: Case) -> None:
    fields = _info(case)
    if fields is None:
        case.log.add("C132", BAG_INFO_TXT)
        return
    labels = [label for label, _ in fields]
    for label in _REQUIRED_INFO:
        if labels.count(label) != 1:
            case.log.add("C133", BAG_INFO_TXT, [label])


def _info(case: Case) -> list[tuple[str, str]] | None:
    try:
        return parse_info((case.root / BAG_INFO_TXT).read_bytes().decode("utf-8"))
    except UnicodeDecodeError:
        return None


def _check_export_record(case: Case) -> None:
    try:
        plain = parse_strictly((case.root / EXPORT_JSON).read_bytes(), case.limits)
        record = msgspec.convert(plain, ExportRecord)
    except (StrictJsonError, msgspec.ValidationError) as error:
        case.log.add("C134", EXPORT_JSON, [str(error)])
        return
    finished_at = _aware(record.finished_at)
    if finished_at is None:
        case.log.add("C134", EXPORT_JSON, ["finished_at is not a time with its zone"])
        return
    case.finished_at = finished_at
    if dict(_info(case) or ())[_VERSION] != record.format_version:
        case.log.add("C133", BAG_INFO_TXT, [_VERSION])
    _check_version(case, record.format_version)


def _aware(text: str) -> datetime | None:
    """Return a time that says its distance from UTC; None for any other text."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _check_version(case: Case, version: str) -> None:
    ours, theirs = FORMAT_VERSION.split("."), version.split(".")
    if len(theirs) != len(ours) or not all(part.isdecimal() for part in theirs) or theirs[0] != ours[0]:
        case.log.add("C135", EXPORT_JSON, [version])
    elif int(theirs[1][:9]) > int(ours[1]):
        case.is_newer = True
        case.log.add("C136", EXPORT_JSON, [version])


def _check_manifest(case: Case) -> None:
    for _ in iter_manifest(case.root / MANIFEST, case.limits, case.log):
        pass


def _check_listing(case: Case) -> None:
    """Walk the manifest and the directory side by side; both are in the byte order of their paths."""
    payload = Payload()
    for path, sha256, size_bytes in _merged(case):
        if size_bytes is None:
            code = "C153" if (case.data / path).is_dir() else "C151"
            case.log.add(code, MANIFEST, [f"{DATA}/{path}"])
            continue
        if sha256 is None:
            case.log.add("C152", DATA, [f"{DATA}/{path}"])
            continue
        payload.octets += size_bytes
        if path.startswith(_DOCUMENTS):
            payload.documents += 1
        else:
            payload.files[path] = PayloadFile(sha256=sha256, size_bytes=size_bytes)
            if len(payload.files) > case.limits.tables_files_max:
                case.log.add("C107", DATA)
                break
    case.payload = payload
    case.totals |= {"files": payload.count, "octets": payload.octets, "documents": payload.documents}


def _merged(case: Case) -> Iterator[tuple[str, str | None, int | None]]:
    """Yield (path, SHA-256 if listed, size if there) for each path that is listed or there."""
    listed = iter_manifest(case.root / MANIFEST, case.limits)
    there = iter_files(case.data)
    line, file = next(listed, None), next(there, None)
    while line or file:
        if file is None or (line and line[0] < file[0]):
            assert line is not None  # noqa: S101 -- the loop's condition
            yield line[0], line[1], None
            line = next(listed, None)
        elif line is None or file[0] < line[0]:
            yield file[0], None, file[1]
            file = next(there, None)
        else:
            yield line[0], line[1], file[1]
            line, file = next(listed, None), next(there, None)


def _check_oxum(case: Case) -> None:
    (oxum,) = (value for label, value in _info(case) or () if label == _OXUM)
    if oxum != f"{case.payload.octets}.{case.payload.count}":
        case.log.add("C155", BAG_INFO_TXT, [oxum])


def _check_hashes(case: Case) -> None:
    for path, sha256 in iter_manifest(case.root / MANIFEST, case.limits):
        case.progress(path)
        if file_sha256(case.data / path) != sha256:
            case.log.add("C154", DATA, [f"{DATA}/{path}"])


STEPS = (
    Step(title="The directory holds what the format knows and nothing else", check=_check_top),
    Step(title="The signature, where there is one, is right over this tag manifest", check=check_signature),
    Step(title="The signer is one whom you trust", check=check_trusted, needs="trust"),
    Step(title="Every payload name is safe and every file regular", check=_check_payload_names),
    Step(title="The tag manifest lists the tag files", check=_check_tag_manifest),
    Step(title="The tag files are as they were sealed", check=_check_tag_files),
    Step(title="bagit.txt declares BagIt 1.0 in UTF-8", check=_check_declaration),
    Step(title="bag-info.txt has its required lines", check=_check_info),
    Step(title="export.json records an export in a known format version", check=_check_export_record),
    Step(title="The signer's key was valid when the archive was made", check=check_signer, needs="trust"),
    Step(title="The manifest is well formed and in order", check=_check_manifest),
    Step(title="The manifest lists exactly the payload", check=_check_listing),
    Step(title="The payload has the sizes that bag-info.txt says", check=_check_oxum),
    Step(title="Every payload file is as it was sealed", check=_check_hashes),
)
