"""``receive``: every deposit that came since the last run is checked and gets a receipt; the rest is looked at again.

The order makes every run repeatable: the manifest is copied into the memory, the receipt is remembered, and only then
written beside the deposit; a run that is killed between is finished by the next. Nothing is ever deleted or changed.
What lies there of earlier deposits is compared with the memory: their manifests' bytes and their files' sizes always,
every byte with ``again``.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from portability.checks.sealed import SealedRequest, verify_sealed
from portability.errors import ConfigError, PortabilityError
from portability.escrow.receiving.agreements import Agreements
from portability.escrow.receiving.findings import Found, finding
from portability.escrow.receiving.judging import Arrival, History, judge, moment_text
from portability.escrow.receiving.memory import Memory, open_memory, refuse_inside
from portability.escrow.receiving.receipts import Receipt, receipt_path, write_receipt
from portability.escrow.signed_files import read_bounded, signature_path
from portability.limits import DEFAULT_LIMITS
from portability.sealing.manifest import MANIFEST_JSON, MANIFEST_SIGNATURE
from portability.sealing.reading import parse_manifest
from portability.signing import RECEIPT_NAMESPACE, Policy, SigningKey, Trust, check_signature

__all__ = ["ReceiveRequest", "Received", "history_of", "iter_deposits", "pruned_of", "receive"]

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_SEQUENCE = re.compile(r"[0-9]{6}")
_RECEIPT = re.compile(r"[0-9]{6}\.receipt\.json(\.sig)?")
_ERASURE = re.compile(r"erasure-[0-9TZ]+-[0-9]{6}\.json(\.sig)?|requests")
_PART = re.compile(r".+\.part")
_LEFTOVERS = ".leftovers"
_STALE = timedelta(hours=24)  # an upload that adds nothing for a day is no longer under way


@dataclass(frozen=True, kw_only=True)
class ReceiveRequest:
    """What to receive, and what it is compared with.

    Attributes:
        folder: The depository: a folder for each agreement.
        memory: The agent's own memory, elsewhere.
        trust: Whose deposits are believed.
        agreements: What was agreed.
        key: The agent's key, which signs receipts.
        again: Read every byte of earlier deposits again.
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
    plain = (each["receipt"] for each in memory.records("received", agreement))
    receipts = tuple(msgspec.convert(each, Receipt) for each in plain)
    head = next((each for each in reversed(receipts) if each.head), None)
    return History(receipts=receipts, head_manifest=None if head is None else memory.manifest(agreement, head.sequence))


def pruned_of(memory: Memory, agreement: str) -> set[int]:
    """Return the numbers of the deposits that the agent itself deleted, or has begun to."""
    return {each["sequence"] for each in memory.records("prune", agreement)}


