"""The register of requests that a command works on, the visible or the silent one; and who works on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import click

from portability.auditing import ROLES
from portability.auditing.clock import chain_moment
from portability.catalogue import Catalogue
from portability.cli.governed import GovernedRun, governed_run, rules_of
from portability.cli.passphrases import passphrase_asker, passphrase_option
from portability.errors import ConfigError, DecryptionError, ProcedureError
from portability.governing import (
    Actor,
    FolderStore,
    Kind,
    Register,
    StepContent,
    VisibleRegister,
    load_kinds,
    remember_kinds,
)
from portability.governing.recording import refusals
from portability.governing.silence import open_silent_register
from portability.governing.witness import Witness
from portability.scoping import Scope, load_scope
from portability.sealing.encryption import Identity
from portability.sealing.identity_files import load_identities

__all__ = [
    "Desk",
    "content_options",
    "open_desk",
    "register_options",
    "silent_option",
    "silent_register",
    "step_content",
]

ATTEMPT = "attempt"

F = TypeVar("F", bound=Callable[..., Any])

silent_option = click.option(
    "--silent",
    type=click.Path(path_type=Path),
    metavar="IDENTITY",
    help="Work on the silent register; the private key of one of the silent recipients opens it.",
)
_CONTENT = (
    click.option("--field", "fields", multiple=True, metavar="NAME=VALUE", help="What the step says. May be repeated."),
    click.option(
        "--evidence", multiple=True, metavar="KIND=FILE", help="What proves it: a file, copied and kept by its hash."
    ),
)


@dataclass(frozen=True)
class Desk:
    """What a command on requests works with."""

    run: GovernedRun
    register: Register
    identities: Sequence[Identity] = field(repr=False)
    passphrase_file: Path | None = None

    @property
    def catalogue(self) -> Catalogue:
        """The open catalogue."""
        return self.run.catalogue

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        """Every kind of request that may be opened."""
        folder = self.run.config.request_kinds
        return load_kinds(Path(folder) if folder else None)

    @cached_property
    def actor(self) -> Actor:
        """Who works here.

        Raises:
            ProcedureError: Nobody, or no key, was named.
        """
        key = self.run.key(passphrase_file=self.passphrase_file)
        return Actor(name=self.run.operator, key=key, rules=rules_of(self.run.config))

    def admit(self, what: str) -> Desk:
        """Let whoever has a role and their own key look; record who was not let.

        Raises:
            ProcedureError: They have none.
        """
        with refusals(self.register, self.actor, action=what), self.catalogue.reading() as transaction:
            operator = Witness(transaction).require_now(self.actor.name, ROLES, at=chain_moment(transaction))
            if operator.fingerprint != self.actor.key.fingerprint:
                raise ProcedureError(f"the key {self.actor.key.fingerprint} is not theirs", place=operator.name)
        return self


def register_options(command: F) -> F:
    """Give a command ``--silent`` and ``--passphrase-file``."""
    return silent_option(passphrase_option(command))


def content_options(command: F) -> F:
    """Give a command ``--field`` and ``--evidence``."""
    for option in reversed(_CONTENT):
        command = option(command)
    return command


@contextmanager
def open_desk(silent: Path | None, passphrase_file: Path | None = None) -> Iterator[Desk]:
    """Open the catalogue and the register that is meant, for one run of a command.

    Raises:
        ConfigError: No catalogue or no folder for evidence is configured.
        DecryptionError: The identity opens nothing.
    """
    with governed_run(silent=silent is not None) as run:
        yield desk_of(run, silent, passphrase_file)


def desk_of(run: GovernedRun, silent: Path | None, passphrase_file: Path | None = None) -> Desk:
    """Return the desk of a run that is open already."""
    identities: Sequence[Identity] = ()
    if silent is None:
        register: Register = VisibleRegister(run.catalogue, FolderStore(_evidence_folder(run)))
    else:
        register, identities = silent_register(run, silent, passphrase_file)
    desk = Desk(run=run, register=register, identities=identities, passphrase_file=passphrase_file)
    remember_kinds(run.catalogue, desk.kinds)
    return desk


def silent_register(
    run: GovernedRun, silent: Path, passphrase_file: Path | None = None
) -> tuple[Register, Sequence[Identity]]:
    """Return the silent register and what opens it.

    Raises:
        ConfigError: No silent recipients, or no folder for evidence, are configured.
        DecryptionError: The identity opens nothing.
    """
    identities = load_identities((silent,), passphrase=passphrase_asker(passphrase_file))
    folder = Path(run.config.silent_evidence) if run.config.silent_evidence else None
    try:
        register = open_silent_register(run.catalogue, run=run.sealed, identities=identities, folder=folder)
    except DecryptionError as error:
        # Whoever tried with a key that opens nothing is recorded where only the recipients see it.
        document = {"action": "request.open", "actor": run.config.operator or "unknown", "outcome": "refused"}
        run.sealed.append({"type": ATTEMPT, **document, "exit_code": error.exit_code})
        raise
    return register, identities


def step_content(
    fields: Sequence[str],
    evidence: Sequence[str],
    *,
    scope: Path | None = None,
    artefact: Path | None = None,
) -> StepContent:
    """Read a step's content off the command line.

    Raises:
        ConfigError: A part of it is not written as it must be.
    """
    pairs = [_pair(each, "--field", "NAME=VALUE") for each in fields]
    if len({name for name, _ in pairs}) < len(pairs):
        raise ConfigError("a field is given twice", place="--field")
    files = [(kind, Path(path)) for kind, path in (_pair(each, "--evidence", "KIND=FILE") for each in evidence)]
    read: Scope | None = load_scope(scope) if scope is not None else None
    return StepContent(fields=dict(pairs), evidence=files, scope=read, artefact=artefact)


def _pair(text: str, option: str, form: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name or not value:
        raise ConfigError(f"is not written as {form}", place=option)
    return name, value


def _evidence_folder(run: GovernedRun) -> Path:
    if not run.config.evidence:
        hint = "Write into portability.yaml: evidence: FOLDER"
        raise ConfigError("there is no folder for evidence", place="portability.yaml", hint=hint)
    return Path(run.config.evidence)
