"""A command under the catalogue: who runs it, with which key, and the run's slots of the sealed chain.

``governed_run`` gives it to commands of the service. A command that only reads or writes archives is given it by
``cli/recording.py``, and finds it with ``current_run``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from portability.auditing import (
    NewEntry,
    OperatorRules,
    SealedRun,
    StepStatement,
    append,
    sealed_run,
    sign_step,
    verify_step,
)
from portability.auditing.entries import ACTOR
from portability.auditing.running import refused
from portability.catalogue import Catalogue, now, open_catalogue
from portability.cli.passphrases import passphrase_asker
from portability.config import Config, load_config
from portability.errors import ConfigError, PortabilityError, ProcedureError
from portability.sealing.recipients import parse_recipients
from portability.signing import SigningKey, load_signing_key

if TYPE_CHECKING:
    from portability.auditing import Operator, Role

__all__ = ["GovernedRun", "current_run", "governed_run", "keep_run", "open_configured", "rules_of"]

_META = "portability.governed_run"


@dataclass(frozen=True, kw_only=True)
class GovernedRun:
    """One run of a command under the catalogue.

    Attributes:
        catalogue: The open catalogue.
        config: The configuration that named it.
        sealed: The run's slots of the sealed chain; cover fills what is left of them at the end.
        silent: The hook records this run in the sealed chain, and nothing in the audit chain.
    """

    catalogue: Catalogue
    config: Config
    sealed: SealedRun
    silent: bool = False

    @property
    def operator(self) -> str:
        """The name of the one who acts, as they say.

        Raises:
            ProcedureError: Nobody was named.
        """
        if not self.config.operator:
            hint = "Set PORTABILITY_OPERATOR, or operator in portability.yaml."
            raise ProcedureError("nobody was named who does this", hint=hint)
        return self.config.operator

    def key(self, *, passphrase_file: Path | None = None) -> SigningKey:
        """Load the operator's key.

        Raises:
            ProcedureError: None was named.
            ConfigError: It cannot be used.
        """
        if not self.config.operator_key:
            hint = "Name its file as operator_key in portability.yaml: a private key, or a .pub file for the ssh-agent."
            raise ProcedureError("the operator's key is not named", place=self.operator, hint=hint)
        return load_signing_key(self.config.operator_key, passphrase=passphrase_asker(passphrase_file))

    def authorise(self, role: Role, step: str, *, releases: bool = False) -> Operator:
        """Return who acts, once the register lets them and their key has signed that it is they.

        Raises:
            ProcedureError: They may not, or the key is not theirs.
        """
        statement = StepStatement(
            catalogue=self.catalogue.id, request="command", step=step, operator=self.operator, signed_at=now()
        ).to_bytes()
        signature = sign_step(self.key(), statement)
        rules = rules_of(self.config) if releases else None
        return verify_step(self.catalogue, statement, signature, role=role, releases=rules)

    def admit(self, action: str, role: Role) -> Operator:
        """Let somebody with a role do what a command of the service does, and record it; a refusal too.

        Raises:
            ProcedureError: They may not.
        """
        actor = self.config.operator or ""
        entry = NewEntry(action=action, actor=actor if ACTOR.fullmatch(actor) else "unknown")
        try:
            operator = self.authorise(role, action)
        except PortabilityError as error:
            refused(self.catalogue, entry, error)
            raise
        append(self.catalogue, replace(entry, details={"key": operator.fingerprint}))
        return operator


def rules_of(config: Config) -> OperatorRules:
    """Return what bars an operator from a release."""
    return OperatorRules(**vars(config.operator_rules))


def open_configured(config: Config) -> Catalogue:
    """Open the catalogue that the configuration names.

    Raises:
        ConfigError: It names none.
        CatalogueError: It cannot be used as it is.
    """
    if config.catalogue is None:
        hint = "Write into portability.yaml: catalogue: sqlite:///catalogue.db"
        raise ConfigError("no catalogue is named", place="portability.yaml", hint=hint)
    return open_catalogue(config.catalogue)


@contextmanager
def governed_run(config: Config | None = None, *, silent: bool = False) -> Iterator[GovernedRun]:
    """Open the configured catalogue for one run of a command; cover is added however it ends.

    Raises:
        ConfigError: No catalogue is configured, or a silent recipient is none.
        CatalogueError: It cannot be used as it is.
    """
    found = config or load_config()
    recipients = [one.key for one in parse_recipients(found.silent_recipients)] if found.silent_recipients else []
    with open_configured(found) as catalogue, sealed_run(catalogue, recipients) as sealed:
        yield GovernedRun(catalogue=catalogue, config=found, sealed=sealed, silent=silent)


def keep_run(context: click.Context, run: GovernedRun) -> None:
    """Let the command find the run that the hook opened for it."""
    context.meta[_META] = run


def current_run() -> GovernedRun | None:
    """Return the run that the hook opened for this command; None where no catalogue is configured."""
    context = click.get_current_context(silent=True)
    return None if context is None else context.meta.get(_META)
