"""The chain as a file of JSON lines, checkable without the catalogue, or with jq, sha256sum and ssh-keygen alone.

The first line says what follows; then the register's steps, the checkpoints and the entries, each with the exact text
that was hashed or signed. The sealed chain is not in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from portability.auditing.chain import ChainReport, Rows, judge
from portability.auditing.entries import Entry, entry_of
from portability.catalogue import Catalogue, Transaction, moment_text
from portability.catalogue.audit_tables import (
    AuditRow,
    CheckpointRow,
    count_entries,
    iter_checkpoints,
    iter_entries,
)
from portability.catalogue.operator_tables import OperatorStepRow, iter_operator_steps
from portability.errors import ArchiveExistsError, CatalogueError, ConfigError, FormatError
from portability.folders import new_file
from portability.limits import DEFAULT_LIMITS
from portability.signing import Trust

__all__ = ["export_chain", "iter_chain", "verify_file"]

FORMAT = "legal-portability-audit 1"
_LINE_BYTES_MAX = DEFAULT_LIMITS.audit_checkpoint_entries_max * 20 + DEFAULT_LIMITS.audit_line_bytes_max


def iter_chain(where: Catalogue | Transaction, *, after: int = 0, until: int | None = None) -> Iterator[Entry]:
    """Yield entries as they lie there, in order; nothing is verified.

    Raises:
        CatalogueError: One cannot be read at all.
    """
    if isinstance(where, Catalogue):
        with where.reading() as transaction:
            yield from iter_chain(transaction, after=after, until=until)
        return
    for row in iter_entries(where, after=after, until=until):
        try:
            yield entry_of(row)
        except ValueError as error:
            hint = "Run: portability audit verify"
            raise CatalogueError(f"it {error}", place=f"audit entry {row.sequence}", hint=hint) from error


def export_chain(catalogue: Catalogue, destination: Path) -> int:
    """Write the whole chain to a new file, and return how many entries it has.

    Raises:
        ArchiveExistsError: The file exists.
        ConfigError: It cannot be written.
    """
    try:
        with new_file(destination) as stream, catalogue.reading() as transaction:
            return _write(stream, transaction)
    except FileExistsError as error:
        hint = "Choose another name; nothing is overwritten."
        raise ArchiveExistsError("the destination exists", place=str(destination), hint=hint) from error
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", place=str(destination)) from error


def _write(stream: BinaryIO, transaction: Transaction) -> int:
    def line(kind: str, **fields: object) -> None:
        stream.write(json.dumps({"kind": kind, **fields}, ensure_ascii=False).encode() + b"\n")

    entries = count_entries(transaction)
    line("chain", format=FORMAT, catalogue=transaction.catalogue_id, exported_at=moment_text(), entries=entries)
    for step in iter_operator_steps(transaction):
        line("operator_step", **step._asdict())
    for one in iter_checkpoints(transaction):
        line("checkpoint", **one._asdict())
    for row in iter_entries(transaction):
        line("entry", **row._asdict())
    return entries


def verify_file(path: Path, trust: Trust | None = None, *, anchors: tuple[CheckpointRow, ...] = ()) -> ChainReport:
    """Judge an exported chain.

    Raises:
        ConfigError: The file cannot be read.
        FormatError: It is no exported chain.
    """
    try:
        with path.open("rb") as stream:
            lines = _lines(stream, str(path))
            head = next(lines, {})
            if head.get("kind") != "chain" or head.get("format") != FORMAT:
                raise FormatError("is no exported audit chain", place=str(path))
            return _judged(head, lines, trust, anchors, str(path))
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", place=str(path)) from error


def _judged(
    head: dict[str, Any],
    lines: Iterator[dict[str, Any]],
    trust: Trust | None,
    anchors: tuple[CheckpointRow, ...],
    place: str,
) -> ChainReport:
    steps: list[OperatorStepRow] = []
    checkpoints: list[CheckpointRow] = []
    first: list[AuditRow] = []
    try:
        for line in lines:
            kind = line.pop("kind")
            if kind == "operator_step":
                steps.append(OperatorStepRow(**line))
            elif kind == "checkpoint":
                checkpoints.append(CheckpointRow(**line))
            else:
                first.append(AuditRow(**line))
                break

        def entries() -> Iterator[AuditRow]:
            yield from first
            for line in lines:
                line.pop("kind")
                yield AuditRow(**line)

        rows = Rows(catalogue=str(head.get("catalogue")), entries=entries(), checkpoints=checkpoints, steps=steps)
        report = judge(rows, trust, anchors=anchors)
    except (TypeError, KeyError, AttributeError) as error:
        raise FormatError("has a line that is of no known kind", place=place) from error
    if report.entries != head.get("entries") and report.is_whole:
        message = f"has {report.entries} entries and says {head.get('entries')}: it was cut, or something was added"
        raise FormatError(message, place=place)
    return report


def _lines(stream: BinaryIO, place: str) -> Iterator[dict[str, Any]]:
    number = 0
    while line := stream.readline(_LINE_BYTES_MAX):
        number += 1
        try:
            plain = json.loads(line)
        except (ValueError, RecursionError):
            plain = None
        if not isinstance(plain, dict) or not line.endswith(b"\n"):
            raise FormatError("is no line of an exported audit chain", place=f"{place}, line {number}")
        yield plain
