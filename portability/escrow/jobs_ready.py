"""What keeps a job from running on this machine as it is now: files that are not there, a key that is not trusted.

No server is asked unless that is wanted: one that does not answer today may answer tonight. The same is found out by a
run; here it is found out before one is due.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from portability.connectors.url import parse_url
from portability.depositories import CheckedDepository, check_depository
from portability.depositories.config import parse_place
from portability.errors import ConfigError, PortabilityError
from portability.escrow.jobs_payloads import LOCAL_SQLITE
from portability.escrow.jobs_policy import PolicyFinding
from portability.escrow.jobs_shapes import AccessPayload, DataPayload, Job, SourcePayload
from portability.escrow.jobs_trust import require_trust
from portability.profiles import load_profile
from portability.scoping import load_scope
from portability.signing import PrivateKeyFile, load_trust, read_key_file
from portability.signing.agent import agent_has

if TYPE_CHECKING:
    from portability.signing.public_keys import PublicKey
    from portability.yaml_files import YamlPath

__all__ = ["Source", "check_places", "check_ready", "check_together"]

_PAYLOAD: YamlPath = ("payload",)


class Source(Protocol):
    """A source, once its name was looked up in the configuration."""

    @property
    def url(self) -> str:
        """Its address."""

    @property
    def documents(self) -> str | None:
        """Where its documents are."""

    @property
    def profile(self) -> str | None:
        """Its profile's name or folder."""


def check_ready(job: Job, *, resolve: Callable[[str], Source], catalogue: str | None) -> tuple[PolicyFinding, ...]:
    """Return what keeps a job from running here.

    Args:
        job: The job.
        resolve: Looks a source's name up in the configuration.
        catalogue: The configuration's, for a job that names none.
    """
    return (*_payload(job, resolve), *_key_and_trust(job), *_places(job, job.catalogue or catalogue))


def check_places(
    job: Job, *, passphrase: Callable[[str], str]
) -> tuple[tuple[CheckedDepository, ...], tuple[PolicyFinding, ...]]:
    """Log in to each depository of a job; return those that can take deposits, and what keeps the others from it.

    Args:
        job: The job.
        passphrase: Asked where a login's key is encrypted and names no passphrase.
    """
    reached: list[CheckedDepository] = []
    findings: list[PolicyFinding] = []
    for number, each in enumerate(job.depositories):
        at: YamlPath = ("depositories", number)
        config = each.config
        try:
            found = check_depository(config, passphrase=passphrase)
        except PortabilityError as error:
            findings.append(_finding(job, at, "depository", str(error), error.hint))
            continue
        if found.free_bytes is not None and found.free_bytes <= config.reserve_bytes:
            text = f"{config.name} has {found.free_bytes} bytes left, and {config.reserve_bytes} are to stay"
            findings.append(_finding(job, at, "depository", text, "Have space made there, or the quota raised."))
            continue
        reached.append(found)
    return tuple(reached), tuple(findings)


def check_together(jobs: Sequence[Job]) -> tuple[tuple[PolicyFinding, ...], ...]:
    """Return for each of several jobs what keeps it from running beside the others: a chain is one job's alone."""
    return tuple(tuple(_shared(job, jobs[:number])) for number, job in enumerate(jobs))


def _shared(job: Job, others: Sequence[Job]) -> Iterator[PolicyFinding]:
    for other in others:
        if other.path.resolve() == job.path.resolve():
            continue
        for agreement, path in _agreements(job).items():
            if agreement in _agreements(other):
                text = f"the job {other.name} ({other.path.name}) deposits under the agreement {agreement} too"
                mend = "One job is one chain: give each an agreement of its own."
                yield _finding(job, path, "agreement", text, mend)


def _agreements(job: Job) -> dict[str, YamlPath]:
    slot = job.payload.credentials if isinstance(job.payload, AccessPayload) else None
    own: dict[str, YamlPath] = {job.agreement: ("agreement",)}
    return own if slot is None else own | {slot.agreement: (*_PAYLOAD, "credentials", "agreement")}


def _finding(job: Job, path: YamlPath, rule: str, text: str, mend: str = "") -> PolicyFinding:
    return PolicyFinding(rule=rule, severity="error", place=job.document.where(path), text=text, mend=mend)


def _tried(job: Job, path: YamlPath, rule: str, attempt: Callable[[], object]) -> Iterator[PolicyFinding]:
    """Yield what an attempt says against it."""
    try:
        attempt()
    except PortabilityError as error:
        yield _finding(job, path, rule, str(error), error.hint)


