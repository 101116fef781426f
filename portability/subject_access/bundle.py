"""What subject access leaves: a draft for whoever decides, then the bundle for the person and the record for the firm.

A draft holds ``review.csv`` and a page of everything found; it is for the firm alone. The final folder holds
``bundle/``, which is handed over, and ``record/``, which the firm keeps: who asked for what, each decision with its
reason, how many items were withheld. Both appear whole, by one rename, or not at all.
"""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
from collections import Counter
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portability.archive import is_safe_path
from portability.errors import ConfigError, FormatError
from portability.folders import new_folder
from portability.manifest import to_json
from portability.streams import digest_file
from portability.subject_access.items import FLAGS, Item, Value
from portability.subject_access.page import bundle_page, draft_page
from portability.subject_access.review import review_csv

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from portability.archive import Archive
    from portability.subject_access.collecting import Collection
    from portability.subject_access.review import Decision

__all__ = ["Bundle", "write_bundle", "write_draft"]

REDACTED = "[redacted]"
_FORM = "1.0"
_HASHES = {"md5", "source_checksum"}


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What was written: ``is_final`` is whether it may be handed over; ``decided`` counts the flagged items."""

    folder: Path
    is_final: bool
    items: int
    flagged: dict[str, int]
    decided: dict[str, int]
    documents: int
    entities: dict[str, int]


def write_draft(collection: Collection, destination: Path) -> Bundle:
    """Write what somebody has to decide on.

    Raises:
        ArchiveExistsError: The destination exists.
    """
    with new_folder(destination) as folder:
        (folder / "review.csv").write_bytes(review_csv(collection.flagged))
        (folder / "draft.html").write_text(draft_page(collection), encoding="utf-8", newline="\n")
    return _told(collection, collection.items, {}, destination, is_final=False)


def write_bundle(
    archive: Archive,
    collection: Collection,
    decisions: Mapping[str, Decision],
    destination: Path,
    *,
    request: str | None = None,
    review: Path | None = None,
) -> Bundle:
    """Write the bundle and the record.

    Args:
        archive: Where the documents are.
        collection: Everything found.
        decisions: On every flagged item, as ``read_review`` checked them.
        destination: A folder that is not there yet.
        request: The number of the request that this answers.
        review: The file that the decisions come from; it is kept in the record.

    Raises:
        ArchiveExistsError: The destination exists.
        ConfigError: An item is undecided, or a document that stands in another's place cannot be read.
    """
    undecided = [item.name for item in collection.flagged if item.name not in decisions]
    if undecided:
        raise ConfigError(f"{len(undecided)} items are not decided", place=undecided[0])
    shown = _shown(collection, decisions)
    with new_folder(destination) as folder:
        bundle, record = folder / "bundle", folder / "record"
        bundle.mkdir()
        record.mkdir()
        shown, placed = _place_documents(archive, shown, decisions, bundle, review)
        told = _counts(collection, decisions)
        page = bundle_page(collection, shown, placed, told)
        (bundle / "index.html").write_text(page, encoding="utf-8", newline="\n")
        (bundle / "data.json").write_bytes(to_json(_data(collection, shown, placed, told)))
        _write_tables(shown, bundle / "csv")
        if review is not None:
            shutil.copyfile(review, record / "review.csv")
        (record / "record.json").write_bytes(to_json(_record(collection, decisions, bundle, request)))
    return _told(collection, shown, decisions, destination, is_final=True)


def _told(
    collection: Collection,
    shown: Sequence[Item],
    decisions: Mapping[str, Decision],
    folder: Path,
    *,
    is_final: bool,
) -> Bundle:
    return Bundle(
        folder=folder,
        is_final=is_final,
        items=len(collection.items),
        flagged={flag: sum(flag in item.flags for item in collection.items) for flag in FLAGS},
        decided=dict(sorted(Counter(each.decision for each in decisions.values()).items())),
        documents=sum(item.file is not None for item in shown),
        entities=dict(sorted(Counter(item.entity for item in shown if item.file is None).items())),
    )


# --- what is shown ---------------------------------------------------------------------------------------------------


def _shown(collection: Collection, decisions: Mapping[str, Decision]) -> list[Item]:
    """What is handed over. Of a document that is not, or not whole, no row tells the hash or the name of the file."""
    shown = [item for item in (_decided(each, decisions) for each in collection.items) if item is not None]
    gone = {item.id for item in collection.items if item.file is not None and item.name in decisions} - {
        item.id for item in shown if item.file is not None and decisions[item.name].decision == "release"
    }
    versions = [{v.name: v.text for v in item.values} for item in shown if any(v.text in gone for v in item.values)]
    named = {values["document_id"] for values in versions if "document_id" in values}
    return [replace(item, values=tuple(_without(item, gone, named))) for item in shown]


def _without(item: Item, gone: set[str], named: set[str]) -> Iterator[Value]:
    """Take out what a row says of the bytes of documents that are gone, and the file names of such documents."""
    is_gone = any(value.text in gone for value in item.values)
    is_named = item.entity == "document" and item.id in named
    for value in item.values:
        is_hash = value.text in gone or (is_gone and value.name in _HASHES)
        yield replace(value, text=REDACTED) if is_hash or (is_named and value.name == "file_name") else value


def _decided(item: Item, decisions: Mapping[str, Decision]) -> Item | None:
    """Return what of an item is handed over; None when it is withheld."""
    decision = decisions.get(item.name)
    if decision is None or decision.decision == "release":
        return item
    if decision.decision == "withhold":
        return None
    if item.file is not None:
        return item
    gone = set(decision.fields) or {v.name for v in item.values if v.name != "id" and v.pd != "none"}
    return replace(item, values=tuple(replace(v, text=REDACTED) if v.name in gone else v for v in item.values))


def _place_documents(
    archive: Archive, shown: list[Item], decisions: Mapping[str, Decision], bundle: Path, review: Path | None
) -> tuple[list[Item], dict[str, str]]:
    """Copy the documents, or what stands in their place.

    Returns:
        The items as they are told of, and item -> path in the bundle. A document in whose place another stands is told
        of by that one's hash and by a name that says nothing.
    """
    told: list[Item] = []
    placed: dict[str, str] = {}
    numbers = count(1)
    for item in shown:
        if item.file is None:
            told.append(item)
            continue
        (bundle / "documents").mkdir(exist_ok=True)
        number, decision, source, name = (
            next(numbers),
            decisions.get(item.name),
            archive.data / item.file,
            item.file_name,
        )
        is_redacted = decision is not None and decision.decision == "redact"
        if is_redacted:
            if decision is None or review is None:
                raise ConfigError("a document is redacted by a file beside the review", place=item.name)
            source = review.parent / decision.replacement
            name = f"document {number} redacted{source.suffix}"
        path = f"documents/{_safe_name(number, name)}"
        sha256 = _copy(source, bundle / path)
        if not is_redacted and sha256 != item.id:
            raise FormatError("has other bytes than its name says: the archive is damaged", place=source.name)
        told.append(replace(item, id=sha256, file_name=name))
        placed[told[-1].name] = path
    return told, placed


def _copy(source: Path, target: Path) -> str:
    """Copy a file that is no link; return the hash of what was written."""
    try:
        if source.is_symlink():
            raise ConfigError("is a link, and documents are files", place=source.name)
        shutil.copyfile(source, target)
    except OSError as error:
        raise ConfigError(f"cannot be copied: {error.strerror}", place=source.name) from error
    return digest_file(target).sha256


def _safe_name(number: int, name: str) -> str:
    """A name that every system can hold; the document's own is in the tables."""
    stem, suffix = Path(name).stem.lower(), Path(name).suffix.lower()
    slug = "".join(c if c.isascii() and c.isalnum() else "_" for c in stem)[:60].strip("_")
    path = f"{number:05d}_{slug or 'document'}{suffix if suffix[1:].isalnum() and suffix.isascii() else ''}"
    return path if is_safe_path(path) else f"{number:05d}_document"


