r"""Scripts of mysqldump and mariadb-dump, restored into a private MariaDB by its own client and read by its connector.

What keeps a script in: the server has no network and no folder from which files are read or into which they are
written; the script's statements run as an account without the FILE privilege that may change its own database only;
the client runs in binary mode and sandbox, where ``system``, ``\!``, ``source`` and ``tee`` are text and nothing else.
"""

from __future__ import annotations

import re
import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portability.connectors.dump_server import PrivateServer, find_program
from portability.connectors.mysql import MysqlConnector
from portability.connectors.url import SourceUrl
from portability.errors import ConnectorError, SourceDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from portability.connectors.connector import Connector
    from portability.limits import Limits

__all__ = ["ACCOUNT", "restored_mariadb"]

ACCOUNT = "mysql"
_PACKAGE = "mariadb-server"
_ACCOUNT_NAME, _DATABASE = "restorer", "dump"
_USE = re.compile(rb"^(?:USE|CREATE DATABASE[^;\n]*?) ?`((?:[^`]|``)+)`", re.MULTILINE | re.IGNORECASE)
_SYSTEM = {b"mysql", b"sys", b"performance_schema", b"information_schema"}


@contextmanager
def restored_mariadb(dump: Callable[[], Iterator[bytes]], *, folder: Path, limits: Limits) -> Iterator[Connector]:
    """Restore a script and yield a connector of it.

    Args:
        dump: Yields the script, unpacked, from its beginning.
        folder: For the server alone.
        limits: Of the script's time and room.
    """
    names = ("mariadb-install-db", "mariadbd", "mariadb")
    programs = {name: find_program(name, package=_PACKAGE) for name in names}
    database = _database(dump())
    server = PrivateServer(folder, account=ACCOUNT, limits=limits)
    data, socket = f"--datadir={folder / 'data'}", str(folder / "socket")
    own = [data, f"--tmpdir={folder}"]
    server.run(
        [
            programs["mariadb-install-db"],
            "--no-defaults",
            *own,
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ]
    )
    (empty := folder / "nothing").mkdir()
    command = [programs["mariadbd"], "--no-defaults", *own, *_settings(folder, socket, empty)]
    with server.serve(command, answers=lambda: _answers(socket)):
        _prepare(socket, database)
        # In binary mode the client knows no command but `delimiter`; without a terminal, no history either.
        client = [programs["mariadb"], "--no-defaults", "--binary-mode", "--sandbox", "--batch", "--local-infile=0"]
        into = [f"--socket={socket}", f"--user={_ACCOUNT_NAME}", "--default-character-set=utf8mb4", database]
        server.feed([*client, *into], dump(), explain=_explained)
        yield MysqlConnector(
            SourceUrl(scheme="mysql", user=_ACCOUNT_NAME, path=database, options={"unix_socket": socket}), limits=limits
        )


def _settings(folder: Path, socket: str, empty: Path) -> list[str]:
    return [
        f"--socket={socket}",
        f"--pid-file={folder / 'pid'}",
        "--skip-networking",
        "--local-infile=0",
        f"--secure-file-priv={empty}",
        "--symbolic-links=0",
        "--character-set-server=utf8mb4",
        "--default-time-zone=+00:00",
        "--max-allowed-packet=1G",
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-doublewrite=0",
        "--log-warnings=0",
    ]


def _database(pieces: Iterator[bytes]) -> str:
    """The one database that a script works in.

    Raises:
        SourceDataError: It works in several, or in the server's own.
    """
    found: set[bytes] = set()
    for piece in pieces:
        found.update(_USE.findall(piece))
    if found & _SYSTEM or len(found) > 1:
        hint = "Ask for a dump of the one database, without --all-databases."
        raise SourceDataError("the dump is of several databases", place="dump", hint=hint)
    return found.pop().decode("utf-8", "replace").replace("``", "`") if found else _DATABASE


def _driver() -> Any:  # noqa: ANN401 -- the module
    try:
        import pymysql  # noqa: PLC0415 -- an extra
    except ImportError:
        hint = "pip install 'portability[mysql]'"
        raise ConnectorError("the driver for MariaDB is not installed", place="dump", hint=hint) from None
    return pymysql


def _answers(socket: str) -> bool:
    driver = _driver()
    if not Path(socket).exists():
        return False
    try:
        driver.connect(unix_socket=socket, user="root").close()
    except driver.err.OperationalError:
        return False
    return True


def _prepare(socket: str, database: str) -> None:
    """Make the account and its database; the administrator gets a name and a password that nobody can guess."""
    quoted = "`" + database.replace("`", "``") + "`"
    # In a grant, _ and % would stand for other names.
    pattern = quoted.replace("_", r"\_").replace("%", r"\%")
    with _driver().connect(unix_socket=socket, user="root") as connection, connection.cursor() as cursor:
        for statement in (
            f"CREATE DATABASE {quoted}",
            f"CREATE USER {_ACCOUNT_NAME}@localhost",
            f"GRANT ALL ON {pattern}.* TO {_ACCOUNT_NAME}@localhost",
            # Views and triggers keep the names of their makers, who do not exist here and so can do nothing.
            f"GRANT SET USER ON *.* TO {_ACCOUNT_NAME}@localhost",
            "DELETE FROM mysql.global_priv WHERE user IN ('', 'mariadb.sys', 'mysql')",
            f"SET PASSWORD = PASSWORD('{secrets.token_hex(24)}')",
            f"RENAME USER root@localhost TO s{secrets.token_hex(12)}@localhost",
            "FLUSH PRIVILEGES",
        ):
            cursor.execute(statement)


_KINDS: Mapping[str, str] = {
    r"unknown option '--sandbox'": "the installed client knows no sandbox: it takes MariaDB 10.5.25, 10.6.18 or newer",
    r"ERROR (?:1044|1045|1142|1227|1410|1290)\b": "it wants what only an administrator may do",
    r"ERROR 1273\b": "it uses a collation that MariaDB does not know; it may be of MySQL 8",
    r"ERROR 1064\b": "it is not SQL that MariaDB reads",
    r"(?i)sandbox": "it holds commands of the client, which are not run",
}


def _explained(told: str) -> str:
    """Say the kind of complaint; the server's own words may quote a client's value."""
    line = re.search(r"at line (\d+)", told)
    where = f" (line {line[1]})" if line else ""
    for pattern, words in _KINDS.items():
        if re.search(pattern, told):
            return words + where
    number = re.search(r"ERROR (\d+)", told)
    return (f"error {number[1]} of the server" if number else "the client gave up") + where
