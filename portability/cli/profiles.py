"""Profiles on the command line: list, new, check."""

from __future__ import annotations

from pathlib import Path

import click

from portability.cli.options import SOURCE_HELP, as_json_option, open_output
from portability.config import load_config
from portability.connectors import open_connector
from portability.drafting import check_profile, draft_profile, require_fit
from portability.presenting import profiles as presenting
from portability.profiles import list_profiles, load_profile

__all__ = ["profile_group"]


@click.group("profile")
def profile_group() -> None:
    """Profiles: what is known about one legal system, as YAML and SQL."""


@profile_group.command("list")
@as_json_option
def profile_list(as_json: bool) -> None:
    """List the profiles that come with the product.

    Example: portability profile list
    """
    presenting.profiles(open_output(as_json), [load_profile(name) for name in list_profiles()])


@profile_group.command("new", epilog=SOURCE_HELP)
@click.argument("source")
@click.argument("directory", type=click.Path(path_type=Path))
@as_json_option
def profile_new(source: str, directory: Path, as_json: bool) -> None:
    """Write a first draft of a profile for a database that nobody has described; every guess is marked.

    Example: portability profile new sqlite:///unknown.db my_profile
    """
    output, config = open_output(as_json), load_config()
    connector = open_connector(config.source(source).url, limits=config.limits)
    presenting.draft(output, draft_profile(connector, directory))


@profile_group.command("check", epilog=SOURCE_HELP)
@click.argument("profile")
@click.argument("source", required=False)
@as_json_option
def profile_check(profile: str, source: str | None, as_json: bool) -> None:
    """Say everything that a profile lacks, against a source when one is given.

    Example: portability profile check my_profile sqlite:///unknown.db
    """
    output, config = open_output(as_json), load_config()
    connector = open_connector(config.source(source).url, limits=config.limits) if source else None
    result = check_profile(profile, connector)
    presenting.profile_check(output, result)
    require_fit(result)
