"""A job in a process of its own, and what it told when it ended."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from dataclasses import dataclass
from typing import Any

import msgspec

from portability.errors import PortabilityError
from portability.escrow.running.depositing import BUSY

__all__ = ["Child", "Ended", "with_mend"]

_READ_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a job's process ended: done, waiting, busy or failed."""

    state: str
    detail: str
    exit_code: int = 0


class Child:
    """A job that runs. What it prints is one JSON document, of which no more is kept than the limit."""

    def __init__(self, command: tuple[str, ...], output_bytes_max: int) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603 -- this program itself
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as error:
            raise PortabilityError(f"the job's process cannot be started: {error.strerror}") from error
        self._output = bytearray()
        self._limit = output_bytes_max
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def is_running(self) -> bool:
        return self._reader.is_alive()

    def wait(self) -> None:
        self._reader.join()

    def stop(self) -> None:
        """Ask it to end, as a person would."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def ended(self) -> Ended:
        """Return how it ended; call it once it has."""
        code = self._process.returncode
        if code < 0:
            return Ended(state="failed", detail=f"the run was killed by signal {-code}", exit_code=1)
        try:
            told: Any = msgspec.json.decode(self._output)
            return _told(told, code)
        except (msgspec.DecodeError, LookupError, TypeError):
            return Ended(state="failed", detail=f"the run ended with {code} and told nothing", exit_code=code or 1)

    def _read(self) -> None:
        pipe = self._process.stdout
        assert pipe is not None  # noqa: S101 -- it was asked for
        while data := os.read(pipe.fileno(), _READ_BYTES):
            if len(self._output) + len(data) <= self._limit:
                self._output += data
        pipe.close()
        self._process.wait()


def with_mend(message: str, hint: str) -> str:
    """Return what went wrong and what mends it in one line."""
    return f"{message}. {hint}" if hint else message


def _told(told: dict[str, Any], code: int) -> Ended:
    if code:
        if str(told["message"]) == BUSY:
            return Ended(state="busy", detail=BUSY)
        return Ended(state="failed", detail=with_mend(str(told["message"]), str(told["hint"])), exit_code=code)
    deposits = [f"deposit {each['sequence']} ({each['kind']}) {each['state']}" for each in told["deposits"]]
    waiting = any(each["state"] in {"SPOOLED", "UPLOADED"} for each in told["deposits"])
    return Ended(state="waiting" if waiting else "done", detail=", ".join(deposits) or "it was done already")
