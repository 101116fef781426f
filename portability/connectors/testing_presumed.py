"""The part of the conformance suite about tables that are read while they are measured.

A connector that can do so says ``presumes = True`` in its test class. One that has no second session of a snapshot says
nothing, and is only asked that it declines.
"""
# ruff: noqa: S101, PLR2004 -- these are tests

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa
import pytest

if TYPE_CHECKING:
    from portability.connectors.connector import Connector, Snapshot, TablePlan
    from portability.connectors.measuring import Measuring
    from portability.connectors.testing_database import Row, SourceDatabase
    from portability.manifest import Table

__all__ = ["PresumedConformance"]

_DECLINES = "test_a_connector_without_a_second_session_presumes_nothing"


class PresumedConformance:
    """Inherited by the conformance suite.

    Attributes:
        presumes: The connector reads a table while another session measures it.
    """

    presumes: ClassVar[bool] = False

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        for name, test in vars(PresumedConformance).items():
            if name.startswith("test_") and name not in vars(cls):
                setattr(cls, name, None if (name == _DECLINES) is cls.presumes else test)  # None is not collected

    if TYPE_CHECKING:

        @staticmethod
        def open(database: SourceDatabase, **limits: int) -> Connector:
            """Return the connector of the database: the suite's own."""

        @staticmethod
        def table(snapshot: Snapshot, name: str) -> Table:
            """Return a discovered table by its name: the suite's own."""

    @staticmethod
    def fill_plainly(database: SourceDatabase, name: str = "p", rows: int = 900) -> None:
        """A table of every kind of column, without a surprise; its keys are not in their order."""
        kinds = {"id": "int", "txt": "text", "nam": "name", "amt": "decimal", "num": "double", "raw": "bytes"}
        values: list[Row] = [
            (n * 7919 % rows, f"text {n} é", f"n{n % 7}", Decimal(n * 12345 - 99).scaleb(-4), n / 8, bytes([n % 256]))
            if n % 5
            else (n * 7919 % rows, None, None, None, None, None)
            for n in range(rows)
        ]
        database.create(name, kinds, values, key=["id"])

    @staticmethod
    def whole(snapshot: Snapshot, plan: TablePlan) -> pa.Table:
        """Read a table by a plan."""
        return pa.Table.from_batches(snapshot.read(plan), schema=plan.schema)

    @staticmethod
    def presume(snapshot: Snapshot, table: Table) -> Measuring:
        """Have a table measured beside its reading."""
        measuring = snapshot.presume(table)
        assert measuring is not None
        return measuring

    def test_a_connector_without_a_second_session_presumes_nothing(self, database: SourceDatabase) -> None:
        """It says so, and its tables are measured first."""
        self.fill_plainly(database)
        with self.open(database).snapshot() as snapshot:
            assert snapshot.presume(self.table(snapshot, "p")) is None

    def test_a_presumed_plan_that_holds_reads_what_the_measured_one_reads(self, database: SourceDatabase) -> None:
        """Rows, order, types and plan are those of a table that was measured first; so are the totals."""
        self.fill_plainly(database)
        with self.open(database, batch_rows=100).snapshot() as snapshot:
            table = self.table(snapshot, "p")
            first = snapshot.plan(table)
            expected = self.whole(snapshot, first)
            measuring = self.presume(snapshot, table)
            with measuring:
                assert measuring.plan.presumed
                found = self.whole(snapshot, measuring.plan)
                settled = measuring.settle()
                assert measuring.holds()
                assert not measuring.is_refuted()
        assert found.equals(expected)
        assert settled == first

    def test_a_presumed_reading_sees_the_snapshot_and_nothing_later(self, database: SourceDatabase) -> None:
        """Both sessions see the same rows, whatever is committed before, between and after their queries."""
        self.fill_plainly(database)
        with self.open(database, batch_rows=100).snapshot() as snapshot:
            table = self.table(snapshot, "p")
            database.execute("UPDATE p SET amt = amt + 1 WHERE id = 1", "DELETE FROM p WHERE id = 2")
            measuring = self.presume(snapshot, table)
            with measuring:
                database.execute("DELETE FROM p WHERE id < 400")
                found = self.whole(snapshot, measuring.plan)
                settled = measuring.settle()
                assert measuring.holds()
        assert found.num_rows == settled.totals.rows == 900
        total = next(column.sum for column in settled.totals.columns if column.name == "amt")
        assert Decimal(str(total)) == sum(filter(None, found.column("amt").to_pylist()))

    def test_a_value_too_long_refutes_the_presumption_and_is_never_held(self, database: SourceDatabase) -> None:
        """No batch of a presumed plan has a value beyond the limit; the measured plan then reads it as it should."""
        database.create("q", {"id": "int", "txt": "text"}, [(1, "a"), (2, "é" * 3000), (3, None)], key=["id"])
        with self.open(database, inline_value_bytes=1000).snapshot() as snapshot:
            with self.presume(snapshot, self.table(snapshot, "q")) as measuring:
                held = self.whole(snapshot, measuring.plan).column("txt").to_pylist()
                settled = measuring.settle()
                assert not measuring.holds()
                assert measuring.is_refuted()
            found = self.whole(snapshot, settled)
        assert "é" * 3000 not in held
        assert settled.file_columns == ("txt",)
        assert found.column("txt").to_pylist() == ["a", "é" * 3000, None]

    def test_a_presumed_reading_left_in_the_middle_leaves_the_snapshot_whole(self, database: SourceDatabase) -> None:
        """The same table, and another, can be read afterwards, in the state that the snapshot is of."""
        self.fill_plainly(database)
        self.fill_plainly(database, "o", 30)
        with self.open(database, batch_rows=100).snapshot() as snapshot:
            table, other = self.table(snapshot, "p"), self.table(snapshot, "o")
            measuring = self.presume(snapshot, table)
            database.execute("DELETE FROM p WHERE id > 10", "DELETE FROM o")
            with measuring:
                with closing(snapshot.read(measuring.plan)) as batches:
                    next(batches)
                settled = measuring.settle()
            assert self.whole(snapshot, settled).num_rows == 900
            assert self.whole(snapshot, snapshot.plan(other)).num_rows == 30

    def test_a_presumed_reading_that_fails_ends_the_measuring_too(self, database: SourceDatabase) -> None:
        """What the reader raises is what is told; the session that measures is not waited for without end."""
        self.fill_plainly(database)
        with self.open(database).snapshot() as snapshot:
            measuring = self.presume(snapshot, self.table(snapshot, "p"))
            with pytest.raises(RuntimeError, match="disk"), measuring:
                raise RuntimeError("disk full")
