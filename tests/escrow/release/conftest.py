"""A depository with deposits that stock tools can open, an agent's office with two people, and a beneficiary."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fixtures.sealing import AGREED, SENDER, Deposit, seal, trust_line
from portability.auditing import Operator, Role, change_register
from portability.catalogue import open_catalogue
from portability.escrow.release.handover import HandedOver, HandOver, hand_over
from portability.formats.bag import write_bag
from portability.governing import (
    Actor,
    FolderStore,
    Request,
    StepContent,
    VisibleRegister,
    load_kinds,
    new_request,
    record_step,
    remember_kinds,
)
from portability.sealing.encryption import Identity, parse_identities
from portability.sealing.recipients import NamedRecipient, parse_recipients
from portability.signing import Policy, signing_key_of
from portability.signing.public_keys import parse_public_line
from portability.signing.trust import parse_trust
from tests.conftest import lacking

PEOPLE: dict[str, tuple[Role, ...]] = {"ada": ("administrator",), "olga": ("operator",), "petra": ("approver",)}
NAME = "alder"
NOW = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)  # after the operators were registered


def archive_files(folder: Path, rows: bytes) -> dict[str, bytes]:
    """Return the files of a small bag."""
    root = folder / "bag"
    shutil.rmtree(root, ignore_errors=True)
    (root / "data/tables").mkdir(parents=True)
    (root / "data/tables/matter.parquet").write_bytes(rows)
    (root / "data/README.html").write_bytes(b"<p>open me</p>")
    write_bag(root, info={"Bagging-Date": "2026-11-22"})
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@dataclass(kw_only=True)
class Agent:
    """The agent's office: a catalogue with people in it, and the depository."""

    folder: Path
    depository: Path
    register: VisibleRegister
    actors: Mapping[str, Actor]
    key: Path
    to: NamedRecipient
    policy: Policy
    custodians: tuple[Identity, ...] = field(repr=False)

    def deposit(self, deposit_class: str = "data", *, threshold: int = 1) -> str:
        """Put a full deposit there and return its manifest's hash."""
        chain = {
            "agreement": NAME,
            "sequence": 1,
            "kind": "full",
            "watermark": "2026-03-02T09:00:00Z",
            "next_by": "2026-03-09T09:00:00Z",
        }
        content = archive_files(self.folder, b"rows" * 900)
        made = Deposit(content=content, chain=chain, deposit_class=deposit_class, threshold=threshold)
        root = seal(made, self.depository / NAME / "000001")
        return hashlib.sha256((root / "manifest.json").read_bytes()).hexdigest()

    def file(self, name: str) -> Path:
        """A file of evidence."""
        path = self.folder / f"{name}.txt"
        path.write_text(f"{name}\n", encoding="utf-8")
        return path

    def content(self, request_kind: str, step: str, **changes: str) -> StepContent:
        """Everything that a step asks for."""
        found = load_kinds()[request_kind].step(step)
        assert found is not None
        fields = {f.name: f.one_of[0] if f.one_of else "something" for f in found.fields} | changes
        return StepContent(fields=fields, evidence=[(e.kind, self.file(f"{step}-{e.kind}")) for e in found.evidence])

    def claim(self, manifest_sha256: str, deposit_class: str = "data", **changes: str) -> Request:
        """Open a request."""
        fields = {
            "customer": "Alder",
            "agreement": NAME,
            "deposit_class": deposit_class,
            "sequence": "1",
            "manifest_sha256": manifest_sha256,
            "event": "ceased_trading",
            "received_on": NOW.date().isoformat(),
            **changes,
        }
        kind = load_kinds()["escrow_release"]
        content = self.content("escrow_release", "requested", **fields)
        return new_request(self.register, kind, content, self.actors["olga"], now=NOW)

    def record(
        self, request: Request, step: str, actor: str = "olga", *, now: datetime | None = None, **changes: str
    ) -> Request:
        """Record a step with all that it asks for."""
        if step == "recipient_checked":
            changes = {"recipient_fingerprint": self.to.key.fingerprint, **changes}
        content = self.content("escrow_release", step, **changes)
        moment = now or NOW + timedelta(minutes=len(request.course.events))
        return record_step(self.register, request.text, step, content, self.actors[actor], now=moment)

    def hand_over(self, request: Request, **changes: object) -> HandedOver:
        """Release it."""
        fields = {
            "register": self.register,
            "number": request.text,
            "folder": self.depository,
            "bundle": self.folder / "bundle",
            "to": self.to,
            "actor": self.actors["olga"],
            "policy": self.policy,
            "identities": self.custodians,
            "now": NOW + timedelta(hours=2),
            **changes,
        }
        return hand_over(HandOver(**fields))  # type: ignore[arg-type]


MakeAgent = Callable[[], Agent]


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    """An office on SQLite."""
    if missing := [tool for tool in ("age", "age-keygen", "ssh-keygen", "zstd") if shutil.which(tool) is None]:
        lacking(f"stock tools: {', '.join(missing)}")
    key = tmp_path / "beneficiary"
    subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True)  # noqa: S607
    made = subprocess.run(["age-keygen", "-y", key], check=True, capture_output=True)  # noqa: S607
    public = made.stdout.decode().strip()
    keys = {name: signing_key_of(Ed25519PrivateKey.generate()) for name in PEOPLE}
    (tmp_path / "depository").mkdir()
    with open_catalogue(f"sqlite:///{tmp_path / 'catalogue.db'}", upgrade=True) as catalogue:
        for name, roles in PEOPLE.items():
            operator = Operator(
                name=name,
                roles=roles,
                public_key=parse_public_line(keys[name].public_line),
                valid_from=datetime.now(UTC),
            )
            change_register(catalogue, "bootstrap" if name == "ada" else "new", operator, by="ada", key=keys["ada"])
        remember_kinds(catalogue, load_kinds())
        yield Agent(
            folder=tmp_path,
            depository=tmp_path / "depository",
            register=VisibleRegister(catalogue, FolderStore(tmp_path / "evidence")),
            actors={name: Actor(name=name, key=each) for name, each in keys.items()},
            key=key,
            to=parse_recipients([f"beneficiary={public}"])[0],
            policy=Policy(trust=parse_trust(trust_line(SENDER).encode(), "vendors")),
            custodians=tuple(i for one in AGREED[:2] for i in parse_identities(one.identity.encode())),
        )
