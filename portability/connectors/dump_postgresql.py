r"""PostgreSQL's dumps, restored into a private server by its own programs and read by its connector.

A dump is a program that somebody else wrote. What keeps it in: the server has no network; the dump's statements run as
a role that owns one database and nothing else, so COPY … PROGRAM, files of the server, untrusted languages and
extensions are refused by the server; a script passes psql behind ``\restrict``, which refuses every command of psql's
own (``\!``, ``\copy``, ``\connect``); the superuser has a name that nobody can guess.
"""

from __future__ import annotations

import re
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from portability.connectors.dump_server import PrivateServer, find_program
from portability.connectors.postgresql import PostgresqlConnector
from portability.connectors.url import SourceUrl
from portability.errors import ConnectorError, SourceDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from portability.connectors.connector import Connector
    from portability.limits import Limits

__all__ = ["ACCOUNT", "restored_postgresql"]

ACCOUNT = "postgres"
_PACKAGE = "postgresql"
_ROLE, _DATABASE = "restorer", "dump"
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "archive_mode": "off",
    "max_connections": "8",
    "timezone": "UTC",
    "log_statement": "none",
    "log_min_error_statement": "panic",  # no value of the dump in a log
}
_RESTRICT = re.compile(rb"^\\restrict ([A-Za-z0-9]+)\r?\n", re.MULTILINE)
_VERSION = re.compile(rb"^-- Dumped (?:from database|by pg_dump) version (\d+)", re.MULTILINE)
# In the head of a script as well as in that of an archive, of whose list it is the first entry.
_CLIENT_ENCODING = re.compile(rb"SET client_encoding = '([A-Za-z0-9_]+)'")
_NAME = rb'("(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)'
_ROLES = re.compile(
    rb"^(?:ALTER [^;\n]* OWNER TO " + _NAME + rb"|(?:GRANT|REVOKE) [^;\n]* (?:TO|FROM) " + _NAME + rb"|"
    rb"ALTER DEFAULT PRIVILEGES FOR ROLE " + _NAME + rb")",
    re.MULTILINE,
)
_NOBODY = {b"public", b"pg_database_owner", b"current_user", b"session_user", b"current_role"}


@contextmanager
def restored_postgresql(
    dump: Callable[[], Iterator[bytes]],
    *,
    head: bytes,
    kind: str,
    folder: Path,
    limits: Limits,
    directory: Path | None = None,
) -> Iterator[Connector]:
    """Restore a dump and yield a connector of it.

    Args:
        dump: Yields the dump, unpacked, from its beginning.
        head: Its first bytes.
        kind: ``script``, ``archive`` (pg_dump -Fc, -Ft) or ``directory`` (-Fd).
        folder: For the server alone.
        limits: Of the dump's time and room.
        directory: A dump in directory format, in the server's folder; ``dump`` is not read then.
    """
    programs = {name: find_program(name, package=_PACKAGE) for name in ("initdb", "postgres", "psql", "pg_restore")}
    superuser = f"s{secrets.token_hex(12)}"
    server = PrivateServer(folder, account=ACCOUNT, limits=limits)
    data = str(folder / "data")
    options = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", f"--username={superuser}"]
    server.run([programs["initdb"], "-D", data, *options])
    settings = _SETTINGS | {"unix_socket_directories": str(folder)}
    command = [programs["postgres"], "-D", data, *(w for k, v in settings.items() for w in ("-c", f"{k}={v}"))]
    with server.serve(command, answers=lambda: _answers(folder, superuser)):
        address = ["-h", str(folder), "-U", _ROLE, "-d", _DATABASE]
        if kind == "script":
            _refuse_newer(head, programs["psql"])
            _prepare(folder, superuser, _roles(dump()), encoding=_encoding(head))
            psql = [programs["psql"], "-X", "-q", "-v", "ON_ERROR_STOP=1", *address]
            server.feed(psql, _restricted(dump()), explain=_explained)
        else:
            _prepare(folder, superuser, set(), encoding=_encoding(head))
            left = ["--no-owner", "--no-privileges", "--no-tablespaces", "--no-publications", "--no-subscriptions"]
            restore = [programs["pg_restore"], "--exit-on-error", "--no-security-labels", *left, *address]
            if directory is None:
                server.feed(restore, dump(), explain=_explained)
            else:
                server.feed([*restore, str(directory)], iter(()), explain=_explained)
        yield PostgresqlConnector(
            SourceUrl(scheme="postgresql", host="", user=_ROLE, path=_DATABASE, options={"host": str(folder)}),
            limits=limits,
        )


def _connect(folder: Path, user: str, database: str) -> Any:  # noqa: ANN401 -- the driver's
    try:
        import psycopg  # noqa: PLC0415 -- an extra
    except ImportError:
        hint = "pip install 'portability[postgresql]'"
        raise ConnectorError("the driver for PostgreSQL is not installed", place="dump", hint=hint) from None
    return psycopg.connect(host=str(folder), user=user, dbname=database, autocommit=True)


