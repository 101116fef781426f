"""``receive``: every deposit that came since the last run is checked and gets a receipt; the rest is looked at again.

The order makes every run repeatable: the manifest is copied into the memory, the receipt is remembered, and only then
written beside the deposit; a run that is killed between is finished by the next. Nothing is ever deleted or changed.
What lies there of earlier deposits is compared with the memory: their manifests' bytes and their files' sizes always,
every byte with ``again``. A vendor's login can put anything there: what cannot be looked at is a finding of its own
agreement, whose later deposits wait, and never keeps back another's.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from portability.checks.sealed import SealedRequest, verify_sealed
from portability.errors import ArchiveExistsError, ConfigError, PortabilityError
from portability.escrow.receiving.acknowledging import acknowledged
from portability.escrow.receiving.agreements import Agreements
from portability.escrow.receiving.alarms import remember_alarms, standing_alarms
from portability.escrow.receiving.earlier import hash_of, place_of, what_changed
from portability.escrow.receiving.findings import Found, finding
from portability.escrow.receiving.following import History, judged_again
from portability.escrow.receiving.judging import Arrival, judge, moment_text
from portability.escrow.receiving.leftovers import put_aside
from portability.escrow.receiving.memory import CLOCK_LEAP, Memory, open_memory, refuse_inside
from portability.escrow.receiving.receipts import RECEIPT_NAME, Receipt, receipt_name, receipt_path, write_receipt
from portability.escrow.signed_files import read_bounded, signature_path
from portability.limits import DEFAULT_LIMITS
from portability.sealing.manifest import MANIFEST_SIGNATURE
from portability.signing import RECEIPT_NAMESPACE, Policy, SigningKey, Trust, check_signature

__all__ = ["ReceiveRequest", "Received", "history_of", "iter_deposits", "pruned_of", "receive"]

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_SEQUENCE = re.compile(r"[0-9]{6}")
_ERASURE = re.compile(r"erasure-[0-9TZ]+-[0-9]{6}\.json(\.sig)?|requests")
_STALE = timedelta(hours=24)  # an upload that adds nothing for a day is no longer under way
_DAY = timedelta(days=1)
_FOREIGN_MAX = 20  # named of one folder; more are counted


@dataclass(frozen=True, kw_only=True)
class ReceiveRequest:
    """What to receive, and what it is compared with.

    Attributes:
        folder: The depository: a folder for each agreement.
        memory: The agent's own memory, elsewhere.
        trust: Whose deposits are believed.
        agreements: What was agreed.
        key: The agent's key, which signs receipts.
        again: Read every byte of earlier deposits again, and judge those again that failed by the agent's own files.
    """

    folder: Path
    memory: Path
    trust: Trust
    trust_sha256: str
    agreements: Agreements
    key: SigningKey
    again: bool = False
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    progress: Callable[[str], None] = field(default=lambda _: None)


@dataclass(frozen=True, kw_only=True)
class Received:
    """What a run did: new receipts, what is under way, and what is wrong with what lay there before."""

    receipts: tuple[Receipt, ...]
    known: int
    under_way: tuple[str, ...]
    findings: tuple[Found, ...]

    @property
    def ok(self) -> bool:
        """Whether every new deposit passed, and nothing that lay there before changed."""
        return all(each.passed for each in self.receipts) and not any(f.severity == "error" for f in self.findings)


def receive(request: ReceiveRequest) -> Received:
    """Check what is new, look again at what is not, and write receipts.

    Raises:
        ConfigError: The depository or the memory cannot be read, or the memory was altered.
    """
    if not request.folder.is_dir():
        raise ConfigError("there is no such depository", place=str(request.folder))
    refuse_inside(request.memory, request.folder)
    with open_memory(request.memory) as memory:
        return _Run(request, memory).run()


def iter_deposits(folder: Path) -> Iterator[tuple[int, Path]]:
    """Yield the deposits of an agreement's folder by number, whole or not; links are none."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if _SEQUENCE.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
            yield int(path.name), path


