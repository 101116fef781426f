"""The catalogue itself: upgrade, check."""

from __future__ import annotations

import click

from portability.catalogue import check_catalogue, upgrade_catalogue
from portability.cli.options import as_json_option, open_output
from portability.config import load_config
from portability.errors import ConfigError
from portability.presenting import catalogue as presenting

__all__ = ["catalogue_group"]


@click.group("catalogue")
def catalogue_group() -> None:
    """The catalogue of requests, deposits, operators and the audit chain."""


@catalogue_group.command()
@click.argument("url", required=False)
@as_json_option
def upgrade(url: str | None, as_json: bool) -> None:
    """Make the catalogue, or bring its schema up to this program's; all of it or nothing.

    Example: portability catalogue upgrade sqlite:///catalogue.db
    """
    presenting.upgraded(open_output(as_json), upgrade_catalogue(_named(url)))


@catalogue_group.command()
@click.argument("url", required=False)
@as_json_option
def check(url: str | None, as_json: bool) -> None:
    """Check that the catalogue can be used: its schema, its guards, its file.

    Example: portability catalogue check sqlite:///catalogue.db
    """
    presenting.checked(open_output(as_json), check_catalogue(_named(url)))


def _named(url: str | None) -> str:
    found = url or load_config().catalogue
    if found is None:
        hint = "Give its address, or write it into portability.yaml: catalogue: sqlite:///catalogue.db"
        raise ConfigError("no catalogue is named", hint=hint)
    return found
