"""Several files to an SFTP server over several connections, each in a thread of its own.

Files are taken from one queue. What a connection was at when it was lost goes back to the head of the queue, and is
begun again by whichever takes it, with a fresh look at what is there.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from portability.depositories.depository import Placed, Progress, PutRequest
from portability.depositories.placing import Placing, Track
from portability.depositories.sftp_line import Line, Retrying
from portability.depositories.sftp_session import Work
from portability.depositories.sftp_volume import SftpVolume
from portability.depositories.source import Source, open_source
from portability.errors import DepositoryError
from portability.limits import DEFAULT_LIMITS

__all__ = ["Uploads"]

_LIMITS = DEFAULT_LIMITS
_GREAT_FILES = 2


class Uploads:
    """The files of one call, and what became of them."""

    def __init__(self, requests: Sequence[PutRequest], progress: Progress) -> None:
        self._requests = requests
        self._tracks = [Track(progress) for _ in requests]
        self._queue = deque(range(len(requests)))
        self._again: set[int] = set()
        self._placed: dict[int, Placed] = {}
        self._stop = threading.Event()
        self._connections = 1

    def run(self, lines: Sequence[Line]) -> Sequence[Placed]:
        """Put all of them.

        Raises:
            PortabilityError: The first that happened on any line; the others were stopped.
        """
        self._connections = len(lines)
        with ThreadPoolExecutor(len(lines), thread_name_prefix="depository") as pool:
            threads = [pool.submit(self._work, line) for line in lines]
            try:
                for thread in threads:
                    thread.result()
            except BaseException:
                self._stop.set()
                for line in lines:
                    line.break_off()
                wait(threads)
                raise
        return [self._placed[index] for index in range(len(self._requests))]

    def take(self) -> int | None:
        """Return the next file's number; None when there is none, or no more shall be begun."""
        try:
            return None if self._stop.is_set() else self._queue.popleft()
        except IndexError:
            return None

    def has_plenty(self) -> bool:
        """Tell whether there are more files waiting than connections."""
        return len(self._queue) > self._connections

    def give_back(self, numbers: set[int]) -> None:
        """Take back what a lost connection was at."""
        self._again |= numbers
        self._queue.extendleft(numbers)

    def request(self, number: int) -> PutRequest:
        return self._requests[number]

    def folders(self) -> set[str]:
        return {request.name.rpartition("/")[0] for request in self._requests}

    def is_begun_again(self, number: int) -> bool:
        return number in self._again

    def placing(self, number: int, volume: SftpVolume, source: Source, names: Mapping[str, int]) -> Placing:
        request = self._requests[number]
        return Placing(volume=volume, request=request, source=source, names=names, track=self._tracks[number])

    def done(self, number: int, placed: Placed) -> None:
        self._placed[number] = placed

    def _work(self, line: Line) -> None:
        retrying, gains = Retrying(), 0
        while self._queue and not self._stop.is_set():
            try:
                _Crew(self, line.volume()).run()
            except DepositoryError as error:
                if not (line.is_first or line.was_connected):
                    return  # the server wants fewer connections; the others do the work
                retrying.wait_or_raise(
                    line.failed(error), moved=line.has_moved or self._gains() > gains, stop=self._stop
                )
                gains = self._gains()

    def _gains(self) -> int:
        """Return how often bytes were found that a lost connection had brought there, confirmed or not."""
        return sum(track.gains for track in self._tracks)


class _Crew:
    """What one connection is at."""

    def __init__(self, uploads: Uploads, volume: SftpVolume) -> None:
        self._uploads = uploads
        self._volume = volume
        self._names: dict[str, Mapping[str, int]] = {}
        self._running: dict[int, int] = {}  # size by number

    def run(self) -> None:
        session = self._volume.session
        try:
            looks = [self._look(folder) for folder in self._uploads.folders()]
            session.run(lambda: looks.pop() if looks else None)
            session.run(self._take)
        except BaseException:
            self._uploads.give_back(set(self._running))
            raise

    async def _look(self, folder: str) -> None:
        found = await self._volume.sizes(folder)
        if found is None:
            await self._volume.make_folder(folder)
        self._names[folder] = {} if found is None else found[0]

    async def _fresh_names(self, folder: str) -> Mapping[str, int]:
        found = await self._volume.sizes(folder)
        return {} if found is None else found[0]

    def _take(self) -> Work | None:
        """Return the next file's work: small ones in numbers, great ones two at once: one writes, one is flushed."""
        at_once = len(self._running)
        is_enough = sum(self._running.values()) >= _LIMITS.depository_in_flight_bytes
        # What other connections could begin with at once is left to them.
        great = _GREAT_FILES if self._uploads.has_plenty() else 1
        if at_once >= _LIMITS.depository_lanes or (is_enough and at_once >= great):
            return None
        number = self._uploads.take()
        if number is None:
            return None
        self._running[number] = self._uploads.request(number).size_bytes()
        return self._put(number)

    async def _put(self, number: int) -> None:
        request = self._uploads.request(number)
        folder = request.name.rpartition("/")[0]
        names = await self._fresh_names(folder) if self._uploads.is_begun_again(number) else self._names[folder]
        with open_source(request) as source:
            placed = await self._uploads.placing(number, self._volume, source, names).run()
        self._uploads.done(number, placed)
        del self._running[number]
