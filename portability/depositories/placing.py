"""The protocol of one file: a ``.part`` name, bytes, flush, size, read-back, rename; the same for every kind.

    look         a file under the final name is compared, and confirmed or refused; nothing is overwritten
    take a part  an interrupted run's ``.part`` is carried on with when its end is ours; any other is left alone, and a
                 new numbered one is created exclusively
    write        from where the part ends
    flush, size  then read back and compare: what was resumed in full, for no flush vouched for its first bytes
    rename       which refuses to overwrite

Legal at any point: to be killed, or for the other side to be. The next run starts with the look.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from portability.depositories.depository import Placed, Progress, PutRequest, ReadBack
from portability.depositories.source import Source
from portability.depositories.volume import NameTakenError, OpenFile, Volume
from portability.errors import ConfigError, DepositConflictError, DepositoryRefusedError
from portability.limits import DEFAULT_LIMITS, MIB

__all__ = ["Placing", "Track", "read_back_ranges"]

_LIMITS = DEFAULT_LIMITS


class Track:
    """How far one file is, over all attempts: what is sent twice is told once."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.position = self._held = 0  # how far it was sent; how much of it was found
        self._flushed = 0
        self._part: str | None = None  # that is being written
        self.gains = 0  # how often more of it was found to have arrived than before

    def at(self, position: int) -> None:
        """Tell that the file is on its way up to ``position``."""
        if position > self.position:
            self._progress(position - self.position)
            self.position = position

    def resumed(self, part: str, position: int) -> None:
        """Tell that so much of it was found to have arrived, and where."""
        self._part, self._flushed = part, position
        self.gains += position > self._held
        self._held = max(self._held, position)
        self.at(position)

    def written(self) -> None:
        """Tell that all of it is on its way, and its last flush with it."""
        self._part = None

    def take_unflushed(self, least_bytes: int) -> str | None:
        """Return the part, and hold it for flushed, when that many bytes went to it since it last was."""
        part, furthest = self._part, self.position
        if part is None or furthest - self._flushed < least_bytes:
            return None
        self._flushed = furthest
        return part


