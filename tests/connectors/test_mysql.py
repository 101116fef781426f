"""What is particular to MariaDB: engines without snapshots, the binary log, privileges, and what it declares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pytest

from portability.connectors import Snapshot, TablePlan, open_connector
from portability.errors import ConnectorError, SourceDataError, SourceUnavailableError
from portability.limits import DEFAULT_LIMITS, Limits
from portability.manifest import ForeignKey, Key, SourceSchema, Table
from tests.conftest import MakeDatabase, lacking
from tests.connectors.databases import MariadbDatabase
from tests.servers import MariaDBServer

_PASSWORD = "right%2Fone"


@pytest.fixture
def database(mariadb_url: MakeDatabase) -> MariadbDatabase:
    """An empty database."""
    return MariadbDatabase(mariadb_url())


@pytest.fixture
def reader(mariadb_server: MariaDBServer) -> Iterator[str]:
    """An account that may log in with the password ``right/one`` and nothing else."""
    mariadb_server.execute("CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'right/one'")
    yield "reader@'127.0.0.1'"
    mariadb_server.execute("DROP USER reader@'127.0.0.1'")


def as_reader(url: str, password: str = _PASSWORD) -> str:
    """Return the address for the reader."""
    return url.replace("//root@", f"//reader:{password}@")


def discover(url: str) -> SourceSchema:
    """Return what a database declares."""
    with open_connector(url).snapshot() as snapshot:
        return snapshot.discover()


def table_of(snapshot: Snapshot, name: str) -> Table:
    """Return a discovered table."""
    (found,) = [table for table in snapshot.discover().tables if table.name == name]
    return found


def read(url: str, name: str) -> tuple[TablePlan, pa.Table]:
    """Plan and read one table."""
    with open_connector(url).snapshot() as snapshot:
        plan = snapshot.plan(table_of(snapshot, name))
        return plan, pa.Table.from_batches(snapshot.read(plan), schema=plan.schema)


# -- consistency ------------------------------------------------------------------------------------------------------


def test_mariadb_snapshot_of_transactional_tables_is_exact(database: MariadbDatabase) -> None:
    """InnoDB keeps what the transaction began with."""
    database.execute("CREATE TABLE t (id int)")
    with open_connector(database.url).snapshot() as snapshot:
        assert (snapshot.record.level, snapshot.record.note) == ("exact", None)


def test_mariadb_tables_of_other_engines_make_the_snapshot_a_window(database: MariadbDatabase) -> None:
    """The record names them, and one that changes meanwhile stops the export."""
    database.execute(
        "CREATE TABLE a (id int) ENGINE = InnoDB",
        "CREATE TABLE m (id int) ENGINE = MyISAM",
        "INSERT INTO m VALUES (1)",
    )
    with open_connector(database.url).snapshot() as snapshot:
        assert snapshot.record.level == "window"
        assert "m (MyISAM)" in str(snapshot.record.note)
        assert "a (" not in str(snapshot.record.note)
        assert snapshot.identity is None
        plan = snapshot.plan(table_of(snapshot, "m"))
        database.execute("INSERT INTO m VALUES (2)")
        with pytest.raises(SourceDataError, match="2 rows were read but 1 were counted"):
            list(snapshot.read(plan))


def test_mariadb_identity_is_the_position_in_the_binary_log() -> None:
    """With a complete log the source can tell whether its data changed; with a filtered one it cannot."""
    logged = LoggingServer()
    if missing := logged.missing():
        lacking(missing)
    logged.start()
    try:
        url = logged.create_database()
        logged.execute("CREATE TABLE t (id int)", url)
        identities = []
        for statement in ("SELECT 1", "SELECT 1", "INSERT INTO t VALUES (1)"):
            logged.execute(statement, url)
            with open_connector(url).snapshot() as snapshot:
                identities.append(snapshot.identity)
        assert identities[0] is not None
        assert identities[0] == identities[1] != identities[2]
        logged.execute("CREATE USER reader@'127.0.0.1'")
        logged.execute("GRANT SELECT ON *.* TO reader@'127.0.0.1'")
        with open_connector(url.replace("//root@", "//reader@")).snapshot() as snapshot:
            assert snapshot.identity is None  # it may not ask whether the log is filtered
    finally:
        logged.stop()


class LoggingServer(MariaDBServer):
    """A private MariaDB with a binary log."""

    def _server_command(self, port: int) -> list[str]:
        return [*super()._server_command(port), f"--log-bin={self.directory / 'binlog'}", "--server-id=7"]


def test_mariadb_table_altered_after_the_snapshot_is_unavailable(database: MariadbDatabase) -> None:
    """Rows of another shape would not be the snapshot's."""
    database.execute("CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)")
    with open_connector(database.url).snapshot() as snapshot:
        table = table_of(snapshot, "t")
        database.execute("ALTER TABLE t ADD x int NOT NULL DEFAULT 5 FIRST, ALGORITHM = COPY")
        with pytest.raises(SourceUnavailableError, match="altered") as caught:
            snapshot.plan(table)
    assert caught.value.place == "main.t"


