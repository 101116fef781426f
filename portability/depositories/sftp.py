"""An SFTP server as a depository: several connections, each with many files at once, each made again when it is lost.

What a lost connection was about is not remembered: a file that was on its way is begun again with the look that every
file begins with, and goes on where its ``.part`` ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from portability.depositories.config import DepositoryConfig, Place
from portability.depositories.depository import (
    Capabilities,
    Depository,
    Placed,
    Progress,
    PutRequest,
    check_range,
)
from portability.depositories.probing import LINKED, TAKEN, TRIED, make_probe_files, try_names
from portability.depositories.retrying import Retrying
from portability.depositories.sftp_line import Line
from portability.depositories.sftp_uploads import Uploads
from portability.depositories.sftp_volume import SftpVolume
from portability.depositories.ssh import Asker
from portability.depositories.volume import NameTakenError, OpenFile, with_those_above
from portability.errors import ConfigError, DepositoryError
from portability.limits import DEFAULT_LIMITS

__all__ = ["SftpDepository", "open_sftp"]

_LINKS = "Its rename overwrites, so a second name is linked: a .part name stays beside each file."
_CHECKED = (
    "Its rename overwrites, and it knows no links: a name is looked for before it is given, so only one depositor may "
    "write there at a time."
)
_NO_SYNC = "It cannot be told to flush: everything is read back in full, and a power cut there may still lose it."
_NO_FOLDER_SYNC = "It cannot be told to flush a folder: a power cut there may take names back; the next run gives them."
_NO_SPACE = "It does not tell how much space is left: a deposit that does not fit fails on the way."


@contextmanager
def open_sftp(config: DepositoryConfig, place: Place, asker: Asker | None) -> Iterator[Depository]:
    """Connect and log in once; more connections are made when there is work for them.

    Raises:
        ConfigError: The configuration cannot be used as it stands.
        DepositoryError: The server cannot be reached, or refuses.
    """
    if not 1 <= config.connections <= DEFAULT_LIMITS.depository_connections_max:
        message = f"connections is not between 1 and {DEFAULT_LIMITS.depository_connections_max}"
        raise ConfigError(message, place=config.name)
    line = Line(config, place, asker)
    try:
        line.volume()
        depository = SftpDepository(line)
        yield depository
        depository.hang_up()
    finally:
        line.break_off()
        line.hang_up()


class SftpDepository(Depository):
    """A folder on an SFTP server, which must be there."""

    def __init__(self, line: Line) -> None:
        self.name = line.config.name
        self._line = line
        self._others = [line.another() for _ in range(line.config.connections - 1)]
        self._is_probed = False

    def hang_up(self) -> None:
        """Close the connections beside the first."""
        for line in self._others:
            line.hang_up()

    def _probe(self) -> Capabilities:
        self._line.run(try_names)
        self._is_probed = False  # what was found before says nothing of today
        self._try_out()
        volume, abilities = self._line.volume(), self._line.abilities
        free_space = self._line.run(SftpVolume.space) is not None
        notes = {"refuses": (), "links": (_LINKS,), "checked": (_CHECKED,)}[abilities.rename]
        if not abilities.sync:
            notes += (_NO_SYNC,)
        elif not abilities.sync_folders:
            notes += (_NO_FOLDER_SYNC,)
        return Capabilities(
            kind="sftp",
            server=self._line.server,
            sync=abilities.sync,
            sync_folders=abilities.sync and abilities.sync_folders,
            free_space=free_space,
            hard_links=volume.has_links,
            rename=abilities.rename,
            notes=notes if free_space else (*notes, _NO_SPACE),
        )

    def _try_out(self) -> None:
        if not self._is_probed:
            self._line.run(_find_rename)
            self._is_probed = True

    def _free_bytes(self) -> int | None:
        space = self._line.run(SftpVolume.space)
        return None if space is None else space.free_bytes

    def _sizes(self, folder: str) -> tuple[dict[str, int], tuple[str, ...]] | None:
        return self._line.run(lambda volume: volume.sizes(folder))

    def _read(self, name: str, offset: int, length: int | None) -> Iterator[bytes]:
        retrying = Retrying()
        while True:
            moved = False
            try:
                for piece in _pieces(self._line.volume(), name, offset, length):
                    moved = True
                    offset += len(piece)
                    length = None if length is None else length - len(piece)
                    yield piece
            except DepositoryError as error:
                retrying.wait_or_raise(self._line.failed(error), moved=moved)
            else:
                return

    def _put_all(self, requests: Sequence[PutRequest], progress: Progress) -> Sequence[Placed]:
        self._try_out()
        uploads = Uploads(requests, progress)
        placed = uploads.run(self._line, self._others)
        self._line.run(lambda volume: volume.sync_folders(with_those_above(uploads.folders())))
        return placed


async def _find_rename(volume: SftpVolume) -> None:
    """Find out how a file gets its name without overwriting."""
    await make_probe_files(volume)
    if not await volume.overwrites(TRIED, TAKEN):
        volume.abilities.rename = "refuses"
    elif volume.has_links and await _link_refuses(volume):
        volume.abilities.rename = "links"


async def _link_refuses(volume: SftpVolume) -> bool:
    for _ in range(2):  # the first probe makes the name, and tries again
        try:
            await volume.link(TAKEN, LINKED)
        except NameTakenError:
            return True
        except DepositoryError:
            return False
    return False


def _pieces(volume: SftpVolume, name: str, offset: int, length: int | None) -> Iterator[bytes]:
    """Yield a range of a file, a window at a time: the session works only while it is asked to."""
    session = volume.session
    file = session.run_one(volume.open(name, writing=False))
    try:
        size_bytes = session.run_one(file.size())
        end = size_bytes if length is None else offset + length
        check_range(end, size_bytes, f"{volume.name}: {name}")
        while offset < end:
            window = min(DEFAULT_LIMITS.depository_in_flight_bytes, end - offset)
            pieces = session.run_one(_window(file, offset, window))
            yield from pieces
            offset += window
        session.run_one(file.close())
    except BaseException:
        file.drop()
        raise


async def _window(file: OpenFile, offset: int, length: int) -> list[bytes]:
    return [piece async for _, piece in file.read([(offset, length)])]