def _counts(collection: Collection, decisions: Mapping[str, Decision]) -> dict[str, int]:
    counts = Counter(each.decision for each in decisions.values())
    return {
        "found": len(collection.items),
        "withheld": counts["withhold"],
        "redacted": counts["redact"],
        "released": len(collection.items) - counts["withhold"],
    }


def _data(collection: Collection, shown: list[Item], placed: dict[str, str], told: dict[str, int]) -> dict[str, Any]:
    items = [
        {
            "entity": item.entity,
            "id": item.id,
            "ground": item.ground,
            "fields": [{"name": v.name, "value": v.text, "class": v.pd} for v in item.values],
            **({"document": placed[item.name], "file_name": item.file_name} if item.name in placed else {}),
        }
        for item in shown
    ]
    person = {"contact": collection.contact, "name": collection.name}
    return {"form": _FORM, "person": person, "counts": told, "items": items}


def _write_tables(shown: list[Item], folder: Path) -> None:
    """Write a CSV file for each entity, with the fields that any of its rows has."""
    folder.mkdir()
    for entity in sorted({item.entity for item in shown if item.file is None}):
        rows = [item for item in shown if item.entity == entity]
        names = list(dict.fromkeys(value.name for item in rows for value in item.values))
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow([*names, "ground"])
        for item in rows:
            values = {value.name: value.text for value in item.values}
            writer.writerow([*(_cell(values.get(name, "")) for name in names), item.ground])
        (folder / f"{entity}.csv").write_bytes(("\ufeff" + text.getvalue()).encode())


def _cell(text: str) -> str:
    """A spreadsheet would run what begins like a formula: here a quote goes before it. data.json has it exactly."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    return text[1:].replace(".", "", 1).isdecimal()


def _record(
    collection: Collection, decisions: Mapping[str, Decision], bundle: Path, request: str | None
) -> dict[str, Any]:
    """What the firm keeps: no personal data but the contact's id; reasons as they were written."""
    flags = {item.name: list(item.flags) for item in collection.flagged}
    listed = [
        {"item": name, "flags": flags.get(name, []), "decision": each.decision, "reason": each.reason}
        for name, each in sorted(decisions.items())
    ]
    files = {
        path.relative_to(bundle).as_posix(): digest_file(path).sha256
        for path in sorted(bundle.rglob("*"))
        if path.is_file()
    }
    reasons = Counter(each.reason for each in decisions.values() if each.decision == "withhold")
    return {
        "form": _FORM,
        "request": request,
        "contact": collection.contact,
        "archive_manifest_sha256": collection.archive,
        "counts": _counts(collection, decisions),
        "withheld_for": dict(sorted(reasons.items())),
        "decisions": listed,
        "bundle": files,
        "bundle_sha256": hashlib.sha256(to_json(files)).hexdigest(),
    }
