"""What an opened source deposit is worth: V3, everything is there and right; V4, it builds where there is no network.

Nothing in the deposit is believed and nothing of it runs, but the build, in a clean room. Each check says what it
looked at; the first that fails does not keep the others from being made, unless they rest on it.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from portability.archive import DATA, is_safe_path
from portability.errors import ConfigError, FormatError, PortabilityError
from portability.escrow.sources.access_checks import check_parts, is_access_bag, unpack_parts
from portability.escrow.sources.bag_reading import check_bag
from portability.escrow.sources.building import BuildOutcome, Isolation, run_build
from portability.escrow.sources.git import Git, open_git
from portability.escrow.sources.layout import (
    DEPOSIT_JSON,
    FORMAT,
    LICENCES,
    LICENCES_JSON,
    SBOM_JSON,
    BuildRecord,
    Deposit,
)
from portability.escrow.sources.locks import LockedPackage
from portability.escrow.sources.packages import read_lock
from portability.escrow.sources.repository_checks import check_repository
from portability.escrow.sources.restoring import restore_deposit
from portability.escrow.sources.sbom import read_sbom
from portability.limits import DEFAULT_LIMITS, Limits
from portability.manifest import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SourceCheck", "SourceReport", "is_source_bag", "verify_source"]


@dataclass(frozen=True, kw_only=True)
class SourceCheck:
    """One check: what was looked at and what came of it."""

    name: str
    outcome: Literal["passed", "failed", "skipped"]
    text: str


@dataclass(frozen=True, kw_only=True)
class SourceReport:
    """All checks of a level; sound when none failed or was left out."""

    level: Literal["v3", "v4"]
    checks: tuple[SourceCheck, ...]
    build: BuildOutcome | None
    deposit: Deposit | None

    @property
    def is_sound(self) -> bool:
        """Whether every check of the level was made and passed."""
        return all(each.outcome == "passed" for each in self.checks)


@dataclass(kw_only=True)
class _Case:
    root: Path
    work: Path
    limits: Limits
    git: Git
    deposit: Deposit
    checks: list[SourceCheck] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.root / DATA

    def check(self, name: str, look: Callable[[], str]) -> bool:
        """Make a check, and tell whether it passed."""
        self.checks.append(_made(name, look))
        return self.checks[-1].outcome == "passed"


def is_source_bag(root: Path) -> bool:
    """Tell whether an opened deposit says that it is a source deposit of this format."""
    try:
        return read_json(root / DATA / DEPOSIT_JSON, dict[str, Any]).get("format") == FORMAT
    except PortabilityError:
        return False


def verify_source(
    bag_root: Path,
    *,
    level: Literal["v3", "v4"] = "v3",
    isolation: Isolation = "namespaces",
    tool_folders: tuple[Path, ...] = (),
    work: Path | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> SourceReport:
    """Verify an opened deposit of class source or access.

    Args:
        bag_root: The folder that holds bagit.txt.
        level: ``v3`` looks at everything; ``v4`` builds as well.
        isolation: Where the build runs; ``insecure-none`` runs a stranger's program as this user.
        tool_folders: Folders besides ``/usr`` that the build may read.
        work: Where it is put together, in a private folder that is removed at the end; the system's place for
            temporary files when left out. It takes about the deposit's size three times.
        limits: Of sizes and times.

    Raises:
        ConfigError: There is no room, or nowhere to work.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="portability-source-", dir=work) as folder:
            return _verified(bag_root, Path(folder), level, isolation, tool_folders, limits)
    except OSError as error:
        hint = "Make room for about three times the deposit, or name another folder to work in."
        raise ConfigError(
            f"cannot be read or written: {error.strerror}", place=str(error.filename or bag_root), hint=hint
        ) from error


