"""Scopes on the command line: what an export is restricted to, and how the source would keep it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from portability.cli.options import SOURCE_HELP, as_json_option, open_output
from portability.cli.recording import recorded
from portability.config import load_config
from portability.connectors import open_connector
from portability.errors import ConfigError
from portability.exports import check_scope
from portability.presenting import scopes as presenting
from portability.profiles import load_profile
from portability.scoping import load_scope
from portability.scoping.redaction import load_redaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from portability.scoping import Scope
    from portability.scoping.redaction import Redaction

__all__ = ["pop_restrictions", "redaction_options", "scope_group", "scope_option"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

scope_option = click.option("--scope", type=_FILE, help="Export only what this file names: docs/scoping.md.")


def redaction_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of redacted exports."""
    redact = click.option(
        "--redact", type=_FILE, help="Redact or pseudonymise as this file orders: docs/pseudonyms.md."
    )
    key = click.option("--redaction-key", type=_FILE, help="The key that pseudonyms are made with.")
    return redact(key(command))


def pop_restrictions(options: dict[str, Any]) -> tuple[Scope | None, Redaction | None]:
    """Take a scope and an order of redaction out of a command's options, loaded."""
    scope, redact, key = options.pop("scope"), options.pop("redact"), options.pop("redaction_key")
    if key is not None and redact is None:
        raise ConfigError("a key for pseudonyms needs an order of redaction", hint="Add --redact FILE.")
    return (
        load_scope(scope) if scope is not None else None,
        load_redaction(redact, key) if redact is not None else None,
    )


@click.group("scope")
def scope_group() -> None:
    """What an export may contain, and how the source would keep to it."""


@scope_group.command("check", epilog=SOURCE_HELP)
@click.argument("scope", type=_FILE)
@click.argument("source")
@click.option("--profile", help="A profile's name or folder; detected when left out.")
@click.option("--explain", is_flag=True, help="Show the SQL of every table and the plan that the DBMS makes of it.")
@as_json_option
def check(scope: Path, source: str, profile: str | None, explain: bool, as_json: bool) -> None:
    """Show what a scope would leave of each table and by which keys; nothing is exported.

    Example: portability scope check scope.yaml sqlite:///practice.db --explain
    """
    output, config = open_output(as_json), load_config()
    wanted, named = load_scope(scope), config.source(source)
    connector = open_connector(named.url, limits=config.limits)
    chosen = profile or named.profile
    checked = check_scope(connector, wanted, load_profile(chosen) if chosen else None, explain=explain)
    presenting.scope_check(output, checked)


# A group hands its commands out without the hook: this one reads the source, and says what is in it.
recorded("scope.check", check)
