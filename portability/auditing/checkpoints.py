"""Checkpoints: a signature over where the chain stands, and their copies outside the catalogue, the anchors.

A checkpoint signs the last entry's hash, and a short form of each entry's since the checkpoint before: whoever rewrites
an entry and everything behind it is found, and the first rewritten entry is named. It says by when the next is due.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from portability.auditing.entries import GENESIS
from portability.catalogue import (
    Catalogue,
    Transaction,
    canonical_text,
    moment_text,
    now,
    parse_moment_text,
    sha256_text,
)
from portability.catalogue.audit_tables import (
    AuditRow,
    CheckpointRow,
    add_checkpoint,
    iter_entries,
    last_checkpoint,
    last_slot,
)
from portability.errors import CatalogueError, ConfigError
from portability.limits import DEFAULT_LIMITS
from portability.signing import AUDIT_NAMESPACE, SigningKey, check_signature
from portability.streams import sync_directory

__all__ = ["NEXT_BY", "PREFIX", "Checkpoint", "anchor_checkpoint", "checkpoint", "parse_checkpoint", "read_anchors"]

FORMAT = "legal-portability-audit-checkpoint 1"
PREFIX = 16  # hex digits of each entry's hash: enough to name it, the whole hash of the last one vouches for all
NEXT_BY = timedelta(days=1)
_LINE_BYTES_MAX = DEFAULT_LIMITS.audit_checkpoint_entries_max * (PREFIX + 1) + DEFAULT_LIMITS.audit_line_bytes_max


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A checkpoint as it was read; whether its signature is right is for ``verify_chain`` to say.

    Args:
        number: Its own number, from 1.
        sequence: The last entry that it signs; also how many there were.
        hash: That entry's hash.
        first: The first entry of which it has the short hash, one behind the checkpoint before.
        prefixes: The short hashes, end to end.
        previous: The SHA-256 of the checkpoint before.
        sealed_hash: The hash of the sealed chain's last slot; not its position, which would count them.
    """

    number: int
    sequence: int
    hash: str
    first: int
    prefixes: str
    previous: str
    at: datetime
    next_by: datetime
    catalogue: str
    sealed_hash: str
    row: CheckpointRow

    @property
    def fingerprint(self) -> str:
        """The key that signed, as the signature says."""
        return check_signature(
            self.row.document.encode(), self.row.signature.encode(), namespace=AUDIT_NAMESPACE
        ).fingerprint

    def prefix(self, sequence: int) -> str:
        """Return an entry's short hash."""
        at = (sequence - self.first) * PREFIX
        return self.prefixes[at : at + PREFIX]


def checkpoint(catalogue: Catalogue, key: SigningKey, *, next_by: timedelta = NEXT_BY) -> Checkpoint:
    """Sign where the chain stands; a broken chain is not signed.

    What has grown very long since the last one takes several; the last of them is returned.

    Raises:
        CatalogueError: Entries since the last checkpoint do not follow each other, or there are none at all.
        ConfigError: The ssh-agent refused.
    """
    while True:
        with catalogue.reading() as transaction:
            before = last_checkpoint(transaction)
            document = _document(transaction, before, next_by)
        # A person may have to touch a security key: nobody waits for that inside a transaction.
        signature = key.sign(document.encode(), namespace=AUDIT_NAMESPACE).decode("ascii")
        with catalogue.transaction() as transaction:
            if last_checkpoint(transaction) != before:
                continue  # somebody else made one meanwhile, which this one would not follow
            plain = json.loads(document)
            row = CheckpointRow(
                number=plain["number"], sequence=plain["sequence"], document=document, signature=signature
            )
            add_checkpoint(transaction, row)
        made = parse_checkpoint(row)
        if made.sequence - made.first + 1 < DEFAULT_LIMITS.audit_checkpoint_entries_max:
            return made


def _document(transaction: Transaction, before: CheckpointRow | None, next_by: timedelta) -> str:
    after, previous = (0, GENESIS) if before is None else _end_of(before)
    sequence, prefixes, last = after, [], previous
    for row in iter_entries(transaction, after=after, until=after + DEFAULT_LIMITS.audit_checkpoint_entries_max):
        _refuse_broken(row, sequence + 1, last)
        sequence, last = row.sequence, row.hash
        prefixes.append(row.hash[:PREFIX])
    if not sequence:
        raise CatalogueError("there is no entry yet that a checkpoint could sign")
    slot = last_slot(transaction)
    moment = now()
    return canonical_text(
        {
            "at": moment_text(moment),
            "catalogue": transaction.catalogue_id,
            "count": sequence,
            "entries": "".join(prefixes),
            "first": after + 1,
            "format": FORMAT,
            "hash": last,
            "next_by": moment_text(moment + next_by),
            "number": 1 if before is None else before.number + 1,
            "previous": GENESIS if before is None else sha256_text(before.document),
            "sealed_hash": GENESIS if slot is None else slot.hash,
            "sequence": sequence,
        }
    )


