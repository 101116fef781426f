"""Deposits in a folder: which of them it takes to have one of them whole.

Without a key nobody can tell to which earlier deposits a differential refers; so it takes its full deposit and every
one between. Signatures are checked here, hashes of the content are not: whoever opens or copies checks those.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from portability.errors import ConfigError, SealError
from portability.escrow.receiving.job import iter_deposits
from portability.limits import DEFAULT_LIMITS, Limits
from portability.sealing.container import open_container
from portability.sealing.manifest import MANIFEST_SIGNATURE, SealedManifest
from portability.sealing.opening_authenticity import Authentic, read_authentic
from portability.signing import Policy

__all__ = ["ChainedDeposit", "needed_deposits"]


@dataclass(frozen=True, kw_only=True)
class ChainedDeposit:
    """A deposit whose signature is right, and where it lies."""

    folder: Path
    authentic: Authentic

    @property
    def manifest(self) -> SealedManifest:
        """What it says of itself."""
        return self.authentic.manifest

    @property
    def sequence(self) -> int:
        """Its number."""
        return self.manifest.chain.sequence

    def require_same(self, opened: Authentic) -> None:
        """Refuse what was opened when it is not this deposit.

        Raises:
            SealError: It was exchanged meanwhile.
        """
        if opened.manifest_sha256 != self.authentic.manifest_sha256:
            raise SealError("the deposit was exchanged meanwhile", place=str(self.folder))


def needed_deposits(
    folder: Path, *, sequence: int | None = None, policy: Policy | None = None, limits: Limits = DEFAULT_LIMITS
) -> tuple[ChainedDeposit, ...]:
    """Return the deposits that it takes for one, by number; the last is the one that was asked for.

    Args:
        folder: An agreement's folder, with a folder for each deposit; or one deposit's own.
        sequence: Which one; the newest that is committed when None.
        policy: Who must have signed.

    Raises:
        ConfigError: There is no such deposit, or one that it takes is missing.
        SealError: One is not what its folder says, or they do not follow each other.
        SignatureError: One is signed wrongly, or by nobody who is trusted.
    """
    if (folder / "manifest.json").is_file():
        return (_only(_read(folder, policy, limits)),)
    committed = {n: path for n, path in iter_deposits(folder) if (path / MANIFEST_SIGNATURE).is_file()}
    if not committed:
        raise ConfigError("there is no deposit here", place=str(folder), hint="Name an agreement's folder.")
    wanted = max(committed) if sequence is None else sequence
    if wanted not in committed:
        hint = f"There are: {', '.join(map(str, sorted(committed)))}."
        raise ConfigError(f"there is no deposit number {wanted}", place=str(folder), hint=hint)
    found = [_numbered(committed[wanted], wanted, policy, limits)]
    base_sha256 = found[0].manifest.chain.base_sha256
    while base_sha256 is not None and found[0].authentic.manifest_sha256 != base_sha256:
        found.insert(0, _before(committed, found[0], policy, limits))
    if base_sha256 is not None and found[0].manifest.chain.kind != "full":
        raise SealError("its base is no full deposit", place=str(committed[wanted]))
    return tuple(found)


def _before(committed: dict[int, Path], after: ChainedDeposit, policy: Policy | None, limits: Limits) -> ChainedDeposit:
    """Return the deposit before one, by the hash that it names; a number that was given up is passed over."""
    number = max((n for n in committed if n < after.sequence), default=None)
    if number is not None:
        found = _numbered(committed[number], number, policy, limits)
        if found.authentic.manifest_sha256 == after.manifest.chain.previous_sha256:
            return found
    hint = "A differential opens only with its full deposit and all between. Get the missing one back."
    message = f"the deposit before number {after.sequence} is missing, or is another one"
    raise SealError(message, place=str(after.folder), hint=hint)


def _numbered(path: Path, sequence: int, policy: Policy | None, limits: Limits) -> ChainedDeposit:
    found = _read(path, policy, limits)
    if found.sequence != sequence:
        raise SealError(f"says that it is number {found.sequence}", place=str(path))
    return found


def _read(path: Path, policy: Policy | None, limits: Limits) -> ChainedDeposit:
    with open_container(path, limits) as container:
        try:
            return ChainedDeposit(folder=path, authentic=read_authentic(container, policy, limits))
        except SealError as error:
            error.place = f"{path}/{error.place}"
            raise


def _only(found: ChainedDeposit) -> ChainedDeposit:
    if found.manifest.chain.kind != "full":
        hint = "Name the folder of its agreement, in which its full deposit lies too."
        raise ConfigError("is a differential and does not open alone", place=str(found.folder), hint=hint)
    return found
