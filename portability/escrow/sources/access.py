"""Deposits of class access: what keeps the portal running in one bag, the credentials in another for its own openers.

The two share no bag, no agreement and no chain. Whoever holds the first has images, configuration and run-book, and no
secret: the scan that stops a source deposit stops this one too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from portability.archive import DATA
from portability.errors import ConfigError
from portability.escrow.jobs_shapes import AccessPart, AccessPayload, CredentialsSlot, Job
from portability.escrow.sources.layout import SECRETS_JSON, payload_name
from portability.escrow.sources.packing import list_folder, pack
from portability.escrow.sources.prepared import PreparedBag
from portability.escrow.sources.scanning import folder_targets, refuse_secrets, scan_document
from portability.escrow.sources.secrets import scan
from portability.formats.bag import write_bag
from portability.limits import Limits
from portability.manifest import to_json
from portability.sealing.recipients import NamedRecipient

__all__ = ["ACCESS_JSON", "AccessDeposit", "PartRecord", "access_bags"]

ACCESS_JSON = "access.json"
FORMAT = "legal-portability-access"


@dataclass(frozen=True, kw_only=True)
class PartRecord:
    """A part, in a tar under its own names."""

    name: str
    kind: str
    file: str
    files: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class AccessDeposit:
    """``data/access.json``. ``slot`` says which of the two it is; ``other`` is the agreement of the other one."""

    format: str
    version: str
    job: str
    agreement: str
    slot: str
    other: str | None
    instructions: str | None
    no_credentials: str | None
    parts: tuple[PartRecord, ...]


def access_bags(
    job: Job, payload: AccessPayload, folder: Path, *, limits: Limits, progress: Callable[[str], None]
) -> tuple[PreparedBag, ...]:
    """Make one bag, or two where there are credentials.

    Raises:
        ConfigError: The instructions are missing, or a part holds what looks like a secret.
    """
    _require_instructions(payload, limits)
    progress("looking for secrets")
    targets = (target for part in payload.parts for target in folder_targets(part.name, part.path, limits))
    report = scan(targets, payload.allowed_secrets, limits)
    refuse_secrets(report, job)
    root, slot = folder / "access", payload.credentials
    (root / DATA).mkdir(parents=True)
    (root / DATA / SECRETS_JSON).write_bytes(to_json(scan_document(report, payload.allowed_secrets)))
    about = AccessDeposit(
        format=FORMAT,
        version="1.0",
        job=job.name,
        agreement=job.agreement,
        slot="access",
        other=None if slot is None else slot.agreement,
        instructions=payload.instructions,
        no_credentials=payload.no_credentials,
        parts=_packed(payload.parts, root / DATA, limits, progress),
    )
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    access = _bagged(root, about, job.sealed_for, job.threshold, now)
    if slot is None:
        return (access,)
    return access, _credentials(job, slot, folder / "credentials", limits, progress, now)


def _credentials(
    job: Job, slot: CredentialsSlot, root: Path, limits: Limits, progress: Callable[[str], None], now: str
) -> PreparedBag:
    (root / DATA).mkdir(parents=True)
    about = AccessDeposit(
        format=FORMAT,
        version="1.0",
        job=job.name,
        agreement=slot.agreement,
        slot="credentials",
        other=job.agreement,
        instructions=None,
        no_credentials=None,
        parts=_packed(slot.parts, root / DATA, limits, progress),
    )
    return _bagged(root, about, tuple(one.named for one in slot.recipients), slot.threshold, now)


def _require_instructions(payload: AccessPayload, limits: Limits) -> None:
    part_name, _, path = payload.instructions.partition("/")
    part = next(each for each in payload.parts if each.name == part_name)
    names = {each.path for each in list_folder(part.path, limits)}
    if (path or part.path.name) not in names:
        hint = "Write how the portal is started and kept running, for somebody who has never done it."
        raise ConfigError("there are no instructions", place=payload.instructions, hint=hint)


def _packed(
    parts: Sequence[AccessPart], data: Path, limits: Limits, progress: Callable[[str], None]
) -> tuple[PartRecord, ...]:
    records = []
    for part in parts:
        progress(f"packing {part.name}")
        file = f"parts/{payload_name(part.name)}.tar"
        (data / file).parent.mkdir(exist_ok=True)
        packed = pack(part.path, data / file, limits)
        with (data / file).open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        records.append(
            PartRecord(
                name=part.name,
                kind=part.kind,
                file=file,
                files=packed.files,
                size_bytes=packed.size_bytes,
                sha256=sha256,
            )
        )
    return tuple(records)


def _bagged(
    root: Path, about: AccessDeposit, recipients: tuple[NamedRecipient, ...], threshold: int, now: str
) -> PreparedBag:
    (root / DATA / ACCESS_JSON).write_bytes(to_json(about))
    unpacking = "".join(f"mkdir -p {each.name} && tar -xf data/{each.file} -C {each.name}\n" for each in about.parts)
    text = _RESTORE.format(agreement=about.agreement, slot=about.slot, unpacking=unpacking, then=_then(about))
    (root / "RESTORE.md").write_text(text, encoding="utf-8")
    info = {
        "Bagging-Date": now[:10],
        "External-Description": f"Access deposit: {about.slot}",
        "External-Identifier": about.agreement,
        "Pinned-At": now,
    }
    write_bag(root, info=info)
    return PreparedBag(
        root=root,
        agreement=about.agreement,
        deposit_class="access",
        recipients=recipients,
        threshold=threshold,
        watermark=now,
        content_sha256=hashlib.sha256(to_json([[each.name, each.sha256] for each in about.parts])).hexdigest(),
    )


def _then(about: AccessDeposit) -> str:
    if about.slot == "credentials":
        return f"These are the credentials of the deposits of agreement {about.other}."
    credentials = f"They are in the deposits of agreement {about.other}." if about.other else f"{about.no_credentials}"
    return f"Then follow {about.instructions}.\n\nThere are no credentials in here. {credentials}"


_RESTORE = """\
# Restore: {slot} of agreement {agreement}

Check it first, from the folder that holds this file: `sha256sum -c manifest-sha256.txt`. Then unpack it:

```
{unpacking}```

{then}
"""
