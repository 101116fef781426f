"""Keys and references of the source layer: compared exactly, whatever columns are called and however they travel."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from fixtures.minimal import good_content
from fixtures.writing import Content, write_archive
from portability.checks import Report, verify
from portability.manifest import Column, ForeignKey, Key, Table

FILE_TYPE = pa.struct([pa.field("sha256", pa.string()), pa.field("size_bytes", pa.int64())])


@pytest.fixture
def content() -> Content:
    """The good content without its canonical layer, without documents and with no table yet."""
    content = good_content()
    content.entities = {}
    content.documents = []
    content.listed = content.listed.slice(1)
    content.exceptions = content.exceptions.slice(0, 0)
    content.source = content.source.with_tables(())
    content.tables = {}
    return content


def add(content: Content, name: str, columns: dict[str, pa.Array], **properties: Any) -> None:  # noqa: ANN401 -- of Table
    """Add a table with its rows; columns whose name has a known ending are sidecars."""
    carried = {name.removesuffix("__file") for name in columns if name.endswith("__file")}
    described = tuple(
        Column(name=each, position=number, native_type="", carried="file" if each in carried else "value")
        for number, each in enumerate(columns, 1)
        if not each.endswith(("__file", "__typeof"))
    )
    table = Table(schema="main", name=name, columns=described, file=f"source/main.{name}.parquet", **properties)
    content.source = content.source.with_tables((*content.source.tables, table))
    content.tables[name] = pa.table(columns)


def key(*columns: str) -> Key:
    """Make a key without a name."""
    return Key(name=None, columns=columns)


def reference(column: str, target: str, **properties: Any) -> ForeignKey:  # noqa: ANN401 -- of ForeignKey
    """Make a reference to the column ``id`` of a table."""
    return ForeignKey(
        name=None, columns=(column,), target_schema="main", target_table=target, target_columns=("id",), **properties
    )


def checked(content: Content, tmp_path: Path) -> Report:
    """Write the archive and check it to the bottom."""
    write_archive(content, tmp_path / "archive")
    return verify(tmp_path / "archive", level="deep")


def codes(content: Content, tmp_path: Path) -> set[str]:
    """Return what a deep check raises besides that nothing is signed and no canonical layer is there."""
    return checked(content, tmp_path).codes() - {"C161", "L493"}


def test_key_columns_that_differ_in_case_are_two(content: Content, tmp_path: Path) -> None:
    """A key may consist of columns that the engine would take for one."""
    add(content, "t", {"a": pa.array([1, 1]), "A": pa.array([1, 2])}, primary_key=key("a", "A"))
    assert codes(content, tmp_path) == set()


def test_key_of_odd_name_is_checked(content: Content, tmp_path: Path) -> None:
    """Quotes, line breaks and emoji in names change nothing."""
    name = 'k"ey\n\N{KEY}'
    add(content, "t", {name: pa.array([1, 1])}, primary_key=key(name))
    assert codes(content, tmp_path) == {"S304"}


def test_key_with_null_is_not_compared(content: Content, tmp_path: Path) -> None:
    """Nulls are not equal to each other, as in SQL."""
    add(content, "t", {"k": pa.array([None, None, 1])}, unique_keys=(key("k"),))
    assert codes(content, tmp_path) == set()


def test_key_that_differs_in_case_or_trailing_space_is_two_keys(content: Content, tmp_path: Path) -> None:
    """Uniqueness is exact: what a collation takes for equal is not."""
    add(content, "t", {"k": pa.array(["abc", "ABC", "abc "])}, primary_key=key("k"))
    assert codes(content, tmp_path) == set()


def test_key_whose_value_is_a_file_is_compared_by_its_hash(content: Content, tmp_path: Path) -> None:
    """A long value takes part in a key by the hash of its file."""
    content.documents = [b"long"]
    file = {"sha256": hashlib.sha256(b"long").hexdigest(), "size_bytes": 4}
    columns = {"k": pa.array([None, None], pa.string()), "k__file": pa.array([file, file], FILE_TYPE)}
    add(content, "t", columns, unique_keys=(key("k"),))
    assert codes(content, tmp_path) == {"S305"}


def test_reference_between_unlike_number_types_resolves(content: Content, tmp_path: Path) -> None:
    """An integer may refer to a decimal of the same value."""
    ids = pa.array([1, 2]).cast(pa.decimal128(21, 2))
    add(content, "parent", {"id": ids}, primary_key=key("id"))
    add(content, "child", {"p": pa.array([1, 2, None])}, foreign_keys=(reference("p", "parent"),))
    assert codes(content, tmp_path) == set()


def test_reference_between_text_and_number_compares_text(content: Content, tmp_path: Path) -> None:
    """SQLite lets text refer to an integer; both are compared as text."""
    add(content, "parent", {"id": pa.array([1, 2])}, primary_key=key("id"))
    add(content, "child", {"p": pa.array(["1", "3"])}, foreign_keys=(reference("p", "parent"),))
    assert codes(content, tmp_path) == {"S306"}


def test_reference_of_text_may_be_equal_to_the_source_alone(content: Content, tmp_path: Path) -> None:
    """A collation may see 'A' as 'a': our count is told as a warning, and the source's own is not called wrong."""
    add(content, "parent", {"id": pa.array(["a"])}, primary_key=key("id"))
    add(content, "child", {"p": pa.array(["A"])}, foreign_keys=(reference("p", "parent", broken_rows=0),))
    assert codes(content, tmp_path) == {"S306"}


def test_reference_of_a_table_to_itself_resolves(content: Content, tmp_path: Path) -> None:
    """A row may refer to another of its own table."""
    columns = {"id": pa.array([1, 2]), "p": pa.array([None, 1])}
    add(content, "t", columns, primary_key=key("id"), foreign_keys=(reference("p", "t"),))
    assert codes(content, tmp_path) == set()


def test_report_names_rows_and_columns_but_no_values(content: Content, tmp_path: Path) -> None:
    """A key may be a person's name: the report tells the row's number instead."""
    add(content, "t", {"name": pa.array(["Ann Example", "Bob", "Ann Example"])}, primary_key=key("name"))
    report = checked(content, tmp_path)
    (finding,) = report.of_severity("error")
    assert finding.examples == ("row 0",)
    assert "Ann" not in str(report.to_dict()) + report.to_html()
