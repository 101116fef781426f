"""What a job is, once its file has been read: frozen values with absolute paths, checked for shape and nothing more.

``jobs.load_job`` makes them; ``jobs.require_policy`` says whether they may run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from portability.depositories import DepositoryConfig
from portability.sealing.recipients import NamedRecipient
from portability.yaml_files import YamlDocument

__all__ = [
    "AccessPart",
    "AccessPayload",
    "AllowedSecret",
    "Build",
    "CredentialsSlot",
    "DataPayload",
    "DepositClass",
    "Email",
    "FullEvery",
    "Job",
    "JobDepository",
    "JobRecipient",
    "LockFile",
    "Notice",
    "NoticeEvent",
    "Party",
    "QuietHours",
    "Repository",
    "Retention",
    "Schedule",
    "SourceFolder",
    "SourcePayload",
    "Verification",
    "Webhook",
]

DepositClass = Literal["source", "data", "access"]
Party = Literal["agent", "beneficiary", "custodian", "successor", "vendor"]
NoticeEvent = Literal["due", "late", "missed", "failed", "recovered"]


@dataclass(frozen=True, kw_only=True)
class JobRecipient:
    """Who can open a deposit, alone or with others, and for whom they hold their key.

    ``party``: the escrow ``agent``; the ``beneficiary`` (the customer); a ``custodian`` (somebody at the customer who
    holds a key for it); the ``successor`` (the vendor that is to take over); the ``vendor`` itself. Keys with the same
    ``held_by`` are one opener: who takes the one has the other.
    """

    named: NamedRecipient
    party: Party
    held_by: str

    @property
    def name(self) -> str:
        """The recipient's name, which its envelope carries."""
        return self.named.name


# --- payloads --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A git repository: an absolute path or an address; submodules come with it from their own addresses.

    ``submodules`` gives other addresses for submodules whose own cannot be reached from here, by path;
    ``absent_lfs`` gives the reason for each LFS object that is lost for good, by its hash.
    """

    name: str
    url: str
    submodules: tuple[tuple[str, str], ...] = ()
    absent_lfs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class SourceFolder:
    """A plain directory or file; ``role`` says what it is for in the completeness report."""

    name: str
    path: Path
    role: Literal["source", "infrastructure", "run_book", "tools"] = "source"


@dataclass(frozen=True, kw_only=True)
class LockFile:
    """A lock file in a repository's tip, or in a folder, and whether its packages are deposited with it.

    ``kind`` ``other`` is for every tool whose packages are not fetched; ``not_vendored`` then says why that may be.
    """

    name: str
    kind: Literal["pip", "npm", "other"]
    origin: str  # the repository or folder that it stands in
    path: str  # in there
    not_vendored: str | None = None
    index: str | None = None  # of pip: instead of the configured one
    find_links: Path | None = None  # of pip: a folder of packages, and no index
    built_with: str | None = None  # of pip: what builds the source distributions, a second list of requirements


@dataclass(frozen=True, kw_only=True)
class Build:
    """How the product is built from the deposit alone: what a stranger runs in a clean room, without a network."""

    name: str
    command: tuple[str, ...]
    origin: str  # the repository or folder in which the command runs
    ref: str | None  # of a repository: the branch or tag that is built; its HEAD when left out
    instructions: str  # a file in it
    tools: tuple[str, ...]  # programs that the machine must have
    produces: tuple[str, ...]  # files that exist afterwards, from the origin's top
    time_limit_s: int
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class AllowedSecret:
    """A finding of the secrets scan that may go into the deposit, and why."""

    path: str  # where: a pattern as of .gitignore over origin/path
    kind: str | None  # only findings of this kind
    reason: str


@dataclass(frozen=True, kw_only=True)
class SourcePayload:
    """What a deposit of class ``source`` holds. ``absent`` gives reasons for what the report would call missing."""

    repositories: tuple[Repository, ...]
    folders: tuple[SourceFolder, ...]
    lock_files: tuple[LockFile, ...]
    build: Build
    allowed_secrets: tuple[AllowedSecret, ...] = ()
    absent: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class DataPayload:
    """What a deposit of class ``data`` holds: one export, as ``portability export`` makes it.

    ``source`` is an address or a name in portability.yaml; ``documents`` and ``profile`` as in ``export``.
    """

    source: str
    documents: str | None = None
    profile: str | None = None
    scope: Path | None = None
    workers: int = 2


@dataclass(frozen=True, kw_only=True)
class AccessPart:
    """A file or a directory of an ``access`` deposit."""

    name: str
    path: Path
    kind: Literal["image", "configuration", "run_book", "other"] = "other"


@dataclass(frozen=True, kw_only=True)
class CredentialsSlot:
    """The credentials of an ``access`` deposit: apart from it, with agreement, chain and recipients of their own."""

    agreement: str
    parts: tuple[AccessPart, ...]
    recipients: tuple[JobRecipient, ...]
    threshold: int


@dataclass(frozen=True, kw_only=True)
class AccessPayload:
    """What a deposit of class ``access`` holds: what keeps the portal running, and the credentials apart."""

    parts: tuple[AccessPart, ...]
    instructions: str  # a file in one of the parts: part/path
    credentials: CredentialsSlot | None = None
    no_credentials: str | None = None  # why there are none, where there are none
    allowed_secrets: tuple[AllowedSecret, ...] = ()


# --- where and when --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class QuietHours:
    """Minutes of the day, in the schedule's time zone, in which nothing is sent; may pass midnight."""

    from_minute: int
    until_minute: int


