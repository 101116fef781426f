"""A small firm deposited for real: exported, sealed for two custodians, in an agreement's folder."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fixtures.signers import ALLOWED_SIGNERS, ANN
from portability.connectors import open_connector
from portability.exports import ExportRequest, export_archive
from portability.profiles import load_profile
from portability.sealing.encryption import Identity
from portability.sealing.identity_files import load_identities
from portability.sealing.manifest import Chain
from portability.sealing.recipients import parse_recipients
from portability.sealing.seal import SealRequest, seal_archive
from portability.signing import Policy
from portability.signing.trust import parse_trust
from tests.conftest import lacking
from tests.escrow.deposits.conftest import Vendor, _fill, _job, custodians
from tests.exports.conftest import MAPS, PROFILE, SCHEMA

__all__ = ["custodians"]  # a fixture: the private keys of those who can open a vendor's deposits

AGREEMENT = "alder"


@dataclass(frozen=True, kw_only=True)
class Deposited:
    """An agreement's folder, and what opens it."""

    folder: Path
    archive: Path
    keys: dict[str, Path]
    identities: dict[str, tuple[Identity, ...]] = field(repr=False)

    @property
    def policy(self) -> Policy:
        """Whose deposits are believed."""
        return Policy(trust=parse_trust(ALLOWED_SIGNERS.encode(), "vendors"))


def _export(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "firm.db")) as connection:
        connection.executescript(SCHEMA)
    (folder / "files").mkdir()
    (folder / "files/A.TXT").write_bytes(b"a letter\n")
    (folder / "profile/map").mkdir(parents=True)
    (folder / "profile/profile.yaml").write_text(PROFILE, encoding="utf-8")
    for name, sql in MAPS.items():
        (folder / f"profile/map/{name}.sql").write_text(sql, encoding="utf-8")
    export_archive(
        ExportRequest(
            connector=open_connector(f"sqlite:///{folder / 'firm.db'}"),
            destination=folder / "archive",
            profile=load_profile(str(folder / "profile")),
            documents=str(folder / "files"),
        )
    )


@pytest.fixture(scope="session")
def deposited(tmp_path_factory: pytest.TempPathFactory) -> Deposited:
    """The small firm, deposited once for all tests that only look at it."""
    if missing := [tool for tool in ("age", "age-keygen") if shutil.which(tool) is None]:
        lacking(f"stock tools: {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("drills")
    _export(folder)
    keys = {}
    recipients = []
    for name in ("ann", "ben"):
        keys[name] = folder / name
        subprocess.run(["age-keygen", "-o", keys[name]], check=True, capture_output=True)  # noqa: S607
        made = subprocess.run(["age-keygen", "-y", keys[name]], check=True, capture_output=True)  # noqa: S607
        recipients.append(f"{name}={made.stdout.decode().strip()}")
    depository = folder / "depository" / AGREEMENT
    depository.mkdir(parents=True)
    seal_archive(
        SealRequest(
            archive=folder / "archive",
            destination=depository / "000001",
            recipients=parse_recipients(recipients),
            key=ANN,
            chain=Chain(
                agreement=AGREEMENT,
                sequence=1,
                watermark="2026-11-20T09:00:00Z",
                next_by="2099-01-01T00:00:00Z",
            ),
        )
    )
    return Deposited(
        folder=depository,
        archive=folder / "archive",
        keys=keys,
        identities={name: load_identities([path]) for name, path in keys.items()},
    )


def new_vendor(root: Path, custodians: Path) -> Vendor:
    """Make a vendor's machine with a job on it, whose depository is a folder beside."""
    folder = root / "vendor"
    folder.mkdir(mode=0o700)
    key = folder / "vendor_key"
    command: list[str | Path] = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "vendor", "-f", key]
    subprocess.run(command, check=True)
    public = key.with_suffix(".pub").read_text(encoding="utf-8")
    (folder / "allowed_signers").write_text(f'vendor namespaces="legal-portability-*" {public}', encoding="utf-8")
    (root / "depository").mkdir()
    made = Vendor(folder=folder, custodians=custodians)
    _fill(made.source)
    made.write_job(**_job(made, root / "depository"))
    return made
