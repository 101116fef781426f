"""The stages of an archive: StagingDir (being written) -> Archive (a directory, nothing believed) -> VerifiedArchive.

Layout constants stand here and nowhere else. A staging directory lies beside its destination under a name that starts
with a dot; it becomes the archive by one rename, after everything in it is flushed to disk. Nothing ever overwrites a
destination.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from portability.errors import ArchiveExistsError, ConfigError, FormatError, PortabilityError
from portability.manifest import ControlTotals, Findings, SourceSchema, read_json
from portability.streams import digest_file, sync_directory

if TYPE_CHECKING:
    from portability.signing import Signer

__all__ = ["Archive", "StagingDir", "VerifiedArchive", "document_path", "is_safe_path", "table_file"]

DATA = "data"
MANIFEST = "manifest-sha256.txt"
SOURCE_JSON = "schema/source.json"
MODEL_JSON = "schema/model.json"
CONTROL_TOTALS_JSON = "reports/control_totals.json"
COVERAGE_JSON = "reports/coverage.json"
FINDINGS_JSON = "reports/findings.json"
SUMMARY_JSON = "reports/summary.json"
EXCEPTIONS_PARQUET = "reports/exceptions.parquet"
DOCUMENTS_PARQUET = "reports/documents.parquet"
DATAPACKAGE_JSON = "datapackage.json"
EXPORT_JSON = "export.json"

_BAG = "bag"
_WORK = "work"
_SAFE = re.compile(r"[a-z0-9_][a-z0-9_.]*")
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
# Files of fixed names that the format's own readers know; everything else in the payload is lower case.
_FIXED_NAMES = {"README.html", "FORMAT.md"}


def is_safe_path(path: str) -> bool:
    """Tell whether a payload path (below ``data/``) keeps the format's naming rules and stays inside the archive."""
    if path in _FIXED_NAMES:
        return True
    return all(map(_is_safe_part, path.split("/")))


def _is_safe_part(part: str) -> bool:
    return bool(_SAFE.fullmatch(part)) and not part.endswith(".") and part.split(".")[0] not in _DEVICES


def table_file(schema: str, name: str, taken: set[str]) -> str:
    """Give a source table its payload path: its own name made safe, with a number when another table has that."""
    stem = f"{_slug(schema)}.{_slug(name)}"
    candidate, number = stem, 1
    while candidate in taken:
        number += 1
        candidate = f"{stem}_{number}"
    taken.add(candidate)
    return f"source/{candidate}.parquet"


def _slug(name: str) -> str:
    # Windows device names and empty results get a leading underscore; 60 characters keep the path short.
    slug = re.sub(r"[^a-z0-9_]+", "_", name.lower())[:60].strip("_") or "_"
    return f"_{slug}" if slug in _DEVICES else slug


def document_path(sha256: str) -> str:
    """Return the payload path of a document's bytes."""
    return f"documents/{sha256[:2]}/{sha256}"


@dataclass(frozen=True)
class Archive:
    """A plain archive's directory. Opening proves nothing: only the checks make a VerifiedArchive."""

    root: Path

    @classmethod
    def open(cls, root: Path) -> Archive:
        """Return the archive at ``root``.

        Raises:
            FormatError: There is no directory, or it is no bag.
        """
        if not root.is_dir():
            raise FormatError(
                "there is no archive here", place=str(root), hint="Give the directory that contains bagit.txt."
            )
        if not (root / "bagit.txt").is_file():
            raise FormatError("is not an archive: bagit.txt is missing", place=str(root))
        return cls(root)

    @property
    def data(self) -> Path:
        """The payload directory."""
        return self.root / DATA

    @property
    def identity(self) -> str:
        """What tells one archive from another: the hash of its manifest, which holds the hash of every file."""
        return digest_file(self.root / MANIFEST).sha256

    def source_schema(self) -> SourceSchema:
        """Read schema/source.json."""
        return read_json(self.data / SOURCE_JSON, SourceSchema)

    def control_totals(self) -> ControlTotals:
        """Read reports/control_totals.json."""
        return read_json(self.data / CONTROL_TOTALS_JSON, ControlTotals)

    def findings(self) -> Findings:
        """Read reports/findings.json."""
        return read_json(self.data / FINDINGS_JSON, Findings)

    def entity_files(self, folder: str = "tables") -> dict[str, Path]:
        """Map entity name to its Parquet file in ``tables`` or ``quarantine``, in name order."""
        return {path.stem: path for path in sorted((self.data / folder).glob("*.parquet"))}


