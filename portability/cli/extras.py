"""Libraries that are not installed, and one that may be and is not wanted.

A command whose libraries are an extra that is missing is listed all the same, and says how to get them.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from portability.errors import ConfigError

__all__ = ["leave_pandas_out", "without_library"]


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


class _NoPandas:
    """A finder that knows one thing: there is no pandas."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        del path, target
        if name == "pandas":
            raise ModuleNotFoundError("is left out", name=name)


def leave_pandas_out() -> None:
    """Let pyarrow find no pandas, once, when it looks for it; whoever imports pandas afterwards gets it all the same.

    It would load it with its first array wherever it is installed: 0.3 s and 50 MiB that no command has a use for.
    """
    if "pyarrow" not in sys.modules or "pandas" in sys.modules:
        return
    sys.meta_path.insert(0, _NoPandas)
    try:
        sys.modules["pyarrow"].array([0])
    finally:
        sys.meta_path.remove(_NoPandas)
