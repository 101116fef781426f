"""What a reconciliation goes by: the target's crosswalk and rejects, and every row of the archive that is not there.

In the engine afterwards: the tables ``crosswalk``, ``rejects`` and ``not_loaded``. A row is not loaded because it lies
in the archive's quarantine, because the import rejected it, or because the profile's SQL gives nothing for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from portability.duck import quote, text_literal
from portability.errors import MappingError
from portability.reconciling.sides import loaded_conditions
from portability.targets.crosswalk import CROSSWALK, IMPORTS, read_crosswalk, read_rejects

if TYPE_CHECKING:
    import duckdb

    from portability.archive import Archive
    from portability.limits import Limits
    from portability.profiles.loading import LoadSection
    from portability.targets import Target

__all__ = ["bring_bookkeeping", "require_last_import"]


def require_last_import(archive: Archive, target: Target) -> str:
    """Return the id of the target's last import, which must be of this archive.

    Raises:
        MappingError: Nothing was imported, an import is unfinished, or the last one was of another archive. Its rows
            would be compared with an archive that they did not come from.
    """
    hint = "Reconcile after `portability import`, with the archive that was imported last."
    if not {CROSSWALK, IMPORTS} <= set(target.table_names()):
        raise MappingError("nothing was imported into this target", place=target.label, hint=hint)
    imports = target.query(
        f"SELECT import_id, archive_id, state FROM {target.quote(IMPORTS)} ORDER BY started_at", place=IMPORTS
    ).to_pylist()
    if not imports:
        raise MappingError("nothing was imported into this target", place=target.label, hint=hint)
    last = imports[-1]
    if last["state"] != "finished":
        raise MappingError("its last import is not finished", place=target.label, hint="Run the import again.")
    if last["archive_id"] != archive.identity:
        raise MappingError("was filled last from another archive", place=target.label, hint=hint)
    return str(last["import_id"])


def bring_bookkeeping(
    engine: duckdb.DuckDBPyConnection, archive: Archive, target: Target, load: LoadSection, limits: Limits
) -> None:
    """Fill the engine's tables ``crosswalk``, ``rejects`` and ``not_loaded``."""
    engine.execute("CREATE TABLE crosswalk (target_table VARCHAR, canonical_id VARCHAR, target_key VARCHAR)")
    for table in load.tables:
        for batch in read_crosswalk(target, table, limits):
            engine.register("page", pa.Table.from_batches([batch]))
            engine.execute(f"INSERT INTO crosswalk SELECT {text_literal(table)}, canonical_id, target_key FROM page")
            engine.unregister("page")
    engine.register("page", read_rejects(target))
    engine.execute("CREATE TABLE rejects AS SELECT * FROM page")
    engine.unregister("page")
    engine.execute(
        "CREATE TABLE not_loaded AS SELECT coalesce(target_table, '') AS target_table, "
        "coalesce(canonical_id, '') AS canonical_id, coalesce(kind, '') AS kind, "
        "coalesce(column_name, '') AS column_name, coalesce(reason, '') AS reason FROM rejects"
    )
    # One statement for each entity: all of them at once would want more memory than the engine has.
    for entity in sorted(loaded_conditions(load, "crosswalk")):
        engine.execute(f"INSERT INTO not_loaded {_left_out(entity, load)}")
    for entity, path in archive.entity_files("quarantine").items():
        engine.execute(
            f"INSERT INTO not_loaded SELECT {text_literal(entity)}, coalesce(source_key, id, ''), 'quarantine', '', "
            f"coalesce(reason, '') FROM read_parquet({text_literal(str(path.resolve()))})"
        )


def _left_out(entity: str, load: LoadSection) -> str:
    """Rows of an entity that went into none of its tables and were rejected by none."""
    tables = [table for table in load.tables.values() if entity in table.origins]
    reason = "; ".join(table.left_out for table in tables if table.left_out)
    known = [each for listed in ("crosswalk", "rejects") for each in loaded_conditions(load, listed)[entity]]
    return (
        f"SELECT {text_literal(tables[0].name)}, CAST(id AS VARCHAR), 'left out', '', "
        f"{text_literal(reason or 'no SQL of the profile gives a row for it')} "
        f"FROM main.{quote(entity)} WHERE NOT ({' OR '.join(known)})"
    )
