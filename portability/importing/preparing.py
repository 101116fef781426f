"""From the archive to decided rows: computed, judged, matched, with action and key, in DuckDB; the target is only read.

``Preparation`` holds the state of one run. Order of calls: ``compute``, ``judge``, ``decide``; ``reject`` adds what the
target found later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from portability.duck import quote, text_literal
from portability.importing.judging import Complaint, Judge
from portability.importing.keys import append, decide_actions, decide_keys, hashes_of, set_matched
from portability.importing.plan import ID
from portability.importing.previous import affected_tables, lay_out_previous, write_previous
from portability.importing.rows import compute_hashes, compute_ids, compute_rows, create_codes, parent_column, value
from portability.importing.staging import IDS, find_matches, stage_ids
from portability.targets.crosswalk import CROSSWALK, REJECTS, read_crosswalk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import duckdb

    from portability.importing.live_checks import ChangedRows
    from portability.importing.plan import LoadPlan, TableLoad
    from portability.importing.results import ImportRequest
    from portability.profiles import Profile
    from portability.profiles.loading import LoadSection
    from portability.targets import Target

__all__ = ["Preparation"]

_NAMED = 20  # rows named in an error; the count says how many there are


class Preparation:
    """The rows of one import, and what is to become of them.

    Args:
        engine: DuckDB over the archive's canonical layer.
        target: Is asked for crosswalk, highest keys and natural keys.
        plan: Tables in their order.
        request: What is wanted.
        section: The profile's ``load:``.
        scratch: A private directory that the engine may read.
    """

    def __init__(
        self,
        engine: duckdb.DuckDBPyConnection,
        target: Target,
        plan: LoadPlan,
        request: ImportRequest,
        section: LoadSection,
        scratch: Path,
    ) -> None:
        self.engine, self.plan = engine, plan
        self._target, self._request, self._section, self._scratch = target, request, section, scratch
        self._delta = request.previous is not None
        self._there = frozenset(target.table_names())
        # Tables of which every row is computed; of the others only the ids are known, and nothing of them changes.
        self.computed: set[str] = set()
        self.rows: dict[str, int] = {}
        create_codes(engine, section.codes)
        self.judge_rows = Judge(engine, plan, section.codes, keeps=not self._delta)
        engine.execute("CREATE TABLE early (tbl VARCHAR, id VARCHAR)")

    # -- the rows -----------------------------------------------------------------------------------------------------

    def compute(self) -> None:
        """Compute the rows, their hashes, and whether they can be loaded."""
        for load in self.plan.tables:
            self.engine.execute(
                f"CREATE TABLE {load.old} (id VARCHAR, key VARCHAR, hash VARCHAR, live VARCHAR, origin VARCHAR)"
            )
        if self._request.previous is None:
            self._compute([load.name for load in self.plan.tables])
            self._read_crosswalk()
            self._judge([load.name for load in self.plan.tables])
            return
        self._read_early()
        affected = affected_tables(self._request, self._request.previous, self.plan)
        write_previous(self._request, self._request.previous, self.plan, affected, self._scratch)
        wanted = set(affected) | self._early_tables()
        while wanted:
            names = [load.name for load in self.plan.tables if load.name in wanted]
            self._compute(names)
            lay_out_previous(self.engine, self.plan, names, affected, self._scratch)
            self._judge(names)
            wanted = self._orphaned()
        self._read_needed()

    def _compute(self, names: Iterable[str]) -> None:
        loads = [self.plan.table(name) for name in names]
        for load in loads:
            self._request.progress(f"computing {load.name}")
            self.engine.execute(f"DROP TABLE IF EXISTS {load.raw}")
            self.rows[load.name] = compute_rows(self.engine, load, self._section.codes, self._request.limits)
            self.computed.add(load.name)
        for load in loads:
            self._compute_parents(load)
        for load in loads:
            compute_hashes(self.engine, load, self.plan, hashes_of(load))

    def _compute_parents(self, load: TableLoad) -> None:
        """Rows that a delta leaves alone are still referred to."""
        for column in load.references:
            for name in column.reference.tables if column.reference else ():
                parent = self.plan.table(name)
                if name not in self.rows and name not in self.computed:
                    if parent_column(column, self.plan) is None:
                        compute_ids(self.engine, parent)
                    else:
                        compute_rows(self.engine, parent, self._section.codes, self._request.limits)
                    self.rows[name] = 0

    def _judge(self, names: Iterable[str]) -> None:
        for name in names:
            self._request.progress(f"judging {name}")
            self.judge_rows.judge(self.plan.table(name))
        self.judge_rows.cascade(load for load in self.plan.tables if load.name in self.computed)

    # -- what the target knows ----------------------------------------------------------------------------------------

    def _read_crosswalk(self) -> None:
        if CROSSWALK not in self._there:
            return
        for load in self.plan.tables:
            for page in read_crosswalk(self._target, load.name, self._request.limits):
                append(self.engine, load.old, page)

    def _read_early(self) -> None:
        """Rows that the last import rejected, or loaded with an empty reference, are looked at again."""
        if REJECTS in self._there:
            sql = f"SELECT DISTINCT target_table, canonical_id FROM {self._target.quote(REJECTS)}"
            for batch in self._target.query(sql, place=REJECTS).to_batches():
                if batch.num_rows:
                    append(self.engine, "early", batch)

    def _early_tables(self) -> set[str]:
        known = {load.name for load in self.plan.tables}
        return known & {str(name) for (name,) in self.engine.execute("SELECT DISTINCT tbl FROM early").fetchall()}

    def _orphaned(self) -> set[str]:
        """Tables not computed yet that refer to one of which rows went away."""
        lost = set()
        for name in self.computed:
            load = self.plan.table(name)
            gone = f"SELECT id FROM gone WHERE tbl = {text_literal(name)}"
            left = f"SELECT {quote(ID)} FROM {load.raw}"
            sql = f"SELECT 1 FROM prev.{quote(name)} WHERE id IN ({gone}) OR id NOT IN ({left}) LIMIT 1"
            if self.engine.execute(sql).fetchall():
                lost.add(name)
        return {
            load.name
            for load in self.plan.tables
            for column in load.references
            if load.name not in self.computed and column.reference and lost.intersection(column.reference.tables)
        }

    def _read_needed(self) -> None:
        """Read the crosswalk's lines of rows that change, go, or are referred to by one that changes."""
        self.engine.execute("CREATE TABLE needed (tbl VARCHAR, id VARCHAR)")
        for name in sorted(self.computed):
            self._need(self.plan.table(name))
        unique = "SELECT DISTINCT tbl AS target_table, id AS canonical_id FROM needed WHERE id IS NOT NULL"
        stage_ids(self._target, self.engine.sql(unique).to_arrow_reader(self._request.limits.batch_rows))
        for load in self.plan.tables:
            for page in read_crosswalk(self._target, load.name, self._request.limits, only=IDS):
                append(self.engine, load.old, page)

    def _need(self, load: TableLoad) -> None:
        name, previous = text_literal(load.name), f"prev.{quote(load.name)}"
        early = f"SELECT id FROM early WHERE tbl = {name}"
        changed = (
            f"SELECT h.id FROM {hashes_of(load)} AS h LEFT JOIN {previous} AS v ON v.id = h.id "
            f"WHERE v.hash IS DISTINCT FROM h.hash OR h.id IN ({early})"
        )
        left = f"SELECT v.id FROM {previous} AS v WHERE v.id NOT IN (SELECT id FROM {hashes_of(load)})"
        gone = f"SELECT id FROM gone WHERE tbl = {name}"
        for sql in (changed, left, gone):
            self.engine.execute(f"INSERT INTO needed SELECT {name}, id FROM ({sql})")
        for column in load.references:
            given = value(column)
            for parent in column.reference.tables if column.reference else ():
                id_of = given
                if column.reference and column.reference.several:
                    start = text_literal(parent + "/")
                    id_of = f"CASE WHEN starts_with({given}, {start}) THEN substr({given}, {len(parent) + 2}) END"
                self.engine.execute(
                    f"INSERT INTO needed SELECT DISTINCT {text_literal(parent)}, {id_of} FROM {load.raw} AS r "
                    f"WHERE r.{quote(ID)} IN ({changed})"
                )

    # -- decisions ----------------------------------------------------------------------------------------------------

    def decide(self) -> None:
        """Give every computed row its action and its key."""
        for load in self.plan.tables:
            if load.name not in self.computed:
                self.engine.execute(f"CREATE OR REPLACE VIEW {load.keys} AS SELECT id, key FROM {load.old}")
                continue
            self._request.progress(f"keys of {load.name}")
            decide_actions(self.engine, load, delta=self._delta)
            if load.spec.match:
                self._match(load)
            decide_keys(self.engine, load, self.plan, self._target, self._request.profile.profile)
        self._decide_leaving()

    def _match(self, load: TableLoad) -> None:
        found = find_matches(self.engine, self._target, load, self.plan, self._request.limits)
        several = [row["id"] for row in found.to_pylist() if row["found"] > 1]
        reason, column = "the target has several such rows", ", ".join(load.spec.match)
        self.judge_rows.add(load, Complaint(kind="match", column=column, reason=reason, ids=several))
        only = found.filter(pa.compute.equal(found.column("found"), 1))
        if only.num_rows:
            set_matched(self.engine, load, only)
        if found.num_rows:
            self.judge_rows.cascade(each for each in self.plan.tables if each.name in self.computed)
            decide_actions(self.engine, load, delta=self._delta)

    def _decide_leaving(self) -> None:
        """Name the rows of earlier imports that go: in a delta those no longer given, and those whose key changes."""
        self.engine.execute("CREATE OR REPLACE TABLE leaving (tbl VARCHAR, id VARCHAR)")
        for load in self.plan.tables:
            if load.name not in self.computed:
                continue
            leaves = f"o.id IN (SELECT id FROM {load.act} WHERE action = 'replace')"
            if self._delta:
                stays = f"SELECT id FROM {load.act} WHERE action <> 'rejected'"
                leaves = f"({leaves} OR o.id NOT IN ({stays}))"
            self.engine.execute(
                f"INSERT INTO leaving SELECT {text_literal(load.name)}, o.id FROM {load.old} AS o "
                f"WHERE o.origin = 'loaded' AND {leaves}"
            )

    def note_changed(self, found: ChangedRows) -> None:
        """Note rows that somebody changed or deleted in the target since an import made them."""
        for kind, ids in (("changed", found.changed), ("missing", found.missing)):
            reason = f"was {'changed' if kind == 'changed' else 'deleted'} in the target since the import; left so"
            complaint = Complaint(kind=kind, column="", reason=reason, ids=ids)
            self.judge_rows.add(found.table, complaint, warning=True)

    def changed_and_wanted(self) -> tuple[int, list[str]]:
        """Count and name, of the rows that were changed in the target, those that this import would write to.

        A delta takes the target for what the earlier archive made of it, so there it is all of them.
        """
        changed = "SELECT DISTINCT tbl, id FROM problem WHERE kind IN ('changed', 'missing')"
        if not self._delta:
            changed += f" AND (tbl, id) IN ({self._touched()})"
        (count,) = self.engine.execute(f"SELECT count(*) FROM ({changed})").fetchall()[0]
        first = self.engine.execute(f"{changed} ORDER BY ALL LIMIT {_NAMED}").fetchall()
        return int(count), [f"{table} {identity}" for table, identity in first]

    def settle_rejects(self) -> dict[str, tuple[int, bool]]:
        """Carry rejects into actions and keys; return by table how many rows they took out, and whether others changed.

        A row whose reference is left empty because its parent was rejected has to be staged again.
        """
        loads = [load for load in self.plan.tables if load.name in self.computed]
        emptied = self._emptied()
        self.judge_rows.cascade(loads)
        after = self._emptied()
        taken = {}
        for load in loads:
            name = text_literal(load.name)
            rejected = f"SELECT id FROM rejected WHERE tbl = {name}"
            (count,) = self.engine.execute(
                f"UPDATE {load.act} SET action = 'rejected' WHERE action <> 'rejected' AND id IN ({rejected})"
            ).fetchall()[0]
            gone = f"SELECT id FROM gone WHERE tbl = {name}"
            self.engine.execute(f"DELETE FROM {load.keys} WHERE id IN ({gone})")
            if count or after.get(load.name, 0) != emptied.get(load.name, 0):
                taken[load.name] = (int(count), after.get(load.name, 0) != emptied.get(load.name, 0))
        self._decide_leaving()
        return taken

    def _emptied(self) -> dict[str, int]:
        sql = "SELECT tbl, count(*) FROM problem WHERE warning AND kind = 'parent' GROUP BY tbl"
        return {str(name): int(count) for name, count in self.engine.execute(sql).fetchall()}

    # -- what there is to do ------------------------------------------------------------------------------------------

    def actions(self) -> dict[str, dict[str, int]]:
        """Count the rows of each computed table by action."""
        counts = {}
        for load in self.plan.tables:
            if load.name in self.computed:
                sql = f"SELECT action, count(*) FROM {load.act} GROUP BY action"
                counts[load.name] = {str(action): int(count) for action, count in self.engine.execute(sql).fetchall()}
        return counts

    def leaving(self) -> dict[str, int]:
        """Count the rows that go, by table."""
        sql = "SELECT tbl, count(*) FROM leaving GROUP BY tbl"
        return {str(name): int(count) for name, count in self.engine.execute(sql).fetchall()}

    @property
    def profile(self) -> Profile:
        """The profile that is followed."""
        return self._request.profile

    @property
    def is_delta(self) -> bool:
        """Whether only what changed since an earlier archive is moved."""
        return self._delta

    def new_matches(self) -> int:
        """Count the rows that were found in the target for the first time."""
        counts = (
            self.engine.execute(f"SELECT count(*) FROM {load.old} WHERE origin = 'new match'").fetchall()[0][0]
            for load in self.plan.tables
        )
        return sum(int(count) for count in counts)

    def _touched(self) -> str:
        """A query of table and id of the live rows that change or go."""
        parts = ["SELECT tbl, id FROM leaving"]
        parts += [
            f"SELECT {text_literal(load.name)}, id FROM {load.act} WHERE action = 'update'"
            for load in self.plan.tables
            if load.name in self.computed
        ]
        return " UNION ALL ".join(parts)

    def leaving_batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the identities of rows that go."""
        yield from self.engine.sql("SELECT tbl, id FROM leaving").to_arrow_reader(self._request.limits.batch_rows)
