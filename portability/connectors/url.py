"""Source addresses: ``scheme://user@host:port/database?option=value``; no password in a label, a repr or an error.

``${NAME}`` is the environment's value: the whole address, or a part of one, which then needs no percent-encoding.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from portability.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SourceUrl", "parse_url"]

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, kw_only=True)
class SourceUrl:
    """An address in parts; ``path`` is the database name, or a file's path for file sources."""

    scheme: str
    path: str
    host: str = ""
    port: int | None = None
    user: str = ""
    password: str | None = field(default=None, repr=False)
    options: dict[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The address without its password and options, for people."""
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{user}{self.host}{port}/{self.path}"

    def check_options(self, known: Iterable[str]) -> None:
        """Refuse an option that the connector does not know: a misspelt one would silently do nothing.

        Raises:
            ConfigError: Names the first unknown option and lists the known.
        """
        unknown = sorted(set(self.options).difference(known))
        if unknown:
            hint = f"Known options: {', '.join(sorted(known))}."
            raise ConfigError(f"unknown option {unknown[0]}", place=self.label, hint=hint)


def parse_url(text: str) -> SourceUrl:
    """Parse an address; ``?password_file=PATH`` is read.

    Raises:
        ConfigError: It has no scheme, a bad port, or names an environment variable or file that is not there.
    """
    parts = _split(text)
    try:
        port = parts.port
    except ValueError as error:
        raise ConfigError("the port is not a number", place=f"{parts.scheme}://…") from error
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    password_file = options.pop("password_file", None)
    password = unquote(parts.password) if parts.password is not None else _password_file(password_file)
    return SourceUrl(
        scheme=parts.scheme,
        path=unquote(parts.path.removeprefix("/")),
        host=unquote(parts.hostname or ""),
        port=port,
        user=unquote(parts.username or ""),
        password=password,
        options=options,
    )


def _split(text: str) -> SplitResult:
    whole = _PLACEHOLDER.fullmatch(text)
    filled = (
        _from_environment(whole) if whole else _PLACEHOLDER.sub(lambda m: quote(_from_environment(m), safe=""), text)
    )
    try:
        # A "#" is part of a file's name.
        parts = urlsplit(filled, allow_fragments=False)
    except ValueError:
        raise ConfigError("is not a source address", place="source", hint=_FORMS) from None
    if not parts.scheme or "://" not in filled:
        raise ConfigError("is not a source address", place="source", hint=_FORMS)
    if parts.netloc and "@" in parts.path + parts.query:
        # Cut in the wrong place: anything shown of it might be half a password.
        hint = "Write /, ?, #, @ and : in a user or password as %2F, %3F, %23, %40 and %3A, or use ${NAME}."
        raise ConfigError("the user or password is not percent-encoded", place=f"{parts.scheme}://…", hint=hint)
    return parts


_FORMS = "Addresses look like sqlite:///file.db, postgresql://user@host/database or mysql://user@host/database."


def _from_environment(match: re.Match[str]) -> str:
    name = match.group(1)
    if name not in os.environ:
        raise ConfigError(f"the environment variable {name} is not set", hint=f"Set {name} before the command.")
    return os.environ[name]


def _password_file(path: str | None) -> str | None:
    if path is None:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("the password file cannot be read", place=path) from error