def test_mariadb_query_that_is_killed_is_unavailable(database: MariadbDatabase) -> None:
    """In the middle of a table, too."""
    database.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
    database.execute("INSERT INTO t SELECT seq, REPEAT('x', 2000) FROM seq_1_to_20000")
    with open_connector(database.url, limits=_small()).snapshot() as snapshot:
        batches = snapshot.read(snapshot.plan(table_of(snapshot, "t")))
        next(batches)
        _kill_others(database)
        with pytest.raises(SourceUnavailableError) as caught:
            list(batches)
    assert caught.value.retryable
    assert caught.value.place == "main.t"


def test_mariadb_read_that_is_given_up_does_not_hang(database: MariadbDatabase) -> None:
    """What the server still sends is not waited for."""
    database.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
    database.execute("INSERT INTO t SELECT seq, REPEAT('x', 2000) FROM seq_1_to_20000")
    with open_connector(database.url, limits=_small()).snapshot() as snapshot:
        batches = snapshot.read(snapshot.plan(table_of(snapshot, "t")))
        assert next(batches).num_rows == 10
        del batches


# -- rows -------------------------------------------------------------------------------------------------------------


def test_mariadb_row_larger_than_the_server_would_build_is_read(
    database: MariadbDatabase, mariadb_server: MariaDBServer
) -> None:
    """It sends what it would not put into one value: a row of 1.5 MB with max_allowed_packet at 1 MiB."""
    columns = ", ".join(f"c{n} text CHARACTER SET ascii" for n in range(100))
    values = ", ".join(["REPEAT('x', 15000)"] * 100)
    database.execute(f"CREATE TABLE t (id int PRIMARY KEY, {columns})", f"INSERT INTO t VALUES (1, {values})")
    ((packet,),) = mariadb_server.execute("SELECT @@GLOBAL.max_allowed_packet")
    mariadb_server.execute("SET GLOBAL max_allowed_packet = 1048576")
    try:
        (row,) = read(database.url, "t")[1].to_pylist()
    finally:
        mariadb_server.execute(f"SET GLOBAL max_allowed_packet = {packet}")
    assert row == {"id": 1} | {f"c{n}": "x" * 15000 for n in range(100)}


def test_mariadb_table_of_bytes_only_is_read(database: MariadbDatabase) -> None:
    """No column has a place in the CSV line then."""
    database.execute(
        "CREATE TABLE t (k varbinary(10) PRIMARY KEY, v blob)", "INSERT INTO t VALUES (X'02', NULL), (X'01', X'FF')"
    )
    assert read(database.url, "t")[1].to_pylist() == [{"k": b"\x01", "v": b"\xff"}, {"k": b"\x02", "v": None}]


