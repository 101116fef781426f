"""What an import writes of itself into the target, in the transaction of the move: its record, and the rejects."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

import msgspec

from portability.duck import text_literal
from portability.targets.crosswalk import EMPTIED, IMPORTS, REJECTS

if TYPE_CHECKING:
    from portability.importing.plan import LoadPlan
    from portability.importing.preparing import Preparation
    from portability.limits import Limits
    from portability.targets import Target

__all__ = ["ImportRecord", "now", "write_import", "write_rejects"]

_REASON_CHARS = 1_000


def now() -> str:
    """The time, for records: UTC, ISO 8601."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, kw_only=True)
class ImportRecord:
    """Which import it is: of which archive, by which profile, and for a delta since which archive.

    ``snapshot_at`` is when the archive's source was read, as the archive says.
    """

    import_id: str
    archive_id: str
    profile: str
    started_at: str
    snapshot_at: str
    previous_id: str | None = None


def write_import(target: Target, plan: LoadPlan, record: ImportRecord, state: str) -> None:
    """Write the record; later checks go by ``summary``: the columns that were filled, the time of the source."""
    quote, text = target.quote, target.text
    summary = {
        "columns": {load.name: list(load.names) for load in plan.tables},
        "snapshot_at": record.snapshot_at,
        "version": metadata.version("portability"),
    }
    values = {
        **{name: value for name, value in vars(record).items() if name != "snapshot_at"},
        "state": state,
        "finished_at": now() if state == "finished" else None,
        "summary": msgspec.json.encode(summary).decode(),
    }
    written = ", ".join("NULL" if value is None else text(value) for value in values.values())
    target.execute(f"DELETE FROM {quote(IMPORTS)} WHERE import_id = {text(record.import_id)}", place=IMPORTS)
    target.execute(f"INSERT INTO {quote(IMPORTS)} ({', '.join(values)}) VALUES ({written})", place=IMPORTS)


def write_rejects(target: Target, preparation: Preparation, import_id: str, limits: Limits) -> None:
    """Replace the table of rejects; a delta keeps those of tables that it had no reason to look at."""
    columns = ("target_table", "canonical_id", "kind", "column_name", "reason", "import_id")
    computed = ", ".join(target.text(name) for name in sorted(preparation.computed))
    if computed:
        where = f" WHERE target_table IN ({computed})" if preparation.is_delta else ""
        target.execute(f"DELETE FROM {target.quote(REJECTS)}{where}", place=REJECTS)
    batches = preparation.engine.sql(
        f"SELECT tbl, id, CASE WHEN warning THEN {text_literal(EMPTIED)} ELSE kind END, col, "
        f"left(reason, {_REASON_CHARS}), {text_literal(import_id)} "
        "FROM problem "
        "WHERE NOT warning OR kind IN ('parent', 'reference') ORDER BY ALL"
    ).to_arrow_reader(limits.batch_rows)
    target.load(REJECTS, columns, batches)
