"""Level v3, with a recipient's key: everything opens, every file is what the catalog says, and the archive is sound.

What is opened is plaintext: it lies in a private staging directory for as long as the step takes.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from portability.checks.sealed.case import SealedStep
from portability.checks.verifier import verify
from portability.errors import (
    ConfigError,
    DecryptionError,
    FormatError,
    PortabilityError,
    SealError,
    SignatureError,
)
from portability.sealing.differential import INDEX, check_piece, iter_entries, read_header
from portability.sealing.manifest import MANIFEST_JSON
from portability.sealing.opening import OpenRequest, open_sealed
from portability.staging import open_staging

if TYPE_CHECKING:
    from portability.checks.sealed.case import SealedCase

__all__ = ["STEPS"]

_ARCHIVE_CLASS = "data"


def _check_contents(case: SealedCase) -> None:
    with open_staging(case.staging or Path(tempfile.gettempdir())) as private:
        request = OpenRequest(
            sealed=case.root,
            destination=private.path / "archive",
            identities=case.request.identities,
            policy=case.request.policy,
            workers=case.request.workers,
            limits=case.limits,
            progress=case.progress,
        )
        try:
            opened = open_sealed(request)
        except (SealError, DecryptionError, SignatureError) as error:
            case.log.add("X401", error.place or case.root.name, [error.message])
            return
        except ConfigError:
            raise
        except PortabilityError as error:
            case.log.add("X192", error.place or case.root.name, [error.message])
            return
        if opened.authentic.manifest_sha256 != case.facts["manifest_sha256"]:
            case.log.add("X401", MANIFEST_JSON, ["the sealed archive was exchanged during the check"])
            return
        case.totals |= {"opened files": opened.files, "opened octets": opened.size_bytes}
        _check_archive(case, opened.destination, private.path)


def _check_archive(case: SealedCase, root: Path, private: Path) -> None:
    """Check the archive as deeply as there is; what is found stands beside what the sealed form gave.

    What that check unpacks is plaintext too, and lies in private where the rest does.
    """
    if case.manifest.deposit_class != _ARCHIVE_CLASS:
        case.log.add("X403", case.root.name, [case.manifest.deposit_class])
        return
    if case.manifest.chain.kind == "differential":
        _check_differential(case, root)
        return
    report = verify(root, level="deep", limits=case.limits, progress=case.progress, scratch_parent=private)
    for found in report.findings:
        case.log.add(found.code, found.place, found.examples, count=found.count)
    case.totals |= {f"archive {name}": count for name, count in report.totals.items()}
    if not report.ok and not report.unchecked:  # a fault of the check itself is an error already, and no verdict
        case.log.add("X402", case.root.name, sorted(report.codes("error")))


def _check_differential(case: SealedCase, root: Path) -> None:
    """Check the index, and the pieces that lie in this deposit; the archive takes the deposits that it leans on too."""
    try:
        header = read_header(root)
        for entry in iter_entries(root, case.limits):
            for piece in entry.pieces:
                if piece.deposit == header.sequence:
                    check_piece(root, piece)
    except FormatError as error:
        case.log.add("X405", error.place, [error.message])
        return
    if (header.agreement, header.sequence) != (case.manifest.chain.agreement, case.manifest.chain.sequence):
        case.log.add("X405", INDEX, [f"it is of deposit {header.sequence} of {header.agreement}"])
        return
    needed = ", ".join(str(each) for each in header.needed)
    case.totals |= {"assembled files": header.files, "assembled octets": header.octets}
    case.facts |= {"leans_on": needed}
    case.log.add("X404", case.root.name, [f"deposits {needed}"])


STEPS = (SealedStep(title="Everything opens, and the archive inside is sound to the bottom", check=_check_contents),)
