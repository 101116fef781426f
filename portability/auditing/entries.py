"""Entries of the audit chain: who did what to what, why, on which lawful basis, and how it ended.

``append`` adds one behind the last: canonical JSON that names its predecessor's hash, and the hash of that. An entry
holds no client data: each field has its form and its length, and what does not fit is refused, not cut.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from portability.auditing.clock import chain_moment
from portability.catalogue import Catalogue, Transaction, canonical_text, moment_text, sha256_text
from portability.catalogue.audit_tables import AuditRow, add_entry, last_entry
from portability.errors import CatalogueError, ConfigError
from portability.limits import DEFAULT_LIMITS

__all__ = [
    "ENTRY_FORMAT",
    "GENESIS",
    "LAWFUL_BASES",
    "Entry",
    "NewEntry",
    "Outcome",
    "append",
    "check_entry",
    "entry_of",
]

Outcome = Literal["started", "done", "refused", "failed"]
ENTRY_FORMAT = "legal-portability-audit-entry 1"
GENESIS = "0" * 64  # what the first entry follows
# UK GDPR, Article 6(1), (a) to (f).
LAWFUL_BASES = ("consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interests")

_ACTION = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
ACTOR = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TOKEN = re.compile(r"[A-Za-z0-9._:/@+#=,()-]*")  # a name, number or hash: without a space nobody writes sentences
_ADDRESS = re.compile(r"\S@\S")
_LONG_NUMBER = re.compile(r"\d[\d -]{6,}\d")  # a telephone, account or card number
_INTEGER_MAX = 2**53 - 1  # exact in every JSON reader


@dataclass(frozen=True, kw_only=True)
class NewEntry:
    """What is to be recorded.

    Args:
        action: A verb, with its object where that is not plain: ``export``, ``operator.new``, ``request.approve``.
        actor: The operator's name.
        subject: What it was done to: ``request:PO-2026-0007``, ``archive:<sha256>``, ``source:practice``.
        purpose: Why, in a sentence without a client's data.
        basis: One of LAWFUL_BASES; empty where nothing was revealed or released.
        outcome: How it ended; ``started`` is recorded before the work.
        details: Names, numbers and hashes.
    """

    action: str
    actor: str
    subject: str = ""
    purpose: str = ""
    basis: str = ""
    outcome: Outcome = "done"
    details: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Entry(NewEntry):
    """An entry of the chain."""

    sequence: int
    at: str
    hash: str

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as plain JSON values."""
        return {**vars(self), "details": dict(self.details)}


def append(where: Catalogue | Transaction, entry: NewEntry) -> Entry:
    """Add an entry behind the last, in the caller's transaction or in one of its own.

    Raises:
        CatalogueError: A field has another form than an entry's, the catalogue cannot be written, or this machine's
            clock is wrong.
        ConfigError: The purpose says what an entry must not hold.
    """
    if isinstance(where, Catalogue):
        with where.transaction() as transaction:
            return append(transaction, entry)
    check_entry(entry)
    where.lock("audit chain")
    last = last_entry(where)
    sequence, previous = (1, GENESIS) if last is None else (last.sequence + 1, last.hash)
    at = moment_text(chain_moment(where))
    document = canonical_text(
        {
            **vars(entry),
            "details": dict(entry.details),
            "at": at,
            "catalogue": where.catalogue_id,
            "format": ENTRY_FORMAT,
            "previous": previous,
            "sequence": sequence,
        }
    )
    row = AuditRow(sequence=sequence, previous=previous, hash=sha256_text(document), document=document)
    add_entry(where, row)
    return Entry(**vars(entry), sequence=sequence, at=at, hash=row.hash)


def check_entry(entry: NewEntry) -> None:
    """Refuse an entry with a field of another form than an entry's.

    Raises:
        CatalogueError: A field has another form.
        ConfigError: The purpose does.
    """
    _check_purpose(entry.purpose)
    for name, pattern in (("action", _ACTION), ("actor", ACTOR), ("subject", _TOKEN)):
        _check_token(name, getattr(entry, name), pattern)
    if entry.basis not in ("", *LAWFUL_BASES):
        raise _refused("basis")
    if entry.outcome not in get_args(Outcome):
        raise _refused("outcome")
    if len(entry.details) > DEFAULT_LIMITS.audit_details_max:
        raise _refused("details")
    for key, value in entry.details.items():
        _check_token("details", key, _KEY)
        if isinstance(value, str):
            _check_token(f"details.{key}", value, _TOKEN)
        elif type(value) is not int or abs(value) > _INTEGER_MAX:
            raise _refused(f"details.{key}")


def _check_token(name: str, value: str, pattern: re.Pattern[str]) -> None:
    if len(value) > DEFAULT_LIMITS.audit_text_characters_max or not pattern.fullmatch(value):
        raise _refused(name)


def _refused(name: str) -> CatalogueError:
    hint = "Entries hold names, numbers and hashes; nothing of a client (docs/audit.md)."
    return CatalogueError("an audit entry cannot hold this", place=name, hint=hint)


def _check_purpose(text: str) -> None:
    limit = DEFAULT_LIMITS.audit_text_characters_max
    if len(text) > limit or not text.isprintable():
        raise ConfigError(f"is longer than {limit} characters, or has unprintable ones", place="--purpose")
    if _ADDRESS.search(text) or _LONG_NUMBER.search(text):
        hint = "Say why in general words; a request's number says for whom. Nothing of a client stands in the chain."
        raise ConfigError("holds an address or a long number, which may be a client's", place="--purpose", hint=hint)


def entry_of(row: AuditRow) -> Entry:
    """Read an entry as it lies in the catalogue, which says nothing of its place in the chain.

    Raises:
        ValueError: The document is no entry's.
    """
    plain = json.loads(row.document)
    if not isinstance(plain, dict) or plain.get("format") != ENTRY_FORMAT:
        raise ValueError("is no entry of a form that is known")
    try:
        names = ("action", "actor", "subject", "purpose", "basis", "outcome", "details", "sequence", "at")
        found = Entry(**{name: plain[name] for name in names}, hash=row.hash)
        check_entry(found)
    except (KeyError, TypeError, AttributeError, CatalogueError, ConfigError) as error:
        raise ValueError("has a field that an entry cannot have") from error
    if set(plain) != {*names, "catalogue", "format", "previous"}:
        raise ValueError("has fields that an entry does not have")
    return found