@dataclass(frozen=True, kw_only=True)
class JobDepository:
    """A depository of a job, with its own quiet hours and cooldown where they differ from the schedule's."""

    config: DepositoryConfig
    quiet_hours: tuple[QuietHours, ...]
    cooldown_s: int


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When a deposit is due. Late and missed count from the moment that it was due."""

    cron: str  # five fields
    time_zone: str  # IANA
    cooldown_s: int  # between the end of one deposit and the start of the next
    quiet_hours: tuple[QuietHours, ...]
    late_after_s: int
    missed_after_s: int


@dataclass(frozen=True, kw_only=True)
class FullEvery:
    """When a deposit is full whatever has changed: whichever comes first."""

    deposits: int = 30
    days: int = 90


@dataclass(frozen=True, kw_only=True)
class Retention:
    """What is kept, by the time of receipt: all deposits of the first days, then the last of each day, week, month.

    ``last`` are kept however old they are. Never below one verified full, never a base with dependants.
    """

    last: int = 3
    all_days: int = 30
    daily_days: int = 0
    weekly_days: int = 180
    monthly_days: int = 2555


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Who checks at which level: ``within_s`` after each deposit, or ``every_s``."""

    level: Literal["v0", "v1", "v2", "v3", "v4", "v5"]
    by: str  # a party or a recipient's name
    within_s: int | None = None
    every_s: int | None = None


@dataclass(frozen=True, kw_only=True)
class Email:
    """Notices by SMTP; ``password_env`` names the variable with the password."""

    to: tuple[str, ...]
    sender: str
    server: str
    port: int
    tls: Literal["starttls", "implicit", "none"]
    user: str | None = None
    password_env: str | None = None


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """Notices by HTTP POST of a JSON document; ``secret_env`` names the variable whose value signs the body (HMAC)."""

    url: str
    secret_env: str | None = None


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Which events are told, and how: a command (which gets the document on standard input), e-mail or webhook."""

    events: frozenset[NoticeEvent]
    channel: tuple[str, ...] | Email | Webhook


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as configured. ``path`` is its file, ``sha256`` that of the file's bytes when it was read.

    ``vendor_keys`` are the vendor's other keys, private or public, that must open nothing; ``document`` finds the line
    of a field for whoever reports on one.
    """

    path: Path
    sha256: str
    name: str
    agreement: str
    deposit_class: DepositClass
    payload: SourcePayload | DataPayload | AccessPayload
    recipients: tuple[JobRecipient, ...]
    threshold: int
    depositories: tuple[JobDepository, ...]
    quorum: int  # of depositories that must have it before a deposit counts
    schedule: Schedule
    full_every: FullEvery
    retention: Retention
    verification: tuple[Verification, ...]
    notices: tuple[Notice, ...]
    signing_key: str  # a private key's file, or a .pub whose private half is in the ssh-agent
    passphrase_file: Path | None
    trust: Path
    catalogue: str | None  # an address; portability.yaml's when left out
    spool: Path
    staging: Path
    vendor_keys: tuple[Path, ...]
    document: YamlDocument = field(repr=False, compare=False)

    @property
    def sealed_for(self) -> tuple[NamedRecipient, ...]:
        """The recipients as sealing wants them."""
        return tuple(one.named for one in self.recipients)
