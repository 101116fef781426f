"""The server dies in the middle of an export: said plainly, nothing published, and what was finished is used again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portability.connectors import open_connector
from portability.errors import SourceUnavailableError
from portability.exports import ExportRequest, export_archive
from portability.profiles import bare_profile
from tests.conftest import lacking
from tests.exports.record_shop import fill
from tests.servers import MariaDBServer, PostgreSQLServer, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class LoggingServer(MariaDBServer):
    """A private MariaDB with a binary log, by whose position it tells whether the data changed.

    What was committed is with the system, so that it outlives the process.
    """

    def _server_command(self, port: int) -> list[str]:
        own = [f"--log-bin={self.directory / 'binlog'}", "--server-id=7", "--innodb-flush-log-at-trx-commit=2"]
        return [*super()._server_command(port), *own]


@pytest.fixture(params=[PostgreSQLServer, LoggingServer], ids=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that the test may kill."""
    own: Server = request.param()
    if missing := own.missing():
        lacking(missing)
    own.start()
    try:
        yield own
    finally:
        own.stop()


def _request(url: str, archive: Path, progress: Callable[[str], None] = lambda _: None) -> ExportRequest:
    return ExportRequest(
        connector=open_connector(url), destination=archive, profile=bare_profile(), progress=progress, resume=True
    )


def test_export_whose_server_is_killed_says_so_and_goes_on_once_it_is_back(server: Server, tmp_path: Path) -> None:
    """No archive, a sentence with --resume in it; on the same data afterwards the bytes of an undisturbed run."""
    url = server.create_database()
    fill(url)
    undisturbed = export_archive(_request(url, tmp_path / "undisturbed")).archive.root

    def kill(step: str) -> None:
        if step.startswith("source:") and step.endswith(".invoice"):
            server.crash()

    with pytest.raises(SourceUnavailableError) as caught:
        export_archive(_request(url, tmp_path / "archive", kill))
    assert "--resume" in caught.value.hint
    assert caught.value.place.endswith(".invoice")
    assert not (tmp_path / "archive").exists()
    with pytest.raises(SourceUnavailableError):  # it is still away
        export_archive(_request(url, tmp_path / "archive"))
    server.restart()
    resumed = export_archive(_request(url, tmp_path / "archive"))
    # A crash and the way back up can move MariaDB's log: then all is read again, and that is said.
    assert resumed.resumed_tables == 5 or any("started again" in note for note in resumed.notes), resumed.notes
    assert _manifest(tmp_path / "archive") == _manifest(undisturbed)


_KILL = {
    PostgreSQLServer: (
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'portability' ORDER BY backend_start OFFSET 1",
        "SELECT pg_terminate_backend({})",
    ),
    # The account is the test's own, too: its session is the last.
    LoggingServer: (
        "SELECT id FROM information_schema.processlist WHERE db IS NOT NULL ORDER BY id LIMIT 1 OFFSET 1",
        "KILL {}",
    ),
}


def test_export_that_loses_a_session_beside_its_snapshot_reads_the_table_again(server: Server, tmp_path: Path) -> None:
    """The first session holds the view: the others are opened anew, and the archive is that of an undisturbed run."""
    url = server.create_database()
    fill(url)
    undisturbed = export_archive(_request(url, tmp_path / "undisturbed")).archive.root
    told: list[str] = []

    def kill(step: str) -> None:
        told.append(step)
        if step.startswith("source:") and step.endswith(".invoice"):
            sessions, ending = _KILL[type(server)]
            found = server.execute(sessions)
            assert found
            for (number,) in found:
                server.execute(ending.format(number))

    export_archive(_request(url, tmp_path / "archive", kill))
    assert [step for step in told if "a connection was lost" in step]
    assert _manifest(tmp_path / "archive") == _manifest(undisturbed)


def _manifest(archive: Path) -> list[str]:
    return (archive / "manifest-sha256.txt").read_text(encoding="utf-8").splitlines()
