"""An SFTP server that loses at a crash what was not flushed, as real disks do and real servers cannot be made to.

It speaks the protocol on an object with ``sendall`` and ``recv``, in memory. Each file and folder has what is seen now
and what is on disk; ``fsync@openssh.com`` brings the first to the second. A crash keeps what is on disk and, of what is
not, whatever the seeded coin says: a name given or not, a name taken away or not, bytes, or zeros in their place (a
file system that grew the file before its blocks were written). It can be told what not to know: fsync, links, a rename
that refuses.
"""

from __future__ import annotations

import posixpath
import random
import struct
from dataclasses import dataclass, field

from portability.depositories.sftp_wire import Answer, OpenFlag, PacketType, Status, read_packets, text


class CrashedError(OSError):
    """The server is gone."""


@dataclass(eq=False)
class _File:
    seen: bytearray = field(default_factory=bytearray)
    on_disk: bytes = b""

    def sync(self) -> None:
        self.on_disk = bytes(self.seen)

    def crash(self, coin: random.Random) -> None:
        if self.seen != self.on_disk:
            half = len(self.seen) // 2
            hole = bytes(half) + bytes(self.seen[half:])
            kept = coin.choice([self.on_disk, bytes(self.seen), bytes(len(self.seen)), bytes(self.seen[:half]), hole])
            self.seen = bytearray(kept)
            self.sync()


@dataclass(eq=False)
class _Folder:
    seen: dict[str, _File | _Folder] = field(default_factory=dict)
    on_disk: dict[str, _File | _Folder] = field(default_factory=dict)

    def sync(self) -> None:
        self.on_disk = dict(self.seen)

    def crash(self, coin: random.Random) -> None:
        for name in sorted({*self.seen, *self.on_disk}):
            before, after = self.on_disk.get(name), self.seen.get(name)
            kept = before if before is after else coin.choice([before, after])
            if kept is None:
                self.seen.pop(name, None)
            else:
                self.seen[name] = kept
                kept.crash(coin)
        self.sync()


@dataclass
class Disk:
    """What outlives a crash, and when the next one is.

    Args:
        crash_at: The number of the request at which the server dies; None for never.
        carries_out: Whether that request is still carried out; its answer is lost all the same.
    """

    root: _Folder = field(default_factory=_Folder)
    coin: random.Random = field(default_factory=lambda: random.Random(1))
    crash_at: int | None = None
    carries_out: bool = False
    requests: int = 0
    knows_sync: bool = True
    knows_links: bool = True
    rename_refuses: bool = True
    capacity_bytes: int | None = None
    quota_bytes: int | None = None
    is_read_only: bool = False

    def crash(self) -> None:
        self.crash_at = None
        self.root.crash(self.coin)

    def admits(self, more_bytes: int) -> bool:
        held = sum(map(len, self.contents().values()))
        return all(bound is None or held + more_bytes <= bound for bound in (self.capacity_bytes, self.quota_bytes))

    def free_bytes(self) -> int:
        assert self.capacity_bytes is not None
        return self.capacity_bytes - sum(map(len, self.contents().values()))

    def contents(self) -> dict[str, bytes]:
        return dict(_walk(self.root, ""))


