"""The SQL scripts as text: what is promised, what is refused and why, what names and types become."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
import sqlglot

from portability.errors import FormatError
from portability.formats.ddl import DIALECTS, write_ddl
from portability.formats.ddl.planning import plan_tables
from portability.manifest import Check, Column, ColumnTotals, ControlTotals, Index, Key, Table, TableTotals
from tests.formats.source_layers import CONTENTS, SOURCE, Practice, integers, refers_to, scripts_of, source_of, texts


@pytest.fixture
def practice(tmp_path: Path) -> Practice:
    """The source layer with every type, of a DBMS that none of the dialects is."""
    return Practice(tmp_path, SOURCE, CONTENTS)


KEY = Key(name=None, columns=("id",))


def index_of(definition: str, *columns: str) -> Table:
    """Declare a table with one index of that definition."""
    return integers(
        "a", "id", indexes=(Index(name="i", columns=columns, definition=f"CREATE INDEX i ON a {definition}"),)
    )


KEYED = integers("a", "id", primary_key=KEY)
REFUSED: dict[str, tuple[list[Table], str]] = {
    "broken": (
        [KEYED, integers("b", "parent", foreign_keys=refers_to("a", broken_rows=3))],
        "3 rows of the source refer to nothing",
    ),
    "excluded": (
        [
            integers("a", "id", primary_key=KEY, file="", excluded="session"),
            integers("b", "parent", foreign_keys=refers_to("a")),
        ],
        "the table referred to is not in the archive",
    ),
    "no key": ([integers("a", "id"), integers("b", "parent", foreign_keys=refers_to("a"))], "no key of their table"),
    "partial": ([index_of("(id) WHERE id > 0", "id")], "partial"),
    "expression": ([index_of("(lower(id))")], "an expression"),
    "gin": ([index_of("USING gin (id)", "id")], "special kind"),
}


@pytest.mark.parametrize(("tables", "reason"), REFUSED.values(), ids=REFUSED)
def test_constrain_says_why_a_constraint_is_not_made(tmp_path: Path, tables: list[Table], reason: str) -> None:
    """Each refusal is a comment with its reason, in every dialect, and no statement."""
    read = scripts_of(source_of(*tables), tmp_path)
    for dialect in DIALECTS:
        lines = read(dialect.name, "constrain").splitlines()
        assert [line for line in lines if line.startswith("-- not made: ") and reason in line], dialect.name
        assert not [line for line in lines if "FOREIGN KEY" in line and not line.startswith("--")]


def test_constrain_makes_an_ordinary_index_whatever_its_definition_says_besides(tmp_path: Path) -> None:
    """Direction, operator class and storage options do not make an index special."""
    definition = "USING btree (\"id\" DESC NULLS LAST) WITH (fillfactor='70')"
    read = scripts_of(source_of(index_of(definition, "id")), tmp_path)
    assert 'CREATE INDEX "i" ON "a" ("id");' in read("postgresql", "constrain")


def test_constrain_leaves_out_a_key_on_an_excluded_column(tmp_path: Path) -> None:
    """A credential that stayed behind takes its keys with it, and create.sql says that it is missing."""
    columns = (
        Column(name="id", position=1, native_type="integer"),
        Column(name="token", position=2, native_type="text", carried="excluded", reason="credential"),
    )
    table = integers("a", "id", columns=columns, unique_keys=(Key(name="u", columns=("token",)),))
    read = scripts_of(source_of(table), tmp_path)
    assert "-- left out: column public.a.token: credential" in read("postgresql", "create")
    assert '"token"' not in read("postgresql", "create")
    assert "not made: public.a: UNIQUE (token)" in read("postgresql", "constrain")


def test_create_has_not_null_only_where_no_value_is_missing(tmp_path: Path) -> None:
    """A NOT NULL column with a value that could not be carried is nullable, and its key is refused."""
    columns = tuple(
        Column(name=name, position=n, native_type="integer", nullable=False)
        for n, name in enumerate(("id", "x"), start=1)
    )
    table = integers("a", "id", columns=columns, primary_key=Key(name=None, columns=("x",)))
    totals = TableTotals(
        schema="public",
        name="a",
        rows=2,
        columns=(ColumnTotals(name="id", non_null=2), ColumnTotals(name="x", non_null=2, excepted=1)),
    )
    read = scripts_of(source_of(table), tmp_path, totals=ControlTotals(tables=(totals,)))
    assert '"id" integer NOT NULL' in read("postgresql", "create")
    assert '"x" integer\n' in read("postgresql", "create")
    assert "not made: public.a: PRIMARY KEY (x): a column of it has nulls" in read("postgresql", "constrain")


def test_load_ends_with_a_query_that_finds_missing_rows(practice: Practice) -> None:
    """A table that lacks rows is named; one that has them all is not."""
    monitor = [line for line in practice.text("duckdb", "load").splitlines() if "wrong_table" in line]
    connection = duckdb.connect()
    connection.execute("CREATE TABLE types AS SELECT 1")
    assert connection.execute(monitor[0]).fetchall() == [("types", 1, 4)]
    connection.execute("INSERT INTO types SELECT 1 FROM range(3)")
    assert connection.execute(monitor[0]).fetchall() == []


def test_checks_are_made_only_in_the_dbms_that_wrote_them(tmp_path: Path) -> None:
    """A check is active in its own DBMS and a comment elsewhere."""
    table = integers("a", "id", checks=(Check(name="positive", expression="CHECK ((id > 0))"),))
    read = scripts_of(source_of(table), tmp_path)
    assert 'ADD CONSTRAINT "positive" CHECK (((id > 0)))' in read("postgresql", "constrain")
    assert "-- not made: public.a: CHECK positive" in read("mariadb", "constrain")


def test_native_types_are_kept_in_the_same_dbms(tmp_path: Path) -> None:
    """PostgreSQL gets its own inet, jsonb and arrays back; an enum of the firm's stays text."""
    natives = {
        "a": ("inet", pa.string()),
        "b": ("jsonb", pa.json_()),
        "c": ("integer[]", pa.string()),
        "d": ("mood", pa.string()),
        "e": ("money", pa.decimal128(19, 2)),
        "f": ("numeric", pa.string()),
        "g": ("text; DROP TABLE x", pa.string()),
        "h": ("timestamp(3) with time zone", pa.timestamp("us", tz="UTC")),
    }
    columns = tuple(
        Column(name=name, position=n, native_type=native)
        for n, (name, (native, _)) in enumerate(natives.items(), start=1)
    )
    table = integers("t", columns=columns)
    arrow = {table.file: pa.schema([(name, kind) for name, (_, kind) in natives.items()])}
    read = scripts_of(source_of(table), tmp_path, arrow)
    types = [
        line.strip().rstrip(",").partition(" ")[2]
        for line in read("postgresql", "create").splitlines()
        if line.startswith('  "')
    ]
    assert types == [
        "inet",
        "jsonb",
        "integer[]",
        "text",
        "numeric(19,2)",
        "numeric",
        "text",
        "timestamp(3) with time zone",
    ]


