"""What is particular to PostgreSQL: privileges, inheritance and partitions, locks, encodings, and what it declares."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import psycopg
import pyarrow as pa
import pytest
from pyarrow import parquet

from portability.connectors import Snapshot, TablePlan, open_connector
from portability.errors import ConnectorError, PortabilityError, SourceUnavailableError
from portability.exports import preview_source
from portability.manifest import Check, ForeignKey, Index, Key, SourceSchema, Table
from tests.conftest import MakeDatabase
from tests.connectors.databases import PostgresqlDatabase
from tests.servers import PostgreSQLServer


@pytest.fixture
def database(postgresql_url: MakeDatabase) -> PostgresqlDatabase:
    """An empty database."""
    return PostgresqlDatabase(postgresql_url())


@pytest.fixture
def reader(postgresql_server: PostgreSQLServer) -> Iterator[str]:
    """An account that may log in and nothing else."""
    postgresql_server.execute("CREATE ROLE reader LOGIN")
    yield "reader"
    postgresql_server.execute("DROP ROLE reader")


def as_user(url: str, user: str) -> str:
    """Return the address for another account."""
    return url.replace("//postgres@", f"//{user}@")


def discover(url: str) -> SourceSchema:
    """Return what a database declares."""
    with open_connector(url).snapshot() as snapshot:
        return snapshot.discover()


def table_of(snapshot: Snapshot, label: str) -> Table:
    """Return a discovered table by schema and name."""
    (found,) = [table for table in snapshot.discover().tables if table.label == label]
    return found


def read(url: str, label: str) -> tuple[TablePlan, pa.Table]:
    """Plan and read one table."""
    with open_connector(url).snapshot() as snapshot:
        plan = snapshot.plan(table_of(snapshot, label))
        return plan, pa.Table.from_batches(snapshot.read(plan), schema=plan.schema)


# -- tables ---------------------------------------------------------------------------------------------------------


def test_postgresql_parent_table_returns_its_own_rows_only(database: PostgresqlDatabase) -> None:
    """Rows of inheriting tables are exported once, with the child's columns."""
    database.execute(
        "CREATE TABLE core (id int PRIMARY KEY, made text)",
        "CREATE TABLE person (name text, PRIMARY KEY (id)) INHERITS (core)",
        "INSERT INTO core VALUES (1, 'core')",
        "INSERT INTO person VALUES (2, 'person', 'Ada')",
    )
    assert read(database.url, "public.core")[1].to_pylist() == [{"id": 1, "made": "core"}]
    plan, found = read(database.url, "public.person")
    assert found.to_pylist() == [{"id": 2, "made": "person", "name": "Ada"}]
    assert plan.table.attributes["inherits"] == "public.core"


def test_postgresql_partitioned_table_is_one_table(database: PostgresqlDatabase) -> None:
    """Partitions, also of partitions, are not listed."""
    database.execute(
        "CREATE TABLE p (id int, k text, PRIMARY KEY (id, k)) PARTITION BY RANGE (id)",
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10) PARTITION BY LIST (k)",
        "CREATE TABLE p1a PARTITION OF p1 DEFAULT",
        "CREATE TABLE p2 PARTITION OF p DEFAULT",
        "INSERT INTO p VALUES (100, 'b'), (1, 'a')",
    )
    assert [table.name for table in discover(database.url).tables] == ["p"]
    plan, found = read(database.url, "public.p")
    assert found.column("id").to_pylist() == [1, 100]
    assert plan.table.attributes == {"partition_key": "RANGE (id)"}


def test_postgresql_table_without_columns_is_counted_and_yields_nothing(database: PostgresqlDatabase) -> None:
    """PostgreSQL has such tables."""
    database.execute("CREATE TABLE bare ()", "INSERT INTO bare DEFAULT VALUES")
    plan, found = read(database.url, "public.bare")
    assert plan.totals.rows == 1
    assert found.num_columns == 0


def test_postgresql_things_of_the_system_and_of_extensions_are_left_out(database: PostgresqlDatabase) -> None:
    """They come with the server, not with the data."""
    database.execute(
        "CREATE TABLE mine (id int)", "CREATE TABLE theirs (id int)", "ALTER EXTENSION plpgsql ADD TABLE theirs"
    )
    schema = discover(database.url)
    assert [table.label for table in schema.tables] == ["public.mine"]
    assert schema.views == ()
    assert schema.routines == ()


