"""Control totals recomputed from Parquet: exact for every type, and computed from the rows themselves."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from portability.errors import FormatError
from portability.formats.totals import COLUMNS_PER_QUERY, difference, recompute_totals
from portability.manifest import Column, ColumnTotals, Table, TableTotals

FILE_TYPE = pa.struct([pa.field("sha256", pa.string()), pa.field("size_bytes", pa.int64())])
WIDE = Decimal("9999999999999999999999999999.9999999999")
MAX = 2**63 - 1

# Name: Arrow type, values, the figures besides non_null.
CASES: dict[str, tuple[pa.DataType, list[Any], dict[str, Any]]] = {
    "small integers": (pa.int8(), [1, -128, None], {"sum": "-127", "minimum": "-128", "maximum": "1"}),
    "sum past 64 bits": (
        pa.uint64(),
        [2**64 - 1, 2**64 - 1],
        {"sum": str(2**65 - 2), "minimum": str(2**64 - 1), "maximum": str(2**64 - 1)},
    ),
    "signed sum past 64 bits": (
        pa.int64(),
        [MAX, MAX],
        {"sum": str(2 * MAX), "minimum": str(MAX), "maximum": str(MAX)},
    ),
    "decimal": (
        pa.decimal128(12, 2),
        [Decimal("12.50"), Decimal("-0.01"), None],
        {"sum": "12.49", "minimum": "-0.01", "maximum": "12.5"},
    ),
    "all digits behind the point": (
        pa.decimal128(5, 5),
        [Decimal("0.12345"), Decimal("-0.00001")],
        {"sum": "0.12344", "minimum": "-0.00001", "maximum": "0.12345"},
    ),
    "sum past 38 digits": (
        pa.decimal128(38, 10),
        [WIDE, WIDE, Decimal("-0.0000000001")],
        {"sum": "19999999999999999999999999999.9999999997", "minimum": "-0.0000000001", "maximum": str(WIDE)},
    ),
    "no decimals at all": (pa.decimal128(38, 10), [None], {}),
    "float": (pa.float64(), [1.5, -2.25, None], {"minimum": "-2.25", "maximum": "1.5"}),
    "float with nan": (pa.float64(), [math.nan, 0.0, -0.0], {"minimum": "0.0", "maximum": "0.0"}),
    "float of nan alone": (pa.float64(), [math.nan], {}),
    "infinite float": (pa.float64(), [math.inf, -math.inf, math.nan], {"minimum": "-inf", "maximum": "inf"}),
    "float of 32 bits": (pa.float32(), [1.1], {"minimum": "1.100000023841858", "maximum": "1.100000023841858"}),
    "boolean": (pa.bool_(), [True, False, None, True], {"true": 2}),
    "no booleans": (pa.bool_(), [None], {"true": 0}),
    "date": (pa.date32(), [date(1, 1, 1), date(9999, 12, 31)], {"minimum": "0001-01-01", "maximum": "9999-12-31"}),
    "timestamp": (
        pa.timestamp("us"),
        [datetime(1970, 1, 1), datetime(2020, 1, 6, 9, 30, 0, 5)],  # noqa: DTZ001 -- naive in the source
        {"minimum": "1970-01-01T00:00:00.000000", "maximum": "2020-01-06T09:30:00.000005"},
    ),
    "instant": (
        pa.timestamp("us", tz="UTC"),
        [1],
        {"minimum": "1970-01-01T00:00:00.000001", "maximum": "1970-01-01T00:00:00.000001"},
    ),
    "nanoseconds": (
        pa.timestamp("ns"),
        [-1],
        {"minimum": "1969-12-31T23:59:59.999999999", "maximum": "1969-12-31T23:59:59.999999999"},
    ),
    "time": (
        pa.time64("us"),
        [time(0), time(23, 59, 59, 999_999)],
        {"minimum": "00:00:00.000000", "maximum": "23:59:59.999999"},
    ),
    "duration": (
        pa.duration("us"),
        [timedelta(hours=-838), timedelta(0)],
        {"minimum": "-3016800000000", "maximum": "0"},
    ),
    "text": (pa.string(), ["\N{EURO SIGN}", "", None, "a\0b"], {"size_bytes": 6}),
    "no text": (pa.string(), [None], {"size_bytes": 0}),
    "large text": (pa.large_string(), ["\N{OLD ITALIC LETTER A}"], {"size_bytes": 4}),
    "bytes": (pa.binary(), [b"abc", b"", None], {"size_bytes": 3}),
    "bytes of one length": (pa.binary(4), [b"abcd"], {"size_bytes": 4}),
    "uuid": (pa.uuid(), [b"\0" * 16, None], {}),
    "json": (pa.json_(), ['{"a": 1.0,"a":2}', None], {"size_bytes": 16}),
    "labels": (pa.dictionary(pa.int32(), pa.string()), ["x", "y", None], {}),
    "list": (pa.list_(pa.string()), [["x"], [], None], {}),
    "null": (pa.null(), [None, None], {}),
}


def write(path: Path, columns: dict[str, pa.Array], **properties: Any) -> Table:  # noqa: ANN401 -- of every Column
    """Write a file and return its description."""
    pq.write_table(pa.table(columns), path)
    described = tuple(
        Column(name=name, position=number, native_type="", **properties)
        for number, name in enumerate(columns, 1)
        if not name.endswith("__file")
    )
    return Table(schema="main", name="t", columns=described, file="source/main.t.parquet")


def totals_of(path: Path, table: Table, **options: Any) -> TableTotals:  # noqa: ANN401 -- of recompute_totals
    """Recompute in a connection of its own."""
    with duckdb.connect() as connection:
        return recompute_totals(connection, path, table, **options)


@pytest.mark.parametrize("name", CASES)
def test_recompute_totals_each_type_gives_its_figures(tmp_path: Path, name: str) -> None:
    """Each Arrow type has exactly the figures that the format gives it, in normal form."""
    kind, values, figures = CASES[name]
    storage = pa.array(values, kind.storage_type) if isinstance(kind, pa.BaseExtensionType) else pa.array(values, kind)
    array = pa.ExtensionArray.from_storage(kind, storage) if isinstance(kind, pa.BaseExtensionType) else storage
    path = tmp_path / "t.parquet"
    found = totals_of(path, write(path, {"c": array}))
    present = sum(value is not None for value in values)
    assert found.rows == len(values)
    assert found.columns == (ColumnTotals(name="c", non_null=present, **figures),)


def test_recompute_totals_values_in_files_count_and_weigh(tmp_path: Path) -> None:
    """A value that became a file is present, and its length counts."""
    file = {"sha256": "0" * 64, "size_bytes": 1_000_000}
    path = tmp_path / "t.parquet"
    columns = {"c": pa.array(["ab", None, None]), "c__file": pa.array([None, file, None], FILE_TYPE)}
    (column,) = totals_of(path, write(path, columns, carried="file")).columns
    assert (column.non_null, column.size_bytes) == (2, 1_000_002)


def test_recompute_totals_exceptions_are_present_in_the_source(tmp_path: Path) -> None:
    """A value in the exceptions ledger is null in the file and not null in the source."""
    path = tmp_path / "t.parquet"
    (column,) = totals_of(path, write(path, {"c": pa.array([1, None, None])}), excepted={"c": 2}).columns
    assert (column.non_null, column.excepted) == (3, 2)


def test_recompute_totals_excluded_columns_have_none(tmp_path: Path) -> None:
    """What is not in the file is not counted."""
    path = tmp_path / "t.parquet"
    table = write(path, {"c": pa.array([1])})
    secret = Column(name="secret", position=2, native_type="", carried="excluded", reason="a credential")
    described = Table(schema="main", name="t", columns=(*table.columns, secret), file=table.file)
    assert [column.name for column in totals_of(path, described).columns] == ["c"]


def test_recompute_totals_names_that_differ_in_case_are_two_columns(tmp_path: Path) -> None:
    """The engine folds case in names; totals go by position."""
    path = tmp_path / "t.parquet"
    columns = {"a": pa.array([1]), "A": pa.array([20]), 'q"uote': pa.array([300]), "": pa.array([4000])}
    assert [column.sum for column in totals_of(path, write(path, columns)).columns] == ["1", "20", "300", "4000"]


def test_recompute_totals_wide_table_is_read_in_stripes(tmp_path: Path) -> None:
    """More columns than fit one query are all there, in order."""
    path = tmp_path / "t.parquet"
    wide = {f"c{number}": pa.array([number]) for number in range(COLUMNS_PER_QUERY + 2)}
    found = totals_of(path, write(path, wide))
    assert [column.sum for column in found.columns] == [str(number) for number in range(COLUMNS_PER_QUERY + 2)]


def test_recompute_totals_empty_table_has_no_sums(tmp_path: Path) -> None:
    """No rows give no sums, no bounds and sizes of nothing."""
    path = tmp_path / "t.parquet"
    found = totals_of(path, write(path, {"n": pa.array([], pa.int64()), "s": pa.array([], pa.string())}))
    assert found.rows == 0
    assert found.columns == (ColumnTotals(name="n", non_null=0), ColumnTotals(name="s", non_null=0, size_bytes=0))


def test_recompute_totals_path_that_looks_like_a_pattern_is_one_file(tmp_path: Path) -> None:
    """An archive may lie below a directory called a=b[1]."""
    folder = tmp_path / "a=b[1]*"
    folder.mkdir()
    (found,) = totals_of(folder / "t.parquet", write(folder / "t.parquet", {"c": pa.array([7])})).columns
    assert found.sum == "7"


@pytest.mark.parametrize("content", [b"", b"PAR1PAR1", b"no parquet at all"])
def test_recompute_totals_damaged_file_is_a_format_error(tmp_path: Path, content: bytes) -> None:
    """What the libraries raise does not get out."""
    path = tmp_path / "t.parquet"
    table = write(path, {"c": pa.array([1])})
    path.write_bytes(content)
    with pytest.raises(FormatError, match="cannot be read"):
        totals_of(path, table)


def test_recompute_totals_missing_column_is_a_format_error(tmp_path: Path) -> None:
    """A carried column has to be in the file."""
    path = tmp_path / "t.parquet"
    table = write(path, {"c": pa.array([1])})
    write(path, {"d": pa.array([1])})
    with pytest.raises(FormatError, match="column c"):
        totals_of(path, table)


# Two values of one length each: the file holds the first, its statistics are those of the second.
LIES: dict[str, tuple[pa.DataType, Any, Any]] = {
    "integers": (pa.int64(), 3, 9),
    "decimals": (pa.decimal128(19, 4), Decimal("1.5"), Decimal("9.5")),
    "floats": (pa.float64(), 1.5, 9.5),
    "booleans": (pa.bool_(), False, True),
    "dates": (pa.date32(), date(2020, 1, 1), date(2021, 1, 1)),
    "instants": (pa.timestamp("us", tz="UTC"), 1, 9),
    "times": (pa.time64("us"), 1, 9),
    "durations": (pa.duration("us"), 1, 9),
}


@pytest.mark.parametrize("name", LIES)
def test_recompute_totals_statistics_that_lie_are_not_asked(tmp_path: Path, name: str) -> None:
    """What a file says of its rows decides no figure of them."""
    kind, held, told = LIES[name]
    options = {"compression": "none", "use_dictionary": False}
    pq.write_table(pa.table({"c": pa.array([held] * 3, kind)}), tmp_path / "held.parquet", **options)
    pq.write_table(pa.table({"c": pa.array([told] * 3, kind)}), tmp_path / "told.parquet", **options)
    rows, footer = (tmp_path / "held.parquet").read_bytes(), (tmp_path / "told.parquet").read_bytes()
    length = int.from_bytes(footer[-8:-4], "little") + 8
    path = tmp_path / "t.parquet"
    path.write_bytes(rows[: len(footer) - length] + footer[-length:])
    assert pq.read_metadata(path).row_group(0).column(0).statistics.max != pq.read_table(path)["c"][0].as_py()
    table = Table(
        schema="main",
        name="t",
        columns=(Column(name="c", position=1, native_type=""),),
        file="source/main.t.parquet",
    )
    assert totals_of(path, table) == totals_of(tmp_path / "held.parquet", table)
    assert totals_of(path, table) != totals_of(tmp_path / "told.parquet", table)


def test_difference_names_every_figure() -> None:
    """Two totals of one table are compared figure by figure, missing columns included."""
    ours = TableTotals(schema="m", name="t", rows=1, columns=(ColumnTotals(name="a", non_null=1, sum="1"),))
    theirs = TableTotals(
        schema="m",
        name="t",
        rows=2,
        columns=(ColumnTotals(name="a", non_null=1, sum="2"), ColumnTotals(name="b", non_null=0)),
    )
    assert difference(ours, ours) == ()
    assert difference(theirs, ours) == ("rows", "a.sum", "b (not in the file)")
    assert difference(ours, theirs) == ("rows", "a.sum", "b (no totals)")
