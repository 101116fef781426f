"""Reading files of an origin as the deposit has them: a repository's tree at a commit, or a folder."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from portability.errors import ConfigError
from portability.escrow.sources.git import Git
from portability.escrow.sources.packing import list_folder
from portability.limits import Limits

__all__ = ["FolderTree", "GitTree", "Tree"]


class Tree(ABC):
    """The files of an origin; a path has slashes and starts at the origin's top."""

    name: str

    @abstractmethod
    def paths(self) -> Iterator[str]:
        """Yield the paths of all files."""

    @abstractmethod
    def read(self, path: str, *, size_bytes_max: int) -> bytes | None:
        """Return a file's content; None when there is no such file.

        Raises:
            ConfigError: It is longer than the limit.
        """


@dataclass(frozen=True, kw_only=True)
class GitTree(Tree):
    """A commit's tree in a mirror."""

    name: str
    git: Git
    mirror: Path
    commit: str

    def paths(self) -> Iterator[str]:
        with self.git.reading("ls-tree", "-r", "-z", "--full-tree", self.commit, cwd=self.mirror) as stream:
            entries = stream.read().split(b"\0")
        for entry in entries:
            if entry and not entry.startswith((b"160000", b"120000")):
                yield entry.split(b"\t", 1)[1].decode("utf-8", "surrogateescape")

    def read(self, path: str, *, size_bytes_max: int) -> bytes | None:
        size = self.git.attempt("cat-file", "-s", f"{self.commit}:{path}", cwd=self.mirror)
        if size.returncode != 0:
            return None
        _check_size(int(size.stdout), size_bytes_max, f"{self.name}/{path}")
        kind = self.git.text("cat-file", "-t", f"{self.commit}:{path}", cwd=self.mirror)
        return self.git.run("cat-file", "blob", f"{self.commit}:{path}", cwd=self.mirror) if kind == "blob" else None


@dataclass(frozen=True, kw_only=True)
class FolderTree(Tree):
    """A directory, or one file."""

    name: str
    top: Path
    limits: Limits

    def paths(self) -> Iterator[str]:
        yield from (each.path for each in list_folder(self.top, self.limits) if not each.is_link)

    def read(self, path: str, *, size_bytes_max: int) -> bytes | None:
        file = self.top if not self.top.is_dir() and path == self.top.name else self.top / path
        if not file.is_file() or os.path.islink(file):  # noqa: PTH114 -- a link is not the file
            return None
        _check_size(file.stat().st_size, size_bytes_max, f"{self.name}/{path}")
        return file.read_bytes()


def _check_size(size: int, size_bytes_max: int, place: str) -> None:
    if size > size_bytes_max:
        raise ConfigError(f"is larger than the limit of {size_bytes_max} bytes", place=place)
