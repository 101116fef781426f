"""People with keys, and catalogues in which they are operators."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from portability.auditing import Operator, Role, change_register
from portability.catalogue import Catalogue, now, open_catalogue
from portability.keys import new_signing_key
from portability.signing import SigningKey, Trust, load_signing_key, load_trust
from portability.signing.public_keys import PublicKey, parse_public_line


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody with a key."""

    name: str
    path: Path
    key: SigningKey

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return parse_public_line(self.key.public_line)

    def as_operator(self, *roles: Role) -> Operator:
        """Return them as the register could have them."""
        return Operator(name=self.name, roles=roles, public_key=self.public, valid_from=now())


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Person]:
    """Four people with keys of their own."""
    folder = tmp_path_factory.mktemp("people")
    found = {}
    for name in ("ann", "bob", "cat", "eve"):
        new_signing_key(folder / name, comment=name, passphrase=None)
        found[name] = Person(name=name, path=folder / name, key=load_signing_key(str(folder / name)))
    return found


@pytest.fixture(scope="session")
def trust(people: dict[str, Person], tmp_path_factory: pytest.TempPathFactory) -> Trust:
    """A trust file that lets Ann sign checkpoints."""
    path = tmp_path_factory.mktemp("trust") / "allowed_signers"
    path.write_text(f'ann namespaces="legal-portability-*" {people["ann"].key.public_line}\n')
    return load_trust(path)


@pytest.fixture(params=["sqlite", "postgresql"])
def catalogue_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a catalogue that is still to be made, on each DBMS."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalogue.db'}"
    url: str = request.getfixturevalue("postgresql_url")()
    return url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The address of a SQLite catalogue, for what does not hang on the DBMS."""
    return f"sqlite:///{tmp_path / 'catalogue.db'}"


def staffed(url: str, people: dict[str, Person]) -> Catalogue:
    """Make a catalogue: Ann administers and audits, Bob operates, Cat approves."""
    catalogue = open_catalogue(url, upgrade=True)
    ann = people["ann"]
    change_register(catalogue, "bootstrap", ann.as_operator("administrator", "auditor"), by="ann", key=ann.key)
    change_register(catalogue, "new", people["bob"].as_operator("operator", "viewer"), by="ann", key=ann.key)
    change_register(catalogue, "new", people["cat"].as_operator("approver"), by="ann", key=ann.key)
    return catalogue


@pytest.fixture
def catalogue(sqlite_url: str, people: dict[str, Person]) -> Iterator[Catalogue]:
    """A staffed catalogue in SQLite."""
    with staffed(sqlite_url, people) as found:
        yield found