def test_postgresql_names_that_differ_by_case_only_are_different(database: PostgresqlDatabase) -> None:
    """Columns and tables alike."""
    database.execute('CREATE TABLE t (id int, "ID" int)', 'CREATE TABLE "T" (x int)', "INSERT INTO t VALUES (1, 2)")
    assert read(database.url, "public.t")[1].to_pylist() == [{"id": 1, "ID": 2}]
    assert read(database.url, "public.T")[1].column_names == ["x"]


def test_postgresql_generated_unnamed_or_dropped_columns_do_not_confuse_positions(database: PostgresqlDatabase) -> None:
    """A dropped column leaves a hole in the catalogue, not in the export."""
    database.execute(
        "CREATE TABLE t (a int, gone int, b int GENERATED ALWAYS AS (a + 1) STORED)",
        "ALTER TABLE t DROP COLUMN gone",
        "INSERT INTO t VALUES (1)",
    )
    plan, found = read(database.url, "public.t")
    assert found.to_pylist() == [{"a": 1, "b": 2}]
    assert [(column.name, column.position) for column in plan.table.columns] == [("a", 1), ("b", 2)]


@pytest.mark.parametrize("driver", ["text", "arrow"])
def test_postgresql_rows_are_in_the_order_of_their_key_whatever_columns_are_called(
    database: PostgresqlDatabase, driver: str
) -> None:
    """A key that travels as text is ordered as the key it is, and not by a result that bears its name."""
    database.execute(
        "CREATE TABLE t (c1 numeric PRIMARY KEY, c0 int)",
        "INSERT INTO t VALUES (10, 1), (9, 3), ('1e-60', 2)",
    )
    with open_connector(database.url).snapshot() as snapshot:
        if driver == "text":
            snapshot.open_arrow = None  # type: ignore[attr-defined]
        plan = snapshot.plan(table_of(snapshot, "public.t"))
        found = pa.Table.from_batches(snapshot.read(plan), schema=plan.schema)
    assert [float(key) for key in found.column("c1").to_pylist()] == [1e-60, 9, 10]
    assert plan.schema.field("c1").type == pa.string()


