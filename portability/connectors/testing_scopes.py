"""The part of the conformance suite about scopes: the rows named, all of them and no other, in every statement."""
# ruff: noqa: S101, PLR2004 -- these are tests

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from portability.connectors.connector import size_column
from portability.scoping.filters import AllOf, Among, AnyOf, Filled, Nothing, Reaches, RowFilter

if TYPE_CHECKING:
    from portability.connectors.connector import Connector, Snapshot, TablePlan
    from portability.connectors.testing_database import SourceDatabase
    from portability.manifest import Table
    from portability.scoping.filters import Condition

__all__ = ["ScopedConformance"]

_HOSTILE = ("it's", "'); DROP TABLE firm; --", "\\", "\\' OR 1=1 --", '"', "`", "%", "naïve", "a/*", "\u2019")


class ScopedConformance:
    """Inherited by the conformance suite; every test writes a firm's table and a matter's table of its own."""

    if TYPE_CHECKING:

        @staticmethod
        def open(database: SourceDatabase, **limits: int) -> Connector:
            """Return the connector of the database: the suite's own."""

    @staticmethod
    def scoped(snapshot: Snapshot, name: str, condition: Condition) -> tuple[Table, RowFilter]:
        """Return a table and the filter of some of its rows."""
        tables = snapshot.discover().tables
        (table,) = [each for each in tables if each.name == name]
        return table, RowFilter(condition=condition, tables=tables)

    def read_scoped(self, snapshot: Snapshot, name: str, condition: Condition) -> tuple[TablePlan, pa.Table]:
        """Plan and read the rows named."""
        table, rows = self.scoped(snapshot, name, condition)
        plan = snapshot.plan(table, rows=rows)
        return plan, pa.Table.from_batches(snapshot.read(plan), schema=plan.schema)

    @staticmethod
    def fill(database: SourceDatabase) -> None:
        """Two firms, their matters, and entries of which some belong to nobody."""
        database.create("firm", {"id": "int", "name": "name"}, [(1, "A"), (2, "B")], key=["id"])
        matters = [(n, 1 + n % 2, f"M{n}") for n in range(10)]
        database.create("matter", {"id": "int", "firm": "int", "name": "name"}, matters, key=["id"])
        entries = [(n, n % 12 if n % 12 < 10 else None, n * 100) for n in range(60)]
        database.create("entry", {"id": "int", "matter": "int", "amount": "int"}, entries, key=["id"])

    def test_a_scope_reads_exactly_the_rows_whose_keys_lead_to_what_it_names(self, database: SourceDatabase) -> None:
        """Totals, count and rows are of the same rows, found through another table."""
        self.fill(database)
        firm = Among(columns=("firm",), values=(("1",),))
        with self.open(database).snapshot() as snapshot:
            (matter,) = [t for t in snapshot.discover().tables if t.name == "matter"]
            mine = Reaches(columns=("matter",), table=(matter.schema, "matter"), to_columns=("id",), rows=firm)
            plan, found = self.read_scoped(snapshot, "entry", mine)
            table, rows = self.scoped(snapshot, "entry", mine)
            expected = [n for n in range(60) if n % 12 < 10 and (n % 12) % 2 == 0]
            assert found.column("id").to_pylist() == expected
            assert plan.totals.rows == len(expected) == snapshot.count(table, rows)
            amounts = next(column for column in plan.totals.columns if column.name == "amount")
            assert (amounts.sum, amounts.maximum) == (str(sum(expected) * 100), str(max(expected) * 100))
            assert sorted(snapshot.keys(table, ["matter"], rows)) == sorted((str(n),) for n in range(0, 10, 2))

    def test_a_scope_tells_rows_that_reach_nothing_from_those_that_do(self, database: SourceDatabase) -> None:
        """Null keys and keys that lead nowhere are on the other side of every path."""
        self.fill(database)
        database.execute("INSERT INTO entry VALUES (900, 77, 1)")
        with self.open(database).snapshot() as snapshot:
            (matter,) = [t for t in snapshot.discover().tables if t.name == "matter"]
            place = (matter.schema, "matter")
            every = Filled(columns=("id",))
            lost = Reaches(columns=("matter",), table=place, to_columns=("id",), rows=every, no=True)
            _, found = self.read_scoped(snapshot, "entry", lost)
            assert found.column("id").to_pylist() == [*(n for n in range(60) if n % 12 >= 10), 900]
            both = AnyOf(conditions=(lost, Reaches(columns=("matter",), table=place, to_columns=("id",), rows=every)))
            assert self.read_scoped(snapshot, "entry", both)[1].num_rows == 61
            nulls = AllOf(conditions=(Filled(columns=("matter",), no=True), lost))
            assert self.read_scoped(snapshot, "entry", nulls)[1].num_rows == 10
            assert self.read_scoped(snapshot, "entry", Nothing())[1].num_rows == 0

    @pytest.mark.parametrize("text", _HOSTILE)
    def test_a_value_of_a_scope_is_a_value_whatever_is_written_in_it(self, database: SourceDatabase, text: str) -> None:
        """Quotes, backslashes and SQL in a name find the row of that name and change nothing else."""
        database.create("firm", {"id": "int", "name": "name"}, [(1, text), (2, "other"), (3, text + "x")], key=["id"])
        with self.open(database).snapshot() as snapshot:
            _, found = self.read_scoped(snapshot, "firm", Among(columns=("name",), values=((text,),)))
            assert found.column("id").to_pylist() == [1]

    def test_names_are_told_apart_by_every_character_and_numbers_by_value(self, database: SourceDatabase) -> None:
        """Case, accents and blanks differ; a text that is no number is no row's number."""
        names = ["Müller", "müller", "Muller", "Müller ", "MÜLLER"]
        database.create("firm", {"id": "int", "name": "name"}, list(enumerate(names)), key=["id"])
        with self.open(database).snapshot() as snapshot:
            for number, name in enumerate(names):
                _, found = self.read_scoped(snapshot, "firm", Among(columns=("name",), values=((name,),)))
                assert found.column("id").to_pylist() == [number]
            values = (("3",), ("x",), ("99999999999999999999",), ("1 OR 1=1",))
            _, found = self.read_scoped(snapshot, "firm", Among(columns=("id",), values=values))
            assert found.column("id").to_pylist() == [3]
            pairs = Among(columns=("id", "name"), values=(("0", "Müller"), ("1", "Müller"), ("4", "MÜLLER")))
            _, found = self.read_scoped(snapshot, "firm", pairs)
            assert found.column("id").to_pylist() == [0, 4]

    def test_values_that_become_files_are_those_of_the_scope(self, database: SourceDatabase) -> None:
        """A long value outside the scope is neither measured nor fetched, one inside is fetched whole."""
        rows = [(1, b"x" * 3_000_000), (2, b"y" * 5_000_000)]
        database.create("scan", {"id": "int", "content": "bytes"}, rows, key=["id"])
        with self.open(database, inline_value_bytes=1000).snapshot() as snapshot:
            table, wanted = self.scoped(snapshot, "scan", Among(columns=("id",), values=(("1",),)))
            plan = snapshot.plan(table, rows=wanted)
            (batch,) = list(snapshot.read(plan))
            assert batch.column(size_column("content")).to_pylist() == [3_000_000]
            assert plan.totals.rows == 1
            assert b"".join(snapshot.read_value(plan, "content", [1])) == rows[0][1]

    def test_an_index_is_used_where_there_is_one(self, database: SourceDatabase) -> None:
        """One firm of two hundred: the DBMS says that it reads that firm's rows by the index, through a key too."""
        matters = [(n, n % 200) for n in range(2000)]
        database.create("matter", {"id": "int", "firm": "int"}, matters, key=["id"])
        entries = [(n, n % 2000, "x" * 300) for n in range(6000)]
        database.create("entry", {"id": "int", "matter": "int", "note": "text"}, entries, key=["id"])
        quote = database.quote
        database.execute(
            f"CREATE INDEX by_firm ON {quote('matter')} ({quote('firm')})",
            f"CREATE INDEX by_matter ON {quote('entry')} ({quote('matter')})",
        )
        self.gather_statistics(database)
        with self.open(database).snapshot() as snapshot:
            firm = Among(columns=("firm",), values=(("7",),))
            table, rows = self.scoped(snapshot, "matter", firm)
            assert snapshot.explain(table, rows).scanned == ()
            chain = Reaches(columns=("matter",), table=(table.schema, "matter"), to_columns=("id",), rows=firm)
            entry, rows = self.scoped(snapshot, "entry", chain)
            explained = snapshot.explain(entry, rows)
            assert explained.scanned == (), explained.lines
            assert snapshot.count(entry, rows) == 30

    def test_an_index_is_used_beside_the_exact_comparison_of_texts(self, database: SourceDatabase) -> None:
        """Keys that are text: the second, exact comparison does not cost the first one its index."""
        matters = [(f"m{n:05}", n % 200) for n in range(2000)]
        database.create("matter", {"id": "name", "firm": "int"}, matters, key=["id"])
        entries = [(n, f"m{n % 2000:05}", "x" * 300) for n in range(6000)]
        database.create("entry", {"id": "int", "matter": "name", "note": "text"}, entries, key=["id"])
        quote = database.quote
        database.execute(
            f"CREATE INDEX by_firm ON {quote('matter')} ({quote('firm')})",
            f"CREATE INDEX by_matter ON {quote('entry')} ({quote('matter')})",
        )
        self.gather_statistics(database)
        with self.open(database).snapshot() as snapshot:
            firm = Among(columns=("firm",), values=(("7",),))
            table, _ = self.scoped(snapshot, "matter", firm)
            chain = Reaches(columns=("matter",), table=(table.schema, "matter"), to_columns=("id",), rows=firm)
            entry, rows = self.scoped(snapshot, "entry", chain)
            explained = snapshot.explain(entry, rows)
            # A server may name the small answer of a subquery as a table that it reads whole.
            assert "entry" not in explained.scanned, explained.lines
            assert snapshot.count(entry, rows) == 30

    def gather_statistics(self, database: SourceDatabase) -> None:
        """Let the DBMS count its rows, as it does by itself in the night."""
        database.execute("ANALYZE TABLE matter, entry" if _is_mariadb(database.url) else "ANALYZE")


def _is_mariadb(url: str) -> bool:
    return any(name in url.partition("://")[0] for name in ("mysql", "mariadb"))