def history_of(memory: Memory, agreement: str) -> History:
    """Return what is remembered of an agreement."""
    newest = {sequence: each[-1] for sequence, each in _given(memory, agreement).items()}
    return History(receipts=tuple(newest.values()), manifest=lambda sequence: memory.manifest(agreement, sequence))


def _given(memory: Memory, agreement: str) -> dict[int, list[Receipt]]:
    """Return all receipts by deposit, in order of arrival; of a deposit that was judged again the first one first."""
    found: dict[int, list[Receipt]] = {}
    for each in memory.records("received", agreement):
        receipt = msgspec.convert(each["receipt"], Receipt)
        found.setdefault(receipt.sequence, []).append(receipt)
    return found


def pruned_of(memory: Memory, agreement: str) -> set[int]:
    """Return the numbers of the deposits that the agent itself deleted, or has begun to and not taken back."""
    begun: set[int] = set()
    for each in memory.records("prune", agreement):
        if each.get("taken_back"):
            begun.discard(each["sequence"])
        else:
            begun.add(each["sequence"])
    return begun


class _Run:
    """One run over a depository."""

    def __init__(self, request: ReceiveRequest, memory: Memory) -> None:
        self._request = request
        self._memory = memory
        self._receipts: list[Receipt] = []
        self._under_way: list[str] = []
        self._findings: list[Found] = []
        self._known = 0
        self._alarms = standing_alarms(memory)

    def run(self) -> Received:
        self._look_at_the_clock()
        for name in sorted({*self._names(), *self._memory.agreements()}):
            if _NAME.fullmatch(name) and not (self._request.folder / name).is_symlink():
                with self._going_on(name):
                    self._agreement(name)
            elif not name.startswith("."):
                self._findings.append(finding("A212", name))
        self._remember()
        return Received(
            receipts=tuple(self._receipts),
            known=self._known,
            under_way=tuple(self._under_way),
            findings=tuple(self._findings),
        )

    def _names(self) -> list[str]:
        try:
            return [each.name for each in self._request.folder.iterdir()]
        except OSError as error:
            place = str(self._request.folder)
            raise ConfigError(f"the depository cannot be read: {error.strerror}", place=place) from error

    def _look_at_the_clock(self) -> None:
        last = self._memory.last_moment()
        if last is not None and self._request.now - last > CLOCK_LEAP:
            self._findings.append(finding("A215", "clock", f"{(self._request.now - last).days} days"))

    def _remember(self) -> None:
        at = moment_text(self._request.now)
        errors = [each for each in self._findings if each.severity == "error"]
        remember_alarms(self._memory, errors, at=at)
        last = self._memory.last_moment()
        if last is None or self._request.now - last >= _DAY:
            self._memory.append({"kind": "clock", "at": at})  # what deleting by the clock is measured against

    @contextlib.contextmanager
    def _going_on(self, place: str) -> Iterator[None]:
        """Turn what cannot be done about one thing into a finding; without a memory nothing goes on."""
        try:
            yield
        except (PortabilityError, OSError, UnicodeError, RecursionError) as error:
            if self._memory.is_lost:
                raise
            self._findings.append(finding("A214", place, _said(error)))

    def _agreement(self, name: str) -> None:
        folder = self._request.folder / name
        history, pruned = history_of(self._memory, name), pruned_of(self._memory, name)
        known = {each.sequence: each for each in history.receipts}
        for _, path in iter_deposits(folder):
            if (path / MANIFEST_SIGNATURE).is_file():
                with self._going_on(f"{name}/{path.name}"):
                    self._put_aside(path)
        given = _given(self._memory, name)
        removed = acknowledged(self._memory, name)
        whole = {n for n, each in given.items() if n not in pruned and self._look_again(each, removed=n in removed)}
        self._foreign(folder, {receipt_name(n, k) for n, each in given.items() for k in range(1, len(each) + 1)})
        broken = frozenset(known.keys() - whole)
        for each in judged_again(history):
            if each.sequence in whole and self._is_due_again(each):
                with self._going_on(place_of(each)):
                    self._judge_again(each, len(given[each.sequence]) + 1, broken)
        history = history_of(self._memory, name)
        for sequence in self._arrived(folder, known):
            receipt, manifest = judge(self._arrival(name, sequence, history, broken))
            self._memory.keep_manifest(name, sequence, manifest)
            self._keep(receipt, 1)
            history = history_of(self._memory, name)

    def _arrived(self, folder: Path, known: Container[int]) -> tuple[int, ...]:
        """Return the numbers of new deposits, as many as one run receives: a login can commit any number."""
        new = [(sequence, path) for sequence, path in iter_deposits(folder) if sequence not in known]
        whole = [sequence for sequence, path in new if (path / MANIFEST_SIGNATURE).is_file()]
        for sequence, path in new:
            if sequence not in whole:
                self._unfinished(path)
        room = DEFAULT_LIMITS.arrivals_max
        if len(whole) > room:
            self._findings.append(finding("A216", folder.name, f"{len(whole) - room} more than {room}"))
        return tuple(whole[:room])

    def _arrival(
        self, name: str, sequence: int, history: History, broken: frozenset[int], given: Receipt | None = None
    ) -> Arrival:
        self._request.progress(f"{name} {sequence:06d}")
        return Arrival(
            folder=self._request.folder / name / f"{sequence:06d}",
            agreement_name=name,
            sequence=sequence,
            agreement=self._request.agreements.get(name),
            history=history,
            trust=self._request.trust,
            receiver=self._request.key.fingerprint,
            compared=self._compared,
            now=self._request.now,
            progress=self._request.progress,
            broken=broken,
            given=given,
        )

    @property
    def _compared(self) -> dict[str, str]:
        return {"agreements": self._request.agreements.sha256, "trusted signers": self._request.trust_sha256}

    def _is_due_again(self, receipt: Receipt) -> bool:
        """Tell whether a failed deposit was not judged by the agent's files as they are now, or is to be anyway."""
        return self._request.again or self._last_compared(receipt) != self._compared

    def _last_compared(self, receipt: Receipt) -> dict[str, str]:
        judged = [e for e in self._memory.records("judged", receipt.agreement) if e["sequence"] == receipt.sequence]
        return judged[-1]["compared"] if judged else receipt.compared

    def _judge_again(self, given: Receipt, number: int, broken: frozenset[int]) -> None:
        """Judge a failed deposit again; only another judgement is a new receipt."""
        name, sequence = given.agreement, given.sequence
        history = history_of(self._memory, name).before(sequence)
        receipt, _ = judge(self._arrival(name, sequence, history, broken, given))
        if receipt.manifest_sha256 != given.manifest_sha256:
            return  # it was exchanged meanwhile: the next run says so
        at = receipt.received_at
        line = {"kind": "judged", "at": at, "agreement": name, "sequence": sequence, "compared": self._compared}
        if _judgement(receipt) != _judgement(given):
            self._keep(receipt, number)
        if self._last_compared(given) != self._compared:
            self._memory.append(line)

    def _keep(self, receipt: Receipt, number: int) -> None:
        """Remember a receipt, and then write it beside its deposit."""
        at, name, sequence = receipt.received_at, receipt.agreement, receipt.sequence
        plain = msgspec.to_builtins(receipt)
        self._memory.append({"kind": "received", "at": at, "agreement": name, "sequence": sequence, "receipt": plain})
        self._receipts.append(receipt)
        self._write_receipt(receipt, number)

    def _write_receipt(self, receipt: Receipt, number: int) -> None:
        try:
            write_receipt(self._request.folder, receipt, self._request.key, number)
        except ArchiveExistsError as error:  # the memory has the true one
            place = f"{receipt.agreement}/{receipt_name(receipt.sequence, number)}"
            self._findings.append(finding("A205", place, _said(error)))

    def _put_aside(self, path: Path) -> None:
        if left := put_aside(path):
            self._findings.append(finding("A213", f"{path.parent.name}/{path.name}", *left))

    def _unfinished(self, path: Path) -> None:
        place = f"{path.parent.name}/{path.name}"
        newest = max((each.lstat().st_mtime for each in (path, *path.rglob("*"))), default=0.0)
        age = self._request.now - datetime.fromtimestamp(newest, UTC)
        if age > _STALE:
            hours = int(age.total_seconds()) // 3600
            self._findings.append(finding("A211", place, f"{hours} hours"))
        else:
            self._under_way.append(place)

    def _look_again(self, given: list[Receipt], *, removed: bool) -> bool:
        """Tell whether a deposit lies there as it was received; put back a receipt that a killed run did not write.

        One that failed and that the agent said it removed is no alarm while it is gone.
        """
        self._known += 1
        receipt = given[-1]
        found = None
        with self._going_on(place_of(receipt)):
            found = what_changed(self._request.folder, self._memory, receipt) or self._read_again(receipt)
            if found is not None and not (removed and found.code == "A202"):
                self._findings.append(found)
            if found is None or found.code != "A202":
                for number, each in enumerate(given, start=1):
                    self._compare_receipt(each, number)
            return found is None
        return False

    def _read_again(self, receipt: Receipt) -> Found | None:
        """Read every byte where that was asked for, and of what did not verify when last read, until it does."""
        place = place_of(receipt)
        if not receipt.passed or not (self._request.again or ("A204", place) in self._alarms):
            return None
        self._request.progress(f"again: {place}")
        request = SealedRequest(policy=Policy(trust=self._request.trust), now=self._request.now)
        path = self._request.folder / place
        report = verify_sealed(path, level="v0", request=request, progress=self._request.progress)
        named = [f"{e.code} {e.place}" for e in report.of_severity("error")]
        return None if report.ok else finding("A204", place, *named)

    def _compare_receipt(self, receipt: Receipt, number: int) -> None:
        path = receipt_path(self._request.folder, receipt.agreement, receipt.sequence, number)
        place = f"{receipt.agreement}/{path.name}"
        there = path.is_file() and signature_path(path).is_file()
        true = hashlib.sha256(receipt.to_bytes()).hexdigest()
        if os.path.lexists(path) and (path.is_symlink() or not path.is_file() or hash_of(path) != true):
            self._findings.append(finding("A205", place))
        elif not there and receipt.receiver == self._request.key.fingerprint:
            self._write_receipt(receipt, number)
        elif there and not _signed(path, receipt):
            self._findings.append(finding("A205", f"{place}.sig"))

    def _foreign(self, folder: Path, receipts: set[str]) -> None:
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        found = [name for name in names if _is_foreign(name, receipts)]
        for name in found[:_FOREIGN_MAX]:
            self._findings.append(finding("A212", f"{folder.name}/{name}"))
        if len(found) > _FOREIGN_MAX:
            self._findings.append(finding("A212", folder.name, f"{len(found) - _FOREIGN_MAX} more"))