def _walk(folder: _Folder, above: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for name, each in folder.seen.items():
        if isinstance(each, _File):
            found.append((above + name, bytes(each.seen)))
        else:
            found += _walk(each, f"{above}{name}/")
    return found


class LossyPipe:
    """A connection to the server; a crash ends it."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._in = bytearray()
        self._out = bytearray()
        self._handles: dict[bytes, _File | _Folder | list[bytes]] = {}
        self._opened = 0
        self._is_up = True

    def sendall(self, data: bytes, /) -> None:
        self._in += data
        if not self._is_up:
            raise CrashedError
        for request in read_packets(self._in):
            if self._is_up:
                self._serve(request)

    def recv(self, length: int, /) -> bytes:
        received = bytes(self._out[:length])
        del self._out[:length]
        return received  # nothing: the connection is closed

    def _serve(self, request: Answer) -> None:
        number = request.integer()
        if request.kind == PacketType.INIT:
            known = [
                ("fsync@openssh.com", self._disk.knows_sync),
                ("hardlink@openssh.com", self._disk.knows_links),
                ("statvfs@openssh.com", self._disk.capacity_bytes is not None),
            ]
            self._send(PacketType.VERSION, 3, b"".join(text(name) + text("1") for name, is_known in known if is_known))
            return
        self._disk.requests += 1
        is_last = self._disk.requests == self._disk.crash_at
        if is_last and not self._disk.carries_out:
            self._die()
            return
        kind, body = self._answer(request)
        if is_last:
            self._die()
            return
        self._send(kind, number, body)

    def _die(self) -> None:
        self._is_up = False
        self._out.clear()
        self._disk.crash()

    def _send(self, kind: PacketType, number: int, body: bytes) -> None:
        self._out += struct.pack(">IBI", len(body) + 5, kind, number) + body

    def _answer(self, request: Answer) -> tuple[PacketType, bytes]:
        try:
            return getattr(self, f"_{PacketType(request.kind).name.lower()}")(request)  # type: ignore[no-any-return]
        except FileNotFoundError:
            return _status(Status.NO_SUCH_FILE)
        except FileExistsError:
            return _status(Status.FAILURE)

    def _find(self, path: str) -> _File | _Folder:
        found: _File | _Folder = self._disk.root
        for step in path.strip("/").split("/") if path.strip("/") else ():
            if not isinstance(found, _Folder) or step not in found.seen:
                raise FileNotFoundError
            found = found.seen[step]
        return found

    def _parent(self, path: str) -> tuple[_Folder, str]:
        above, leaf = posixpath.split(path.rstrip("/"))
        folder = self._find(above)
        assert isinstance(folder, _Folder)
        return folder, leaf

    def _hold(self, held: _File | _Folder | list[bytes]) -> tuple[PacketType, bytes]:
        self._opened += 1
        handle = str(self._opened).encode()
        self._handles[handle] = held
        return PacketType.HANDLE, text(handle)

    def _file(self, request: Answer) -> _File:
        held = self._handles[request.string()]
        assert isinstance(held, _File)
        return held

    def _open(self, request: Answer) -> tuple[PacketType, bytes]:
        path, flags = request.string().decode(), request.integer()
        if flags & OpenFlag.WRITE and self._disk.is_read_only:
            return _status(Status.FAILURE)
        if flags & OpenFlag.CREATE:
            folder, leaf = self._parent(path)
            if leaf in folder.seen:
                raise FileExistsError
            folder.seen[leaf] = _File()
        return self._hold(self._find(path))

    def _close(self, request: Answer) -> tuple[PacketType, bytes]:
        del self._handles[request.string()]
        return _status(Status.OK)

    def _read(self, request: Answer) -> tuple[PacketType, bytes]:
        file, offset, length = self._file(request), request.long(), request.integer()
        piece = bytes(file.seen[offset : offset + min(length, 20_000)])  # a server may answer less than it is asked for
        return (PacketType.DATA, text(piece)) if piece else _status(Status.EOF)

    def _write(self, request: Answer) -> tuple[PacketType, bytes]:
        file, offset, data = self._file(request), request.long(), request.string()
        if not self._disk.admits(offset + len(data) - len(file.seen)):
            return _status(Status.FAILURE)
        file.seen += bytes(max(0, offset - len(file.seen)))
        file.seen[offset : offset + len(data)] = data
        return _status(Status.OK)

    def _fstat(self, request: Answer) -> tuple[PacketType, bytes]:
        held = self._handles[request.string()]
        assert not isinstance(held, list)
        return PacketType.ATTRS, _attributes(held)

    def _stat(self, request: Answer) -> tuple[PacketType, bytes]:
        return PacketType.ATTRS, _attributes(self._find(request.string().decode()))

    def _opendir(self, request: Answer) -> tuple[PacketType, bytes]:
        folder = self._find(request.string().decode())
        assert isinstance(folder, _Folder)
        return self._hold([text(name) + text("") + _attributes(each) for name, each in folder.seen.items()])

    def _readdir(self, request: Answer) -> tuple[PacketType, bytes]:
        names = self._handles[request.string()]
        assert isinstance(names, list)
        if not names:
            return _status(Status.EOF)
        some, names[:] = names[:3], names[3:]
        return PacketType.NAME, struct.pack(">I", len(some)) + b"".join(some)

    def _mkdir(self, request: Answer) -> tuple[PacketType, bytes]:
        folder, leaf = self._parent(request.string().decode())
        if leaf in folder.seen:
            raise FileExistsError
        folder.seen[leaf] = _Folder()
        return _status(Status.OK)

    def _rename(self, request: Answer) -> tuple[PacketType, bytes]:
        (old, leaf), (new, name) = (self._parent(request.string().decode()) for _ in range(2))
        if leaf not in old.seen:
            raise FileNotFoundError
        if self._disk.is_read_only:
            return _status(Status.FAILURE)
        if name in new.seen and self._disk.rename_refuses:
            raise FileExistsError
        new.seen[name] = old.seen.pop(leaf)
        return _status(Status.OK)

    def _extended(self, request: Answer) -> tuple[PacketType, bytes]:
        name = request.string()
        if name == b"fsync@openssh.com" and self._disk.knows_sync:
            held = self._handles[request.string()]
            assert not isinstance(held, list)
            held.sync()
            return _status(Status.OK)
        if name == b"statvfs@openssh.com" and self._disk.capacity_bytes is not None:
            free = self._disk.free_bytes()
            return PacketType.EXTENDED_REPLY, struct.pack(
                ">11Q", 1, 1, 0, free, free, 0, 0, 0, 0, self._disk.is_read_only, 255
            )
        if name == b"hardlink@openssh.com" and self._disk.knows_links:
            file = self._find(request.string().decode())
            folder, leaf = self._parent(request.string().decode())
            if leaf in folder.seen:
                raise FileExistsError
            folder.seen[leaf] = file
            return _status(Status.OK)
        return _status(Status.OP_UNSUPPORTED)


def _status(status: Status) -> tuple[PacketType, bytes]:
    return PacketType.STATUS, struct.pack(">I", status) + text("") + text("")


def _attributes(each: _File | _Folder) -> bytes:
    if isinstance(each, _File):
        return struct.pack(">IQI", 1 | 4, len(each.seen), 0o100644)
    return struct.pack(">II", 4, 0o040755)
