"""Several files to an SFTP server over several connections, each in a thread of its own.

Files are taken from one queue. What a connection was at when it was lost goes back to the head of the queue, and is
begun again by whichever takes it, with a fresh look at what is there.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from portability.depositories.depository import Placed, Progress, PutRequest
from portability.depositories.placing import Placing, Track
from portability.depositories.retrying import Retrying
from portability.depositories.sftp_line import Line
from portability.depositories.sftp_session import Work
from portability.depositories.sftp_volume import SftpVolume
from portability.depositories.source import Source, open_source
from portability.errors import DepositoryError
from portability.limits import DEFAULT_LIMITS

__all__ = ["Uploads"]

_LIMITS = DEFAULT_LIMITS
_LOOK_S = 0.05


class Uploads:
    """The files of one call, and what became of them."""

    def __init__(self, requests: Sequence[PutRequest], progress: Progress) -> None:
        self._requests = requests
        self._tracks = [Track(progress) for _ in requests]
        self._sizes = [request.size_bytes() for request in requests]
        self._queue = deque(range(len(requests)))
        self._again: set[int] = set()
        self._placed: dict[int, Placed] = {}
        self._stop = threading.Event()

    def run(self, first: Line, others: Sequence[Line]) -> Sequence[Placed]:
        """Put all of them.

        Args:
            first: Connected; does what is small, and what the others do not.
            others: Made use of where there is something for them to do.

        Raises:
            PortabilityError: The first that happened on any line; the others were stopped.
        """
        others = others[: self._wanted(first)]
        with ThreadPoolExecutor(1 + len(others), thread_name_prefix="depository") as pool:
            threads = [pool.submit(self._work, line) for line in others]
            try:
                threads.append(pool.submit(self._work_beside, first, others, tuple(threads)))
                for thread in threads:
                    thread.result()
            except BaseException:
                self._stop.set()
                for line in (first, *others):
                    line.break_off()
                wait(threads)
                raise
        return [self._placed[index] for index in range(len(self._requests))]

    def _wanted(self, first: Line) -> int:
        """Return how many connections are of use beside the first."""
        files = len(self._requests)
        if first.program is None:
            return files - 1
        size_bytes = sum(self._sizes)
        if size_bytes < _LIMITS.depository_bulk_bytes and files <= _LIMITS.depository_lanes:
            return 0
        return min(files, 1 + max(size_bytes // _LIMITS.depository_login_bytes, files // _LIMITS.depository_lanes))

    def _work_beside(self, first: Line, others: Sequence[Line], threads: Sequence[Future[None]]) -> None:
        """Do what the first connection does: leave the processor to quicker ones, as long as there are any."""
        while not self._stop.is_set() and first.program is not None and wait(threads, _LOOK_S).not_done:
            if any(line.is_quick for line in others):
                self._flush(first)
        self._work(first)

    def _flush(self, line: Line) -> None:
        """Have the disk there begin with what others write: their own flush at the end then takes a moment.

        Nothing is promised by it, so nothing comes of it when it fails.
        """
        parts = [track.take_unflushed(_LIMITS.depository_flush_bytes) for track in self._tracks]
        found = [part for part in parts if part is not None]
        if found:
            try:
                volume = line.volume()
                volume.session.run_one(volume.flush(found))
            except DepositoryError as error:
                line.failed(error)

    def take(self) -> int | None:
        """Return the next file's number; None when there is none, or no more shall be begun."""
        try:
            return None if self._stop.is_set() else self._queue.popleft()
        except IndexError:
            return None

    def left_bytes(self, number: int) -> int:
        """Return how much of a file is still to be sent."""
        return max(0, self._sizes[number] - self._tracks[number].position)

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
        self._running: set[int] = set()

    def run(self) -> None:
        session = self._volume.session
        try:
            looks = [self._look(folder) for folder in self._uploads.folders()]
            session.run(lambda: looks.pop() if looks else None)
            session.run(self._take)
        except BaseException:
            self._uploads.give_back(self._running)
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
        """Return the next file's work: small ones in numbers, a great one once the last has been sent."""
        # What is flushed or compared has nothing left: the connection is never idle for it.
        left_bytes = sum(map(self._uploads.left_bytes, self._running))
        if len(self._running) >= _LIMITS.depository_lanes or left_bytes >= _LIMITS.depository_in_flight_bytes:
            return None
        number = self._uploads.take()
        if number is None:
            return None
        self._running.add(number)
        return self._put(number)

    async def _put(self, number: int) -> None:
        request = self._uploads.request(number)
        folder = request.name.rpartition("/")[0]
        names = await self._fresh_names(folder) if self._uploads.is_begun_again(number) else self._names[folder]
        with open_source(request) as source:
            placed = await self._uploads.placing(number, self._volume, source, names).run()
        self._uploads.done(number, placed)
        self._running.discard(number)
