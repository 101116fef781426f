"""The archive under check: what is known about it so far, and the one way to read from it.

Nothing an archive says is believed before the step that checks it; so the parts below are set one after the other,
each by the step that its comment names, and read only after it.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Self

from portability.archive import DATA
from portability.duck import open_engine
from portability.errors import FormatError
from portability.formats.parquet import engine_limits
from portability.streams import iter_chunks

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    import duckdb
    import pyarrow as pa

    from portability.checks.report import Log
    from portability.checks.scope.rows import Scoped
    from portability.limits import Limits
    from portability.manifest import ControlTotals, Findings, SourceSchema
    from portability.model import Model
    from portability.signing import AllowedSigner, Policy, Signature, Signer

__all__ = ["Case", "Payload", "PayloadFile", "TableFacts", "file_sha256", "open_regular"]

# A link put in place of a file is refused, and a pipe does not block; systems without these flags have no such files.
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, kw_only=True)
class PayloadFile:
    """One payload file as the manifest and the directory agree on it."""

    sha256: str
    size_bytes: int


@dataclass(kw_only=True)
class Payload:
    """The payload by its paths below ``data/``. Documents may be millions: they are only counted."""

    files: dict[str, PayloadFile] = field(default_factory=dict)
    documents: int = 0
    octets: int = 0

    @property
    def count(self) -> int:
        """All files."""
        return len(self.files) + self.documents


@dataclass(frozen=True, kw_only=True)
class TableFacts:
    """What the footer of a Parquet file says."""

    schema: pa.Schema
    rows: int


class Case:
    """An archive under check. Use it as a context manager: it owns the engine's connection.

    Args:
        root: The archive's directory, an absolute path without links.
        limits: Bounds on everything read.
        log: Where findings go.
        scratch: A private directory for what does not fit into memory.
        policy: Who must have signed.
        scope: The scope, in its canonical form, that the archive must be of.
        progress: Told what is being looked at.
    """

    signature: Signature | None = None  # C: it is over this tag manifest
    signers: tuple[AllowedSigner, ...] = ()  # C: the lines that trust its key
    finished_at: datetime  # C: export.json records an export
    signer: Signer | None = None  # C: who signed, once all of that is known
    payload: Payload  # C: the manifest lists exactly the payload
    is_newer = False  # C: the format version has a minor number that this program does not know
    json: dict[str, object]  # D: JSON documents can be read; by path below data/
    tables: dict[str, TableFacts]  # D: Parquet files open; by path below data/
    source: SourceSchema  # D: the description of the source
    control: ControlTotals  # D: the control totals
    claimed: Findings  # D: the reports
    model: Model  # D: the model
    scoped: Scoped | None = None  # R: the archive's scope, and what is known of it

    def __init__(  # noqa: PLR0913 -- what a check can be told
        self,
        root: Path,
        *,
        limits: Limits,
        log: Log,
        scratch: Path,
        policy: Policy | None = None,
        scope: bytes | None = None,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.root = root
        self.data = root / DATA
        self.limits = limits
        self.log = log
        self.scratch = scratch
        self.policy = policy
        self.scope_given = scope
        self.progress = progress
        self.totals: dict[str, int] = {}
        self.facts: dict[str, str] = {}
        self._stack = ExitStack()
        self._engine: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def engine(self) -> duckdb.DuckDBPyConnection:
        """The SQL engine, opened at first use; it can read the payload and nothing else."""
        if self._engine is None:
            opened = open_engine(engine_limits(self.data, self.limits), scratch=self.scratch, folders=[self.data])
            self._engine = self._stack.enter_context(opened)
        return self._engine


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading, never through a link and never anything but a regular file.

    Raises:
        FormatError: It is not a regular file.
        OSError: It cannot be opened.
    """
    descriptor = os.open(path, _OPEN_FLAGS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FormatError("is not a regular file", place=path.name)
    return os.fdopen(descriptor, "rb")


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a regular file's bytes, in lower-case hex."""
    digest = hashlib.sha256()
    with open_regular(path) as stream:
        for chunk in iter_chunks(stream):
            digest.update(chunk)
    return digest.hexdigest()
