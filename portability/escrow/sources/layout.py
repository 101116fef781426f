"""What lies where in a source deposit, and ``data/deposit.json``, which describes it: a wire format.

RESTORE.md                         by hand, with stock tools
data/deposit.json                  this description
data/completeness.html, .json      what a stranger needs, present or absent, with reasons
data/restore.sh                    the commands of RESTORE.md, to be read before they are run
data/repositories/<name>.bundle    a git bundle: every ref of the repository as it was pinned
data/lfs/<aa>/<sha256>             LFS objects of all repositories
data/folders/<name>.tar            plain directories and files, under their own names
data/packages/<n>_<kind>.tar       packages of a lock file
data/licences/<sha256>.txt, licences.json, sbom.cyclonedx.json, secrets.json
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "COMPLETENESS_HTML",
    "COMPLETENESS_JSON",
    "DEPOSIT_JSON",
    "FORMAT",
    "LICENCES",
    "LICENCES_JSON",
    "RESTORE_MD",
    "RESTORE_SH",
    "SBOM_JSON",
    "SECRETS_JSON",
    "VERSION",
    "AbsentLfs",
    "BuildRecord",
    "Deposit",
    "FolderRecord",
    "LfsRecord",
    "PackagesRecord",
    "RepositoryRecord",
    "SubmoduleRecord",
    "lfs_path",
    "payload_name",
]

FORMAT = "legal-portability-source"
VERSION = "1.0"
DEPOSIT_JSON = "deposit.json"
COMPLETENESS_JSON = "completeness.json"
COMPLETENESS_HTML = "completeness.html"
RESTORE_MD = "RESTORE.md"
RESTORE_SH = "restore.sh"
SBOM_JSON = "sbom.cyclonedx.json"
SECRETS_JSON = "secrets.json"
LICENCES = "licences"
LICENCES_JSON = "licences.json"


@dataclass(frozen=True, kw_only=True)
class LfsRecord:
    """An LFS object that a repository's history names; ``path`` is one of the places that name it."""

    sha256: str
    size_bytes: int
    path: str


@dataclass(frozen=True, kw_only=True)
class AbsentLfs:
    """An LFS object that is named and not there, with the reason that the job gives."""

    sha256: str
    path: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class SubmoduleRecord:
    """A commit of another repository that a tree names at ``path``; ``refs`` are some of the refs whose tree it is."""

    path: str
    commit: str
    repository: str
    refs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RepositoryRecord:
    """A repository as it was pinned: ``refs`` are all of it, by name, and ``head`` is what HEAD pointed to.

    ``role`` is ``submodule`` when only another repository's trees asked for it. ``notes`` say what a reader should
    know: that it moved meanwhile, or that a work tree had changes that nobody committed.
    """

    name: str
    file: str
    url: str  # without user and password
    role: Literal["repository", "submodule"]
    head: str  # refs/heads/main, or a commit
    refs: dict[str, str]
    lfs: tuple[LfsRecord, ...] = ()
    absent_lfs: tuple[AbsentLfs, ...] = ()
    submodules: tuple[SubmoduleRecord, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FolderRecord:
    """A directory or a file, in a tar under its own name."""

    name: str
    file: str
    role: str
    files: int
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class PackagesRecord:
    """A lock file and its packages; ``file`` is missing where they are not deposited, and ``reason`` says why.

    ``copy`` is the lock file as it was; ``resolves_offline`` whether its own tool installed from the packages alone.
    """

    name: str
    kind: Literal["pip", "npm", "other"]
    origin: str
    path: str
    copy: str
    packages: int
    file: str | None = None
    built_with: str | None = None
    built_copy: str | None = None
    platform: str | None = None
    resolves_offline: bool | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class BuildRecord:
    """The build, as a stranger runs it in a clean room."""

    name: str
    command: tuple[str, ...]
    origin: str
    commit: str | None
    instructions: str
    tools: tuple[str, ...]
    produces: tuple[str, ...]
    time_limit_s: int
    environment: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Deposit:
    """``data/deposit.json``; its clock stands in bag-info.txt (``Pinned-At``), so that the same content is the same."""

    format: str
    version: str
    job: str
    agreement: str
    content: str  # SHA-256 over what was pinned: refs, LFS objects, folders, packages
    repositories: tuple[RepositoryRecord, ...]
    folders: tuple[FolderRecord, ...]
    packages: tuple[PackagesRecord, ...]
    build: BuildRecord

    def repository(self, name: str) -> RepositoryRecord:
        """Return a repository by name.

        Raises:
            KeyError: There is none.
        """
        return {each.name: each for each in self.repositories}[name]


def lfs_path(sha256: str) -> str:
    """Return the payload path of an LFS object."""
    return f"lfs/{sha256[:2]}/{sha256}"


def payload_name(name: str) -> str:
    """Return a job's name as a part of a payload path, whose letters are fewer: ``-`` becomes ``_``.

    Names that would become one have another letter doubled: ``_`` becomes ``__`` first.
    """
    return name.replace("_", "__").replace("-", "_")
