"""Deleting deposits: the agent's act alone, in an order that a kill cannot make dangerous, and the certificate of it.

For each deposit, the newest first: what is about to go is remembered; its signature goes first, so that from then on it
is no deposit any more; then its manifest, then the rest, then its folder; then it is remembered as gone. A run that was
killed between is finished by the next, before anything is planned: where the signature lies there still, what was
about to go is taken back and planned anew; where it is gone, the rest goes, unless it is held or frozen by now.
Receipts stay: they are evidence. Windows are counted by this machine's clock; one that has leapt deletes nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from portability.errors import ConfigError, PortabilityError, ProcedureError
from portability.escrow.receiving.agreements import Agreement, Agreements
from portability.escrow.receiving.alarms import standing_alarms
from portability.escrow.receiving.earlier import place_of, what_changed
from portability.escrow.receiving.job import history_of, iter_deposits, pruned_of
from portability.escrow.receiving.judging import moment_text
from portability.escrow.receiving.memory import CLOCK_LEAP, Memory, open_memory, refuse_inside
from portability.escrow.receiving.receipts import Receipt
from portability.escrow.retention.holds import held
from portability.escrow.retention.planning import Plan, plan_retention
from portability.escrow.signed_files import write_signed
from portability.limits import DEFAULT_LIMITS
from portability.sealing.manifest import MANIFEST_JSON, MANIFEST_SIGNATURE
from portability.sealing.reading import canonical_json
from portability.signing import ERASURE_NAMESPACE, SigningKey
from portability.streams import sync_directory

__all__ = ["PruneRequest", "Pruned", "plan_pruning", "prune"]

FORMAT = "legal-portability-erasure"
VERSION = "1.0"
_DAY = timedelta(days=1)
_FIELDS = ("agreement", "sequence", "manifest_sha256", "size_bytes", "received_at", "why")
_METHOD = (
    "files removed from the depository's file system; what the disk, its snapshots and the agent's backups keep of "
    "them stays encrypted for the recipients, and goes with those"
)


@dataclass(frozen=True, kw_only=True)
class PruneRequest:
    """What to prune.

    Attributes:
        requested: Per agreement, the deposits that its depositor asked to be deleted, signed.
        key: The agent's key, which signs the certificate; None for a plan only.
        frozen: Whether an open request forbids that anything of an agreement's customer is deleted.
    """

    folder: Path
    memory: Path
    agreements: Agreements
    key: SigningKey | None = None
    requested: dict[str, frozenset[int]] = field(default_factory=dict)
    frozen: Callable[[Agreement], bool] = field(default=lambda _: False)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    progress: Callable[[str], None] = field(default=lambda _: None)


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """What was deleted, and the certificates that say so."""

    deleted: tuple[dict[str, Any], ...]
    certificates: tuple[Path, ...]


def plan_pruning(request: PruneRequest) -> tuple[Plan, ...]:
    """Return the plan of every agreement; nothing is touched.

    Raises:
        ConfigError: The memory cannot be read.
    """
    refuse_inside(request.memory, request.folder)
    with open_memory(request.memory) as memory:
        return _plans(request, memory)


def prune(request: PruneRequest) -> Pruned:
    """Finish what a killed run began, delete what the plan says, and write certificates.

    Raises:
        ConfigError: The depository or the memory cannot be used.
        ProcedureError: There is no key to sign the certificate with, or the clock has leapt.
    """
    if request.key is None:
        raise ProcedureError("only the agent prunes, and signs for it", hint="Add --sign with the agent's key.")
    refuse_inside(request.memory, request.folder)
    with open_memory(request.memory) as memory:
        _refuse_leap(request, memory)
        _finish(request, memory)
        for plan in _plans(request, memory):
            for fate in plan.deleted:
                why = "requested" if fate.sequence in request.requested.get(plan.agreement, ()) else "retention"
                record = {**vars(fate), "why": why}
                del record["reasons"]
                memory.append({"kind": "prune", "at": moment_text(request.now), **record})
                _delete(request, memory, record)
        return _certify(request, memory)


def _plans(request: PruneRequest, memory: Memory) -> tuple[Plan, ...]:
    return tuple(
        _plan(request, memory, name)
        for name in memory.agreements()
        if request.agreements.get(name) is not None  # what nobody agreed on, nobody deletes
    )


def _plan(request: PruneRequest, memory: Memory, name: str) -> Plan:
    agreement = request.agreements.by_name[name]
    gone = pruned_of(memory, name)
    there = {sequence for sequence, path in iter_deposits(request.folder / name) if (path / MANIFEST_JSON).is_file()}
    receipts = [each for each in history_of(memory, name).receipts if each.sequence in there - gone]
    unsound = {place for code, place in standing_alarms(memory) if code == "A204"}
    return plan_retention(
        name,
        [replace(each, result="fail") if _is_broken(request, memory, each, unsound) else each for each in receipts],
        agreement.keep,
        now=request.now,
        held=_held(request, memory, name, there),
        requested=request.requested.get(name, frozenset()),
    )


def _is_broken(request: PruneRequest, memory: Memory, receipt: Receipt, unsound: set[str]) -> bool:
    """Tell whether a deposit is not, or may not be, as it was received: nothing good may go for its sake."""
    try:
        return place_of(receipt) in unsound or what_changed(request.folder, memory, receipt) is not None
    except (PortabilityError, OSError, RecursionError):
        return True


def _held(request: PruneRequest, memory: Memory, name: str, sequences: Iterable[int]) -> frozenset[int]:
    """Return what must not be deleted; of an agreement that is known no more, everything."""
    agreement, asked = request.agreements.get(name), frozenset(sequences)
    return asked if agreement is None or request.frozen(agreement) else held(memory, name, asked)


def _refuse_leap(request: PruneRequest, memory: Memory) -> None:
    """Refuse to delete by a clock that is far from all that was remembered before the last day.

    What was remembered within the day may come from the same clock. ``receive`` remembers a moment each day.

    Raises:
        ProcedureError: It is.
    """
    last = memory.last_moment(until=request.now - _DAY)
    if last is not None and request.now - last > CLOCK_LEAP:
        hint = "Check the clock. When it is right, run receive, and prune again after a day."
        message = f"the clock is {(request.now - last).days} days past what was last received: nothing is deleted by it"
        raise ProcedureError(message, place=moment_text(request.now), hint=hint)


def _finish(request: PruneRequest, memory: Memory) -> None:
    done = {(each["agreement"], each["sequence"]) for each in memory.records("pruned")}
    begun: dict[tuple[str, int], dict[str, Any]] = {}
    for each in memory.records("prune"):
        key = (each["agreement"], each["sequence"])
        if each.get("taken_back"):
            begun.pop(key, None)
        elif key not in done:
            begun[key] = each
    for (name, sequence), each in begun.items():
        record = {field: each[field] for field in _FIELDS}
        if (request.folder / name / f"{sequence:06d}" / MANIFEST_SIGNATURE).is_file():
            memory.append({"kind": "prune", "at": moment_text(request.now), **record, "taken_back": True})
        elif not _held(request, memory, name, {sequence}):
            _delete(request, memory, record)


def _delete(request: PruneRequest, memory: Memory, record: dict[str, Any]) -> None:
    path = request.folder / record["agreement"] / f"{record['sequence']:06d}"
    request.progress(f"deleting {record['agreement']} {path.name}")
    try:
        if path.is_dir() and not path.is_symlink():
            for name in (MANIFEST_SIGNATURE, MANIFEST_JSON):
                (path / name).unlink(missing_ok=True)
                sync_directory(path)
            shutil.rmtree(path)
            sync_directory(path.parent)
    except OSError as error:
        hint = "Nothing else was deleted; run again, and it is finished first."
        raise ConfigError(
            f"cannot be deleted: {error.strerror}", place=str(error.filename or path), hint=hint
        ) from error
    memory.append({"kind": "pruned", "at": moment_text(request.now), **record})


def _certify(request: PruneRequest, memory: Memory) -> Pruned:
    """Write a certificate per agreement of what was deleted and is in none yet, and those that a kill kept back."""
    assert request.key is not None  # noqa: S101 -- prune() refused that
    certified = {(each["agreement"], n) for each in memory.records("certificate") for n in each["document"]["numbers"]}
    fresh: dict[str, list[dict[str, Any]]] = {}
    for each in memory.records("pruned"):
        if (each["agreement"], each["sequence"]) not in certified:
            fresh.setdefault(each["agreement"], []).append(each)
    for agreement, records in sorted(fresh.items()):
        for start in range(0, len(records), DEFAULT_LIMITS.erasure_deposits_max):
            document = _certificate(agreement, records[start : start + DEFAULT_LIMITS.erasure_deposits_max], request)
            memory.append({"kind": "certificate", "agreement": agreement, "document": document})
    paths = [_write(request, each["agreement"], each["document"]) for each in memory.records("certificate")]
    return Pruned(
        deleted=tuple(each for records in fresh.values() for each in records),
        certificates=tuple(path for path, new in paths if new),
    )


def _certificate(agreement: str, records: list[dict[str, Any]], request: PruneRequest) -> dict[str, Any]:
    assert request.key is not None  # noqa: S101
    names = ("sequence", "manifest_sha256", "size_bytes", "received_at", "why")
    return {
        "format": FORMAT,
        "version": VERSION,
        "agreement": agreement,
        "erased_at": moment_text(request.now),
        "by": request.key.fingerprint,
        "method": _METHOD,
        "deposits": [{"erased_at": each["at"], **{name: each[name] for name in names}} for each in records],
        "numbers": sorted(each["sequence"] for each in records),
    }


def _write(request: PruneRequest, agreement: str, document: dict[str, Any]) -> tuple[Path, bool]:
    assert request.key is not None  # noqa: S101
    stamp = document["erased_at"].replace(":", "").replace("-", "")
    first = document["numbers"][0]
    path = request.folder / agreement / f"erasure-{stamp}-{first:06d}.json"
    new = not path.with_name(f"{path.name}.sig").is_file()
    if new and document["by"] == request.key.fingerprint:
        path.parent.mkdir(exist_ok=True)
        write_signed(path, canonical_json(document), request.key, namespace=ERASURE_NAMESPACE)
    return path, new