def _answers(folder: Path, superuser: str) -> bool:
    import psycopg  # noqa: PLC0415 -- an extra

    try:
        _connect(folder, superuser, "postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def _encoding(head: bytes) -> str:
    """The encoding of the database to restore into: UTF-8, but for a dump that does not know what its bytes mean."""
    found = _CLIENT_ENCODING.search(head)
    return "SQL_ASCII" if found and found[1] == b"SQL_ASCII" else "UTF8"


def _prepare(folder: Path, superuser: str, roles: set[bytes], *, encoding: str) -> None:
    """Make the role, its database, and the roles that a script names; none of them can do more than it."""
    with _connect(folder, superuser, "postgres") as connection:
        limits = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
        connection.execute(f"CREATE ROLE {_ROLE} LOGIN INHERIT {limits}")
        for role in sorted(roles):
            name = role.decode("utf-8", "replace")
            connection.execute(f"CREATE ROLE {name} NOLOGIN {limits}")
            connection.execute(f"GRANT {name} TO {_ROLE}")
        locale = " LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0" if encoding == "SQL_ASCII" else ""
        connection.execute(f"CREATE DATABASE {_DATABASE} OWNER {_ROLE} ENCODING '{encoding}'{locale}")
        connection.execute("REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC")
    with _connect(folder, superuser, _DATABASE) as connection:
        connection.execute(f"ALTER SCHEMA public OWNER TO {_ROLE}")
        connection.execute("DROP EXTENSION plpgsql")
        # A superuser gives a table to whom it likes; here its new owner must be let into the schema first.
        connection.execute("GRANT ALL ON SCHEMA public TO PUBLIC")
        connection.execute(f"ALTER DEFAULT PRIVILEGES FOR ROLE {_ROLE} GRANT ALL ON SCHEMAS TO PUBLIC")
    with _connect(folder, _ROLE, _DATABASE) as connection:
        connection.execute("CREATE EXTENSION plpgsql")  # older dumps make a comment on it, which takes its owner


def _roles(pieces: Iterator[bytes]) -> set[bytes]:
    """The roles that a script gives things to; whole lines at a time."""
    found: set[bytes] = set()
    for lines in _lines(pieces):
        for names in _ROLES.findall(lines):
            found.update(name for name in names if name)
    return {name for name in found if name not in _NOBODY and name != _ROLE.encode() and not name.startswith(b"pg_")}


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    held = b""
    for piece in pieces:
        whole, newline, rest = piece.rpartition(b"\n")
        if newline:
            yield held + whole + newline
            held = rest
        else:
            held += piece
    if held:
        yield held


def _restricted(pieces: Iterator[bytes]) -> Iterator[bytes]:
    r"""The script behind a ``\restrict`` of our own; pg_dump's own pair of the same is taken out."""
    yield f"\\restrict {secrets.token_hex(24)}\n".encode()
    own: bytes | None = None
    for lines in _lines(pieces):
        kept = lines
        if own is None and (found := _RESTRICT.search(kept)):
            own = b"\\unrestrict " + found[1]
            kept = kept[: found.start()] + kept[found.end() :]
        if own is not None:
            kept = re.sub(rb"^" + re.escape(own) + rb"\r?$", b"", kept, flags=re.MULTILINE)
        yield kept


def _refuse_newer(head: bytes, psql: str) -> None:
    ours = int(re.search(r"/postgresql/(\d+)/", psql)[1]) if "/postgresql/" in psql else 0  # type: ignore[index]
    newest = max((int(version) for version in _VERSION.findall(head)), default=0)
    if ours and newest > ours:
        raise _newer(newest, ours)


def _newer(theirs: object, ours: object) -> SourceDataError:
    hint = f"Install PostgreSQL {theirs} or newer here, or ask for a dump by an older pg_dump."
    return SourceDataError(f"the dump is of PostgreSQL {theirs}, installed is {ours}", place="dump", hint=hint)


_KINDS: Mapping[str, str] = {
    r"backslash commands are restricted": "it holds commands of psql, which are not run",
    r"invalid command \\restrict": "the installed psql cannot be restricted: it takes 15.14, 16.10, 17.6 or newer",
    r"unsupported version": "it is of a newer pg_dump than the one installed here",
    r"permission denied to create extension": "it wants an extension that only a superuser may make",
    r"superuser|permission denied|only roles|must be owner": "it wants what only a superuser may do",
    r"extension .* is not available|open extension control file": "it wants an extension that is not installed",
    r"unrecognized configuration parameter": "it is of a newer version than the one installed here",
    r"role .* does not exist": "it names a role that is not in it",
    r"header for file \"toc.dat\"": "it is a tar archive, and no dump of pg_dump in it: unpack it first",
    r"end of file|could not read from input|magic string|not a valid archive": "it is damaged or cut off",
}


def _explained(told: str) -> str:
    """Say the kind of complaint; the server's own words may quote a client's value."""
    for pattern, words in _KINDS.items():
        if re.search(pattern, told):
            return words
    found = re.search(r"ERROR:\s+([a-z ]{5,60})", told)
    line = re.search(r"<stdin>:(\d+):", told)
    where = f" (line {line[1]})" if line else ""
    return (found[1].strip() if found else "the program that restores it gave up") + where