def test_postgresql_padded_text_of_another_encoding_keeps_its_blanks_and_totals(
    postgresql_server: PostgreSQLServer, postgresql_url: MakeDatabase
) -> None:
    """Sizes are those of the UTF-8 that is carried, the blanks of a char(n) included."""
    url = postgresql_url()
    name = url.rpartition("/")[2]
    postgresql_server.execute(f"DROP DATABASE {name}")
    postgresql_server.execute(
        f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    PostgresqlDatabase(url).execute("CREATE TABLE t (v char(5))", "INSERT INTO t VALUES (chr(233)), ('ab')")
    plan, found = read(url, "public.t")
    assert sorted(found.column("v").to_pylist()) == ["ab   ", "é    "]
    assert [column.size_bytes for column in plan.totals.columns] == [11]


def test_postgresql_json_with_half_a_surrogate_pair_travels_as_the_text_that_it_is(
    database: PostgresqlDatabase, tmp_path: Path
) -> None:
    """The server takes it for JSON; a reader of Parquet would refuse the whole column."""
    database.execute(
        "CREATE TABLE t (id int PRIMARY KEY, v json)",
        r"""INSERT INTO t VALUES (1, '{"a" : 1}'), (2, '"\ud800"'), (3, NULL)""",
    )
    plan, found = read(database.url, "public.t")
    file = tmp_path / "t.parquet"
    parquet.write_table(found, file)
    rows = duckdb.execute(f"SELECT v FROM '{file}' ORDER BY id").fetchall()
    assert [text for (text,) in rows] == ['{"a" : 1}', r'"\ud800"', None]
    assert plan.schema.field("v").type == pa.string()
    with open_connector(database.url).snapshot() as snapshot:
        measuring = snapshot.presume(table_of(snapshot, "public.t"))
        assert measuring is not None
        with measuring:
            assert not measuring.holds()


@pytest.mark.parametrize(
    ("declared", "values"),
    [
        ("numeric", ["2", "10", "1e3"]),
        ("double precision", ["-1.5", "0.25", "1e300"]),
        ("char(3)", ["'B'", "'a'", "'b'"]),
        ("inet", ["'10.0.0.1'", "'::1'", "'10.0.0.1/8'"]),
        ("date", ["'2019-12-31'", "'2020-01-01'"]),
        ("bytea", ["'\\x00'", "'\\x0001'", "'\\xff'"]),
        ("uuid", ["'00000000-0000-0000-0000-000000000001'", "'f0000000-0000-0000-0000-000000000000'"]),
    ],
)
def test_postgresql_key_orders_rows_and_fetches_long_values(
    database: PostgresqlDatabase, declared: str, values: list[str]
) -> None:
    """Numbers by their size, text by its bytes; and a key as read names its row again."""
    rows = ", ".join(f"({value}, repeat('{n}', 9000000))" for n, value in enumerate(values))
    database.execute(f"CREATE TABLE t (k {declared} PRIMARY KEY, v text)", f"INSERT INTO t VALUES {rows}")
    with open_connector(database.url).snapshot() as snapshot:
        plan = snapshot.plan(table_of(snapshot, "public.t"))
        keys = [key for batch in snapshot.read(plan) for key in batch.column("k").to_pylist()]
        heads = [next(snapshot.read_value(plan, "v", [key]))[:1] for key in keys]
    order = sorted(range(len(values)), key=lambda n: keys[heads.index(str(n).encode())])
    assert sorted(heads) == [str(n).encode() for n in range(len(values))]
    assert [str(n).encode() for n in order] == heads


# -- the catalogue ----------------------------------------------------------------------------------------------------


def test_postgresql_catalogue_tells_what_tables_declare(database: PostgresqlDatabase) -> None:
    """Keys, references, checks, indexes, comments, defaults, identities, collations and labels."""
    database.execute(*_MATTER)
    schema = discover(database.url)
    (matter,) = [table for table in schema.tables if table.label == "public.matter"]
    title = matter.column("title")
    assert matter.comment == "what we do"
    assert matter.primary_key == Key(name="matter_pkey", columns=("id",))
    assert matter.unique_keys == (
        Key(name="once", columns=("title", "client_no")),
        Key(name="by_mood", columns=("mood",)),
    )
    assert matter.checks == (Check(name="long_enough", expression="(length((title)::text) > 2)"),)
    assert matter.foreign_keys == (
        ForeignKey(
            name="of_client",
            columns=("client_no", "client_code"),
            target_schema="other",
            target_table="client",
            target_columns=("no", "code"),
            on_update="NO ACTION",
            on_delete="CASCADE",
        ),
    )
    assert [(index.name, index.unique) for index in matter.indexes] == [("by_lower", True), ("partly", False)]
    assert isinstance(matter.indexes[0], Index)
    assert "WHERE (id > 5)" in str(matter.indexes[1].definition)
    assert matter.column("id").identity
    assert (title.native_type, title.collation, title.nullable) == ("character varying(20)", "C", False)
    assert (title.default, title.comment) == ("'new'::character varying", "its name")
    assert matter.column("mood").labels == ("sad", "ok")
    assert (matter.column("felt").native_type, matter.column("felt").labels) == ("public.feeling", ("sad", "ok"))
    assert matter.column("twice").generated == "(client_no * 2)"


_MATTER = (
    "CREATE SCHEMA other",
    "CREATE TYPE other.mood AS ENUM ('sad', 'ok')",
    "CREATE DOMAIN feeling AS other.mood",
    "CREATE TABLE other.client (code text, no int, UNIQUE (no, code))",
    """CREATE TABLE matter (
        id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
        title varchar(20) COLLATE "C" NOT NULL DEFAULT 'new',
        mood other.mood,
        felt feeling,
        client_code text,
        client_no int,
        twice int GENERATED ALWAYS AS (client_no * 2) STORED,
        CONSTRAINT long_enough CHECK (length(title) > 2),
        CONSTRAINT once UNIQUE (title, client_no),
        CONSTRAINT of_client FOREIGN KEY (client_no, client_code)
            REFERENCES other.client (no, code) ON DELETE CASCADE
    )""",
    "CREATE UNIQUE INDEX by_mood ON matter (mood) INCLUDE (title)",
    "CREATE UNIQUE INDEX by_lower ON matter (lower(title))",
    "CREATE INDEX partly ON matter (title) WHERE id > 5",
    "COMMENT ON TABLE matter IS 'what we do'",
    "COMMENT ON COLUMN matter.title IS 'its name'",
)


def test_postgresql_catalogue_tells_what_else_there_is(database: PostgresqlDatabase) -> None:
    """Views, functions, triggers, rules, sequences; and what is not exported is said."""
    database.execute(
        "CREATE TABLE t (id int)",
        "CREATE VIEW v AS SELECT id FROM t",
        "CREATE MATERIALIZED VIEW m AS SELECT id FROM t",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE PROCEDURE p(a int) LANGUAGE sql AS 'SELECT 1'",
        "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
        "CREATE RULE quiet AS ON DELETE TO t DO INSTEAD NOTHING",
        "CREATE SEQUENCE used",
        "SELECT nextval('used')",
        "CREATE SEQUENCE fresh",
        "CREATE FOREIGN DATA WRAPPER nowhere",
        "CREATE SERVER elsewhere FOREIGN DATA WRAPPER nowhere",
        "CREATE FOREIGN TABLE far (id int) SERVER elsewhere",
        "SELECT lo_create(0)",
        "ALTER DATABASE " + database.quote(database.url.rpartition("/")[2]) + " SET timezone = 'Europe/London'",
    )
    schema = discover(database.url)
    assert [view.definition.split(" AS")[0] for view in schema.views] == [
        "CREATE MATERIALIZED VIEW public.m",
        "CREATE VIEW public.v",
    ]
    assert [(routine.kind, routine.name) for routine in schema.routines] == [
        ("function", "public.f()"),
        ("procedure", "public.p(integer)"),
        ("trigger", "t.tr"),
        ("rule", "t.quiet"),
    ]
    assert [(sequence.name, sequence.value) for sequence in schema.sequences] == [("fresh", None), ("used", "1")]
    assert [table.label for table in schema.tables] == ["public.t", "public.large_objects"]
    assert schema.notes == ("foreign table public.far is not exported: its rows are on another server",)
    assert (schema.dbms, schema.charset, schema.collation, schema.time_zone) == (
        "postgresql",
        "UTF8",
        "C",
        "Europe/London",
    )


# -- who may see what -------------------------------------------------------------------------------------------------


def test_postgresql_tables_that_may_not_be_read_are_all_named_at_once(
    database: PostgresqlDatabase, reader: str
) -> None:
    """One message, one round with the administrator."""
    database.execute(
        "CREATE SCHEMA closed",
        "CREATE TABLE a (id int)",
        "CREATE TABLE b (id int)",
        "CREATE TABLE closed.c (id int)",
        "CREATE TABLE d (id int, password text)",
        f"GRANT SELECT ON a, closed.c TO {reader}",
        f"GRANT SELECT (id) ON d TO {reader}",
    )
    with open_connector(as_user(database.url, reader)).snapshot() as snapshot:
        tables = snapshot.discover().tables
        with pytest.raises(ConnectorError) as caught:
            snapshot.check_readable(tables)
        assert caught.value.message == (
            "cannot be read whole: closed.c (the account may not read it); public.b (the account may not read it);"
            " public.d.password (the account may not read it)"
        )
        kept = [table for table in tables if table.label in ("public.a", "public.d")]
        snapshot.check_readable(kept, excluded={"public.d": {"password"}})
    database.execute(f"DROP OWNED BY {reader}")


def test_postgresql_excluded_column_is_not_selected(database: PostgresqlDatabase, reader: str) -> None:
    """The server itself would refuse: the account may not read the column."""
    database.execute(
        "CREATE TABLE d (id int, password text)", "INSERT INTO d VALUES (1, 'x')", f"GRANT SELECT (id) ON d TO {reader}"
    )
    with open_connector(as_user(database.url, reader)).snapshot() as snapshot:
        table = table_of(snapshot, "public.d")
        plan = snapshot.plan(table, excluded=frozenset({"password"}))
        assert [batch.to_pylist() for batch in snapshot.read(plan)] == [[{"id": 1}]]
        with pytest.raises(ConnectorError, match="may not read"):
            snapshot.plan(table)
    database.execute(f"DROP OWNED BY {reader}")


def test_postgresql_rows_hidden_by_a_policy_are_an_error(database: PostgresqlDatabase, reader: str) -> None:
    """A smaller export would look whole."""
    database.execute(
        "CREATE TABLE t (id int PRIMARY KEY, owner text)",
        "INSERT INTO t VALUES (1, 'reader'), (2, 'other')",
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY own ON t USING (owner = current_user)",
        f"GRANT SELECT ON t TO {reader}",
    )
    with open_connector(as_user(database.url, reader)).snapshot() as snapshot:
        table = table_of(snapshot, "public.t")
        with pytest.raises(ConnectorError, match="row-level security hides rows"):
            snapshot.check_readable([table])
        with pytest.raises(ConnectorError, match="policy hides rows") as caught:
            snapshot.plan(table)
        assert "BYPASSRLS" in caught.value.hint
    found = preview_source(open_connector(as_user(database.url, reader)))
    assert (found.rows, len(found.unreadable)) == ({}, 1)
    assert "public.t (row-level security hides rows" in found.unreadable[0]
    database.execute(f"DROP OWNED BY {reader}")
    assert read(database.url, "public.t")[1].num_rows == 2


# -- other people at work ---------------------------------------------------------------------------------------------


def test_postgresql_snapshot_keeps_tables_from_being_emptied(database: PostgresqlDatabase) -> None:
    """TRUNCATE would show an empty table to an older snapshot; it has to wait."""
    database.execute("CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)")
    with open_connector(database.url).snapshot() as snapshot:
        with pytest.raises(psycopg.errors.LockNotAvailable):
            database.execute("SET lock_timeout = '50ms'", "TRUNCATE t")
        plan = snapshot.plan(table_of(snapshot, "public.t"))
        assert sum(batch.num_rows for batch in snapshot.read(plan)) == 1


def test_postgresql_table_that_is_being_altered_is_unavailable(database: PostgresqlDatabase) -> None:
    """The export does not wait for ever."""
    database.execute("CREATE TABLE t (id int)")
    with psycopg.connect(database.url) as other:
        other.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        with (
            pytest.raises(SourceUnavailableError, match="locked"),
            open_connector(f"{database.url}?lock_timeout=50").snapshot(),
        ):
            pass


def test_postgresql_statement_timeout_is_unavailable(database: PostgresqlDatabase) -> None:
    """The limit is named in the hint."""
    database.execute("CREATE TABLE t AS SELECT g AS id, repeat('x', 200) AS v FROM generate_series(1, 300000) g")
    with (
        pytest.raises(SourceUnavailableError, match="cancelled") as caught,
        open_connector(f"{database.url}?statement_timeout=20").snapshot() as snapshot,
    ):
        snapshot.plan(table_of(snapshot, "public.t"))
    assert "statement_timeout" in caught.value.hint


def test_postgresql_session_that_is_ended_is_unavailable(database: PostgresqlDatabase) -> None:
    """In the middle of a table, too."""
    database.execute("CREATE TABLE t AS SELECT g AS id, repeat('x', 1000) AS v FROM generate_series(1, 50000) g")
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'portability'"
    with open_connector(database.url).snapshot() as snapshot:
        batches = snapshot.read(snapshot.plan(table_of(snapshot, "public.t")))
        next(batches)
        database.execute(end)
        with pytest.raises(SourceUnavailableError) as caught:
            list(batches)
    assert caught.value.retryable
    assert caught.value.place == "public.t"


# -- connecting -------------------------------------------------------------------------------------------------------


def test_postgresql_unknown_database_is_refused(postgresql_server: PostgreSQLServer) -> None:
    """The address is shown, without a password."""
    url = postgresql_server.url("nothing").replace("postgres@", "postgres:hunter2@")
    with pytest.raises(ConnectorError, match="no such database") as caught, open_connector(url).snapshot():
        pass
    assert not caught.value.retryable
    assert caught.value.place.endswith("/nothing")
    assert "hunter2" not in str(caught.value)


def _reload(server: PostgreSQLServer) -> None:
    """Have the server read its settings again, and wait until new sessions are judged by them."""
    asked = "SELECT pg_conf_load_time()"
    before = server.execute(asked)
    server.execute("SELECT pg_reload_conf()")
    deadline = time.monotonic() + 60
    while server.execute(asked) == before:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_postgresql_password_is_used_and_a_wrong_one_not_shown(
    database: PostgresqlDatabase, postgresql_server: PostgreSQLServer
) -> None:
    """Right: in. Wrong or none: told so, and nothing of it shown."""
    rules = postgresql_server.directory / "data" / "pg_hba.conf"
    before = rules.read_text()
    database.execute("CREATE ROLE secretive LOGIN PASSWORD 'right/one'")
    try:
        _put(rules, f"host all secretive 127.0.0.1/32 scram-sha-256\n{before}")
        _reload(postgresql_server)
        with open_connector(as_user(database.url, "secretive:right%2Fone")).snapshot() as snapshot:
            assert snapshot.discover().tables == ()
        for user, message in (("secretive:hunter2", "refuses the user or the password"), ("secretive", "a password")):
            with (
                pytest.raises(ConnectorError, match=message) as caught,
                open_connector(as_user(database.url, user)).snapshot(),
            ):
                pass
            assert "hunter2" not in f"{caught.value}{caught.value.hint}{caught.value.__cause__}"
    finally:
        _put(rules, before)
        database.execute("SELECT pg_reload_conf()", "DROP ROLE secretive")


def _put(path: Path, text: str) -> None:
    path.write_text(text)


# -- encodings --------------------------------------------------------------------------------------------------------


def test_postgresql_database_in_latin1_arrives_as_utf8(postgresql_server: PostgreSQLServer) -> None:
    """Sizes are those of the UTF-8 that is carried."""
    plan, found = _read_encoded(
        postgresql_server, "LATIN1", "INSERT INTO t VALUES (1, convert_from('\\xe9', 'LATIN1'))"
    )
    assert found.column("v").to_pylist() == ["é"]
    assert plan.totals.columns[1].size_bytes == 2


def test_postgresql_database_without_encoding_keeps_what_is_utf8_and_lists_the_rest(
    postgresql_server: PostgreSQLServer,
) -> None:
    """SQL_ASCII promises nothing: bytes that are not UTF-8 go to the ledger."""
    plan, found = _read_encoded(
        postgresql_server,
        "SQL_ASCII",
        "INSERT INTO t VALUES (1, convert_from('\\xe9', 'SQL_ASCII')), (2, convert_from('\\xc3a9', 'SQL_ASCII')),"
        " (3, 'x')",
        excepted=[(("1",), b"\xe9")],
    )
    assert found.column("v").to_pylist() == [None, "é", "x"]
    assert (plan.totals.columns[1].excepted, plan.totals.columns[1].size_bytes) == (1, 3)


def _read_encoded(
    server: PostgreSQLServer, encoding: str, insert: str, excepted: list[tuple[tuple[str, ...], bytes]] | None = None
) -> tuple[TablePlan, pa.Table]:
    name = f"in_{encoding.lower()}"
    server.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0")
    url = server.url(name)
    try:
        for statement in ("CREATE TABLE t (id int PRIMARY KEY, v text)", insert):
            server.execute(statement, url)
        with open_connector(url).snapshot() as snapshot:
            plan = snapshot.plan(table_of(snapshot, "public.t"))
            found = pa.Table.from_batches(snapshot.read(plan), schema=plan.schema)
            assert [(each.key, each.raw) for each in snapshot.exceptions(plan)] == (excepted or [])
        return plan, found
    finally:
        server.drop_database(url)


def test_postgresql_errors_are_all_ours(database: PostgresqlDatabase) -> None:
    """A source that is not what was discovered fails in our words, with the table's name."""
    database.execute("CREATE TABLE t (id int)")
    with open_connector(database.url).snapshot() as snapshot:
        table = table_of(snapshot, "public.t")
        (column,) = table.columns
        wrong = Table(
            schema="public", name="t", columns=(column, type(column)(name="no", position=2, native_type="int"))
        )
        with pytest.raises(PortabilityError, match="no such column") as caught:
            snapshot.plan(wrong)
    assert caught.value.place == "public.t"
