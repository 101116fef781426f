"""A catalogue with four operators, each with a key of their own, and requests in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from portability.auditing import Operator, Role, change_register
from portability.catalogue import Catalogue, open_catalogue
from portability.governing import (
    Actor,
    FolderStore,
    Kind,
    Register,
    Request,
    StepContent,
    VisibleRegister,
    load_kinds,
    new_request,
    record_step,
    remember_kinds,
)
from portability.governing.artefacts import describe_artefact
from portability.governing.calendars import local_day
from portability.signing import SigningKey, signing_key_of
from portability.signing.public_keys import parse_public_line

if TYPE_CHECKING:
    from tests.conftest import MakeDatabase

ROLES: dict[str, tuple[Role, ...]] = {
    "ada": ("administrator",),
    "olga": ("operator",),
    "oscar": ("operator",),
    "petra": ("approver",),
    "paul": ("approver", "operator"),
    "vera": ("viewer",),
}


@dataclass(frozen=True)
class Office:
    """The catalogue, its register and the people."""

    register: Register
    kinds: dict[str, Kind]
    actors: dict[str, Actor]
    folder: Path

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue."""
        return self.register.catalogue

    def file(self, name: str, text: str = "") -> Path:
        """A file of evidence."""
        path = self.folder / name
        path.write_text(text or f"{name}\n", encoding="utf-8")
        return path

    def content(self, kind: Kind, step: str, **changes: object) -> StepContent:
        """Everything that a step asks for, with ``changes`` to its fields."""
        found = kind.step(step)
        assert found is not None
        today = local_day(datetime.now(UTC)).isoformat()
        samples = {"text": "something", "date": today, "day_past": today, "money": "1250.00 GBP", "operators": "nobody"}
        fields = {f.name: (f.one_of[0] if f.one_of else samples[f.type]) for f in found.fields if f.required}
        evidence = [(e.kind, self.file(f"{step}-{e.kind}.txt")) for e in found.evidence if e.at_least]
        given = {key: str(value) for key, value in changes.items() if key not in ("scope", "artefact", "made")}
        rest = {key: value for key, value in changes.items() if key in ("scope", "artefact", "made")}
        return StepContent(fields={**fields, **given}, evidence=evidence, **rest)  # type: ignore[arg-type]

    def open(self, kind: str, actor: str = "olga", *, now: datetime | None = None, **changes: object) -> Request:
        """Open a request."""
        found = self.kinds[kind]
        content = self.content(found, found.first.name, **changes)
        return new_request(self.register, found, content, self.actors[actor], now=now)

    def walk(self, request: Request, steps: str) -> Request:
        """Record steps, each with all that it asks for; ``step:actor`` where it is not olga."""
        for word in steps.split():
            step, _, actor = word.partition(":")
            found = request.course.kind.step(step)
            assert found is not None
            artefact: dict[str, Any] = {"artefact": self.file("made.zip", "made")} if found.does else {}
            if (
                found.does == "export" and request.course.scope_sha256 is not None
            ):  # as `export --request` hands it over
                artefact = {"made": describe_artefact(artefact["artefact"])}
            request = self.record(request, step, actor or "olga", **artefact)
        return request

    def record(
        self, request: Request, step: str, actor: str = "olga", *, now: datetime | None = None, **changes: object
    ) -> Request:
        """Record a step with all that it asks for."""
        content = self.content(request.course.kind, step, **changes)
        return record_step(self.register, request.text, step, content, self.actors[actor], now=now)

    def load(self, request: Request) -> Request:
        """Read a request again."""
        with self.catalogue.reading() as transaction:
            return self.register.load(transaction, request.text)


@pytest.fixture(scope="session")
def keys() -> dict[str, SigningKey]:
    """A key for everybody."""
    return {name: signing_key_of(Ed25519PrivateKey.generate()) for name in ROLES}


@pytest.fixture(params=["sqlite", "postgresql"])
def catalogue_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An address for a catalogue, in each DBMS."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalogue.db'}"
    make: MakeDatabase = request.getfixturevalue("postgresql_url")
    return make()


@pytest.fixture
def office(catalogue_url: str, tmp_path: Path, keys: dict[str, SigningKey]) -> Iterator[Office]:
    """A catalogue with operators in it."""
    with open_catalogue(catalogue_url, upgrade=True) as catalogue:
        yield furnish(catalogue, tmp_path, keys)


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory, keys: dict[str, SigningKey]) -> Path:
    """A catalogue with operators in it, to copy: making one takes a second."""
    path = tmp_path_factory.mktemp("furnished") / "catalogue.db"
    with open_catalogue(f"sqlite:///{path}", upgrade=True) as catalogue:
        furnish(catalogue, path.parent, keys)
    return path


@pytest.fixture
def small_office(furnished: Path, tmp_path: Path, keys: dict[str, SigningKey]) -> Iterator[Office]:
    """The same, on SQLite only, for what does not depend on the DBMS."""
    shutil.copyfile(furnished, tmp_path / "catalogue.db")
    (tmp_path / "catalogue.db").chmod(0o600)
    with open_catalogue(f"sqlite:///{tmp_path / 'catalogue.db'}") as catalogue:
        yield at_work(catalogue, tmp_path, keys)


def furnish(catalogue: Catalogue, folder: Path, keys: dict[str, SigningKey]) -> Office:
    """Put operators and kinds into a catalogue."""
    for name, roles in ROLES.items():
        operator = Operator(
            name=name,
            roles=roles,
            public_key=parse_public_line(keys[name].public_line),
            valid_from=datetime.now(UTC),
        )
        change_register(catalogue, "bootstrap" if name == "ada" else "new", operator, by="ada", key=keys["ada"])
    remember_kinds(catalogue, load_kinds())
    return at_work(catalogue, folder, keys)


def at_work(catalogue: Catalogue, folder: Path, keys: dict[str, SigningKey]) -> Office:
    """Return the office of a catalogue with operators in it."""
    (folder / "files").mkdir(exist_ok=True)
    return Office(
        register=VisibleRegister(catalogue, FolderStore(folder / "evidence")),
        kinds=dict(load_kinds()),
        actors={name: Actor(name=name, key=key) for name, key in keys.items()},
        folder=folder / "files",
    )