def _end_of(row: CheckpointRow) -> tuple[int, str]:
    found = parse_checkpoint(row)
    return found.sequence, found.hash


def _refuse_broken(row: AuditRow, expected: int, previous: str) -> None:
    if (row.sequence, row.previous, row.hash) != (expected, previous, sha256_text(row.document)):
        hint = "Nothing broken is signed. Run: portability audit verify"
        raise CatalogueError("does not follow the entry before it", place=f"audit entry {expected}", hint=hint)


def parse_checkpoint(row: CheckpointRow) -> Checkpoint:
    """Read a checkpoint; its signature is not looked at.

    Raises:
        CatalogueError: It is none.
    """
    try:
        plain: dict[str, Any] = json.loads(row.document)
        found = Checkpoint(
            prefixes=plain["entries"],
            at=parse_moment_text(plain["at"]),
            next_by=parse_moment_text(plain["next_by"]),
            row=row,
            **{name: plain[name] for name in _PLAIN},
        )
        entries = found.sequence - found.first + 1
        if (
            plain["format"] != FORMAT
            or canonical_text(plain) != row.document
            or (found.number, found.sequence, plain["count"]) != (row.number, row.sequence, found.sequence)
            or len(found.prefixes) != entries * PREFIX
        ):
            raise ValueError(FORMAT)  # noqa: TRY301
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CatalogueError("is no checkpoint in its one form", place=f"checkpoint {row.number}") from error
    return found


_PLAIN = ("number", "sequence", "hash", "first", "previous", "catalogue", "sealed_hash")

# --- anchors ---------------------------------------------------------------------------------------------------------


def anchor_checkpoint(found: Checkpoint, path: Path) -> None:
    """Write a checkpoint behind the others in a file outside the catalogue, and flush it to disk.

    Raises:
        ConfigError: The file cannot be written.
    """
    line = json.dumps({"document": found.row.document, "signature": found.row.signature}, sort_keys=True) + "\n"
    try:
        with path.open("ab+") as stream:
            _drop_half_line(stream.fileno())
            stream.write(line.encode())
            stream.flush()
            os.fsync(stream.fileno())
        sync_directory(path.absolute().parent)
    except OSError as error:
        raise ConfigError(f"the anchor cannot be written: {error.strerror}", place=str(path)) from error


def _drop_half_line(descriptor: int) -> None:
    """Cut off what a run that was killed began to write."""
    size = os.fstat(descriptor).st_size
    at = size
    while at > 0:
        start = max(at - DEFAULT_LIMITS.chunk_bytes, 0)
        found = os.pread(descriptor, at - start, start).rfind(b"\n")
        if found >= 0:
            at = start + found + 1
            break
        at = start
    if at != size:
        os.ftruncate(descriptor, at)


def read_anchors(path: Path) -> tuple[CheckpointRow, ...]:
    """Read a file of anchors; a last line that is not whole is one that was never confirmed.

    Raises:
        ConfigError: The file cannot be read, or a line of it is no checkpoint.
    """
    found = []
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(_lines(stream), 1):
                found.append(_anchor(line, f"{path}, line {number}"))
    except OSError as error:
        raise ConfigError(f"the anchors cannot be read: {error.strerror}", place=str(path)) from error
    return tuple(found)


def _lines(stream: Any) -> Iterator[bytes]:  # noqa: ANN401 -- a binary file
    while line := stream.readline(_LINE_BYTES_MAX):
        if line.endswith(b"\n") or len(line) == _LINE_BYTES_MAX:
            yield line


def _anchor(line: bytes, place: str) -> CheckpointRow:
    try:
        plain = json.loads(line)
        document = json.loads(plain["document"])
        row = CheckpointRow(
            number=document["number"],
            sequence=document["sequence"],
            document=plain["document"],
            signature=plain["signature"],
        )
        parse_checkpoint(row)
    except (ValueError, KeyError, TypeError, RecursionError, CatalogueError) as error:
        hint = "Anchors are what `portability audit checkpoint --to FILE` writes."
        raise ConfigError("this line is no checkpoint", place=place, hint=hint) from error
    return row
