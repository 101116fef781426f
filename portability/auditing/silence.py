"""The sealed chain: what is recorded of silent requests, so that nobody can tell whether there is one (ADR 14).

Slots of one length, each encrypted to the silent recipients and chained by hash over the ciphertext, without a time.
Every run of a governed command adds some, a random few: cover, unless a silent entry takes their place. Whoever has
no identity of a silent recipient sees slots and runs, and cannot tell one kind of slot from the other.
"""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from portability.auditing.entries import GENESIS
from portability.catalogue import Catalogue, Transaction, canonical_text, moment_text, sha256_text
from portability.catalogue.audit_tables import SlotRow, add_slots, iter_slots, last_slot
from portability.errors import CatalogueError, DecryptionError
from portability.limits import DEFAULT_LIMITS
from portability.sealing.encryption import Identity, PublicKey, decrypt_stream, encrypt_stream

__all__ = ["SealedRun", "SilentEntry", "append_silent", "cover", "read_silent", "sealed_run", "slot_hash"]

_SLOTS_MIN = 2  # of a run: a silent one records its beginning and its end
_HEADER_BYTES_MAX = 256
_PIECE_BYTES = DEFAULT_LIMITS.silent_slot_bytes - _HEADER_BYTES_MAX


@dataclass(frozen=True, kw_only=True)
class SilentEntry:
    """An entry of the sealed chain, opened; ``position`` is that of its last slot, and orders entries."""

    position: int
    at: str
    document: Mapping[str, Any]


class SealedRun:
    """The slots of one run of a command: as many as were drawn at its start, or more if its entries need more."""

    def __init__(self, catalogue: Catalogue, recipients: Sequence[PublicKey]) -> None:
        self._catalogue = catalogue
        self.recipients = tuple(recipients)
        self._left = _drawn() if recipients else 0

    def append(self, document: Mapping[str, Any], *, transaction: Transaction | None = None) -> None:
        """Record a silent entry, in the caller's transaction or one of its own.

        Raises:
            CatalogueError: There are no silent recipients, the entry is too long, or the catalogue cannot be written.
        """
        self._left -= append_silent(transaction or self._catalogue, self.recipients, document)

    def finish(self) -> None:
        """Add cover for what is left of the run's slots."""
        if self._left > 0:
            cover(self._catalogue, self.recipients, self._left)
            self._left = 0


@contextmanager
def sealed_run(catalogue: Catalogue, recipients: Sequence[PublicKey]) -> Iterator[SealedRun]:
    """Give a command the slots of its run, and cover what it did not use, however it ends."""
    run = SealedRun(catalogue, recipients)
    try:
        yield run
    finally:
        run.finish()


def append_silent(where: Catalogue | Transaction, recipients: Sequence[PublicKey], document: Mapping[str, Any]) -> int:
    """Add an entry to the sealed chain, and return how many slots it took; use ``SealedRun.append`` in commands.

    Raises:
        CatalogueError: There are no silent recipients, the entry is too long, or the catalogue cannot be written.
    """
    if not recipients:
        hint = "Name those who may read them in portability.yaml: silent_recipients."
        raise CatalogueError("there is nobody for whom silent entries could be sealed", hint=hint)
    content = canonical_text({"at": moment_text(), "document": dict(document)}).encode()
    if len(content) > DEFAULT_LIMITS.silent_document_bytes_max:
        raise CatalogueError(f"is longer than the limit of {DEFAULT_LIMITS.silent_document_bytes_max} bytes")
    pieces = [content[at : at + _PIECE_BYTES] for at in range(0, len(content), _PIECE_BYTES)]
    _add(where, recipients, pieces, kind="entry")
    return len(pieces)


def cover(where: Catalogue | Transaction, recipients: Sequence[PublicKey], slots: int) -> None:
    """Add slots that hold nothing and look like all others."""
    if recipients and slots > 0:
        _add(where, recipients, [b""] * slots, kind="cover")


def read_silent(where: Catalogue | Transaction, identities: Sequence[Identity]) -> Iterator[SilentEntry]:
    """Yield the silent entries in order; cover is passed over.

    Raises:
        DecryptionError: None of the identities opens the slots.
        CatalogueError: A slot is not what was written there.
    """
    if isinstance(where, Catalogue):
        with where.reading() as transaction:
            yield from read_silent(transaction, identities)
        return
    pieces: list[bytes] = []
    for row in iter_slots(where):
        header, piece = _opened(row, where.catalogue_id, identities)
        if header["kind"] != "entry":
            continue
        if header["part"] != len(pieces) + 1:
            raise _damaged(row.position)
        pieces.append(piece)
        if header["part"] == header["parts"]:
            found = json.loads(b"".join(pieces))
            yield SilentEntry(position=row.position, at=found["at"], document=found["document"])
            pieces = []


def slot_hash(catalogue_id: str, position: int, previous: str, ciphertext: bytes) -> str:
    """Return the hash that the next slot names."""
    found = {"catalogue": catalogue_id, "ciphertext": ciphertext.hex(), "position": position, "previous": previous}
    return sha256_text(canonical_text(found))


def _add(
    where: Catalogue | Transaction, recipients: Sequence[PublicKey], pieces: Sequence[bytes], *, kind: str
) -> None:
    if isinstance(where, Catalogue):
        with where.transaction() as transaction:
            return _add(transaction, recipients, pieces, kind=kind)
    where.lock("sealed chain")
    last = last_slot(where)
    position, previous = (0, GENESIS) if last is None else (last.position, last.hash)
    rows = []
    for part, piece in enumerate(pieces, 1):
        position += 1
        header = {
            "catalogue": where.catalogue_id,
            "kind": kind,
            "part": part,
            "parts": len(pieces),
            "position": position,
            "size_bytes": len(piece),
        }
        ciphertext = _sealed(header, piece, recipients)
        digest = slot_hash(where.catalogue_id, position, previous, ciphertext)
        rows.append(SlotRow(position=position, previous=previous, hash=digest, ciphertext=ciphertext))
        previous = digest
    return add_slots(where, rows)


def _sealed(header: Mapping[str, object], piece: bytes, recipients: Sequence[PublicKey]) -> bytes:
    line = canonical_text(header).encode()
    plain = line.ljust(_HEADER_BYTES_MAX - 1) + b"\n" + piece
    sink = io.BytesIO()
    encrypt_stream(io.BytesIO(plain.ljust(DEFAULT_LIMITS.silent_slot_bytes, b"\0")), sink, recipients)
    return sink.getvalue()


def _opened(row: SlotRow, catalogue_id: str, identities: Sequence[Identity]) -> tuple[dict[str, Any], bytes]:
    sink = io.BytesIO()
    try:
        decrypt_stream(io.BytesIO(row.ciphertext), sink, identities)
    except DecryptionError as error:
        raise DecryptionError(error.message, place=f"slot {row.position} of the sealed chain") from None
    plain = sink.getvalue()
    try:
        header: dict[str, Any] = json.loads(plain[:_HEADER_BYTES_MAX])
        if (header["position"], header["catalogue"]) != (row.position, catalogue_id):
            raise _damaged(row.position)
        return header, plain[_HEADER_BYTES_MAX : _HEADER_BYTES_MAX + header["size_bytes"]]
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(row.position) from error


def _damaged(position: int) -> CatalogueError:
    place = f"slot {position} of the sealed chain"
    return CatalogueError("is not what was written there", place=place, hint="Run: portability audit verify")


def _drawn() -> int:
    """Draw how many slots a run has at least: two, and each further one with a chance of one half."""
    slots = _SLOTS_MIN
    while secrets.randbits(1):
        slots += 1
    return slots
