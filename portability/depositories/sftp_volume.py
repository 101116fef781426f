"""A folder on an SFTP server as a volume: the protocol's steps as requests of a session.

SFTP says little of why it refuses ("failure"), so a refusal is looked into: does the name exist, is the disk full, is
it read-only. What cannot be told apart is named with all that it may be.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Literal

from portability.depositories.sftp_session import Session, Ticket
from portability.depositories.sftp_wire import Answer, OpenFlag, PacketType, Status, text
from portability.depositories.volume import NameTakenError, OpenFile, Volume
from portability.errors import DepositoryError, DepositoryRefusedError
from portability.limits import DEFAULT_LIMITS, KIB

__all__ = ["Abilities", "SftpVolume", "Space"]

_LIMITS = DEFAULT_LIMITS
_FSYNC, _STATVFS, _LINK = "fsync@openssh.com", "statvfs@openssh.com", "hardlink@openssh.com"
_SIZES = "limits@openssh.com"
_READ_ONLY_FLAG = 1
_NO_ATTRIBUTES = b"\0\0\0\0"
_READDIRS = 3  # asked for at once: most folders end within them
_NEARLY_FULL_BYTES = 256 * KIB


@dataclass(kw_only=True)
class Abilities:
    """What the server was found to do; shared by all connections to it."""

    rename: Literal["refuses", "links", "checked"] = "checked"
    sync: bool = True
    sync_folders: bool = True
    write_bytes: int = _LIMITS.depository_request_bytes
    read_bytes: int = _LIMITS.depository_request_bytes


@dataclass(frozen=True, kw_only=True)
class Space:
    """What statvfs says of the folder's disk, for us who are not its root user."""

    free_bytes: int
    free_files: int
    files: int
    read_only: bool


