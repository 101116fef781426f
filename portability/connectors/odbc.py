"""ODBC sources: any DBMS that has a driver, read by a process of its own (see ``odbc_session``).

The DBMS behind the driver decides how it is read: PostgreSQL, MariaDB, MySQL, SQLite and SQL Server by their own SQL,
which writes every value as text or bytes before the driver sees it. Any other is read by the generic dialect, which can
prove less, and only when the address asks for it by name.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from portability.connectors.connector import Connector
from portability.connectors.odbc_generic import WORKER, check_generic, open_generic
from portability.connectors.odbc_session import OdbcSession, open_session
from portability.errors import ConfigError, ConnectorError, PortabilityError, SourceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from portability.connectors.connector import Snapshot
    from portability.connectors.url import SourceUrl

__all__ = ["OdbcConnector", "connection_string"]

LOGIN_TIMEOUT_S = 15
ANSWER_TIMEOUT_S = 3600  # a server that sorts a large table is silent for long
_OPTIONS = frozenset({"dsn", "driver", "dialect", "skip", "login_timeout", "answer_timeout", "isolation"})
_GENERIC = "generic"
_PROVEN = frozenset({"postgresql", "mariadb", "sqlite"})  # their dialects have run against their drivers
_SET = "set."  # options that go into the connection string as they are
_SPECIAL = frozenset(";{}[]()?*=!@")
# The DBMS of an address: its driver's usual name, and words of the connection string that reading needs.
_KINDS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "postgresql": ("PostgreSQL Unicode", {"Protocol": "7.4-0", "ByteaAsLongVarBinary": "1"}),
    "mariadb": ("MariaDB Unicode", {"CHARSET": "utf8mb4"}),
    "sqlite": ("SQLite3", {"StepAPI": "1", "NoTXN": "1", "NoCreat": "1", "NoWCHAR": "1"}),
    "sqlserver": ("ODBC Driver 18 for SQL Server", {"ApplicationIntent": "ReadOnly", "APP": "portability"}),
}
# Parts of what drivers call the DBMS.
_NAMES = (
    ("postgresql", "postgresql"),
    ("mariadb", "mariadb"),
    ("mysql", "mariadb"),
    ("sqlite", "sqlite"),
    ("microsoft sql server", "sqlserver"),
)


class OdbcConnector(Connector):
    """``odbc+sqlserver://user@host:port/database?driver=NAME``, or ``odbc:///?dsn=NAME``."""

    schemes = ("odbc", *(f"odbc+{kind}" for kind in _KINDS))

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Start the driver's process, connect, begin the transaction that the DBMS has, and hold it."""
        string = connection_string(self.url)
        login, answer = (
            _seconds(self.url, name, usual)
            for name, usual in (("login_timeout", LOGIN_TIMEOUT_S), ("answer_timeout", ANSWER_TIMEOUT_S))
        )
        connect = partial(open_session, place=_place(self.url), login_s=login, answer_s=answer)
        if _asks_generic(self.url):
            check_generic(self.url.options, self.url.label)
            with connect(string, worker=WORKER) as session:
                self._require_unproven(session)
                with open_generic(session, self.limits, self.url.options) as generic:
                    session.place = ""
                    yield generic
            return
        with ExitStack() as stack:
            session = stack.enter_context(connect(string))
            try:
                if self.url.scheme == "odbc" and (words := _KINDS.get(self._kind(session), ("", {}))[1]):
                    # Only now is it known what reading needs; what the data source says of the same is overruled.
                    session.end()
                    session = stack.enter_context(connect(_written(words) + string))
                snapshot = self._begin(session)
            except PortabilityError as error:
                error.place = error.place or self.url.label
                raise
            # From here on errors name the table that they are about.
            session.place = ""
            yield snapshot

    def _require_unproven(self, session: OdbcSession) -> None:
        if self._kind(session) in _PROVEN:
            message = f"{session.info['SQL_DBMS_NAME']} has a dialect of its own, which proves more"
            raise ConfigError(message, place=self.url.label, hint="Leave dialect=generic out of the address.")

    @staticmethod
    def _kind(session: OdbcSession) -> str:
        named = session.info["SQL_DBMS_NAME"].lower()
        return next((kind for part, kind in _NAMES if part in named), "")

    def _begin(self, session: OdbcSession) -> Snapshot:
        kind = self._kind(session)
        asked = self.url.scheme.partition("+")[2]
        if asked and asked != kind:
            hint = f"Write odbc+{kind}://…" if kind else "Write odbc:///?dsn=NAME."
            raise ConfigError(f"the server is no {asked}", place=self.url.label, hint=hint)
        return _open_dialect(kind, session, self)