def _there(job: Job, path: YamlPath, rule: str, file: Path, *, folder: bool = False) -> Iterator[PolicyFinding]:
    if not (file.is_dir() if folder else file.exists()):
        what = "folder" if folder else "file"
        yield _finding(job, path, rule, f"there is no such {what}: {file}", "Paths are relative to the job file.")


# --- what is deposited -----------------------------------------------------------------------------------------------


def _payload(job: Job, resolve: Callable[[str], Source]) -> Iterator[PolicyFinding]:
    payload = job.payload
    if isinstance(payload, DataPayload):
        yield from _data(job, payload, resolve)
    elif isinstance(payload, SourcePayload):
        yield from _sources(job, payload)
    else:
        for number, part in enumerate(payload.parts):
            yield from _there(job, (*_PAYLOAD, "parts", number, "path"), "source", part.path)
        for number, part in enumerate(payload.credentials.parts if payload.credentials else ()):
            yield from _there(job, (*_PAYLOAD, "credentials", "parts", number, "path"), "source", part.path)


def _data(job: Job, payload: DataPayload, resolve: Callable[[str], Source]) -> Iterator[PolicyFinding]:
    at, documents, profile = (*_PAYLOAD, "source"), payload.documents, payload.profile
    try:
        source = resolve(payload.source)
        address = parse_url(source.url)
    except ConfigError as error:
        yield _finding(job, at, "source", str(error), error.hint)
    else:
        documents, profile = documents or source.documents, profile or source.profile
        if source.url.startswith(LOCAL_SQLITE):
            yield from _there(job, at, "source", Path(address.path))
    if documents and "://" not in documents:
        yield from _there(job, (*_PAYLOAD, "documents"), "documents", Path(documents), folder=True)
    if profile is not None:
        yield from _tried(job, (*_PAYLOAD, "profile"), "profile", lambda: load_profile(profile))
    if (scope := payload.scope) is not None:
        yield from _tried(job, (*_PAYLOAD, "scope"), "scope", lambda: load_scope(scope))


def _sources(job: Job, payload: SourcePayload) -> Iterator[PolicyFinding]:
    for number, repository in enumerate(payload.repositories):
        if Path(repository.url).is_absolute():
            at = (*_PAYLOAD, "repositories", number, "url")
            yield from _there(job, at, "source", Path(repository.url), folder=True)
    for number, each in enumerate(payload.folders):
        yield from _there(job, (*_PAYLOAD, "folders", number, "path"), "source", each.path)
    for number, lock in enumerate(payload.lock_files):
        if lock.find_links is not None:
            at = (*_PAYLOAD, "lock_files", number, "find_links")
            yield from _there(job, at, "source", lock.find_links, folder=True)


# --- who signs, and where it goes ------------------------------------------------------------------------------------


def _key_and_trust(job: Job) -> Iterator[PolicyFinding]:
    if job.passphrase_file is not None:
        yield from _there(job, ("passphrase_file",), "signing-key", job.passphrase_file)
    try:
        key = _signing_key(job)
    except PortabilityError as error:
        yield _finding(job, ("sign",), "signing-key", str(error), error.hint)
        yield from _tried(job, ("trust",), "trust", lambda: load_trust(job.trust))
    else:
        yield from _tried(job, ("trust",), "trust", lambda: require_trust(job, key))


def _signing_key(job: Job) -> PublicKey:
    found = read_key_file(Path(job.signing_key))
    if isinstance(found, PrivateKeyFile):
        return found.key
    if not agent_has(found):
        hint = "ssh-add the private key, or name its file."
        raise ConfigError("the ssh-agent does not hold its private half", place=job.signing_key, hint=hint)
    return found


def _places(job: Job, catalogue: str | None) -> Iterator[PolicyFinding]:
    for number, each in enumerate(job.depositories):
        place, at = parse_place(each.config), ("depositories", number)
        if place.kind == "directory":
            yield from _there(job, (*at, "url"), "depository", Path(place.folder), folder=True)
        for name in ("key", "password_file", "key_passphrase_file"):
            if each.config.login is not None and (file := getattr(each.config.login, name)) is not None:
                yield from _there(job, (*at, "login", name), "depository", file)
        for name in ("secret_key_file", "ca_file"):
            if each.config.service is not None and (file := getattr(each.config.service, name)) is not None:
                yield from _there(job, (*at, "service", name), "depository", file)
    if catalogue is None:
        mend = "Write into the job, or into portability.yaml: catalogue: sqlite:///catalogue.db"
        yield _finding(job, (), "catalogue", "no catalogue is named", mend)
