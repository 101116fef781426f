"""Who may open what: the recipient policy of the deposit classes, computed from parties, holders and threshold.

Every group of recipients that is just large enough to open a deposit is looked at. A deposit of class source or access
takes the agent each time; one of class data takes the customer each time, and never the vendor. No key that opens
anything lies on the machine that deposits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Literal

from portability.errors import ConfigError, PortabilityError
from portability.escrow.jobs_keys import KeyPlaces, find_keys, in_agent
from portability.escrow.jobs_shapes import AccessPayload, DepositClass, Job, JobRecipient
from portability.signing import PrivateKeyFile, read_key_file
from portability.yaml_files import YamlPath

__all__ = ["PolicyFinding", "PolicyReport", "check_policy", "require_policy"]

_CUSTOMER = {"beneficiary", "custodian"}
_OPENERS_MIN = 2


@dataclass(frozen=True, kw_only=True)
class PolicyFinding:
    """What the policy forbids (``error``), or what the agreement's parties should know (``note``)."""

    rule: str
    severity: Literal["error", "note"]
    place: str  # file:line: field
    text: str
    mend: str = ""


@dataclass(frozen=True, kw_only=True)
class PolicyReport:
    """Who opens it, as groups of names, and what was found."""

    job: str
    deposit_class: DepositClass
    threshold: int
    openers: tuple[tuple[str, ...], ...]
    findings: tuple[PolicyFinding, ...]

    @property
    def is_kept(self) -> bool:
        """Whether nothing is forbidden."""
        return all(each.severity != "error" for each in self.findings)


@dataclass(frozen=True, kw_only=True)
class _Lock:
    """One set of recipients that opens one kind of deposit, and where it stands in the file."""

    job: Job
    deposit_class: DepositClass
    recipients: tuple[JobRecipient, ...]
    threshold: int
    path: YamlPath

    def finding(
        self, rule: str, text: str, *, mend: str = "", severity: Literal["error", "note"] = "error", at: YamlPath = ()
    ) -> PolicyFinding:
        place = self.job.document.where((*self.path, *at))
        return PolicyFinding(rule=rule, severity=severity, place=place, text=text, mend=mend)

    def place_of(self, recipient: JobRecipient) -> YamlPath:
        given = self.job.document.content
        for part in self.path:
            given = given[part]
        names = [each["name"] for each in given["recipients"]]
        return ("recipients", names.index(recipient.name))

    @property
    def groups(self) -> tuple[tuple[JobRecipient, ...], ...]:
        return tuple(combinations(self.recipients, self.threshold))


def check_policy(job: Job, *, home: Path | None = None) -> PolicyReport:
    """Return what the policy of a job's class finds, on this machine as it is now.

    Args:
        job: The job.
        home: Whose ``.ssh`` is looked into; this user's when left out.
    """
    locks = _locks(job)
    keys = _keys_here(job, home or Path.home())
    findings = [found for lock in locks for found in _findings(lock, keys)]
    findings += _machine_notes(job, keys)
    return PolicyReport(
        job=job.name,
        deposit_class=job.deposit_class,
        threshold=job.threshold,
        openers=tuple(tuple(one.name for one in group) for group in locks[0].groups),
        findings=tuple(findings),
    )


def require_policy(job: Job, *, home: Path | None = None) -> PolicyReport:
    """Refuse a job that the policy forbids.

    Raises:
        ConfigError: With the first finding; all are in the details.
    """
    report = check_policy(job, home=home)
    errors = [each for each in report.findings if each.severity == "error"]
    if errors:
        details = [f"{each.place}: {each.text}" for each in errors]
        more = f" ({len(errors) - 1} more: portability escrow check)" if len(errors) > 1 else ""
        raise ConfigError(errors[0].text + more, place=errors[0].place, hint=errors[0].mend, details=details)
    return report


def _locks(job: Job) -> tuple[_Lock, ...]:
    own = _Lock(job=job, deposit_class=job.deposit_class, recipients=job.recipients, threshold=job.threshold, path=())
    slot = job.payload.credentials if isinstance(job.payload, AccessPayload) else None
    if slot is None:
        return (own,)
    path: YamlPath = ("payload", "credentials")
    return own, _Lock(job=job, deposit_class="access", recipients=slot.recipients, threshold=slot.threshold, path=path)


def _findings(lock: _Lock, keys: KeyPlaces) -> Iterator[PolicyFinding]:
    yield from _independence(lock)
    yield from _who_alone(lock)
    yield from _vendor(lock, keys)
    yield from _keys_on_depositor(lock, keys)


# --- enough of them, and the right ones ------------------------------------------------------------------------------


def _independence(lock: _Lock) -> Iterator[PolicyFinding]:
    holders = {one.held_by for one in lock.recipients if one.party != "vendor"}
    if len(holders) < _OPENERS_MIN:
        yield lock.finding(
            "two-openers",
            "there are fewer than two independent openers",
            mend="Name a second recipient whose key another person holds: whoever loses the only key loses it all.",
            at=("recipients",),
        )
        return
    for holder in sorted(holders):
        left = [one for one in lock.recipients if one.held_by != holder and one.party != "vendor"]
        if len(left) < lock.threshold:
            yield lock.finding(
                "no-spare",
                f"without {holder} nobody can open it",
                mend="Name one more recipient than the threshold, so that a lost key loses nothing.",
                severity="note",
                at=("recipients",),
            )