def test_mariadb_keys_that_a_collation_calls_equal_but_for_case_are_fetched_exactly(database: MariadbDatabase) -> None:
    """Two long values whose keys differ by case, in a key that tells case apart."""
    database.execute(
        "CREATE TABLE t (k varchar(10) COLLATE utf8mb4_bin PRIMARY KEY, v longblob)",
        "INSERT INTO t VALUES ('a', REPEAT('1', 9000000)), ('A', REPEAT('2', 9000000)), ('á', REPEAT('3', 9000000))",
    )
    with open_connector(database.url).snapshot() as snapshot:
        plan = snapshot.plan(table_of(snapshot, "t"))
        heads = {
            key: next(snapshot.read_value(plan, "v", [key]))[:1]
            for batch in snapshot.read(plan)
            for key in batch.column("k").to_pylist()
        }
    assert heads == {"A": b"2", "a": b"1", "á": b"3"}


# -- the catalogue ----------------------------------------------------------------------------------------------------


def test_mariadb_catalogue_tells_what_tables_declare(database: MariadbDatabase) -> None:
    """Keys, references, checks, indexes, comments, defaults, identities, collations, labels and hidden columns."""
    database.execute(
        "CREATE TABLE client (code varchar(10) CHARACTER SET latin1, no int, PRIMARY KEY (no, code)) COMMENT 'people'",
        """CREATE TABLE matter (
            id int unsigned AUTO_INCREMENT PRIMARY KEY,
            title varchar(20) COLLATE utf8mb4_bin NOT NULL DEFAULT 'new' COMMENT 'it''s name',
            mood enum('sad','o''k'),
            client_code varchar(10) CHARACTER SET latin1,
            client_no int,
            twice int AS (client_no * 2) STORED,
            hidden int INVISIBLE,
            CONSTRAINT long_enough CHECK (length(title) > 2),
            CONSTRAINT once UNIQUE (title, client_no),
            CONSTRAINT of_client FOREIGN KEY (client_no, client_code) REFERENCES client (no, code) ON DELETE CASCADE,
            FULLTEXT words (title)
        )""",
    )
    schema = discover(database.url)
    client, matter = schema.tables
    assert (schema.dbms, schema.default_schema, schema.charset) == ("mariadb", "main", "utf8mb4")
    assert client.comment == "people"
    assert client.primary_key == Key(name="PRIMARY", columns=("no", "code"))
    assert client.column("code").charset == "latin1"
    assert matter.unique_keys == (Key(name="once", columns=("title", "client_no")),)
    assert [check.name for check in matter.checks] == ["long_enough"]
    assert matter.foreign_keys == (
        ForeignKey(
            name="of_client",
            columns=("client_no", "client_code"),
            target_schema="main",
            target_table="client",
            target_columns=("no", "code"),
            on_update="RESTRICT",
            on_delete="CASCADE",
        ),
    )
    assert ("words", "FULLTEXT") in [(index.name, index.definition) for index in matter.indexes]
    title = matter.column("title")
    assert (title.native_type, title.collation, title.nullable) == ("varchar(20)", "utf8mb4_bin", False)
    assert (title.default, title.comment) == ("'new'", "it's name")
    assert matter.column("id").identity
    assert matter.column("mood").labels == ("sad", "o'k")
    assert matter.column("mood").default is None
    assert matter.column("twice").generated == "`client_no` * 2"
    assert matter.attributes["engine"] == "InnoDB"


