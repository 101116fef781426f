"""Where a catalogue is: ``sqlite:///file.db`` or ``postgresql://user@host/database``; no password in a label or error.

``${NAME}`` is the environment's value, of the whole address or of a part of it, as in a source's address.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from portability.errors import ConfigError

__all__ = ["CatalogueAddress", "parse_address"]

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_FORMS = "A catalogue is sqlite:///file.db or postgresql://user@host/database."


@dataclass(frozen=True, kw_only=True)
class CatalogueAddress:
    """A catalogue's address; ``label`` is what may be shown of it."""

    dialect: Literal["sqlite", "postgresql"]
    label: str
    path: Path | None = None
    url: URL | None = field(default=None, repr=False)


def parse_address(text: str) -> CatalogueAddress:
    """Read an address.

    Raises:
        ConfigError: It is of another kind, cannot be read, or names a variable that is not set.
    """
    whole = _PLACEHOLDER.fullmatch(text)
    filled = _variable(whole) if whole else _PLACEHOLDER.sub(lambda found: quote(_variable(found), safe=""), text)
    if filled.startswith("sqlite:///") and len(filled) > len("sqlite:///"):
        path = Path(filled.removeprefix("sqlite:///"))
        return CatalogueAddress(dialect="sqlite", label=f"sqlite:///{path}", path=path)
    if filled.startswith(("postgresql://", "postgres://")):
        return _postgresql(filled)
    raise ConfigError("is not a catalogue's address", place="catalogue", hint=_FORMS)


def _postgresql(text: str) -> CatalogueAddress:
    try:
        urlsplit(text)
        url = make_url(text).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        raise ConfigError("is not a catalogue's address", place="postgresql://…", hint=_FORMS) from None
    if not url.database:
        raise ConfigError("names no database", place="postgresql://…", hint=_FORMS)
    user = f"{url.username}@" if url.username else ""
    port = f":{url.port}" if url.port else ""
    label = f"postgresql://{user}{url.host or ''}{port}/{url.database}"
    return CatalogueAddress(dialect="postgresql", label=label, url=url)


def _variable(found: re.Match[str]) -> str:
    name = found.group(1)
    if name not in os.environ:
        raise ConfigError(f"the environment variable {name} is not set", hint=f"Set {name} before the command.")
    return os.environ[name]