def _is_foreign(name: str, receipts: set[str]) -> bool:
    receipt = RECEIPT_NAME.fullmatch(name.removesuffix(".sig"))
    if receipt and receipt[2]:  # further ones are few: only those that were given belong there
        return name.removesuffix(".sig") not in receipts
    return not (receipt or _SEQUENCE.fullmatch(name) or _ERASURE.fullmatch(name) or name.startswith("."))


def _judgement(receipt: Receipt) -> tuple[str, bool, bool, frozenset[str]]:
    return receipt.result, receipt.head, receipt.authentic, frozenset(each.code for each in receipt.findings)


def _said(error: Exception) -> str:
    if isinstance(error, PortabilityError):
        return f"{error.message} ({error.place})" if error.place else error.message
    return (error.strerror or "") if isinstance(error, OSError) else "a name that cannot be read"


def _signed(path: Path, receipt: Receipt) -> bool:
    """Tell whether the signature lying beside a receipt is right over it, and by the key that gave it."""
    try:
        signature = read_bounded(signature_path(path), DEFAULT_LIMITS.signature_bytes_max)
        found = check_signature(receipt.to_bytes(), signature, namespace=RECEIPT_NAMESPACE)
    except PortabilityError:
        return False
    return found.fingerprint == receipt.receiver