def _verified(
    root: Path,
    work: Path,
    level: Literal["v3", "v4"],
    isolation: Isolation,
    tool_folders: tuple[Path, ...],
    limits: Limits,
) -> SourceReport:
    if is_access_bag(root):
        return _access(root, work, level, limits)
    case, checks = _opened(root, work, limits)
    if case is None:
        return SourceReport(level=level, checks=tuple(checks), build=None, deposit=None)
    whole = _contents(case)
    build = None
    if level == "v4" and whole:
        build = _build(case, isolation, tool_folders)
    elif level == "v4":
        text = "the deposit is not whole, so nothing of it was run"
        case.checks.append(SourceCheck(name="build", outcome="skipped", text=text))
    return SourceReport(level=level, checks=tuple(case.checks), build=build, deposit=case.deposit)


def _access(root: Path, work: Path, level: Literal["v3", "v4"], limits: Limits) -> SourceReport:
    """Verify a deposit of class access; its highest level is that it unpacks."""
    looks = {
        "bag": lambda: f"{check_bag(root, limits)} files as listed",
        "parts": lambda: check_parts(root, limits),
        "unpacked": lambda: unpack_parts(root, work / "unpacked", limits),
    }
    checks: list[SourceCheck] = []
    for name, look in looks.items():
        if checks and checks[-1].outcome == "failed":
            break
        if name != "unpacked" or level == "v4":
            checks.append(_made(name, look))
    return SourceReport(level=level, checks=tuple(checks), build=None, deposit=None)


def _made(name: str, look: Callable[[], str]) -> SourceCheck:
    """Make a check: what ``look`` returns is said of it, what it raises fails it."""
    try:
        return SourceCheck(name=name, outcome="passed", text=look())
    except PortabilityError as error:
        return SourceCheck(name=name, outcome="failed", text=str(error))


def _opened(root: Path, work: Path, limits: Limits) -> tuple[_Case | None, list[SourceCheck]]:
    try:
        number = check_bag(root, limits)
        deposit = _deposit(root)
        git = open_git(work, fetching=False)
    except PortabilityError as error:
        return None, [SourceCheck(name="bag", outcome="failed", text=str(error))]
    case = _Case(root=root, work=work, limits=limits, git=git, deposit=deposit)
    case.checks.append(SourceCheck(name="bag", outcome="passed", text=f"{number} files as listed"))
    return case, case.checks


def _deposit(root: Path) -> Deposit:
    """Read the description, and refuse one that names what a deposit cannot have."""
    with _as_format(DEPOSIT_JSON):
        deposit = read_json(root / DATA / DEPOSIT_JSON, Deposit)
    if deposit.format != FORMAT or not deposit.version.startswith("1."):
        raise FormatError("is not of a version that is known", place=DEPOSIT_JSON)
    files = [each.file for each in deposit.repositories] + [each.file for each in deposit.folders]
    files += [file for each in deposit.packages for file in (each.copy, each.file, each.built_copy) if file is not None]
    names = [each.name for each in deposit.repositories] + [each.name for each in deposit.folders]
    for path in files:
        if not is_safe_path(path) or not (root / DATA / path).is_file():
            raise FormatError(f"names a file that is not there: {path[:200]!r}", place=DEPOSIT_JSON)
    if len({*names}) != len(names) or any(not _is_name(name) for name in names):
        raise FormatError("has a repository or folder without a name of its own", place=DEPOSIT_JSON)
    _check_build(deposit.build, names)
    return deposit


def _check_build(build: BuildRecord, names: list[str]) -> None:
    """Refuse a build that no system could start; what it does is the clean room's to bear."""
    words = (*build.command, *build.environment.values())
    if build.origin not in names or not build.command or any("\0" in word for word in words):
        raise FormatError("names no build that could run", place=DEPOSIT_JSON)
    if wrong := [each for each in build.environment if not each or each.startswith("-") or {*each} & {"=", "\0"}]:
        raise FormatError(f"gives its build what is no variable: {wrong[0][:200]!r}", place=DEPOSIT_JSON)


@contextmanager
def _as_format(place: str) -> Iterator[None]:
    try:
        yield
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise FormatError(f"is not as it must be: {type(error).__name__}", place=place) from None


def _is_name(name: str) -> bool:
    return name.replace("-", "").replace("_", "").isalnum() and name.isascii() and not name.startswith("-")


