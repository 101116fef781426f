"""Work that is recorded before it starts and after it ended, however it ended; a killed one leaves its start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from portability.auditing.entries import NewEntry, Outcome, append, check_entry
from portability.errors import (
    ArchiveExistsError,
    CheckFailedError,
    ConfigError,
    DecryptionError,
    PortabilityError,
    ProcedureError,
    ScopeError,
    SignatureError,
)

if TYPE_CHECKING:
    from portability.auditing.silence import SealedRun
    from portability.catalogue import Catalogue

__all__ = ["audited", "ended", "refused"]

_REFUSALS = (
    ArchiveExistsError,
    CheckFailedError,
    ConfigError,
    DecryptionError,
    ProcedureError,
    ScopeError,
    SignatureError,
)


@contextmanager
def audited(
    catalogue: Catalogue, entry: NewEntry, *, run: SealedRun | None = None, silent: bool = False
) -> Iterator[dict[str, str | int]]:
    """Record that work starts, yield a mapping for details of its outcome, and record how it ended.

    Args:
        catalogue: The open catalogue.
        entry: What is done; its outcome is filled in.
        run: The run's slots of the sealed chain; a silent piece of work needs it.
        silent: Record in the sealed chain, and nothing in the audit chain.

    Raises:
        CatalogueError: It cannot be recorded; then nothing is done. If only the end cannot, the work's own error goes
            before.
    """
    record = _Recorder(catalogue, run if silent else None)
    started = record(replace(entry, outcome="started"))
    details: dict[str, str | int] = {}
    try:
        yield details
    except BaseException as error:
        outcome, found = ended(error)
        record.quietly(replace(entry, outcome=outcome, details={**entry.details, **details, **found, **started}))
        raise
    record(replace(entry, outcome="done", details={**entry.details, **details, **started}))


class _Recorder:
    """Records in the one chain or the other."""

    def __init__(self, catalogue: Catalogue, run: SealedRun | None) -> None:
        self._catalogue = catalogue
        self._run = run

    def __call__(self, entry: NewEntry) -> dict[str, str | int]:
        """Record an entry, and return what the next one says of it."""
        if self._run is None:
            return {"started": append(self._catalogue, entry).sequence}
        check_entry(entry)
        self._run.append({**vars(entry), "details": dict(entry.details)})
        return {}

    def quietly(self, entry: NewEntry) -> None:
        """Record the end of work that failed: that error is what the person must see."""
        try:
            self(entry)
        except PortabilityError:
            return


def refused(
    catalogue: Catalogue,
    entry: NewEntry,
    error: PortabilityError,
    *,
    run: SealedRun | None = None,
    silent: bool = False,
) -> None:
    """Record work that was not begun, and why not.

    Raises:
        CatalogueError: It cannot be recorded.
    """
    _, found = ended(error)
    _Recorder(catalogue, run if silent else None)(replace(entry, outcome="refused", details={**entry.details, **found}))


def ended(error: BaseException) -> tuple[Outcome, dict[str, str | int]]:
    """Return how work ended that an error ended, and what is recorded of the error: its kind, never its words."""
    outcome: Outcome = "refused" if isinstance(error, _REFUSALS) else "failed"
    interrupted = isinstance(error, KeyboardInterrupt)
    code = error.exit_code if isinstance(error, PortabilityError) else 130 if interrupted else 1
    return outcome, {"error": type(error).__name__, "exit_code": code}