def _open_dialect(kind: str, session: OdbcSession, connector: OdbcConnector) -> Snapshot:
    limits = connector.limits
    if kind == "postgresql":
        from portability.connectors.odbc_postgresql import OdbcPostgresqlSnapshot  # noqa: PLC0415
        from portability.connectors.postgresql import PostgresqlConnector  # noqa: PLC0415

        begin = PostgresqlConnector(replace(connector.url, options={}))._begin()  # noqa: SLF001 -- the same transaction
        return OdbcPostgresqlSnapshot(session, begin, limits)
    if kind == "sqlserver":
        from portability.connectors.sqlserver import SqlServerSnapshot  # noqa: PLC0415

        return SqlServerSnapshot(session, limits, isolation=connector.url.options.get("isolation", ""))
    if not kind:
        message = (
            f"{session.info['SQL_DBMS_NAME']} has no dialect of its own: its values are what the driver makes of them"
        )
        hint = "Give &dialect=generic, which compares two readings (docs/odbc.md), or export the tables as CSV files."
        raise ConnectorError(message, place=connector.url.label, hint=hint)
    session.decode_narrow("utf-8")
    if kind == "mariadb":
        from portability.connectors.odbc_mysql import OdbcMysqlSnapshot  # noqa: PLC0415

        return OdbcMysqlSnapshot(session, limits)
    from portability.connectors.odbc_sqlite import OdbcSqliteSnapshot  # noqa: PLC0415

    return OdbcSqliteSnapshot(session, limits)


def connection_string(url: SourceUrl) -> str:
    """Return what the driver manager is told; it holds the password and is shown nowhere.

    Raises:
        ConfigError: The address names no data source, or has an option that is not known.
    """
    given = {name: value for name, value in url.options.items() if name.startswith(_SET)}
    url.check_options(_OPTIONS | {"set.WORD"} | given.keys())
    kind = url.scheme.partition("+")[2]
    parts: dict[str, str] = {}
    if dsn := url.options.get("dsn"):
        parts["DSN"] = dsn
    elif driver := url.options.get("driver", _KINDS[kind][0] if kind else ""):
        parts["DRIVER"] = driver
    else:
        hint = "Write odbc:///?dsn=NAME, odbc:///?driver=NAME, or odbc+sqlserver://user@host/database."
        raise ConfigError("the address names neither a data source nor a DBMS", place=url.label, hint=hint)
    parts |= _located(url, kind)
    parts |= {"UID": url.user} if url.user else {}
    parts |= {"PWD": url.password} if url.password is not None else {}
    parts |= _KINDS[kind][1] if kind else {}
    parts |= {name.removeprefix(_SET): value for name, value in given.items()}
    return _written(parts)


def _asks_generic(url: SourceUrl) -> bool:
    dialect = url.options.get("dialect", _GENERIC)
    if dialect != _GENERIC:
        hint = "The only one to be named is generic; the others follow from the DBMS."
        raise ConfigError(f"there is no dialect {dialect!r}", place=url.label, hint=hint)
    return "dialect" in url.options


def _written(parts: Mapping[str, str]) -> str:
    return "".join(f"{name}={_quoted(value)};" for name, value in parts.items())


def _place(url: SourceUrl) -> str:
    """The address, and the data source where that is all it says."""
    return url.label + (f"?dsn={url.options['dsn']}" if "dsn" in url.options else "")


def _located(url: SourceUrl, kind: str) -> dict[str, str]:
    if kind == "sqlite":
        if not Path(url.path).is_file():
            hint = "Check the path: odbc+sqlite:///relative.db or odbc+sqlite:////absolute.db."
            raise SourceUnavailableError("there is no such file", place=url.path, hint=hint)
        path = str(Path(url.path).resolve())
        if set(";{}").intersection(path):
            raise ConfigError("the driver opens no file with ; or braces in its path", place=url.path, hint="Copy it.")
        return {"DATABASE": path}
    found = {"DATABASE": url.path} if url.path else {}
    if not url.host:
        return found
    if kind == "sqlserver" and "tds" not in url.options.get("driver", "").lower():
        return found | {"SERVER": f"{url.host},{url.port}" if url.port else url.host}
    return found | {"SERVER": url.host} | ({"PORT": str(url.port)} if url.port else {})


def _quoted(value: str) -> str:
    if "\x00" in value or "\n" in value:
        raise ConfigError("a part of the address holds a character that no ODBC connection can", place="source")
    plain = _SPECIAL.isdisjoint(value) and value == value.strip()
    return value if plain else "{" + value.replace("}", "}}") + "}"


def _seconds(url: SourceUrl, name: str, usual: int) -> int:
    text = url.options.get(name, str(usual))
    if not text.isdecimal() or not int(text):
        raise ConfigError(f"{name} is not a number of seconds", place=url.label)
    return int(text)