def _who_alone(lock: _Lock) -> Iterator[PolicyFinding]:
    if lock.deposit_class == "data":
        wrong = _without(lock.groups, _CUSTOMER)
        text = "could open the customer's data without the customer"
        mend = "Let each group of {k} hold the beneficiary or a custodian: raise the threshold or change the parties."
    else:
        wrong = _without(lock.groups, {"agent"})
        text = f"could open the {lock.deposit_class} without the agent, before anything was released"
        mend = "Let each group of {k} hold the agent: raise the threshold, or leave the others out."
    if wrong:
        mend = mend.format(k=lock.threshold)
        yield lock.finding("who-alone", f"{_named(wrong[0])} {text}", mend=mend, at=("recipients",))


def _without(groups: Sequence[tuple[JobRecipient, ...]], parties: set[str]) -> list[tuple[JobRecipient, ...]]:
    return [group for group in groups if not {one.party for one in group} & parties]


def _named(group: Sequence[JobRecipient]) -> str:
    names = [f"{one.name} ({one.party})" for one in group]
    return f"{' and '.join(names)} together" if len(names) > 1 else f"{names[0]} alone"


# --- the vendor ------------------------------------------------------------------------------------------------------


def _vendor(lock: _Lock, keys: KeyPlaces) -> Iterator[PolicyFinding]:
    vendors = [one for one in lock.recipients if one.party == "vendor"]
    if lock.deposit_class == "data":
        for one in vendors:
            mend = "Leave the vendor out: the customer's data is opened by the customer."
            yield lock.finding(
                "no-vendor", "the vendor's own key is among the recipients", mend=mend, at=lock.place_of(one)
            )
    elif vendors and len(lock.recipients) - len(vendors) < lock.threshold:
        mend = "Name enough others: when it is needed, the vendor is gone."
        yield lock.finding("no-vendor", "nobody can open it without the vendor", mend=mend, at=("recipients",))
    for one in lock.recipients:
        place = keys.public.get(one.named.key.fingerprint)
        if place == lock.job.signing_key:
            text = f"{one.name} has the vendor's own signing key: {place}"
            mend = "The key that signs can open nothing. Give this recipient a key of their own; the signing key stays."
            yield lock.finding("no-vendor", text, mend=mend, at=lock.place_of(one))
        elif place is not None and one.party != "vendor":
            text = f"has the vendor's own key: {place}"
            mend = "Ask the recipient for a key of their own; keep its public half beside the job file."
            yield lock.finding("no-vendor", text, mend=mend, at=lock.place_of(one))


# --- this machine ----------------------------------------------------------------------------------------------------


def _keys_on_depositor(lock: _Lock, keys: KeyPlaces) -> Iterator[PolicyFinding]:
    for one in lock.recipients:
        if keys.public.get(one.named.key.fingerprint) == lock.job.signing_key:
            continue  # told as what it is: it belongs here, and is no recipient's
        place = keys.private.get(one.named.key.fingerprint)
        if place is None and in_agent(one.named.key.text):
            place = "the ssh-agent"
        if place is not None:
            yield lock.finding(
                "key-on-depositor",
                f"the private key of {one.name} lies on this machine: {place}",
                mend="It belongs to its owner alone: let them make a new one, and remove this one here.",
                at=lock.place_of(one),
            )


def _keys_here(job: Job, home: Path) -> KeyPlaces:
    """Return the keys on this machine; as public ones those only that are the vendor's."""
    named = (Path(job.signing_key), *job.vendor_keys)
    logins = [each.config.login for each in job.depositories] + [
        each.config.jump.login for each in job.depositories if each.config.jump is not None
    ]
    files = named + tuple(login.key for login in logins if login is not None and login.key is not None)
    found = find_keys((home / ".ssh", job.path.parent), files)
    # What a person keeps as a public key among their own is the other half of a key of theirs, wherever that is.
    public = {key: place for key, place in found.public.items() if Path(place).parent == home / ".ssh"}
    for path in files:
        try:
            key = read_key_file(path)
        except PortabilityError:
            continue
        if path == Path(job.signing_key):
            public[key.key.fingerprint if isinstance(key, PrivateKeyFile) else key.fingerprint] = str(path)
        elif not isinstance(key, PrivateKeyFile):
            public.setdefault(key.fingerprint, str(path))
    return KeyPlaces(private=found.private, public=public, hidden=found.hidden, cut=found.cut)


def _machine_notes(job: Job, keys: KeyPlaces) -> Iterator[PolicyFinding]:
    place = job.document.where(())
    for path in keys.hidden:
        text = f"{path} is encrypted: whether it holds a recipient's private key cannot be seen"
        yield PolicyFinding(rule="key-hidden", severity="note", place=place, text=text)
    if keys.cut:
        text = "there are more files beside the job file than are looked into for private keys"
        mend = "Keep job files in a folder of their own."
        yield PolicyFinding(rule="key-hidden", severity="note", place=place, text=text, mend=mend)
