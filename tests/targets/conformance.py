"""The contract of targets as tests: inherit :class:`TargetConformance`, give it a fresh database and its types.

What is loaded is read back through the target's own query, and where a connector exists through that too, and compared
value by value.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

import pyarrow as pa
import pytest

from portability.connectors import open_connector
from portability.errors import PortabilityError, TargetError
from portability.targets import Target, open_target

TEXTS = (
    "",
    " ",
    "NULL",
    "\\N",
    "\\.",
    "\\",
    "\\\\n",
    '"',
    "it's",
    "a\tb",
    "line\nline",
    "line\r\nline",
    "\r",
    "trailing  ",
    "\x01\x08\x1a\x7f",
    "\ufeffmark",
    "\ufffd",
    "e\u0301",
    "Straße, Łódź, 東京",
    "\U0001f469\u200d\u2696\ufe0f\U0001f600",
    "%s {} $1 ?",
    "x" * 70_000,
)
BYTES = (b"", b"\x00", b"\\x00", b"\t\n\r\\", bytes(range(256)), b"\xff" * 70_000)
FLOATS = (0.0, -0.0, 0.1, 1 / 3, 1e300, 5e-324, 1.7976931348623157e308, 123456789.12345679)
DATES = (date(1, 1, 1), date(1582, 10, 10), date(1970, 1, 1), date(9999, 12, 31))
MOMENTS = tuple(
    datetime.fromisoformat(text)
    for text in ("0001-01-01", "1969-12-31 23:59:59.999999", "2024-03-31 01:30", "9999-12-31 23:59:59.999999")
)
TIMES = (time(0), time(23, 59, 59, 999999))
DURATIONS = (timedelta(0), timedelta(hours=-838), timedelta(hours=838, microseconds=1), timedelta(microseconds=-1))
UUIDS = (UUID(int=0), UUID("12345678-9abc-def0-1234-56789abcdef0"), UUID(int=2**128 - 1))


def uuid_array(values: list[UUID | None]) -> pa.Array:
    """Return an array of UUIDs."""
    storage = pa.array([value and value.bytes for value in values], pa.binary(16))
    return pa.ExtensionArray.from_storage(pa.uuid(), storage)


def decimals(precision: int, scale: int) -> list[Decimal]:
    """Return the awkward decimals of a type."""
    units = (0, 1, -1, 10**precision - 1, 1 - 10**precision, 10 ** (precision - 1))
    return [Decimal((int(unit < 0), tuple(map(int, str(abs(unit)))), -scale)) for unit in units]


class TargetConformance:
    """What every target promises."""

    # What each kind of value is called here.
    types: ClassVar[dict[str, str]]
    has_nul: ClassVar[bool] = True
    special_floats: ClassVar[tuple[float, ...]] = ()
    has_connector: ClassVar[bool] = True
    # SQL that gives a column of a kind as text: how a person would check it.
    as_text: ClassVar[dict[str, str]] = {}

    @pytest.fixture
    def url(self) -> str:
        """Return the address of a fresh, empty database; each target gives its own."""
        raise NotImplementedError

    @pytest.fixture
    def target(self, url: str) -> Iterator[Target]:
        """Return the open target."""
        with open_target(url) as target:
            yield target

    # -- helping hands ------------------------------------------------------------------------------------------------

    def make(self, target: Target, kind: str, values: pa.Array) -> None:
        """Load a column of a kind, with a number for each row and a null after the values."""
        target.execute(f"CREATE TABLE t (id {self.types['int']}, {target.quote('v')} {self.types[kind]})")
        with_null = pa.concat_arrays([values, pa.nulls(1, values.type)])
        ids = pa.array(range(len(with_null)), pa.int64())
        batch = pa.RecordBatch.from_arrays([ids, with_null], names=["id", "v"])
        halves = [batch.slice(0, 2), batch.slice(2, 0), batch.slice(2)]
        assert target.load("t", ["id", "v"], halves) == len(with_null)

    def found(self, target: Target, kind: str) -> list[Any]:
        """Return the values as the target's own SQL has them, less the null that must be last."""
        expression = self.as_text.get(kind, "{}").format(target.quote("v"))
        answer = target.query(f"SELECT id, {expression} AS v FROM t ORDER BY id")
        values: list[Any] = answer.column("v").to_pylist()
        assert values[-1] is None
        assert None not in values[:-1]
        return values[:-1]

    def read(self, url: str) -> pa.Table:
        """Return the table as an export would read it."""
        with open_connector(url).snapshot() as snapshot:
            (table,) = [t for t in snapshot.discover().tables if t.name == "t"]
            plan = snapshot.plan(table)
            return pa.Table.from_batches(snapshot.read(plan), schema=plan.schema).sort_by("id")

    # -- values -------------------------------------------------------------------------------------------------------

    def test_load_texts_gives_them_back(self, target: Target) -> None:
        """Nothing that a text may hold is taken for a separator, an escape or a null."""
        texts = [*TEXTS, *(["nul\0inside", "\0"] if self.has_nul else [])]
        self.make(target, "text", pa.array(texts))
        assert self.found(target, "text") == texts

    def test_load_text_with_nul_is_kept_or_refused_with_its_column(self, target: Target) -> None:
        """A target that cannot hold U+0000 says so, and where."""
        if self.has_nul:
            self.make(target, "text", pa.array(["a\0b"]))
            assert self.found(target, "text") == ["a\0b"]
        else:
            with pytest.raises(TargetError, match="v: 1 texts hold the character U"):
                self.make(target, "text", pa.array(["a\0b"]))

    def test_load_text_as_dictionary_or_large_gives_it_back(self, target: Target) -> None:
        """How Arrow keeps a text makes no difference."""
        self.make(target, "text", pa.array(["a", "b", "a"]).dictionary_encode())
        assert self.found(target, "text") == ["a", "b", "a"]
        large = pa.RecordBatch.from_arrays([pa.array([9]), pa.array(["x\ty"], pa.large_string())], names=["id", "v"])
        target.load("t", ["id", "v"], [large])
        assert target.query("SELECT v FROM t WHERE id = 9").to_pydict() == {"v": ["x\ty"]}

    def test_load_json_keeps_its_text(self, target: Target) -> None:
        """JSON is text to us: spaces, order and doubled keys stay."""
        texts = ['{"b" : 1.10, "a":"\\u00e9\\n"}', "null", '{"a":1,"a":2}']
        values = pa.ExtensionArray.from_storage(pa.json_(), pa.array(texts))
        self.make(target, "json", values)
        assert self.found(target, "json") == texts

    def test_load_bytes_gives_them_back(self, target: Target) -> None:
        """Every byte, none at all, and null are different things."""
        self.make(target, "bytes", pa.array(BYTES, pa.binary()))
        assert [bytes(value) for value in self.found(target, "bytes")] == list(BYTES)

    @pytest.mark.parametrize(("precision", "scale"), [(5, 0), (5, 5), (19, 4), (38, 10), (38, 38)])
    def test_load_decimals_gives_them_back(self, target: Target, precision: int, scale: int) -> None:
        """Digits are never rounded."""
        values = decimals(precision, scale)
        types = self.types | {"decimal": self.decimal_type(precision, scale)}
        target.execute(f"CREATE TABLE t (id {types['int']}, v {types['decimal']})")
        array = pa.array([*values, None], pa.decimal128(precision, scale))
        ids = pa.array(range(len(array)), pa.int64())
        target.load("t", ["id", "v"], [pa.RecordBatch.from_arrays([ids, array], names=["id", "v"])])
        expression = self.as_text.get("decimal", "{}").format("v")
        found = target.query(f"SELECT {expression} AS v FROM t ORDER BY id").column("v").to_pylist()
        assert [None if value is None else Decimal(value) for value in found] == [*values, None]

    def decimal_type(self, precision: int, scale: int) -> str:
        """Return the type of decimals here."""
        return f"decimal({precision},{scale})"

    def test_load_floats_gives_the_same_bits(self, target: Target) -> None:
        """A double comes back bit by bit, negative zero too where there is one."""
        values = [*FLOATS, *self.special_floats]
        self.make(target, "double", pa.array(values, pa.float64()))
        bits = [struct.pack("<d", float(value)) for value in self.found(target, "double")]
        expected = [struct.pack("<d", self.expected_float(value)) for value in values]
        assert bits == expected

    def expected_float(self, value: float) -> float:
        """Return what a float becomes here; itself, unless the DBMS has no negative zero."""
        return value

    def test_load_float_that_is_none_here_is_refused(self, target: Target) -> None:
        """An infinity is never made null or the largest number."""
        for value in (math.nan, math.inf):
            if any(struct.pack("<d", value) == struct.pack("<d", kept) for kept in self.special_floats):
                continue
            with pytest.raises(TargetError):
                self.make(target, "double", pa.array([1.0, value]))
            target.execute("DROP TABLE t")

    def test_load_integers_gives_them_back(self, target: Target) -> None:
        """Both ends of 64 bits."""
        values = [0, -1, 2**63 - 1, -(2**63)]
        self.make(target, "int", pa.array(values, pa.int64()))
        assert self.found(target, "int") == values

    def test_load_booleans_gives_them_back(self, target: Target) -> None:
        """True is true, or 1."""
        self.make(target, "bool", pa.array([True, False]))
        assert [bool(value) for value in self.found(target, "bool")] == [True, False]

    @pytest.mark.parametrize(
        ("kind", "arrow", "values"),
        [
            ("date", pa.date32(), DATES),
            ("timestamp", pa.timestamp("us"), MOMENTS),
            ("instant", pa.timestamp("us", "UTC"), [moment.replace(tzinfo=UTC) for moment in MOMENTS]),
            ("time", pa.time64("us"), TIMES),
        ],
    )
    def test_load_times_gives_them_back(self, target: Target, kind: str, arrow: pa.DataType, values: list[Any]) -> None:
        """No time is shifted by anybody's zone, none loses its microseconds, the far ends of the calendar hold."""
        self.make(target, kind, pa.array(values, arrow))
        expected = [str(value).removesuffix("+00:00") for value in values]
        found = [
            str(value).replace("T", " ").removesuffix("+00:00").removesuffix("+00")
            for value in self.found(target, kind)
        ]
        assert [_padded(value) for value in found] == [_padded(value) for value in expected]

    def test_load_durations_gives_them_back(self, target: Target) -> None:
        """Durations may be negative and longer than a day."""
        self.make(target, "duration", pa.array(DURATIONS, pa.duration("us")))
        assert self.durations(self.found(target, "duration")) == list(DURATIONS)

    def durations(self, found: list[Any]) -> list[timedelta]:
        """Turn what was found into durations."""
        return [timedelta(microseconds=int(value)) for value in found]

    def test_load_uuids_gives_them_back(self, target: Target) -> None:
        """The order of the digits is that of the bytes."""
        self.make(target, "uuid", uuid_array([*UUIDS]))
        assert [str(value) for value in self.found(target, "uuid")] == [str(value) for value in UUIDS]

    def test_load_what_a_connector_reads_is_the_same(self, target: Target, url: str) -> None:
        """What we load, we export again as it was."""
        texts = [text for text in TEXTS if text]
        self.make(target, "text", pa.array(texts))
        assert self.read(url).column("v").to_pylist() == [*texts, None]

    def test_load_many_rows_keeps_all(self, target: Target) -> None:
        """Several pieces of several batches arrive whole."""
        target.execute(f"CREATE TABLE t (id {self.types['int']}, v {self.types['text']})")
        rows, note = 60_000, "a note that is neither short nor long " * 4
        batches = (
            pa.RecordBatch.from_arrays(
                [pa.array(range(start, start + 20_000)), pa.array([note] * 20_000)], names=["id", "v"]
            )
            for start in range(0, rows, 20_000)
        )
        assert target.load("t", ["id", "v"], batches) == rows
        answer = target.query("SELECT count(*) AS n, sum(id) AS s, min(v) AS a, max(v) AS b FROM t").to_pylist()[0]
        assert (answer["n"], int(answer["s"]), answer["a"], answer["b"]) == (rows, rows * (rows - 1) // 2, note, note)

    def test_load_nothing_adds_nothing(self, target: Target) -> None:
        """No batches are no rows."""
        target.execute(f"CREATE TABLE t (id {self.types['int']})")
        assert target.load("t", ["id"], []) == 0

    def test_load_into_odd_names_works(self, target: Target) -> None:
        """Reserved words, quotes and spaces are names like others."""
        name, column = 'select "a" `b`', "order; --"
        target.execute(f"CREATE TABLE {target.quote(name)} ({target.quote(column)} {self.types['int']})")
        assert target.load(name, [column], [pa.RecordBatch.from_arrays([pa.array([1])], names=["x"])]) == 1
        assert target.table_names() == [name]
        assert [each.name for each in target.columns(name)] == [column]

    # -- transactions and errors --------------------------------------------------------------------------------------

    def test_transaction_that_fails_leaves_no_row(self, target: Target) -> None:
        """Rows of a broken transaction are gone."""
        target.execute(f"CREATE TABLE t (id {self.types['int']})")

        def break_off() -> None:
            with target.transaction():
                target.load("t", ["id"], [pa.RecordBatch.from_arrays([pa.array([1, 2])], names=["id"])])
                raise KeyError

        with pytest.raises(KeyError):
            break_off()
        assert target.query("SELECT count(*) AS n FROM t").to_pydict() == {"n": [0]}

    def test_transaction_that_ends_keeps_its_rows(self, target: Target, url: str) -> None:
        """Another session sees them."""
        target.execute(f"CREATE TABLE t (id {self.types['int']})")
        with target.transaction():
            target.load("t", ["id"], [pa.RecordBatch.from_arrays([pa.array([1, 2])], names=["id"])])
        if self.has_connector:
            assert self.read(url).column("id").to_pylist() == [1, 2]

    def test_load_source_that_breaks_off_raises_its_own_error(self, target: Target) -> None:
        """Whoever makes the rows may fail; a loader neither hides that nor waits for ever."""
        target.execute(f"CREATE TABLE t (id {self.types['int']})")

        def batches() -> Iterator[pa.RecordBatch]:
            yield pa.RecordBatch.from_arrays([pa.array(range(50_000))], names=["id"])
            raise TargetError("the archive broke off", place="here")

        with pytest.raises(PortabilityError, match="broke off"), target.transaction():
            target.load("t", ["id"], batches())
        assert target.query("SELECT count(*) AS n FROM t").to_pydict() == {"n": [0]}

    def test_load_value_that_does_not_fit_is_refused_without_the_value(self, target: Target) -> None:
        """A key that exists twice stops the load; the message holds no client's data."""
        target.execute(f"CREATE TABLE t (v {self.types['name']} NOT NULL PRIMARY KEY)")
        rows = pa.RecordBatch.from_arrays([pa.array(["Mrs Confidential", "Mrs Confidential"])], names=["v"])
        with pytest.raises(TargetError) as raised, target.transaction():
            target.load("t", ["v"], [rows])
        assert "Confidential" not in f"{raised.value} {raised.value.hint}"
        assert raised.value.place
        assert target.query("SELECT count(*) AS n FROM t").to_pydict() == {"n": [0]}

    def test_execute_wrong_statement_is_a_target_error(self, target: Target) -> None:
        """The library's own error does not get out."""
        for sql in ("SELEC 1", "SELECT * FROM nothing_here"):
            with pytest.raises(TargetError):
                target.execute(sql)
            with pytest.raises(TargetError):
                target.query(sql)

    def test_execute_takes_one_statement_and_no_second(self, target: Target) -> None:
        """What is slipped in behind a semicolon is not run."""
        with pytest.raises(TargetError):
            target.execute("CREATE TABLE a (id INTEGER); CREATE TABLE b (id INTEGER)")
        assert target.table_names() == []

    def test_query_decimals_are_decimals_and_counts_are_integers(self, target: Target) -> None:
        """Money in an answer is no float."""
        answer = target.query("SELECT CAST(12.50 AS DECIMAL(10,2)) AS money, 3 AS n, NULL AS gap")
        assert answer.column("n").to_pylist() == [3]
        assert answer.column("gap").to_pylist() == [None]
        if self.dbms_has_decimals:
            assert pa.types.is_decimal(answer.schema.field("money").type)

    dbms_has_decimals: ClassVar[bool] = True

    def test_execute_update_tells_its_rows(self, target: Target) -> None:
        """An importer asks whether a second run changed anything."""
        target.execute(f"CREATE TABLE t (id {self.types['int']})")
        assert target.execute("INSERT INTO t VALUES (1), (2), (3)") == 3
        assert target.execute("UPDATE t SET id = 9 WHERE id > 1") == 2
        assert target.execute("DELETE FROM t WHERE id = 1") == 1


def _padded(text: str) -> str:
    """Write a time with six decimals, whoever left trailing zeros out."""
    clock, dot, fraction = text.partition(".")
    if ":" not in text:
        return text.zfill(10)
    clock = clock if len(clock) in (8, 19) else clock.zfill(19)
    return f"{clock}.{fraction:0<6}" if dot else f"{clock}.000000"