class _Run:
    """One run over a depository."""

    def __init__(self, request: ReceiveRequest, memory: Memory) -> None:
        self._request = request
        self._memory = memory
        self._receipts: list[Receipt] = []
        self._under_way: list[str] = []
        self._findings: list[Found] = []
        self._known = 0

    def run(self) -> Received:
        names = {each.name for each in self._request.folder.iterdir()} | set(self._memory.agreements())
        for name in sorted(names):
            if _NAME.fullmatch(name) and not (self._request.folder / name).is_symlink():
                self._agreement(name)
            elif not name.startswith("."):
                self._findings.append(finding("A212", name))
        errors = [f for f in self._findings if f.severity == "error"]
        if errors:
            at = moment_text(self._request.now)
            self._memory.append({"kind": "alarm", "at": at, "findings": msgspec.to_builtins(errors)})
        return Received(
            receipts=tuple(self._receipts),
            known=self._known,
            under_way=tuple(self._under_way),
            findings=tuple(self._findings),
        )

    def _agreement(self, name: str) -> None:
        folder = self._request.folder / name
        history = history_of(self._memory, name)
        pruned = pruned_of(self._memory, name)
        known = {each.sequence: each for each in history.receipts}
        for _, path in iter_deposits(folder):
            if (path / MANIFEST_SIGNATURE).is_file():
                self._put_aside(path)
        for each in known.values():
            if each.sequence not in pruned:
                self._look_again(folder / f"{each.sequence:06d}", each)
        for sequence, path in iter_deposits(folder):
            if sequence in known:
                continue
            if not (path / MANIFEST_SIGNATURE).is_file():
                self._unfinished(path)
                continue
            receipt = self._receive(path, name, sequence, history)
            history = history_of(self._memory, name)
            self._receipts.append(receipt)
        self._foreign(folder)

    def _receive(self, path: Path, name: str, sequence: int, history: History) -> Receipt:
        self._request.progress(f"{name} {sequence:06d}")
        agreements = self._request.agreements
        receipt, manifest = judge(
            Arrival(
                folder=path,
                agreement_name=name,
                sequence=sequence,
                agreement=agreements.get(name),
                history=history,
                trust=self._request.trust,
                receiver=self._request.key.fingerprint,
                compared={"agreements": agreements.sha256, "trusted signers": self._request.trust_sha256},
                now=self._request.now,
                progress=self._request.progress,
            )
        )
        self._memory.keep_manifest(name, sequence, manifest)
        self._memory.append(
            {"kind": "received", "agreement": name, "sequence": sequence, "receipt": msgspec.to_builtins(receipt)}
        )
        write_receipt(self._request.folder, receipt, self._request.key)
        return receipt

    def _put_aside(self, path: Path) -> None:
        """Move what an interrupted upload left out of a committed deposit, of which it is no part; delete nothing."""
        left = [each for each in path.rglob("*") if _PART.fullmatch(each.name) and not each.is_dir()]
        for each in left:
            name = each.relative_to(path.parent).as_posix().replace("/", "-")
            aside = path.parent / _LEFTOVERS
            aside.mkdir(exist_ok=True, mode=0o700)
            number = next(n for n in itertools.count() if not (aside / f"{n}-{name}").exists())
            each.rename(aside / f"{number}-{name}")
        if left:
            place = f"{path.parent.name}/{path.name}"
            names = [str(each.relative_to(path)) for each in left]
            self._findings.append(finding("A213", place, *names[:10]))

    def _unfinished(self, path: Path) -> None:
        place = f"{path.parent.name}/{path.name}"
        newest = max((each.lstat().st_mtime for each in (path, *path.rglob("*"))), default=0.0)
        age = self._request.now - datetime.fromtimestamp(newest, UTC)
        if age > _STALE:
            hours = int(age.total_seconds()) // 3600
            self._findings.append(finding("A211", place, f"{hours} hours"))
        else:
            self._under_way.append(place)

    def _look_again(self, path: Path, receipt: Receipt) -> None:
        """Compare a received deposit with the memory, and put back a receipt that a killed run did not write."""
        self._known += 1
        place = f"{receipt.agreement}/{receipt.sequence:06d}"
        if not (path / MANIFEST_JSON).is_file() or path.is_symlink():
            self._findings.append(finding("A202", place))
            return
        if _hash(path / MANIFEST_JSON) != receipt.manifest_sha256:
            self._findings.append(finding("A201", f"{place}/{MANIFEST_JSON}"))
        elif _hash(path / MANIFEST_SIGNATURE) != receipt.signature_sha256:
            self._findings.append(finding("A201", f"{place}/{MANIFEST_SIGNATURE}"))
        elif receipt.authentic:
            self._compare_files(path, place, receipt)
        self._compare_receipt(place, receipt)

    def _compare_files(self, path: Path, place: str, receipt: Receipt) -> None:
        manifest = parse_manifest(self._memory.manifest(receipt.agreement, receipt.sequence))
        wrong = [f"{place}/{each}" for each in _other_files(path, {f.path: f.size_bytes for f in manifest.files})]
        # What failed when it came may well be as it was then; its receipt says so already.
        if wrong and receipt.passed:
            self._findings.append(finding("A203", place, *wrong[:10]))
        elif self._request.again and receipt.passed:
            self._request.progress(f"again: {place}")
            request = SealedRequest(policy=Policy(trust=self._request.trust), now=self._request.now)
            report = verify_sealed(path, level="v0", request=request, progress=self._request.progress)
            if not report.ok:
                named = [f"{e.code} {e.place}" for e in report.of_severity("error")]
                self._findings.append(finding("A204", place, *named[:10]))

    def _compare_receipt(self, place: str, receipt: Receipt) -> None:
        path = receipt_path(self._request.folder, receipt.agreement, receipt.sequence)
        there = path.is_file() and signature_path(path).is_file()
        if path.is_symlink() or (path.is_file() and _hash(path) != hashlib.sha256(receipt.to_bytes()).hexdigest()):
            self._findings.append(finding("A205", f"{place}.receipt.json"))
        elif not there and receipt.receiver == self._request.key.fingerprint:
            write_receipt(self._request.folder, receipt, self._request.key)
        elif there and not _signed(path, receipt):
            self._findings.append(finding("A205", f"{place}.receipt.json.sig"))

    def _foreign(self, folder: Path) -> None:
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            known = _SEQUENCE.fullmatch(path.name) or _RECEIPT.fullmatch(path.name) or path.name.startswith(".")
            if not known and not _ERASURE.fullmatch(path.name):
                self._findings.append(finding("A212", f"{folder.name}/{path.name}"))


def _signed(path: Path, receipt: Receipt) -> bool:
    """Tell whether the signature lying beside a receipt is right over it, and by the key that gave it."""
    try:
        signature = read_bounded(signature_path(path), DEFAULT_LIMITS.signature_bytes_max)
        found = check_signature(receipt.to_bytes(), signature, namespace=RECEIPT_NAMESPACE)
    except PortabilityError:
        return False
    return found.fingerprint == receipt.receiver


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(read_bounded(path)).hexdigest()
    except PortabilityError:
        return ""


def _other_files(root: Path, listed: dict[str, int]) -> Iterator[str]:
    """Yield the files of a deposit that are missing, of another size, no files, or not listed."""
    there = {str(path.relative_to(root)): path.lstat() for path in root.rglob("*")}
    for path, size_bytes in listed.items():
        found = there.get(path)
        if found is None or not stat.S_ISREG(found.st_mode) or found.st_size != size_bytes:
            yield path
    for path, status in there.items():
        if not stat.S_ISDIR(status.st_mode) and path not in listed and path not in (MANIFEST_JSON, MANIFEST_SIGNATURE):
            yield path
