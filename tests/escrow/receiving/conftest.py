"""A depository in a folder, a vendor who deposits, an agent who receives; deposits are made in a moment by fixtures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fixtures.sealing import AGREED, SENDER, Deposit, Person, seal, trust_line
from portability.catalogue import open_catalogue
from portability.catalogue.deposits import Deposit as Row
from portability.catalogue.deposits import record_spooled
from portability.escrow.receiving.agreements import load_agreements
from portability.escrow.receiving.job import Received, ReceiveRequest, receive
from portability.sealing.reading import parse_manifest
from portability.signing import SigningKey, signing_key_of
from portability.signing.trust import parse_trust

AGENT = Person("agent")
START = datetime(2025, 3, 3, 9, 0, tzinfo=UTC)
NAME = "alder-data"


def when(days: float) -> datetime:
    """Return a moment, in days after the first deposit."""
    return START + timedelta(days=days)


def text(moment: datetime) -> str:
    """Return a moment as manifests write it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class World:
    """A vendor's chain of deposits and the agent beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "depository"
        self.memory = folder / "memory"
        self.agreements = folder / "agreements.yaml"
        self.trust = folder / "vendors"
        self.folder.mkdir()
        self.trust.write_text(trust_line(SENDER), encoding="utf-8")
        officers = "".join(f"  {each}: {signing_key_of(Person(each).signing).public_line}\n" for each in ("ann", "ben"))
        self.agreements.write_text(f"agreements:\n{self._agreed(NAME)}officers:\n{officers}", encoding="utf-8")
        self.previous: str | None = None

    def agree(self, name: str) -> None:
        """Agree with a second customer, on the same terms."""
        text = self.agreements.read_text(encoding="utf-8")
        self.agreements.write_text(text.replace("officers:\n", f"{self._agreed(name)}officers:\n"), encoding="utf-8")

    def _agreed(self, name: str) -> str:
        people = "".join(f"      {each.name}: {each.recipient}\n" for each in AGREED[:2])
        return (
            f"  {name}:\n    customer: Alder & Finch LLP\n    class: data\n    threshold: 1\n"
            f"    recipients:\n{people}    signer: sender@firm.example\n    deposit_within: 8d\n"
            "    keep: {within: 30d, monthly: 12m}\n"
        )

    @property
    def key(self) -> SigningKey:
        """The agent's key."""
        return signing_key_of(AGENT.signing)

    def path(self, sequence: int, name: str = NAME) -> Path:
        """Return a deposit's folder."""
        return self.folder / name / f"{sequence:06d}"

    def sha256(self, sequence: int) -> str:
        """Return a deposit's manifest's hash."""
        return hashlib.sha256((self.path(sequence) / "manifest.json").read_bytes()).hexdigest()

    def deposit(self, sequence: int, *, at: datetime | None = None, place: Path | None = None, **changes: Any) -> Path:  # noqa: ANN401
        """Deposit the next of the chain; ``chain`` and the other keyword arguments change it."""
        moment = at or when(sequence - 1)
        chain = {
            "agreement": NAME,
            "sequence": sequence,
            "kind": "full",
            "previous_sha256": self.previous,
            "base_sha256": None,
            "watermark": text(moment),
            "next_by": text(moment + timedelta(days=7)),
            **changes.pop("chain", {}),
        }
        made = Deposit(
            content={"tables/matter.parquet": b"rows" * 300 + str(sequence).encode()},
            seed=f"deposit {sequence}",
            sealed_at=text(moment),
            chain=chain,
        )
        root = seal(replace(made, **changes), place or self.path(sequence))
        if place is None:
            self.previous = self.sha256(sequence)
        return root

    def record(self, url: str, *numbers: int) -> None:
        """Have the vendor's catalogue know deposits as published."""
        with open_catalogue(url, upgrade=True) as catalogue, catalogue.transaction() as transaction:
            for number in numbers:
                record_spooled(transaction, self._row(number))

    def _row(self, sequence: int) -> Row:
        content = (self.path(sequence) / "manifest.json").read_bytes()
        manifest = parse_manifest(content)
        return Row(
            agreement=NAME,
            sequence=sequence,
            deposit_class="data",
            job="nightly",
            kind="full",
            reason="the first",
            base_sequence=sequence,
            key_epoch="epoch",
            deposit_id=manifest.deposit_id,
            manifest_sha256=self.sha256(sequence),
            previous_sha256=manifest.chain.previous_sha256,
            base_sha256=None,
            watermark=manifest.chain.watermark,
            next_by=manifest.chain.next_by,
            sealed_at=manifest.sealed_at,
            sealed_bytes=1,
            content_bytes=1,
            archive_bytes=1,
            state="PUBLISHED",
            spool="",
            recorded_at=manifest.sealed_at,
            moved_at=manifest.sealed_at,
            manifest=content.decode(),
            signature=(self.path(sequence) / "manifest.json.sig").read_text(encoding="ascii"),
        )

    def receive(self, days: float, **changes: Any) -> Received:  # noqa: ANN401
        """Run the agent's side at a moment."""
        trusted = self.trust.read_bytes()
        request = ReceiveRequest(
            folder=self.folder,
            memory=self.memory,
            trust=parse_trust(trusted, "vendors"),
            trust_sha256=hashlib.sha256(trusted).hexdigest(),
            agreements=load_agreements(self.agreements),
            key=self.key,
            now=when(days),
        )
        return receive(replace(request, **changes))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An empty depository."""
    return World(tmp_path)


@pytest.fixture
def make_world(tmp_path: Path) -> Callable[[str], World]:
    """Further empty depositories, by name."""

    def make(name: str) -> World:
        (tmp_path / name).mkdir()
        return World(tmp_path / name)

    return make