class _RefusedError(Exception):
    """A status that is not OK; never leaves this module."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class SftpVolume(Volume):
    """A folder on a server, over one session."""

    def __init__(self, name: str, session: Session, root: str, abilities: Abilities) -> None:
        self.name = name
        self.session = session
        self._root = root
        self.abilities = abilities
        abilities.sync = abilities.sync and _FSYNC in session.extensions

    @property
    def can_sync(self) -> bool:  # type: ignore[override]
        return self.abilities.sync

    @property
    def write_bytes(self) -> int:  # type: ignore[override]
        return self.abilities.write_bytes

    async def learn_limits(self) -> None:
        """Ask how long requests may be, where the server tells."""
        if _SIZES not in self.session.extensions:
            return
        answer = await self.session.ask(PacketType.EXTENDED, text(_SIZES))
        if answer.kind == PacketType.EXTENDED_REPLY:
            _, read_bytes, write_bytes, _ = (answer.long() for _ in range(4))
            self.abilities.read_bytes = _request_bytes(read_bytes)
            self.abilities.write_bytes = _request_bytes(write_bytes)

    @property
    def has_links(self) -> bool:
        return _LINK in self.session.extensions

    async def space(self) -> Space | None:
        """Return what is left, or None where the server does not say."""
        if _STATVFS not in self.session.extensions:
            return None
        answer = await self.session.ask(PacketType.EXTENDED, text(_STATVFS), text(self._root))
        if answer.kind != PacketType.EXTENDED_REPLY:
            return None
        _, fragment, _, _, free, files, _, free_files, _, flags, _ = (answer.long() for _ in range(11))
        return Space(
            free_bytes=fragment * free, free_files=free_files, files=files, read_only=bool(flags & _READ_ONLY_FLAG)
        )

    async def exists(self, path: str) -> bool:
        try:
            await self._status(self.session.ask(PacketType.STAT, text(self._path(path))), PacketType.ATTRS)
        except _RefusedError:
            return False
        return True

    async def sizes(self, folder: str) -> tuple[dict[str, int], tuple[str, ...]] | None:
        try:
            answer = await self._status(
                self.session.ask(PacketType.OPENDIR, text(self._path(folder))), PacketType.HANDLE
            )
        except _RefusedError as refused:
            if refused.status == Status.NO_SUCH_FILE:
                return None
            raise await self.explained(refused.status, folder) from None
        handle = text(answer.string())
        files: dict[str, int] = {}
        folders: list[str] = []
        asked = deque(self.session.ask(PacketType.READDIR, handle) for _ in range(_READDIRS))
        while (answer := await asked.popleft()).kind == PacketType.NAME:
            self._sort(answer, files, folders)
            asked.append(self.session.ask(PacketType.READDIR, handle))
            if len(files) > _LIMITS.sealed_files_max:
                raise DepositoryRefusedError("too many files in one folder", place=f"{self.name}: {folder}")
        self.session.ask(PacketType.CLOSE, handle)  # nothing depends on its answer
        status = answer.integer() if answer.kind == PacketType.STATUS else None
        if status != Status.EOF:
            raise DepositoryError("the folder cannot be listed", place=f"{self.name}: {folder}")
        return files, tuple(folders)

    @staticmethod
    def _sort(answer: Answer, files: dict[str, int], folders: list[str]) -> None:
        for entry in answer.entries():
            if entry.is_file and entry.size_bytes is not None:
                files[entry.name] = entry.size_bytes
            elif entry.is_folder and entry.name not in {".", ".."}:
                folders.append(entry.name)

    async def make_folder(self, folder: str) -> None:
        # All at once: those that are there refuse, which does no harm, and the last look tells whether it is there.
        paths = [*accumulate(folder.split("/"), "{}/{}".format)]
        asked = [self.session.ask(PacketType.MKDIR, text(self._path(path)), _NO_ATTRIBUTES) for path in paths]
        looked = self.session.ask(PacketType.STAT, text(self._path(folder)))
        statuses = [(await ticket).integer() for ticket in asked]
        if (await looked).kind != PacketType.ATTRS:
            # Why the first was not made says more than that those below it have nowhere to be.
            reasons = [status for status in statuses if status not in (Status.OK, Status.NO_SUCH_FILE)]
            raise await self.explained((reasons or statuses)[-1], folder)

    async def create(self, path: str) -> OpenFile:
        flags = OpenFlag.READ | OpenFlag.WRITE | OpenFlag.CREATE | OpenFlag.EXCLUSIVE
        try:
            return await self._open(path, flags)
        except _RefusedError as refused:
            if await self.exists(path):
                raise NameTakenError from None
            raise await self.explained(refused.status, path) from None

    async def open(self, path: str, *, writing: bool) -> OpenFile:
        try:
            return await self._open(path, OpenFlag.READ | OpenFlag.WRITE if writing else OpenFlag.READ)
        except _RefusedError as refused:
            raise await self.explained(refused.status, path) from None

    async def rename(self, part: str, path: str) -> None:
        if self.abilities.rename == "links":
            await self.link(part, path)
            return
        if self.abilities.rename == "checked" and await self.exists(path):
            raise NameTakenError
        try:
            await self._status(self.session.ask(PacketType.RENAME, text(self._path(part)), text(self._path(path))))
        except _RefusedError as refused:
            if await self.exists(path):
                raise NameTakenError from None
            raise await self.explained(refused.status, path) from None

    async def move(self, path: str, free: str) -> None:
        try:
            await self._status(self.session.ask(PacketType.RENAME, text(self._path(path)), text(self._path(free))))
        except _RefusedError as refused:
            raise await self.explained(refused.status, free) from None

    async def overwrites(self, part: str, path: str) -> bool:
        """Tell whether a plain rename takes a name that is taken; if it does, it has."""
        names = (text(self._path(part)), text(self._path(path)))
        try:
            await self._status(self.session.ask(PacketType.RENAME, *names))
        except _RefusedError as refused:
            # A neighbour's probe may just have done it.
            return refused.status == Status.NO_SUCH_FILE
        return True

    async def link(self, path: str, second: str) -> None:
        """Give a file a second name, which must be free; raises NameTakenError."""
        names = (text(self._path(path)), text(self._path(second)))
        try:
            await self._status(self.session.ask(PacketType.EXTENDED, text(_LINK), *names))
        except _RefusedError as refused:
            if await self.exists(second):
                raise NameTakenError from None
            raise await self.explained(refused.status, second) from None

    async def sync_folders(self, folders: Collection[str]) -> None:
        # The protocol knows no such request; OpenSSH opens a folder for reading as it does a file, and flushes it.
        if not (self.abilities.sync and self.abilities.sync_folders):
            return
        if not await self.flush(folders):
            self.abilities.sync_folders = False

    async def flush(self, paths: Collection[str]) -> bool:
        """Flush what is known by these names just now; tell whether all of them were."""
        opening = [self._ask_open(path, OpenFlag.READ) for path in paths]
        opened = [await ticket for ticket in opening]
        handles = [text(answer.string()) for answer in opened if answer.kind == PacketType.HANDLE]
        flushing = [self.session.ask(PacketType.EXTENDED, text(_FSYNC), handle) for handle in handles]
        for handle in handles:
            self.session.ask(PacketType.CLOSE, handle)  # nothing depends on its answer
        flushed = [(await ticket).integer() for ticket in flushing]
        return len(flushed) == len(opening) and all(status == Status.OK for status in flushed)

    def _ask_open(self, path: str, flags: OpenFlag) -> Ticket:
        return self.session.ask(PacketType.OPEN, text(self._path(path)), int(flags).to_bytes(4, "big"), _NO_ATTRIBUTES)

    async def _open(self, path: str, flags: OpenFlag) -> _SftpFile:
        answer = await self._status(self._ask_open(path, flags), PacketType.HANDLE)
        return _SftpFile(self, path, answer.string())

    async def _status(self, ticket: Ticket, wanted: PacketType = PacketType.STATUS) -> Answer:
        answer = await ticket
        if answer.kind == wanted != PacketType.STATUS:
            return answer
        status = answer.integer() if answer.kind == PacketType.STATUS else int(Status.FAILURE)
        if status != Status.OK or wanted != PacketType.STATUS:
            raise _RefusedError(status)
        return answer

    async def explained(self, status: int, path: str) -> DepositoryError:
        """Return what a person can make of a refusal."""
        place = f"{self.name}: {path}"
        space = await self.space()
        if space is not None and space.read_only:
            hint = "Ask the agent to have it mounted for writing."
            return DepositoryRefusedError("the depository is read-only", place=place, hint=hint)
        if space is not None and (space.free_bytes < _NEARLY_FULL_BYTES or (space.files and not space.free_files)):
            hint = "Have space made there, or the quota raised; the next run carries on."
            return DepositoryRefusedError("the depository is full", place=place, hint=hint)
        if status == Status.NO_SUCH_FILE:
            hint = "Is the folder of the address right? It must exist; folders below it are made."
            return DepositoryRefusedError("there is no such file or folder", place=place, hint=hint)
        if status == Status.PERMISSION_DENIED:
            hint = "Ask the agent for permission to create, write and rename there; deleting is not needed."
            return DepositoryRefusedError("the depository refuses permission", place=place, hint=hint)
        hint = "A quota may be reached, or a disk there may be failing: ask the agent. The next run carries on."
        return DepositoryRefusedError(f"the server failed without saying why (status {status})", place=place, hint=hint)

    def _path(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}" if path else self._root


class _SftpFile(OpenFile):
    """An open file of a server."""

    def __init__(self, volume: SftpVolume, path: str, handle: bytes) -> None:
        self.volume, self.path = volume, path
        self._field = text(handle)
        self._session = volume.session
        self._unconfirmed: deque[Ticket] = deque()  # writes and a flush, asked for and looked at later

    async def write(self, offset: int, chunks: Iterator[bytes]) -> None:
        for chunk in chunks:
            await self._session.room(len(chunk))
            fields = offset.to_bytes(8, "big"), len(chunk).to_bytes(4, "big"), chunk
            self._unconfirmed.append(self._session.ask(PacketType.WRITE, self._field, *fields, size_bytes=len(chunk)))
            offset += len(chunk)
            while self._unconfirmed and self._unconfirmed[0].answer is not None:
                await self._confirm_first()

    async def sync(self) -> None:
        if self.volume.can_sync:
            self._unconfirmed.append(self._session.ask(PacketType.EXTENDED, text(_FSYNC), self._field))

    async def read(self, ranges: Sequence[tuple[int, int]]) -> AsyncIterator[tuple[int, bytes]]:
        """Yield ranges: asked for ahead, handed out in order; a short answer is asked for again."""
        wanted = _requests(ranges, self.volume.abilities.read_bytes)
        asked: deque[tuple[int, int, Ticket]] = deque()
        while True:
            for offset, size_bytes in islice(wanted, _LIMITS.depository_read_requests - len(asked)):
                await self._session.room(size_bytes)
                asked.append((offset, size_bytes, self._ask(offset, size_bytes)))
            if not asked:
                return
            offset, size_bytes, ticket = asked.popleft()
            answer = await ticket
            if answer.kind != PacketType.DATA:
                if answer.kind == PacketType.STATUS and answer.integer() == Status.EOF:
                    return
                raise DepositoryError("the file cannot be read", place=f"{self.volume.name}: {self.path}")
            piece = answer.string()
            if not 0 < len(piece) <= size_bytes:
                raise DepositoryError("the server answered something that is no SFTP", place=self.volume.name)
            yield offset, piece
            if len(piece) < size_bytes:
                offset, rest = offset + len(piece), size_bytes - len(piece)
                asked.appendleft((offset, rest, self._ask(offset, rest)))

    async def size(self) -> int:
        # Requests on one file are carried out in their order, so all are on their way before one is waited for.
        asked = self._session.ask(PacketType.FSTAT, self._field)
        await self._confirm_all()
        answer = await asked
        size_bytes = answer.attributes()[0] if answer.kind == PacketType.ATTRS else None
        if size_bytes is None:
            place = f"{self.volume.name}: {self.path}"
            raise DepositoryRefusedError("the server does not tell a file's size", place=place)
        return size_bytes

    async def close(self) -> None:
        await self._confirm_all()
        if self.volume.can_sync:
            self.drop()  # what a close could still report, the flush has
        else:
            await self._confirmed(self._session.ask(PacketType.CLOSE, self._field))

    def drop(self) -> None:
        self._session.ask(PacketType.CLOSE, self._field)

    def _ask(self, offset: int, size_bytes: int) -> Ticket:
        fields = offset.to_bytes(8, "big"), size_bytes.to_bytes(4, "big")
        return self._session.ask(PacketType.READ, self._field, *fields, size_bytes=size_bytes)

    async def _confirm_all(self) -> None:
        while self._unconfirmed:
            await self._confirm_first()

    async def _confirm_first(self) -> None:
        ticket = self._unconfirmed.popleft()
        await self._confirmed(ticket)
        self._session.written_bytes += ticket.size_bytes

    async def _confirmed(self, ticket: Ticket) -> None:
        answer = await ticket
        status = answer.integer() if answer.kind == PacketType.STATUS else int(Status.FAILURE)
        if status != Status.OK:
            raise await self.volume.explained(status, self.path)


def _requests(ranges: Sequence[tuple[int, int]], bytes_max: int) -> Iterator[tuple[int, int]]:
    """Yield the parts of ranges that are asked for one by one."""
    for start, length in ranges:
        for offset in range(start, start + length, bytes_max):
            yield offset, min(bytes_max, start + length - offset)


def _request_bytes(told: int) -> int:
    """Return how long a request may be by what a server tells; 0 means that it does not say."""
    return min(told, _LIMITS.depository_request_bytes_max) or _LIMITS.depository_request_bytes
