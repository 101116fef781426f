"""A vendor's machine with a job on it: a small source that can be changed, keys, and depositories."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from portability.catalogue import Catalogue, open_catalogue
from portability.catalogue.deposits import Deposit, list_deposits
from portability.escrow.deposits import assemble, is_differential, read_header
from portability.escrow.deposits.requests import DepositResult, JobRequest, SourceAddress
from portability.escrow.deposits.run import run_job
from portability.escrow.jobs import Job, load_job
from portability.limits import DEFAULT_LIMITS, Limits
from portability.sealing.identity_files import load_identities
from portability.sealing.opening import OpenRequest, open_sealed
from portability.signing import Policy, SigningKey, load_signing_key, load_trust
from tests.conftest import lacking

TOOLS = ("age-keygen", "ssh-keygen")


@dataclass
class Vendor:
    """A folder with everything that a vendor has: source, job file, signing key, catalogue, spool, staging."""

    folder: Path
    custodians: Path
    limits: Limits = DEFAULT_LIMITS
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def job_file(self) -> Path:
        return self.folder / "job.yaml"

    @property
    def job(self) -> Job:
        return load_job(self.job_file)

    @property
    def key(self) -> SigningKey:
        return load_signing_key(str(self.folder / "vendor_key"))

    @property
    def source(self) -> Path:
        return self.folder / "practice.db"

    @property
    def spool(self) -> Path:
        return self.folder / "spool" / "smith"

    def write_job(self, **changes: Any) -> None:  # noqa: ANN401 -- any field
        """Write the job file, with other fields than before where they are given."""
        self.fields |= changes
        self.job_file.write_text(yaml.safe_dump(self.fields), encoding="utf-8")

    def catalogue(self) -> AbstractContextManager[Catalogue]:
        return open_catalogue(f"sqlite:///{self.folder}/catalogue.db", upgrade=True)

    def change(self, *, rows: int = 3, seed: int = 0) -> None:
        """Change some rows, and add one."""
        chance = random.Random(seed)
        with sqlite3.connect(self.source) as database:
            for _ in range(rows):
                database.execute("UPDATE note SET text = ? WHERE id = ?", (f"changed {seed}", chance.randrange(2_000)))
            database.execute("INSERT INTO note (text) VALUES (?)", (f"new {seed}",))

    def request(self, catalogue: Catalogue, **changes: Any) -> JobRequest:  # noqa: ANN401 -- any field
        def resolve(name: str) -> SourceAddress:
            return SourceAddress(url=name)

        request = JobRequest(job=self.job, catalogue=catalogue, key=self.key, resolve=resolve, limits=self.limits)
        return replace(request, **changes)

    def deposit(self, **changes: Any) -> DepositResult:  # noqa: ANN401 -- any field
        """Run the job once, and return its deposit."""
        with self.catalogue() as catalogue:
            (result,) = run_job(self.request(catalogue, **changes))
        return result

    def deposits(self) -> tuple[Deposit, ...]:
        """Return what the catalogue knows."""
        with self.catalogue() as catalogue, catalogue.reading() as transaction:
            return list_deposits(transaction, "smith")

    def restore(self, depository: Path, sequence: int, into: Path) -> Path:
        """Open what lies in a depository as a custodian would, and return the archive."""
        opened = into / f"{sequence:06d}"
        if not opened.is_dir():
            request = OpenRequest(
                sealed=depository / "smith" / f"{sequence:06d}",
                destination=opened,
                identities=load_identities([self.custodians / "ann"], limits=DEFAULT_LIMITS),
                policy=Policy(trust=load_trust(self.folder / "allowed_signers")),
            )
            open_sealed(request)
        if not is_differential(opened):
            return opened
        archive = into / f"archive-{sequence}"
        header = read_header(opened)
        for each in header.needed:
            self.restore_part(depository, each, into)
        assemble({each: into / f"{each:06d}" for each in (*header.needed, sequence)}, archive)
        return archive

    def restore_part(self, depository: Path, sequence: int, into: Path) -> None:
        if not (into / f"{sequence:06d}").is_dir():
            request = OpenRequest(
                sealed=depository / "smith" / f"{sequence:06d}",
                destination=into / f"{sequence:06d}",
                identities=load_identities([self.custodians / "ann"], limits=DEFAULT_LIMITS),
            )
            open_sealed(request)


@pytest.fixture(scope="session")
def custodians(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the private keys of ann and ben, which lies nowhere near the vendor's."""
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        lacking(f"stock tools: {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("custodians")
    for name in ("ann", "ben", "cat"):
        tool("age-keygen", "-o", folder / name)
    return folder


def tool(*command: str | Path) -> str:
    """Run a stock tool, and return what it prints."""
    done = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)
    return done.stdout


def public_key(custodians: Path, name: str) -> str:
    """Return a custodian's public key."""
    return tool("age-keygen", "-y", custodians / name).strip()


@pytest.fixture
def make_vendor(tmp_path: Path, custodians: Path) -> Callable[..., Vendor]:
    """A factory of vendors; keyword arguments change the job file."""

    def make(**changes: Any) -> Vendor:  # noqa: ANN401 -- any field
        folder = tmp_path / "vendor"
        folder.mkdir(mode=0o700)
        tool("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "vendor", "-f", folder / "vendor_key")
        public = (folder / "vendor_key.pub").read_text(encoding="utf-8")
        (folder / "allowed_signers").write_text(f'vendor namespaces="legal-portability-*" {public}', encoding="utf-8")
        (tmp_path / "depository").mkdir()
        vendor = Vendor(folder=folder, custodians=custodians)
        _fill(vendor.source)
        vendor.write_job(**(_job(vendor, tmp_path / "depository") | changes))
        return vendor

    return make


@pytest.fixture
def vendor(make_vendor: Callable[..., Vendor]) -> Vendor:
    """A vendor whose one depository is the folder ``depository``."""
    return make_vendor()


@pytest.fixture
def depository(tmp_path: Path) -> Path:
    """The folder of that depository."""
    return tmp_path / "depository"


def _job(vendor: Vendor, depository: Path) -> dict[str, Any]:
    return {
        "name": "smith-data",
        "agreement": "smith",
        "class": "data",
        "payload": {"source": f"sqlite:///{vendor.source}"},
        "recipients": [
            {"name": name, "party": "custodian", "key": public_key(vendor.custodians, name)} for name in ("ann", "ben")
        ],
        "depositories": [{"name": "shelf", "url": f"directory:{depository}"}],
        "schedule": {"cron": "0 2 * * *", "time_zone": "Europe/London"},
        "sign": "vendor_key",
        "trust": "allowed_signers",
        "spool": "spool",
        "staging": "staging",
    }


def _fill(source: Path) -> None:
    chance = random.Random(5)
    with sqlite3.connect(source) as database:
        database.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)")
        rows = [(chance.randbytes(60).hex(),) for _ in range(2_000)]
        database.executemany("INSERT INTO note (text) VALUES (?)", rows)


def tree(root: Path) -> dict[str, bytes]:
    """Return all files of a tree with their bytes."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def moment(day: int, hour: int = 12) -> datetime:
    """Return a moment of a month to come, for clocks that tests hold."""
    return datetime(2030, 1, day, hour, tzinfo=UTC)


def everything(*roots: Path) -> bytes:
    """Return all bytes below some folders, to look for what must not be there."""
    return b"".join(Path(top, name).read_bytes() for root in roots for top, _, names in os.walk(root) for name in names)