def test_mariadb_catalogue_tells_what_else_there_is_without_names_of_database_or_account(
    database: MariadbDatabase,
) -> None:
    """Views, routines, triggers, events and sequences as text that an archive may hold."""
    name = database.url.rpartition("/")[2]
    database.execute(
        "CREATE TABLE t (id int)",
        f"CREATE VIEW v AS SELECT id FROM {name}.t",
        f"CREATE FUNCTION f(a int) RETURNS int DETERMINISTIC RETURN (SELECT COUNT(*) FROM `{name}`.t)",
        "CREATE PROCEDURE p() SELECT 1",
        f"CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW INSERT INTO `{name}`.t VALUES (1)",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
        "CREATE SEQUENCE s START WITH 42 NOCACHE",
        "CREATE TABLE versioned (id int) WITH SYSTEM VERSIONING",
    )
    schema = discover(database.url)
    assert [table.name for table in schema.tables] == ["t", "versioned"]
    assert schema.views[0].definition == "select `t`.`id` AS `id` from `t`"
    routines = {routine.name: routine for routine in schema.routines}
    assert {name: routine.kind for name, routine in routines.items()} == {
        "f": "function",
        "p": "procedure",
        "tr": "trigger",
        "e": "event",
    }
    assert routines["tr"].definition.startswith("CREATE TRIGGER `tr` BEFORE INSERT ON `t` FOR EACH ROW")
    texts = " ".join([routine.definition for routine in schema.routines])
    assert name not in texts
    assert "DEFINER=" not in texts
    assert [(sequence.name, sequence.value) for sequence in schema.sequences] == [("s", "42")]
    assert schema.notes == ("only current rows of the system-versioned table versioned",)


# -- who may see what -------------------------------------------------------------------------------------------------


def test_mariadb_columns_that_may_not_be_read_are_named_and_hidden_tables_suspected(
    database: MariadbDatabase, reader: str
) -> None:
    """The server lists only what the account may see; the archive says so."""
    name = database.url.rpartition("/")[2]
    database.execute(
        "CREATE TABLE a (id int, password text)",
        "INSERT INTO a VALUES (1, 'x')",
        "CREATE TABLE b (id int)",
        f"GRANT SELECT (id), INSERT (password) ON a TO {reader}",
    )
    with open_connector(as_reader(database.url)).snapshot() as snapshot:
        schema = snapshot.discover()
        assert [table.name for table in schema.tables] == ["a"]
        assert schema.notes == (
            "the account has no right to the whole database: tables that it may not see are not listed",
        )
        with pytest.raises(ConnectorError, match=r"main\.a\.password \(the account may not read it\)"):
            snapshot.check_readable(schema.tables)
        plan = snapshot.plan(schema.tables[0], excluded=frozenset({"password"}))
        assert [batch.to_pylist() for batch in snapshot.read(plan)] == [[{"id": 1}]]
        with pytest.raises(ConnectorError, match="may not read"):
            snapshot.plan(schema.tables[0])
    database.execute(f"GRANT SELECT ON `{name}`.* TO {reader}")
    assert discover(as_reader(database.url)).notes == ()


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    ("password", "message"),
    [("hunter2", "refuses the user or the password"), ("right%2Fone", "may not use this database")],
)
def test_mariadb_refused_account_is_told_without_its_password(
    database: MariadbDatabase, password: str, message: str
) -> None:
    """A wrong password, and a right one without any right."""
    with (
        pytest.raises(ConnectorError, match=message) as caught,
        open_connector(as_reader(database.url, password)).snapshot(),
    ):
        pass
    assert "hunter2" not in f"{caught.value}{caught.value.hint}"


def test_mariadb_unknown_database_is_refused(mariadb_server: MariaDBServer) -> None:
    """The address is shown."""
    url = mariadb_server.url("nothing")
    with pytest.raises(ConnectorError, match="no such database") as caught, open_connector(url).snapshot():
        pass
    assert caught.value.place.endswith("/nothing")


def _small() -> Limits:
    return replace(DEFAULT_LIMITS, batch_rows=10)


def _kill_others(database: MariadbDatabase) -> None:
    """Kill the connector's sessions."""
    name = database.url.rpartition("/")[2]
    others = f"FROM information_schema.processlist WHERE db = '{name}' AND id <> CONNECTION_ID()"
    database.execute(
        f"SET @kill = (SELECT CONCAT('BEGIN NOT ATOMIC ', GROUP_CONCAT('KILL ', id SEPARATOR '; '), '; END') {others})",
        "EXECUTE IMMEDIATE @kill",
    )
