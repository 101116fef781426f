"""Object storage as a depository: a file is one object, put by one request that fails when the name is taken.

    look         an object under the name is compared, and confirmed or refused
    hash         the source, which must be what the manifest says; its checksum goes with the request
    put          where the name is free, and only what arrived as it was sent; all of it has the name, or none
    read back    and compare

There is no ``.part``: what was on its way when a run died is not there. So no file may be longer than one request can
carry, and what is lost with a connection is one file; segments have 64 MiB. Whether the service keeps these rules is
tried before anything is put: one that ignores the condition would overwrite.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TypeVar

from portability.depositories.config import DepositoryConfig, Place
from portability.depositories.depository import (
    Capabilities,
    Depository,
    Placed,
    Progress,
    PutRequest,
    ReadBack,
    check_range,
)
from portability.depositories.objects_service import ArrivedOtherwiseError, NotThereError, Service, open_file
from portability.depositories.placing import read_back_ranges
from portability.depositories.probing import PROBE_FOLDER, TAKEN
from portability.depositories.retrying import Retrying
from portability.depositories.source import Source, open_source
from portability.depositories.volume import NameTakenError
from portability.errors import ConfigError, DepositConflictError, DepositoryError, DepositoryRefusedError
from portability.limits import DEFAULT_LIMITS, MIB

__all__ = ["ObjectDepository", "open_objects"]

_T = TypeVar("_T")
_SERVICE_WORD = "That an object is on disk when the service says so is the service's word; nothing here can try it."
_NO_SPACE = "It does not tell how much space is left: a deposit that does not fit fails on the way."


@contextlib.contextmanager
def open_objects(config: DepositoryConfig, place: Place) -> Iterator[Depository]:
    """Open a bucket; nothing is asked of it yet.

    Raises:
        ConfigError: The configuration cannot be used as it stands.
    """
    service = Service(config, place.host, config.connections)
    try:
        yield ObjectDepository(config, service, place.folder)
    finally:
        service.close()


@dataclass(frozen=True, kw_only=True)
class _Folder:
    """What lay in a folder when it was listed."""

    files: Mapping[str, int]
    folders: frozenset[str]


class ObjectDepository(Depository):
    """What lies below a prefix of a bucket."""

    def __init__(self, config: DepositoryConfig, service: Service, folder: str) -> None:
        self.name = config.name
        self._config, self._service = config, service
        self._root = f"{folder}/" if folder else ""
        self._is_tried = False

    def _probe(self) -> Capabilities:
        self._is_tried = False  # what was found before says nothing of today
        _retried(self._try_out)
        service = self._config.service
        return Capabilities(
            kind="s3",
            server=(service.endpoint if service else None) or "Amazon S3",
            sync=True,
            sync_folders=True,
            free_space=False,
            hard_links=False,
            rename="refuses",
            notes=(_SERVICE_WORD, _NO_SPACE),
        )

    def _try_out(self) -> None:
        """Make sure that the service refuses what it must; one tiny object is left, and used again."""
        if self._is_tried:
            return
        place = f"{self.name}: {PROBE_FOLDER}"
        with contextlib.suppress(NameTakenError):
            self._put_bytes(TAKEN, TAKEN.encode())
        try:
            self._put_bytes(TAKEN, os.urandom(16))
        except NameTakenError:
            pass
        else:
            message = "the service ignores the condition that a name is free: it would overwrite"
            raise DepositoryRefusedError(message, place=place, hint="Nothing is put there. Use another service.")
        try:
            self._put_bytes(f"{PROBE_FOLDER}/digest-{os.urandom(8).hex()}", b"sent", md5_of=b"meant")
        except ArrivedOtherwiseError:
            self._is_tried = True
        except NameTakenError:
            message = "the service says that a name is taken which is free"
            raise DepositoryRefusedError(message, place=place, hint="Is service.endpoint the right address?") from None
        else:
            message = "the service takes what did not arrive as it was sent"
            raise DepositoryRefusedError(message, place=place, hint="Nothing is put there. Use another service.")

    def _put_bytes(self, name: str, content: bytes, *, md5_of: bytes | None = None) -> None:
        digest = hashlib.md5(content if md5_of is None else md5_of, usedforsecurity=False)
        self._service.put(self._root + name, content, base64.b64encode(digest.digest()).decode())

    def _free_bytes(self) -> int | None:
        return None

    def _sizes(self, folder: str) -> tuple[dict[str, int], tuple[str, ...]] | None:
        files, folders = _retried(lambda: self._service.listed(self._root + (f"{folder}/" if folder else "")))
        return (files, tuple(sorted(folders))) if files or folders or not folder else None

    def _read(self, name: str, offset: int, length: int | None) -> Iterator[bytes]:
        retrying, key = Retrying(), self._root + name
        while True:
            moved = False
            try:
                size_bytes = self._service.size(key)
                end = size_bytes if length is None else offset + length
                check_range(end, size_bytes, f"{self.name}: {name}")
                for piece in self._service.pieces(key, offset, end - offset):
                    moved = True
                    offset += len(piece)
                    length = None if length is None else length - len(piece)
                    yield piece
            except DepositoryError as error:
                retrying.wait_or_raise(error, moved=moved)
            else:
                return

    def _put_all(self, requests: Sequence[PutRequest], progress: Progress) -> Sequence[Placed]:
        _retried(self._try_out)
        found = {folder: self._folder(folder) for folder in {each.name.rpartition("/")[0] for each in requests}}
        stop = threading.Event()

        def put(request: PutRequest) -> Placed:
            try:
                return self._put_one(request, found[request.name.rpartition("/")[0]], progress, stop)
            except BaseException:
                stop.set()
                raise

        with ThreadPoolExecutor(max_workers=self._config.connections) as lanes:
            placing = [lanes.submit(put, request) for request in requests]
            try:
                wait(placing)
            except BaseException:  # a signal: what has not begun does not begin
                stop.set()
                raise
        failures = [error for each in placing if (error := each.exception()) is not None]
        told = next((each for each in failures if not isinstance(each, _StoppedError)), None)
        if told is not None:
            raise told
        return [each.result() for each in placing]

    def _folder(self, folder: str) -> _Folder:
        files, folders = self._sizes(folder) or ({}, ())
        return _Folder(files=files, folders=frozenset(folders))

    def _put_one(self, request: PutRequest, found: _Folder, progress: Progress, stop: threading.Event) -> Placed:
        leaf, retrying = request.name.rpartition("/")[2], Retrying()
        if leaf in found.folders:
            raise DepositConflictError("a folder has the name", place=f"{self.name}: {request.name}")
        with open_source(request) as source:
            _check_length(source)
            while True:
                if stop.is_set():
                    raise _StoppedError
                try:
                    placed = self._put_or_confirm(request, source, is_listed=leaf in found.files)
                except DepositoryError as error:
                    retrying.wait_or_raise(error, moved=False, stop=stop)
                else:
                    progress(source.size_bytes)
                    return placed

    def _put_or_confirm(self, request: PutRequest, source: Source, *, is_listed: bool) -> Placed:
        if is_listed:
            with contextlib.suppress(NotThereError):  # a listing may be older than what it lists
                return self._confirm(request, source)
        try:
            return self._place(request, source)
        except NotThereError as error:
            message = "the service says that it has the file, and does not show it"
            hint = "Nothing was committed. Ask the agent to check the service."
            raise DepositoryRefusedError(message, place=error.place or self.name, hint=hint) from None

    def _place(self, request: PutRequest, source: Source) -> Placed:
        body = open_file(request.source)
        try:
            self._service.put(self._root + request.name, body, _md5_of(request, source))
        except NameTakenError:
            return self._confirm(request, source)  # by another run, or by an attempt whose answer was lost
        finally:
            if not isinstance(body, bytes):
                body.close()
        read_bytes = self._read_back(request, source)
        if read_bytes is None:
            hint = "Nothing was committed. Ask the agent to check the service."
            message = "the depository gave back other bytes than it was sent"
            raise DepositoryRefusedError(message, place=f"{self.name}: {request.name}", hint=hint)
        return _placed(request, source, sent_bytes=source.size_bytes, read_bytes=read_bytes, was_there=False)

    def _confirm(self, request: PutRequest, source: Source) -> Placed:
        """Compare what has the name with what should."""
        read_bytes = self._read_back(request, source)
        if read_bytes is None:
            hint = "Nothing was overwritten. A deposit that was sealed again needs a new sequence number."
            place = f"{self.name}: {request.name}"
            raise DepositConflictError("the name is taken by other bytes", place=place, hint=hint)
        return _placed(request, source, sent_bytes=0, read_bytes=read_bytes, was_there=True)

    def _read_back(self, request: PutRequest, source: Source) -> int | None:
        """Return how much was read back, or None where it is not what was sent."""
        key = self._root + request.name
        if self._service.size(key) != source.size_bytes:
            return None
        ranges = read_back_ranges(source.size_bytes, in_full=request.read_back is ReadBack.FULL)
        for start, length in ranges:
            at = start
            for piece in self._service.pieces(key, start, length):
                if source.read(at, len(piece)) != piece:
                    return None
                at += len(piece)
        return sum(length for _, length in ranges)


def _retried(work: Callable[[], _T]) -> _T:
    retrying = Retrying()
    while True:
        try:
            return work()
        except DepositoryError as error:
            retrying.wait_or_raise(error, moved=False)


class _StoppedError(Exception):
    """Another file failed; this one was not begun."""


def _check_length(source: Source) -> None:
    if source.size_bytes > DEFAULT_LIMITS.depository_object_bytes_max:
        message = f"is longer than the {DEFAULT_LIMITS.depository_object_bytes_max} bytes that one request can put"
        raise ConfigError(message, place=source.name, hint="Use a depository of another kind for this deposit.")


def _md5_of(request: PutRequest, source: Source) -> str:
    """Return the checksum by which the service knows what arrived; the source must be what its manifest says."""
    checksum, digest = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    for piece in source.pieces(MIB):
        checksum.update(piece)
        digest.update(piece)
    if request.sha256 is not None and digest.hexdigest() != request.sha256:
        hint = "Remove the spool and make the deposit again: the disk under it may be failing."
        raise ConfigError("does not hold what its manifest says", place=source.name, hint=hint)
    return base64.b64encode(checksum.digest()).decode()


def _placed(request: PutRequest, source: Source, *, sent_bytes: int, read_bytes: int, was_there: bool) -> Placed:
    return Placed(
        name=request.name,
        size_bytes=source.size_bytes,
        sent_bytes=sent_bytes,
        read_bytes=read_bytes,
        was_there=was_there,
    )
