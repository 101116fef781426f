"""Where a passphrase comes from: a file, the environment, or the terminal. Never an argument, which others can list."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import click

from portability.errors import ConfigError
from portability.limits import DEFAULT_LIMITS

__all__ = ["VARIABLE", "new_passphrase", "passphrase_asker", "passphrase_option"]

VARIABLE = "PORTABILITY_PASSPHRASE"

passphrase_option = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"A file whose first line is the passphrase; otherwise {VARIABLE}, otherwise the terminal is asked.",
)


def passphrase_asker(file: Path | None) -> Callable[[str], str]:
    """Return what asks for a passphrase when a key turns out to need one; it is told what to ask with."""
    return lambda words: _passphrase(file, words, confirm=False)


def new_passphrase(file: Path | None) -> str:
    """Return a passphrase for a new key; a person at a terminal gives it twice.

    Raises:
        ConfigError: There is none.
    """
    return _passphrase(file, "New passphrase", confirm=True)


def _passphrase(file: Path | None, words: str, *, confirm: bool) -> str:
    from portability.signing import forbid_core_files  # noqa: PLC0415 -- few runs have a passphrase

    forbid_core_files()
    given = os.environ.get(VARIABLE) if file is None else _first_line(file)
    if given is None:
        given = _from_terminal(words, confirm=confirm)
    if not given:
        raise ConfigError("the passphrase is empty", place=VARIABLE if file is None else str(file))
    return given


def _from_terminal(words: str, *, confirm: bool) -> str:
    if not sys.stdin.isatty():
        hint = f"Set {VARIABLE}, or name a file with --passphrase-file."
        raise ConfigError("a passphrase is needed, and there is no terminal to ask", hint=hint)
    answer: str = click.prompt(words, hide_input=True, confirmation_prompt=confirm, err=True)
    return answer


def _first_line(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            content = stream.readline(DEFAULT_LIMITS.passphrase_bytes_max + 2)
    except OSError as error:
        raise ConfigError(f"cannot read the passphrase: {error.strerror}", place=str(file)) from None
    if stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO) and os.name == "posix":
        raise ConfigError("others can read this passphrase", place=str(file), hint=f"chmod 600 {file}")
    try:
        line = content.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ConfigError("the passphrase is not UTF-8", place=str(file)) from None
    if len(line.encode()) > DEFAULT_LIMITS.passphrase_bytes_max:
        raise ConfigError("the passphrase is too long", place=str(file))
    return line
