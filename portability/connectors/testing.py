"""The connector contract as tests: inherit :class:`ConnectorConformance` and give it a real source.

A test file for a connector needs a :class:`SourceDatabase` that makes tables in its kind of source, and::

    class TestMine(ConnectorConformance):
        @pytest.fixture
        def database(self, tmp_path):
            return MyDatabase(tmp_path)

Every test makes its own tables, reads them through the connector and compares each value with what was put in. Needs
pytest.
"""
# ruff: noqa: S101, PLR2004 -- these are tests

from __future__ import annotations

import struct
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from portability.connectors import open_connector
from portability.connectors.connector import size_column
from portability.connectors.testing_database import Row, SourceDatabase
from portability.connectors.testing_presumed import PresumedConformance
from portability.connectors.testing_scopes import ScopedConformance
from portability.errors import PortabilityError
from portability.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from portability.connectors.connector import Connector, Snapshot, TablePlan
    from portability.limits import Limits
    from portability.manifest import Table

__all__ = ["ConnectorConformance", "SourceDatabase"]

# Whatever CSV, SQL or a careless decoder might trip over.
_TEXTS = (
    "",
    " ",
    "a",
    "NULL",
    "\\N",
    "\\.",
    "null",
    '"',
    '""',
    '","',
    "a,b;c\td",
    "line\nline",
    "line\r\nline",
    "line\rline",
    "\n",
    "back\\slash \\n",
    "it's",
    "  spaces kept  ",
    "\ufeffmark",
    "\u00a0no-break",
    "\ufffd",
    "e\u0301 combining",
    "Straße, Łódź, 東京",
    "\U0001f469\u200d\u2696\ufe0f\U0001f600",
    "\u202eright to left",
    "0",
    "1e5",
    "2020-01-01",
    "true",
    "x" * 5000,
)
_FLOATS = (
    0.0,
    0.1,
    1 / 3,
    -1.5,
    1e15 + 0.3,
    5e-324,
    2.2250738585072014e-308,
    1.7976931348623157e308,
    123456789.12345679,
)


