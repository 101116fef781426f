"""Targets: the databases that a restore and an import write to, found by the scheme of their address.

All of them are the table below. Order of calls: ``open_target(url)`` as a context manager, then within
``Target.transaction()`` any number of ``execute``, ``query`` and ``load``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from portability.connectors.url import parse_url
from portability.errors import ConfigError
from portability.limits import DEFAULT_LIMITS, Limits
from portability.targets.target import TEXT_BYTES, Target, TargetColumn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

__all__ = ["BUILT_IN", "TEXT_BYTES", "Target", "TargetColumn", "open_target"]

BUILT_IN: Mapping[str, str] = {
    "postgresql": "portability.targets.postgresql:open_postgresql",
    "postgres": "portability.targets.postgresql:open_postgresql",
    "mysql": "portability.targets.mariadb:open_mariadb",
    "mariadb": "portability.targets.mariadb:open_mariadb",
    "sqlite": "portability.targets.sqlite:open_sqlite",
    "duckdb": "portability.targets.duckdb:open_duckdb",
}


def open_target(url_text: str, *, limits: Limits = DEFAULT_LIMITS) -> AbstractContextManager[Target]:
    """Return a context manager that connects to a target, and closes it whatever happens.

    Raises:
        ConfigError: The address cannot be parsed, or no target knows its scheme.
        TargetError: On entering: it cannot be reached, refuses, or its driver is not installed.
    """
    url = parse_url(url_text)
    if url.scheme not in BUILT_IN:
        hint = f"Known schemes: {', '.join(sorted(BUILT_IN))}."
        raise ConfigError("no target knows this scheme", place=f"{url.scheme}://", hint=hint)
    module, _, name = BUILT_IN[url.scheme].partition(":")
    opener = getattr(importlib.import_module(module), name)
    opened: AbstractContextManager[Target] = opener(url, limits)
    return opened
