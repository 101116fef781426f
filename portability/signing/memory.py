"""Secrets in memory: call :func:`forbid_core_files` before one is loaded."""

from __future__ import annotations

import contextlib
import ctypes
import sys

__all__ = ["forbid_core_files"]

_PR_SET_DUMPABLE = 4


def forbid_core_files() -> None:
    """Let this process leave no core file: a crash would write keys and passphrases to disk.

    The size limit is inherited by what it starts, but a handler that the kernel pipes core files to may pay no heed to
    it; so on Linux the process is marked as not to be dumped as well (prctl(2)), which each child says for itself.
    """
    try:
        import resource  # noqa: PLC0415 -- POSIX has it; elsewhere there are no core files
    except ImportError:
        return
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