class ConnectorConformance(ScopedConformance, PresumedConformance):
    """What every connector promises."""

    @pytest.fixture
    def database(self) -> SourceDatabase:
        """Return an empty database; each implementation gives its own."""
        raise NotImplementedError

    # -- helping hands ------------------------------------------------------------------------------------------------

    @staticmethod
    def open(database: SourceDatabase, **limits: int) -> Connector:
        """Return the connector of the database, with some limits changed."""
        chosen: Limits = replace(DEFAULT_LIMITS, **limits)
        return open_connector(database.url, limits=chosen)

    @staticmethod
    def table(snapshot: Snapshot, name: str) -> Table:
        """Return a discovered table by its name."""
        (found,) = [table for table in snapshot.discover().tables if table.name == name]
        return found

    def read(self, database: SourceDatabase, name: str, **limits: int) -> tuple[TablePlan, pa.Table]:
        """Plan and read one table in a snapshot of its own."""
        with self.open(database, **limits).snapshot() as snapshot:
            plan = snapshot.plan(self.table(snapshot, name))
            return plan, pa.Table.from_batches(snapshot.read(plan), schema=plan.schema)

    def write_through(self, snapshot: Any, table: Table, column: str) -> None:  # noqa: ANN401 -- rows() is SQL's own
        """Try to change a column through the connector's own session."""
        list(snapshot.rows(f"UPDATE {snapshot.relation(table)} SET {snapshot.quote(column)} = 2"))

    # -- the snapshot -------------------------------------------------------------------------------------------------

    def test_snapshot_sees_nothing_of_a_writer_that_commits_meanwhile(self, database: SourceDatabase) -> None:
        """Money that moves between rows while the table is measured and read is neither lost nor doubled."""
        database.create("acct", {"id": "int", "amount": "int"}, [(n, 100) for n in range(600)], key=["id"])
        moves = iter(range(599))

        def move_money() -> None:
            n = next(moves)
            database.execute(
                f"UPDATE acct SET amount = amount - 7 WHERE id = {n}",
                f"UPDATE acct SET amount = amount + 7 WHERE id = {599 - n}",
                f"INSERT INTO acct VALUES ({1000 + n}, 1)",
            )

        with self.open(database, batch_rows=100).snapshot() as snapshot:
            move_money()
            table = self.table(snapshot, "acct")
            move_money()
            plan = snapshot.plan(table)
            move_money()
            amounts: list[int] = []
            for batch in snapshot.read(plan):
                amounts += batch.column("amount").to_pylist()
                move_money()
        assert amounts == [100] * 600
        assert plan.totals.rows == 600
        assert {c.name: c.sum for c in plan.totals.columns}["amount"] == "60000"

    def test_snapshot_of_unchanged_data_has_an_equal_identity_and_of_changed_data_another(
        self, database: SourceDatabase
    ) -> None:
        """A source that can tell whether its data changed tells it."""
        database.create("t", {"id": "int"}, [(1,)], key=["id"])
        identities = []
        for statement in ("", "INSERT INTO t VALUES (2)"):
            if statement:
                database.execute(statement)
            for _ in range(2):
                with self.open(database).snapshot() as snapshot:
                    identities.append(snapshot.identity)
        before, again, after, _ = identities
        assert before == again
        assert before is None or before != after

    def test_session_writes_are_refused(self, database: SourceDatabase) -> None:
        """The connector's own session cannot write, whatever the account may."""
        database.create("t", {"id": "int"}, [(1,)], key=["id"])
        with pytest.raises(Exception, match=r"(?i)read.?only"), self.open(database).snapshot() as snapshot:
            self.write_through(snapshot, self.table(snapshot, "t"), "id")
        assert self.read(database, "t")[1].column("id").to_pylist() == [1]

    # -- order and determinism ----------------------------------------------------------------------------------------

    def test_read_twice_gives_the_same_rows_in_the_same_order_whatever_the_batch_size(
        self, database: SourceDatabase
    ) -> None:
        """Order comes from the data alone."""
        rows = [(n * 7919 % 1000, f"text {n}", n / 3) for n in range(1000)]
        database.create("t", {"id": "int", "txt": "text", "num": "double"}, rows, key=["id"])
        _, first = self.read(database, "t", batch_rows=64)
        _, second = self.read(database, "t")
        assert first.equals(second)
        assert first.column("id").to_pylist() == list(range(1000))

    def test_read_orders_text_keys_by_their_bytes(self, database: SourceDatabase) -> None:
        """No collation has a say: capitals come first, accents last."""
        keys = ["B", "a", "c", "Z", "é", "A1", "A 1", "_", "東"]
        database.create("t", {"k": "name"}, [(key,) for key in keys], key=["k"])
        _, found = self.read(database, "t")
        assert found.column("k").to_pylist() == sorted(keys, key=str.encode)

    def test_read_orders_composite_keys_in_the_order_of_the_key(self, database: SourceDatabase) -> None:
        """The key's order counts, not the order of the columns."""
        rows = [(n % 3, f"k{n // 3}", n) for n in range(30)]
        database.create("t", {"b": "int", "a": "name", "v": "int"}, rows, key=["a", "b"])
        plan, found = self.read(database, "t")
        assert plan.table.order == ("a", "b")
        assert plan.table.primary_key is not None
        assert plan.table.primary_key.columns == ("a", "b")
        assert found.column("v").to_pylist() == [row[2] for row in sorted(rows, key=lambda row: (row[1], row[0]))]

    def test_read_of_a_table_without_key_keeps_equal_rows_and_orders_by_all_columns(
        self, database: SourceDatabase
    ) -> None:
        """The order does not depend on the order in which rows were written."""
        rows: list[Row] = [(2, "b"), (1, "a"), (2, "b"), (None, "a"), (1, None), (1, "A"), (None, None)]
        database.create("t1", {"x": "int", "y": "text"}, rows)
        database.create("t2", {"x": "int", "y": "text"}, rows[::-1])
        plan, first = self.read(database, "t1")
        _, second = self.read(database, "t2")
        assert plan.table.order == ()
        assert first.equals(second)
        assert sorted(map(str, zip(*first.to_pydict().values(), strict=True))) == sorted(map(str, rows))

    def test_read_of_an_empty_table_has_the_declared_types(self, database: SourceDatabase) -> None:
        """Types come from the declaration: no rows, the same schema."""
        columns = {"id": "int", "txt": "text", "num": "double", "raw": "bytes"}
        database.create("empty", columns, key=["id"])
        plan, found = self.read(database, "empty")
        assert found.num_rows == 0
        assert plan.totals.rows == 0
        assert pa.types.is_integer(plan.schema.field("id").type)
        assert [str(plan.schema.field(name).type) for name in ("txt", "num", "raw")] == ["string", "double", "binary"]

    # -- names --------------------------------------------------------------------------------------------------------

    def test_names_of_any_kind_are_read(self, database: SourceDatabase) -> None:
        """Quotes, spaces, newlines, reserved words and long names are names."""
        long = "n" * database.name_length_max
        names = [
            'quo"te',
            "back`tick",
            "apo'strophe",
            "two words",
            "new\nline",
            "select",
            "ÄÖ",
            "per%cent",
            "{brace}",
            long,
        ]
        rows = [tuple(range(len(names)))]
        database.create('odd "table` name', dict.fromkeys(names, "int"), rows, key=[names[0]])
        plan, found = self.read(database, 'odd "table` name')
        assert plan.schema.names == names
        assert [found.column(name)[0].as_py() for name in names] == list(range(len(names)))
        assert {column.name: column.sum for column in plan.totals.columns}["new\nline"] == "4"

    # -- values -------------------------------------------------------------------------------------------------------

    def test_text_arrives_character_for_character(self, database: SourceDatabase) -> None:
        """Nothing is trimmed, escaped, normalised or taken for null."""
        texts: list[str | None] = [*_TEXTS, None, *(["nul\x00inside", "\x00"] if database.nul_in_text else [])]
        database.create("t", {"id": "int", "txt": "text"}, list(enumerate(texts)), key=["id"])
        plan, found = self.read(database, "t")
        assert found.column("txt").to_pylist() == texts
        (totals,) = [column for column in plan.totals.columns if column.name == "txt"]
        assert totals.non_null == len(texts) - 1
        assert totals.size_bytes == sum(len((text or "").encode()) for text in texts)

    def test_empty_text_is_not_null(self, database: SourceDatabase) -> None:
        """Also when it is the row's only column."""
        database.create("t", {"txt": "text"}, [("",), (None,), ("",)])
        _, found = self.read(database, "t")
        assert sorted(found.column("txt").to_pylist(), key=str) == ["", "", None]

    def test_bytes_arrive_byte_for_byte(self, database: SourceDatabase) -> None:
        """Every byte value, none at all, and null."""
        values: list[bytes | None] = [bytes(range(256)), b"", None, b"\x00", b"\r\n", b"\\x41", b"'"]
        database.create("t", {"id": "int", "raw": "bytes"}, list(enumerate(values)), key=["id"])
        plan, found = self.read(database, "t")
        assert found.column("raw").to_pylist() == values
        assert {c.name: c.size_bytes for c in plan.totals.columns}["raw"] == sum(len(value or b"") for value in values)

    def test_integers_at_their_limits_are_exact(self, database: SourceDatabase) -> None:
        """64 bits, and their sum beyond 64 bits."""
        values: list[int | None] = [2**63 - 1, 2**63 - 1, -(2**63), -1, 0, None, 2**53 + 1, 2**63 - 1]
        database.create("t", {"id": "int", "big": "int"}, list(enumerate(values)), key=["id"])
        plan, found = self.read(database, "t")
        assert found.column("big").to_pylist() == values
        (totals,) = [column for column in plan.totals.columns if column.name == "big"]
        assert totals.sum == str(sum(value or 0 for value in values))
        assert (totals.minimum, totals.maximum) == (str(-(2**63)), str(2**63 - 1))

    def test_decimals_keep_every_digit(self, database: SourceDatabase) -> None:
        """Money never passes through a binary float."""
        texts = ["-0.01", "0.0000", "12.3400", "99999999999.9999", "-99999999999.9999", "0.0001"]
        values: list[Decimal | None] = [*map(Decimal, texts), None]
        database.create("t", {"id": "int", "amt": "decimal"}, list(enumerate(values)), key=["id"])
        plan, found = self.read(database, "t")
        assert plan.schema.field("amt").type == pa.decimal128(19, 4)
        assert found.column("amt").to_pylist() == values
        (totals,) = [column for column in plan.totals.columns if column.name == "amt"]
        assert totals.sum == "12.3301"

    def test_floats_keep_every_bit(self, database: SourceDatabase) -> None:
        """Denormals, the largest, the infinite, not-a-number and negative zero."""
        values = [*_FLOATS, *(-value for value in _FLOATS[1:]), *database.special_floats]
        database.create("t", {"id": "int", "num": "double"}, list(enumerate(values)), key=["id"])
        _, found = self.read(database, "t")
        bits = [struct.pack(">d", value) for value in found.column("num").to_pylist()]
        assert bits == [struct.pack(">d", value) for value in values]

    # -- long values --------------------------------------------------------------------------------------------------

    def test_values_over_the_inline_limit_have_their_length_beside_them(self, database: SourceDatabase) -> None:
        """A longer value is announced by its length, a shorter one is not."""
        rows: list[Row] = [(1, b"a" * 1001, "é" * 501), (2, b"b" * 1000, "é" * 500), (3, None, None), (4, b"", "")]
        database.create("t", {"id": "int", "raw": "bytes", "txt": "text"}, rows, key=["id"])
        plan, found = self.read(database, "t", inline_value_bytes=1000)
        assert plan.file_columns == ("raw", "txt")
        assert found.column(size_column("raw")).to_pylist() == [1001, None, None, None]
        assert found.column(size_column("txt")).to_pylist() == [1002, None, None, None]
        assert found.column("raw").to_pylist() == [row[1] for row in rows]
        assert found.column("txt").to_pylist() == [row[2] for row in rows]

    def test_document_columns_announce_every_value(self, database: SourceDatabase) -> None:
        """What the profile calls a document becomes a file, however short; an empty value is no document."""
        database.create("t", {"id": "int", "raw": "bytes"}, [(1, b"abc"), (2, b""), (3, None)], key=["id"])
        with self.open(database).snapshot() as snapshot:
            plan = snapshot.plan(self.table(snapshot, "t"), file_columns=frozenset({"raw"}))
            found = pa.Table.from_batches(snapshot.read(plan), schema=plan.schema)
        assert found.column(size_column("raw")).to_pylist() == [3, None, None]
        assert found.column("raw").to_pylist() == [b"abc", b"", None]

    def test_values_too_long_for_a_batch_are_fetched_while_the_table_is_read(self, database: SourceDatabase) -> None:
        """Nine MiB of bytes and of text, by a key of two columns, come in pieces and complete."""
        raw, txt = bytes(range(256)) * 36_864, "é\U0001f600\n" * 1_500_000
        rows: list[Row] = [(n, f"k'{n}", b"short", "short") for n in range(40)]
        rows[3], rows[20] = (3, "k'é", raw, "short"), (20, "K'20", b"short", txt)
        columns = {"a": "int", "b": "name", "raw": "bytes", "txt": "text"}
        database.create("t", columns, rows, key=["b", "a"])
        seen: dict[tuple[int, str], bytes] = {}
        with self.open(database, batch_rows=7).snapshot() as snapshot:
            plan = snapshot.plan(self.table(snapshot, "t"))
            for batch in snapshot.read(plan):
                for row in batch.to_pylist():
                    for name in ("raw", "txt"):
                        if row[size_column(name)] is not None:
                            assert row[name] is None
                            pieces = list(snapshot.read_value(plan, name, [row["b"], row["a"]]))
                            assert max(map(len, pieces)) <= 8 * 1024 * 1024
                            seen[row["a"], name] = b"".join(pieces)
        assert seen == {(3, "raw"): raw, (20, "txt"): txt.encode()}
        sizes = {column.name: column.size_bytes for column in plan.totals.columns}
        assert sizes["raw"] == len(raw) + 39 * 5
        assert sizes["txt"] == len(txt.encode()) + 39 * 5

    def test_a_document_column_that_is_neither_text_nor_bytes_is_refused(self, database: SourceDatabase) -> None:
        """A profile that calls a number a document is wrong."""
        database.create("t", {"id": "int", "num": "double"}, [(1, 0.5)], key=["id"])
        with (
            self.open(database).snapshot() as snapshot,
            pytest.raises(PortabilityError, match="only text and bytes"),
        ):
            snapshot.plan(self.table(snapshot, "t"), file_columns=frozenset({"num"}))

    # -- what is left out ---------------------------------------------------------------------------------------------

    def test_excluded_columns_are_nowhere(self, database: SourceDatabase) -> None:
        """Neither in the batches, nor in the totals, nor in the order of the rows' columns."""
        columns = {"id": "int", "password": "text", "name": "text"}
        database.create("t", columns, [(1, "secret", "a"), (2, "hidden", "b")], key=["id"])
        with self.open(database).snapshot() as snapshot:
            plan = snapshot.plan(self.table(snapshot, "t"), excluded=frozenset({"password"}))
            found = pa.Table.from_batches(snapshot.read(plan), schema=plan.schema)
        assert found.column_names == ["id", "name"]
        assert [column.name for column in plan.totals.columns] == ["id", "name"]
        assert plan.table.column("password").carried == "excluded"

    def test_a_table_whose_key_is_excluded_is_ordered_by_what_is_left(self, database: SourceDatabase) -> None:
        """An excluded column does not show through the order either."""
        database.create("t", {"token": "name", "v": "int"}, [("a", 3), ("b", 1), ("c", 2)], key=["token"])
        with self.open(database).snapshot() as snapshot:
            plan = snapshot.plan(self.table(snapshot, "t"), excluded=frozenset({"token"}))
            found = pa.Table.from_batches(snapshot.read(plan), schema=plan.schema)
        assert plan.table.order == ()
        assert found.column("v").to_pylist() == [1, 2, 3]

    def test_a_table_dropped_after_discovery_is_named_in_the_error(self, database: SourceDatabase) -> None:
        """A plan for a table that is not there fails in our words."""
        database.create("t", {"id": "int"}, key=["id"])
        with self.open(database).snapshot() as snapshot:
            gone = replace(self.table(snapshot, "t"), name="gone")
            with pytest.raises(PortabilityError, match="no such table") as caught:
                snapshot.plan(gone)
        assert caught.value.place.endswith(".gone")
