"""The connector contract, run against folders of files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from portability.connectors.testing import SourceDatabase
from portability.errors import SourceUnavailableError
from tests.connectors.databases import ParquetConformance
from tests.connectors.files.csv_folder import CsvFolder

if TYPE_CHECKING:
    from portability.manifest import Table


class TestCsv(ParquetConformance):
    """CSV: level "window", so a writer is refused, not unseen; there are no indexes."""

    @pytest.fixture
    def database(self, tmp_path: Path) -> SourceDatabase:
        return CsvFolder(tmp_path)

    def test_snapshot_sees_nothing_of_a_writer_that_commits_meanwhile(self, database: SourceDatabase) -> None:
        """A file that changed since the snapshot opened is refused; one that was read before is not read again."""
        database.create("acct", {"id": "int", "amount": "int"}, [(n, 100) for n in range(600)], key=["id"])
        with self.open(database, batch_rows=100).snapshot() as snapshot:
            assert snapshot.record.level == "window"
            table = self.table(snapshot, "acct")
            plan = snapshot.plan(table)
            database.execute("UPDATE acct SET amount = amount - 7 WHERE id = 1")
            amounts = [n for batch in snapshot.read(plan) for n in batch.column("amount").to_pylist()]
        assert amounts == [100] * 600
        with self.open(database).snapshot() as snapshot:
            database.execute("UPDATE acct SET amount = amount - 7 WHERE id = 1")
            with pytest.raises(SourceUnavailableError, match="changed while it was read"):
                snapshot.plan(table)

    def test_session_writes_are_refused(self, database: SourceDatabase) -> None:
        """Files are opened for reading; an export leaves every byte and time as it was."""
        database.create("t", {"id": "int"}, [(1,)], key=["id"])
        (file,) = Path(database.url.removeprefix("csv:///")).glob("*.csv")
        before = (file.read_bytes(), file.stat().st_mtime_ns)
        self.read(database, "t")
        assert (file.read_bytes(), file.stat().st_mtime_ns) == before

    def gather_statistics(self, database: SourceDatabase) -> None:
        """There are none."""

    # There are no indexes: a scope reads every row of the private copy.
    test_an_index_is_used_where_there_is_one = None  # type: ignore[assignment]
    test_an_index_is_used_beside_the_exact_comparison_of_texts = None  # type: ignore[assignment]

    def write_through(self, snapshot: Any, table: Table, column: str) -> None:  # noqa: ANN401
        """Not asked: there is no session."""
