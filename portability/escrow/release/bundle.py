"""The hand-over bundle: the deposits that it takes, unaltered, new envelopes for the beneficiary, and how to open them.

``make_bundle`` fills a folder that the caller names and gives its final name; ``check_bundle`` is what a beneficiary,
or whoever hands it over, asks before relying on it; ``open_bundle`` opens and assembles it. By hand: ``RELEASE.md`` and
``open-released.sh``, with stock tools alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from string import Template

from portability.checks.sealed import SealedRequest, verify_sealed
from portability.errors import CheckFailedError, ConfigError, SealError
from portability.escrow.chain_folders import ChainedDeposit, needed_deposits
from portability.escrow.deposits import assemble
from portability.escrow.release.statement import ReleaseStatement, verify_release_statement
from portability.escrow.release.wrapping import Wrapped
from portability.escrow.signed_files import read_bounded, signature_path, write_signed
from portability.folders import sync_tree
from portability.limits import DEFAULT_LIMITS, Limits
from portability.sealing.encryption import Identity
from portability.sealing.opening import OpenRequest, open_sealed
from portability.signing import RELEASE_NAMESPACE, Policy, Signer, SigningKey, Trust
from portability.staging import open_staging, publish

__all__ = ["BundleChecked", "OpenBundle", "check_bundle", "make_bundle", "open_bundle"]

DEPOSITS = "deposits"
ENVELOPES = "envelopes"
STATEMENT = "release.json"
_RELEASE_MD = "RELEASE.md"
_SCRIPT = "open-released.sh"
_TEMPLATES = resources.files(__package__) / "templates"


@dataclass(frozen=True, kw_only=True)
class BundleChecked:
    """A bundle that is whole: its statement, who signed it, and its deposits."""

    statement: ReleaseStatement
    signer: Signer
    deposits: tuple[ChainedDeposit, ...]


def make_bundle(
    folder: Path,
    deposits: Sequence[ChainedDeposit],
    envelopes: Iterable[Wrapped],
    statement: ReleaseStatement,
    key: SigningKey,
    *,
    also: Iterable[Path] = (),
) -> None:
    """Fill an empty folder with everything that is handed over.

    Args:
        folder: It exists and is empty.
        deposits: Copied byte by byte, and compared with their manifests.
        envelopes: For the beneficiary.
        statement: What is signed.
        key: Who signs.
        also: Further files, such as the agent's receipts; into ``receipts/``.

    Raises:
        CheckFailedError: A copy is not what its manifest says.
        PortabilityError: It cannot be written.
    """
    for name in (DEPOSITS, ENVELOPES, "receipts"):
        (folder / name).mkdir()
    for each in deposits:
        target = folder / DEPOSITS / f"{each.sequence:06d}"
        shutil.copytree(each.folder, target, symlinks=True)
        _check_copy(target, each.authentic.manifest_sha256)
    for one in envelopes:
        (folder / ENVELOPES / f"{one.sequence:06d}.age").write_bytes(one.content)
    for path in also:
        if path.is_file() and not path.is_symlink():
            shutil.copyfile(path, folder / "receipts" / path.name)
    (folder / _SCRIPT).write_bytes((_TEMPLATES / _SCRIPT).read_bytes())
    (folder / _RELEASE_MD).write_bytes(_release_md(statement))
    write_signed(folder / STATEMENT, statement.to_bytes(), key, namespace=RELEASE_NAMESPACE)
    sync_tree(folder)


def _check_copy(target: Path, manifest_sha256: str) -> None:
    report = verify_sealed(target, level="v0", request=SealedRequest())
    if report.ok and report.facts.get("manifest_sha256") == manifest_sha256:
        return
    codes = ", ".join(sorted(report.codes("error"))) or "another manifest"
    hint = "Verify the deposit where it lies: portability verify DEPOSIT."
    raise CheckFailedError(f"the copy of a deposit is not whole: {codes}", report=report, place=target.name, hint=hint)


def _release_md(statement: ReleaseStatement) -> bytes:
    last = statement.deposits[-1].sequence
    rows = [f"| {d.sequence} | {d.manifest_sha256} | {d.envelope} |" for d in statement.deposits]
    values = {
        "recipient": f"{statement.recipient.name} ({statement.recipient.kind}, {statement.recipient.fingerprint})",
        "agreement": statement.agreement,
        "request": statement.request,
        "released_at": statement.released_at,
        "rows": "\n".join(rows),
        "last": f"{last:06d}",
        "assemble": "" if len(statement.deposits) == 1 else _assemble_text(last),
        "whole": f"opened/{last:06d}" if len(statement.deposits) == 1 else "archive",
    }
    return Template((_TEMPLATES / _RELEASE_MD).read_text(encoding="utf-8")).substitute(values).encode()


def _assemble_text(last: int) -> str:
    return (
        "The last deposit holds only what changed since the ones before it. Its own script puts the archive together\n"
        f"from all of them:\n\n```sh\nsh opened/{last:06d}/data/assemble.sh archive\n```\n"
    )


def check_bundle(folder: Path, *, releasers: Trust, vendors: Policy | None = None) -> BundleChecked:
    """Check a bundle without any key: who released it, that every file is as it was signed, that nothing is missing.

    Raises:
        CheckFailedError: A deposit is not whole.
        SealError: The statement does not fit what lies there.
        SignatureError: It is signed wrongly, or by nobody who is trusted.
    """
    path = folder / STATEMENT
    if not path.is_file():
        raise ConfigError("is no hand-over bundle", place=str(folder), hint=f"It holds a {STATEMENT}.")
    signature = read_bounded(signature_path(path), DEFAULT_LIMITS.signature_bytes_max)
    statement, signer = verify_release_statement(read_bounded(path), signature, releasers, place=str(path))
    last = statement.deposits[-1].sequence
    deposits = needed_deposits(folder / DEPOSITS, sequence=last, policy=vendors)
    found = [(each.sequence, each.authentic.manifest_sha256, each.manifest.commitment) for each in deposits]
    if found != [(each.sequence, each.manifest_sha256, each.commitment) for each in statement.deposits]:
        raise SealError("the deposits are not those of the statement", place=str(folder / DEPOSITS))
    for each in statement.deposits:
        if hashlib.sha256(read_bounded(folder / each.envelope)).hexdigest() != each.envelope_sha256:
            raise SealError("the envelope is not the one of the statement", place=each.envelope)
        _check_copy(folder / DEPOSITS / f"{each.sequence:06d}", each.manifest_sha256)
    return BundleChecked(statement=statement, signer=signer, deposits=deposits)


@dataclass(frozen=True, kw_only=True)
class OpenBundle:
    """What to open, with which key, and where the archive goes."""

    bundle: Path
    destination: Path
    identities: tuple[Identity, ...] = field(repr=False)
    vendors: Policy | None = None
    staging: Path | None = None
    limits: Limits = DEFAULT_LIMITS
    progress: Callable[[str], None] = field(default=lambda _: None)


def open_bundle(request: OpenBundle, statement: ReleaseStatement) -> None:
    """Open every deposit of a checked bundle with its new envelope, and assemble them into one archive.

    Raises:
        PortabilityError: Of the kind that went wrong; nothing then stands under the destination's name.
    """
    with open_staging(request.staging or request.destination.absolute().parent) as private:
        parts: dict[int, Path] = {}
        for each in statement.deposits:
            parts[each.sequence] = private.path / f"{each.sequence:06d}"
            open_sealed(
                OpenRequest(
                    sealed=request.bundle / DEPOSITS / f"{each.sequence:06d}",
                    destination=parts[each.sequence],
                    identities=request.identities,
                    policy=request.vendors,
                    envelope=request.bundle / each.envelope,
                    limits=request.limits,
                    progress=request.progress,
                )
            )
        whole = parts[statement.deposits[-1].sequence]
        if len(parts) > 1:
            whole = private.path / "whole"
            hashes = {each.sequence: each.manifest_sha256 for each in statement.deposits}
            assemble(parts, whole, manifests=hashes, limits=request.limits, progress=request.progress)
        with contextlib.suppress(OSError):
            sync_tree(whole)
        publish(whole, request.destination)
