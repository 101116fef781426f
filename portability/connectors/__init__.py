"""Sources: one connector for each kind, found by the scheme of its address.

The built-in connectors are the table below. A third party announces its own under the entry-point group
``portability.connectors`` of its package: the name is the scheme, the value is ``module:Class``. Nothing registers
itself by being imported, and a scheme that two claim is an error.
"""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from portability.connectors.connector import Connector, Snapshot, SourceException, TablePlan, size_column
from portability.connectors.url import SourceUrl, parse_url
from portability.errors import ConfigError
from portability.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "BUILT_IN",
    "Connector",
    "Snapshot",
    "SourceException",
    "SourceUrl",
    "TablePlan",
    "folder_scheme",
    "known_schemes",
    "open_connector",
    "parse_url",
    "size_column",
]

GROUP = "portability.connectors"

BUILT_IN: Mapping[str, str] = {
    "sqlite": "portability.connectors.sqlite:SqliteConnector",
    "postgresql": "portability.connectors.postgresql:PostgresqlConnector",
    "postgres": "portability.connectors.postgresql:PostgresqlConnector",
    "mysql": "portability.connectors.mysql:MysqlConnector",
    "mariadb": "portability.connectors.mysql:MysqlConnector",
    "odbc": "portability.connectors.odbc:OdbcConnector",
    "odbc+mariadb": "portability.connectors.odbc:OdbcConnector",
    "odbc+postgresql": "portability.connectors.odbc:OdbcConnector",
    "odbc+sqlite": "portability.connectors.odbc:OdbcConnector",
    "odbc+sqlserver": "portability.connectors.odbc:OdbcConnector",
    "csv": "portability.connectors.files:CsvConnector",
    "parquet": "portability.connectors.files_parquet:ParquetConnector",
    "dump": "portability.connectors.dumps:DumpConnector",
}


_ENDINGS = {".csv": "csv", ".tsv": "csv", ".tab": "csv", ".parquet": "parquet"}


def folder_scheme(folder: Path) -> str:
    """Return the scheme for a folder's files; empty when none of them is a table, or they are of several kinds."""
    files = [*folder.glob("*.*"), *folder.glob("*/*.parquet")]
    found = {_ENDINGS[path.suffix.lower()] for path in files if path.suffix.lower() in _ENDINGS}
    return found.pop() if len(found) == 1 else ""


def known_schemes() -> dict[str, str]:
    """Return every scheme with the ``module:Class`` that serves it.

    Raises:
        ConfigError: Two connectors claim one scheme.
    """
    known = dict(BUILT_IN)
    for announced in entry_points(group=GROUP):
        if known.setdefault(announced.name, announced.value) != announced.value:
            message = f"two connectors claim it: {known[announced.name]} and {announced.value}"
            raise ConfigError(message, place=f"{announced.name}://", hint="Uninstall one of the two packages.")
    return known


def open_connector(url_text: str, *, limits: Limits = DEFAULT_LIMITS) -> Connector:
    """Return the connector that an address asks for; nothing is contacted before its ``snapshot()``.

    Raises:
        ConfigError: The address cannot be parsed, its scheme is unknown, or its connector cannot be loaded.
    """
    url = parse_url(url_text)
    known = known_schemes()
    if url.scheme not in known:
        hint = f"Known schemes: {', '.join(sorted(known))}."
        raise ConfigError("no connector knows this scheme", place=f"{url.scheme}://", hint=hint)
    module, _, name = known[url.scheme].partition(":")
    try:
        connector: type[Connector] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        message = f"its connector {known[url.scheme]} cannot be loaded"
        hint = "Reinstall the package that provides it."
        raise ConfigError(message, place=f"{url.scheme}://", hint=hint) from error
    return connector(url, limits=limits)
