"""Commands whose libraries are an extra that is not installed: listed all the same, and told how to get them."""

from __future__ import annotations

from typing import Any

import click

from portability.errors import ConfigError

__all__ = ["without_library"]


def without_library(name: str, error: ModuleNotFoundError) -> click.Command:
    """Return a command that says what to install, in place of one whose library is missing.

    Raises:
        ModuleNotFoundError: What is missing is no library, but a module of this program.
    """
    library = (error.name or "").partition(".")[0]
    if not library or library == "portability":
        raise error
    hint = "pip install 'portability[service]'"

    def callback(**options: Any) -> None:  # noqa: ANN401 -- click's own
        del options
        raise ConfigError(f"needs the library {library}, which is not installed", place=name, hint=hint)

    settings = {"ignore_unknown_options": True, "help_option_names": []}
    arguments = click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)
    return click.Command(
        name, callback=callback, params=[arguments], help=f"Not installed: {hint}", context_settings=settings
    )