def test_names_too_long_or_alike_are_changed_and_listed(tmp_path: Path) -> None:
    """PostgreSQL's 63 bytes cut a name without making two of one; the head lists what changed."""
    long = "é" * 40
    table = integers("T" * 70, "a", long + "1", long + "2", "A")
    read = scripts_of(source_of(table), tmp_path)
    head = read("postgresql", "create")
    assert f"--   column public.{'T' * 70}.{long}2 -> {'é' * 30}_2" in head
    assert f"--   table public.{'T' * 70} -> {'T' * 63}" in head
    assert '"A" integer' in head
    assert '"A_2" INTEGER' in read("duckdb", "create")


def test_other_schemas_are_made_or_become_part_of_the_name(tmp_path: Path) -> None:
    """A table outside the default schema keeps its schema where there are schemas."""
    read = scripts_of(source_of(integers("t", "id", schema="audit")), tmp_path)
    assert 'CREATE SCHEMA IF NOT EXISTS "audit";' in read("postgresql", "create")
    assert 'CREATE TABLE "audit"."t"' in read("postgresql", "create")
    assert "EXEC(N'CREATE SCHEMA [audit]');" in read("sqlserver", "create")
    assert "CREATE TABLE `audit__t`" in read("mariadb", "create")


def test_hostile_text_in_a_comment_stays_in_the_comment(tmp_path: Path) -> None:
    """No kind of line break in a name or an expression begins a line of SQL."""
    evil = "x\nDROP TABLE a;\r\x85\u2028\x0bDROP TABLE b; */ --"
    table = integers("a", "id", checks=(Check(name=evil, expression=evil),), comment=evil)
    read = scripts_of(source_of(table, integers("s", "id", file="", excluded=evil)), tmp_path)
    for dialect in DIALECTS:
        if dialect.name == "postgresql":
            continue  # there the check is active, and is the source's own text
        for name in ("create", "constrain"):
            lines = read(dialect.name, name).splitlines()
            assert not [line for line in lines if line.strip().startswith("DROP")], dialect.name


@pytest.mark.parametrize("dialect", [each.name for each in DIALECTS])
def test_scripts_are_sql_of_their_dialect(practice: Practice, dialect: str) -> None:
    """A parser of each dialect reads create and constrain whole; the only judge of SQL Server here."""
    spoken = {"postgresql": "postgres", "mariadb": "mysql", "sqlserver": "tsql"}.get(dialect, dialect)
    for name in ("create", "constrain"):
        statements = [each for each in sqlglot.parse(practice.text(dialect, name), dialect=spoken) if each is not None]
        assert len(statements) >= 2
        assert not [
            each for each in statements if isinstance(each, sqlglot.exp.Command) and "CONSTRAINT" not in str(each)
        ]


def test_scripts_of_the_same_schema_are_the_same_bytes(practice: Practice, tmp_path: Path) -> None:
    """Writing again gives the same scripts."""
    write_ddl(SOURCE, tmp_path / "again", schemas={path: content.schema for path, content in CONTENTS.items()})
    for path in (practice.data / "sql").rglob("*.sql"):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(practice.data / "sql")).read_bytes()


def test_sqlserver_types_and_keys_respect_its_rules(tmp_path: Path) -> None:
    """Two code units a character, filtered unique indexes for nullable keys, no cascades."""
    table, arrow = texts(
        "t", 2, "varchar(20)", unique_keys=(Key(name="u", columns=("c1",)), Key(name="v", columns=("c2",)))
    )
    read = scripts_of(source_of(table), tmp_path, arrow)
    assert "[c1] NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL" in read("sqlserver", "create")
    assert "ADD CONSTRAINT [u] UNIQUE ([c1]);" in read("sqlserver", "constrain")
    assert "CREATE UNIQUE INDEX [v] ON [t] ([c2]) WHERE [c2] IS NOT NULL;" in read("sqlserver", "constrain")


def test_plan_without_an_arrow_schema_names_the_file() -> None:
    """A table whose types are unknown stops the export."""
    with pytest.raises(FormatError, match=r"source/public\.a\.parquet: has no Arrow schema"):
        plan_tables(source_of(integers("a", "id")), DIALECTS[0], {}, None)