@dataclass(frozen=True)
class VerifiedArchive(Archive):
    """An archive that passed the checks at ``level``; only ``portability.checks`` makes one.

    ``signer`` is who signed it, when the checks were told whom to trust.
    """

    level: str = ""
    signer: Signer | None = None


class StagingDir:
    """A directory that is not yet an archive.

    Use: ``create`` or ``resume``, write below ``data``, then ``publish`` once; ``discard`` on failure.
    """

    def __init__(self, destination: Path, path: Path) -> None:
        self.destination = destination
        self.path = path

    @classmethod
    def prepare(cls, destination: Path, *, resume: bool) -> StagingDir:
        """Make (or, with ``resume``, find) the staging directory of a destination.

        Raises:
            ArchiveExistsError: The destination exists, or an earlier run's staging directory does and ``resume`` was
                not asked for.
            ConfigError: The parent directory is missing or not writable.
        """
        destination = Path(os.path.abspath(destination))  # noqa: PTH100 -- resolve() would follow a link at the destination
        if os.path.lexists(destination):
            hint = "Choose another name, or move the existing one away; nothing is overwritten."
            raise ArchiveExistsError("the destination exists", place=str(destination), hint=hint)
        path = destination.with_name(f".{destination.name}.part")
        if path.exists() and not resume:
            hint = f"An earlier run was stopped. Add --resume to finish it, or delete {path}."
            raise ArchiveExistsError("an unfinished export is in the way", place=str(path), hint=hint)
        try:
            path.mkdir(mode=0o700, exist_ok=resume)
            (path / _BAG / DATA).mkdir(parents=True, exist_ok=True)
            (path / _WORK).mkdir(exist_ok=True)
        except OSError as error:
            hint = "Create the parent directory or choose another destination."
            raise ConfigError(f"cannot create it: {error.strerror}", place=str(path), hint=hint) from error
        return cls(destination, path)

    @property
    def bag(self) -> Path:
        """What becomes the archive."""
        return self.path / _BAG

    @property
    def data(self) -> Path:
        """The payload directory being written."""
        return self.bag / DATA

    @property
    def work(self) -> Path:
        """A private place for what never becomes part of the archive."""
        return self.path / _WORK

    def clear(self) -> None:
        """Drop everything written so far; a resumed run whose snapshot is gone starts again."""
        for folder in (self.bag, self.work):
            shutil.rmtree(folder, ignore_errors=True)
        self.data.mkdir(parents=True)
        self.work.mkdir()

    def publish(self) -> Archive:
        """Flush everything to disk and give the directory its final name.

        Raises:
            ArchiveExistsError: Something took the name meanwhile.
        """
        for directory, _, _ in os.walk(self.data, topdown=False):
            if not os.listdir(directory):  # noqa: PTH208 -- the walk gives text
                Path(directory).rmdir()  # bags know files only
        for directory, _, files in os.walk(self.bag):
            for name in files:
                _sync_file(Path(directory, name))
            sync_directory(Path(directory))
        try:
            # rename(2) of a directory refuses a target that is a file or a non-empty directory.
            if os.path.lexists(self.destination):
                raise FileExistsError(errno.EEXIST, "exists")
            self.bag.rename(self.destination)
        except OSError as error:
            raise ArchiveExistsError("the name was taken meanwhile", place=str(self.destination)) from error
        sync_directory(self.destination.parent)
        self.discard()
        return Archive(self.destination)

    def discard(self) -> None:
        """Remove the staging directory and all in it."""
        shutil.rmtree(self.path, ignore_errors=True)


def _sync_file(path: Path) -> None:
    with path.open("rb") as stream:
        try:
            os.fsync(stream.fileno())
        except OSError as error:
            raise PortabilityError(f"cannot be flushed to disk: {error.strerror}", place=str(path)) from error