def _contents(case: _Case) -> bool:
    clones = case.work / "clones"
    clones.mkdir()
    whole = True
    for each in case.deposit.repositories:
        whole &= case.check(
            f"{each.role} {each.name}",
            lambda each=each: check_repository(case.git, case.deposit, each, case.data, clones, case.limits),  # type: ignore[misc]
        )
    whole &= case.check("software bill of materials", lambda: _bill(case))
    whole &= case.check("licences", lambda: _licences(case))
    return whole


def _bill(case: _Case) -> str:
    """The SBOM is valid, and lists exactly what the copies of the lock files fix."""
    listed = read_sbom((case.data / SBOM_JSON).read_bytes())
    locked: set[LockedPackage] = set()
    for each in case.deposit.packages:
        locked |= {*read_lock(each.kind, (case.data / each.copy).read_bytes(), each.name)}
        if each.built_with is not None and each.built_copy is not None:
            locked |= {*read_lock(each.kind, (case.data / each.built_copy).read_bytes(), each.built_with)}
    wanted = {(each.ecosystem, each.name, each.version) for each in locked}
    if lacking := sorted(wanted - listed):
        raise FormatError(f"lacks {'/'.join(lacking[0])}, which a lock file fixes", place=SBOM_JSON)
    if extra := sorted(listed - wanted):
        raise FormatError(f"lists {'/'.join(extra[0])}, which no lock file fixes", place=SBOM_JSON)
    return f"valid CycloneDX 1.6; its {len(listed)} components are those of the lock files"


def _licences(case: _Case) -> str:
    document = read_json(case.data / LICENCES_JSON, dict[str, list[dict[str, Any]]])
    texts = {str(sha256) for entry in document.get("licences", []) for sha256 in dict(entry.get("texts", {})).values()}
    for sha256 in sorted(texts):
        file = case.data / LICENCES / f"{sha256}.txt"
        if not is_safe_path(f"{LICENCES}/{sha256}.txt") or not file.is_file():
            raise FormatError(f"a licence's text is missing: {sha256[:64]}", place=LICENCES_JSON)
        if hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
            raise FormatError("a licence's text is not what its name says", place=file.name)
    return f"{len(document.get('licences', []))} entries, {len(texts)} texts"


def _build(case: _Case, isolation: Isolation, tool_folders: tuple[Path, ...]) -> BuildOutcome | None:
    restored = case.work / "restored"
    if not case.check("restored", lambda: _restored(case, restored)):
        return None
    outcome = run_build(
        case.deposit.build, restored, isolation=isolation, tool_folders=tool_folders, limits=case.limits
    )
    case.checks.append(_judged(outcome, isolation))
    return outcome


def _restored(case: _Case, restored: Path) -> str:
    restore_deposit(case.git, case.deposit, case.data, restored)
    return "put together in an empty folder"


def _judged(outcome: BuildOutcome, isolation: Isolation) -> SourceCheck:
    if outcome.outcome == "not run":
        text = f"was not run: {outcome.isolation}"
        return SourceCheck(name="build", outcome="skipped", text=text)
    if isolation == "namespaces" and outcome.interfaces != ("lo",):
        seen = ", ".join(outcome.interfaces or ()) or "none"
        text = f"the clean room could not be made as it must be (network interfaces seen: {seen}): {_last(outcome)}"
        return SourceCheck(name="build", outcome="failed", text=text)
    if outcome.outcome == "built":
        text = f"built in {outcome.duration_s:.1f} s; {len(outcome.produced)} files as promised; {outcome.isolation}"
        return SourceCheck(name="build", outcome="passed", text=text)
    why = {
        "failed": f"the command ended with {outcome.exit_code}: {_last(outcome)}",
        "timed out": f"the command took longer than allowed, and was ended after {outcome.duration_s:.0f} s",
        "lacks": f"the command ended well, but these are not there: {', '.join(outcome.lacking)}",
    }[outcome.outcome]
    return SourceCheck(name="build", outcome="failed", text=why)


def _last(outcome: BuildOutcome) -> str:
    lines = [line.strip() for line in outcome.log_tail.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"
