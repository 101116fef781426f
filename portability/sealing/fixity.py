"""What an archive says of its own bytes: the hash that each file must have, asked in path order while it is sealed.

``ArchiveHashes`` reads the two manifests of a BagIt archive. A file that is not listed, or listed and missing, stops
the seal at once; a hash that differs stops it when the file has been read. So nothing is read twice, and what is sealed
is what those manifests list. Who wrote them, and what the files hold, is the verifier's to ask.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from portability.archive import DATA
from portability.errors import SealError
from portability.limits import Limits
from portability.streams import digest_file

__all__ = ["ARCHIVE_SIGNATURE", "ArchiveHashes", "check_hash"]

_MANIFEST = "manifest-sha256.txt"
_TAGMANIFEST = "tagmanifest-sha256.txt"
ARCHIVE_SIGNATURE = f"{_TAGMANIFEST}.sig"
_LINE = re.compile(r"([0-9a-f]{64}) [ *](\S+)\n?")
_MISSING = "is listed in the archive's manifest, but missing"
_HINT = "Run 'portability verify' on it; what its own manifests do not vouch for is not sealed."


class ArchiveHashes:
    """Expected hashes, in path order; ``expect`` each file of the archive, then ``finish``."""

    def __init__(self, root: Path, limits: Limits) -> None:
        self._root = root
        self._limits = limits
        self._tags = self._tag_hashes()
        self._payload = self._lines(_MANIFEST)
        self._next = next(self._payload, None)

    def expect(self, path: str) -> str:
        """Return the hash that the archive gives for its next file.

        Raises:
            SealError: The archive does not list this file, or lists another before it.
        """
        if not path.startswith(f"{DATA}/"):
            if path not in self._tags:
                raise SealError("is not listed in the archive's manifests", place=path, hint=_HINT)
            return self._tags.pop(path)
        listed, sha256 = self._next or ("", "")
        if listed != path:
            missing = listed and listed < path
            place = listed if missing else path
            message = _MISSING if missing else "is not listed in the archive's manifest, or not in path order"
            raise SealError(message, place=place, hint=_HINT)
        self._next = next(self._payload, None)
        return sha256

    def finish(self) -> None:
        """Refuse an archive that lists more than there was.

        Raises:
            SealError: Files are missing.
        """
        missing = self._next[0] if self._next else min(self._tags, default="")
        if missing:
            raise SealError(_MISSING, place=missing, hint=_HINT)

    def _tag_hashes(self) -> dict[str, str]:
        hashes = dict(itertools.islice(self._lines(_TAGMANIFEST), self._limits.tables_files_max))
        # These two nobody lists: they must stay what they are now.
        for name in (_TAGMANIFEST, ARCHIVE_SIGNATURE):
            if (self._root / name).is_file():
                hashes[name] = digest_file(self._root / name).sha256
        return hashes

    def _lines(self, name: str) -> Iterator[tuple[str, str]]:
        previous = ""
        try:
            with (self._root / name).open(encoding="utf-8", newline="\n") as stream:
                while line := stream.readline(self._limits.path_length_max + 100):
                    found = _LINE.fullmatch(line)
                    if not found or found[2] <= previous:
                        raise SealError(
                            "has a line that is none of ours, or is not in path order", place=name, hint=_HINT
                        )
                    previous = found[2]
                    yield found[2], found[1]
        except (OSError, UnicodeDecodeError) as error:
            raise SealError("cannot be read", place=name, hint=_HINT) from error


def check_hash(path: str, *, expected: str, found: str) -> None:
    """Refuse a file whose bytes are not those that its archive lists.

    Raises:
        SealError: They differ.
    """
    if found != expected:
        raise SealError("is not what the archive's manifest says: its SHA-256 differs", place=path, hint=_HINT)
