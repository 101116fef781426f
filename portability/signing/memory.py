"""Secrets in memory: call :func:`forbid_core_files` before one is loaded."""

from __future__ import annotations

import contextlib

__all__ = ["forbid_core_files"]


def forbid_core_files() -> None:
    """Let this process and its children leave no core file: a crash would write keys and passphrases to disk."""
    try:
        import resource  # noqa: PLC0415 -- POSIX has it; elsewhere there are no core files
    except ImportError:
        return
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
