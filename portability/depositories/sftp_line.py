"""A connection to an SFTP server that is made when it is needed, and made again, after a wait, when it was lost."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any, TypeVar

import paramiko

from portability.depositories.config import DepositoryConfig, Place
from portability.depositories.retrying import Retrying
from portability.depositories.sftp_session import Session, lost_connection
from portability.depositories.sftp_volume import Abilities, SftpVolume
from portability.depositories.ssh import Asker, is_plain_key, open_transport
from portability.depositories.ssh_program import Program, find_program, open_program
from portability.errors import DepositoryError
from portability.limits import DEFAULT_LIMITS, KIB

__all__ = ["Line"]

_T = TypeVar("_T")
_WINDOW_BYTES = 2 * DEFAULT_LIMITS.depository_in_flight_bytes
_PACKET_BYTES = 128 * KIB
_PIPE_PIECE_BYTES = 256 * KIB  # one write request


class Line:
    """A connection that is made when it is needed, and again after it was lost."""

    def __init__(
        self, config: DepositoryConfig, place: Place, asker: Asker | None, known: Abilities | None = None
    ) -> None:
        self.config, self.place, self.asker = config, place, asker
        self.abilities = known or Abilities()
        self.is_first = known is None
        self.was_connected = False
        self.has_moved = False  # the connection that was lost had taken bytes
        self.server = ""
        self.program: Program | None = None  # that gets there too, for lines beside this one
        self.is_quick = False  # it goes through that program
        self._first: Line | None = None
        self._cut: Callable[[], None] = lambda: None
        self._stack = ExitStack()
        self._volume: SftpVolume | None = None

    def another(self) -> Line:
        """Return a second line to the same place, not connected yet."""
        line = Line(self.config, self.place, self.asker, self.abilities)
        line._first = self
        return line

    def volume(self) -> SftpVolume:
        """Return the volume at the other end."""
        if self._volume is None:
            self._volume = self._connect()
        return self._volume

    def break_off(self) -> None:
        """Cut the connection from another thread, whatever it is at."""
        self._cut()

    def hang_up(self) -> None:
        """Close the connection; :meth:`volume` makes a new one."""
        self._volume = None
        self._stack.close()

    def run(self, work: Callable[[SftpVolume], Coroutine[Any, Any, _T]]) -> _T:
        """Run one piece of work, again on a new connection when it was lost.

        Raises:
            DepositoryError: As the work does, or the server cannot be reached.
        """
        retrying = Retrying()
        while True:
            try:
                volume = self.volume()
                return volume.session.run_one(work(volume))
            except DepositoryError as error:
                retrying.wait_or_raise(self.failed(error), moved=False)

    def failed(self, error: DepositoryError) -> DepositoryError:
        """Give an error its place, and hang up where a new connection may help."""
        error.place = error.place or self.config.name
        self.has_moved = self._volume is not None and self._volume.session.written_bytes > 0
        if error.retryable:
            self.hang_up()
        return error

    def _connect(self) -> SftpVolume:
        volume = self._connect_quickly() or self._connect_surely()
        volume.session.run_one(volume.learn_limits())
        self.was_connected = True
        return volume

    def _connect_quickly(self) -> SftpVolume | None:
        """Connect through the system's own program, where the first line went to; None where that does not work."""
        program = self._first.program if self._first is not None else None
        if program is None:
            return None
        try:
            pipe = self._stack.enter_context(open_program(program))
            self._cut = pipe.cut
            session = Session(pipe, piece_bytes=_PIPE_PIECE_BYTES)
            pipe.settled()
        except DepositoryError:
            self._stack.close()
            if self._first is not None and not self.was_connected:
                self._first.program = None  # it did not get there once; nobody need try again
            return None
        self.is_quick = True
        return SftpVolume(self.config.name, session, self.place.folder, self.abilities)

    def _connect_surely(self) -> SftpVolume:
        self.is_quick = False
        transport = self._stack.enter_context(open_transport(self.config, self.place, self.asker))
        self._cut = transport.close
        self.server = transport.remote_version.removeprefix("SSH-2.0-")
        key, login = transport.get_remote_server_key(), self.config.login
        self.program = find_program(
            self.config,
            self.place,
            f"{key.get_name()} {key.get_base64()}",
            is_key_plain=login is not None and is_plain_key(login),
        )
        try:
            with lost_connection():
                channel = transport.open_session(
                    _WINDOW_BYTES, _PACKET_BYTES, timeout=DEFAULT_LIMITS.depository_timeout_s
                )
                channel.settimeout(DEFAULT_LIMITS.depository_timeout_s)
                channel.invoke_subsystem("sftp")
        except paramiko.SSHException as error:
            hint = "Ask the agent whether this account may use SFTP; it may also have too many connections."
            raise DepositoryError("the server opens no SFTP session", place=self.config.name, hint=hint) from error
        return SftpVolume(self.config.name, Session(channel), self.place.folder, self.abilities)