@dataclass(frozen=True, kw_only=True)
class Placing:
    """One file on its way to its place.

    Args:
        names: The files of its folder with their sizes, as they were listed for this run.
    """

    volume: Volume
    request: PutRequest
    source: Source
    names: Mapping[str, int]
    track: Track

    async def run(self) -> Placed:
        """Put it, or confirm that it is there.

        Raises:
            DepositConflictError: Other bytes have the name.
            DepositoryError: It cannot be put; nothing wrong has the name.
        """
        if self._leaf in self.names:
            return await self._confirm()
        spoilt = 0
        for number in range(1, _LIMITS.depository_parts_max + 1):
            part, file, offset = await self._take_part(number)
            if file is None:
                continue
            with _dropped_on_failure(file):
                read_bytes = await self._fill(file, part, offset)
                await file.close()
            if read_bytes is not None:
                return await self._name_it(part, self.source.size_bytes - offset, read_bytes)
            spoilt += 1
            if spoilt > 1:
                message = "the depository gave back other bytes than it was sent, twice"
                raise DepositoryRefusedError(message, place=self._place, hint="Ask the agent to check the disk there.")
        hint = f"Ask the agent to remove abandoned files *.part beside {self.request.name}."
        raise DepositoryRefusedError("too many abandoned files of earlier runs", place=self._place, hint=hint)

    @property
    def _place(self) -> str:
        return f"{self.volume.name}: {self.request.name}"

    @property
    def _leaf(self) -> str:
        return self.request.name.rpartition("/")[2]

    async def _take_part(self, number: int) -> tuple[str, OpenFile | None, int]:
        """Return a part that is ours to fill, and how far it is filled; no file when that number is somebody else's."""
        ending = ".part" if number == 1 else f".{number}.part"
        part = self.request.name + ending
        held = self.names.get(self._leaf + ending)
        if held is None:
            try:
                return part, await self.volume.create(part), 0
            except NameTakenError:
                pass  # since we looked: by another connection of ours that was lost, most likely
        elif held > self.source.size_bytes:
            return part, None, 0
        file = await self.volume.open(part, writing=True)
        with _dropped_on_failure(file):
            held = await file.size()
            if held <= self.source.size_bytes and await self._has_our_end(file, held):
                return part, file, held
            await file.close()
        return part, None, 0

    async def _has_our_end(self, file: OpenFile, held: int) -> bool:
        start = max(0, held - MIB)
        return await self._is_same(file, [(start, held - start)])

    async def _fill(self, file: OpenFile, part: str, offset: int) -> int | None:
        """Write, flush and compare; return how much was read back, or None when it is not what was sent."""
        digest = self.source.hash(MIB, end=offset) if self.request.sha256 is not None else None
        self.track.resumed(part, offset)

        def pieces() -> Iterator[bytes]:
            at = offset
            for piece in self.source.pieces(self.volume.write_bytes, offset=offset):
                if digest is not None:
                    digest.update(piece)
                yield piece
                at += len(piece)
                self.track.at(at)

        await file.write(offset, pieces())
        if digest is not None and digest.hexdigest() != self.request.sha256:
            hint = "Remove the spool and make the deposit again: the disk under it may be failing."
            raise ConfigError("does not hold what its manifest says", place=self.source.name, hint=hint)
        await file.sync()
        self.track.written()
        if await file.size() != self.source.size_bytes:
            return None
        in_full = self.request.read_back is ReadBack.FULL or offset > 0 or not self.volume.can_sync
        return await self._read_back(file, in_full=in_full)

    async def _read_back(self, file: OpenFile, *, in_full: bool) -> int | None:
        ranges = read_back_ranges(self.source.size_bytes, in_full=in_full)
        return sum(length for _, length in ranges) if await self._is_same(file, ranges) else None

    async def _is_same(self, file: OpenFile, ranges: Sequence[tuple[int, int]]) -> bool:
        missing = sum(length for _, length in ranges)
        async for at, piece in file.read(ranges):
            if self.source.read(at, len(piece)) != piece:
                return False
            missing -= len(piece)
        return missing == 0

    async def _name_it(self, part: str, sent_bytes: int, read_bytes: int) -> Placed:
        try:
            await self.volume.rename(part, self.request.name)
        except NameTakenError:
            return await self._confirm()  # another run was faster; if its bytes are ours, all is well
        return self._placed(sent_bytes=sent_bytes, read_bytes=read_bytes)

    async def _confirm(self) -> Placed:
        """Compare what has the name with what should."""
        file = await self.volume.open(self.request.name, writing=False)
        with _dropped_on_failure(file):
            same = await file.size() == self.source.size_bytes
            in_full = self.request.read_back is ReadBack.FULL or not self.volume.can_sync
            read_bytes = await self._read_back(file, in_full=in_full) if same else None
            await file.close()
        if read_bytes is None:
            hint = "Nothing was overwritten. A deposit that was sealed again needs a new sequence number."
            raise DepositConflictError("the name is taken by other bytes", place=self._place, hint=hint)
        self.track.at(self.source.size_bytes)
        return self._placed(sent_bytes=0, read_bytes=read_bytes, was_there=True)

    def _placed(self, *, sent_bytes: int, read_bytes: int, was_there: bool = False) -> Placed:
        return Placed(
            name=self.request.name,
            size_bytes=self.source.size_bytes,
            sent_bytes=sent_bytes,
            read_bytes=read_bytes,
            was_there=was_there,
        )


@contextmanager
def _dropped_on_failure(file: OpenFile) -> Iterator[None]:
    try:
        yield
    except BaseException:
        file.drop()
        raise


def read_back_ranges(size_bytes: int, *, in_full: bool) -> list[tuple[int, int]]:
    """Return what of a file is read back: all, or its first and last MiB and some at random."""
    samples = _LIMITS.depository_samples
    if in_full or size_bytes <= (samples + 2) * MIB:
        return [(0, size_bytes)]
    choice = random.SystemRandom()
    starts = sorted(choice.randrange(MIB, size_bytes - 2 * MIB) for _ in range(samples))
    return [(start, MIB) for start in (0, *starts, size_bytes - MIB)]
