"""Which file goes where: ``load.documents`` of a target profile, worked out over the canonical layer.

Each entry has a kind: ``tree`` (readable names, made safe and unique), ``objects`` (names exactly as given) or ``lob``
(into a column). ``rows`` is DuckDB SQL that gives ``_id``, ``sha256`` (null: the archive has no bytes), perhaps
``availability``, and the fields of ``path``, such as ``{client}/{matter}/{name}``; a field whose name ends in ``_path``
keeps its slashes. ``table`` names a loaded table: rows that are not in it are left out, and ``{key}`` is its key.
``column`` takes the bytes (lob) or the path (tree).

Paths are worked out by DuckDB, spilling to disk: their number is not bounded by memory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

import duckdb
import msgspec
import pyarrow as pa

from portability.duck import is_one_select, quote, text_literal
from portability.errors import MappingError
from portability.targets.crosswalk import read_crosswalk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.limits import Limits
    from portability.profiles import Profile
    from portability.targets import Target

__all__ = ["Placement", "Planned", "parse_placements", "plan", "planned_files"]

_FIELD = re.compile(r"{(\w+)}")
_HINT = "docs/successor.md tells what load.documents may say."


@dataclass(frozen=True, kw_only=True)
class Placement:
    """One entry of ``load.documents``."""

    name: str
    kind: Literal["tree", "objects", "lob"]
    rows: str
    table: str | None = None
    path: str | None = None
    column: str | None = None

    def __post_init__(self) -> None:
        if (self.path is None) != (self.kind == "lob"):
            message = "path is for tree and objects" if self.path else "tree and objects need path"
            raise ValueError(message)
        if self.kind == "lob" and self.column is None:
            message = "lob needs column"
            raise ValueError(message)
        if self.kind == "objects" and self.column is not None:
            message = "the target's rows name objects themselves; column is for tree and lob"
            raise ValueError(message)
        if self.table is None and (self.column is not None or "{key}" in (self.path or "")):
            message = "column and {key} need table"
            raise ValueError(message)


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One file to place: ``path`` is empty for a column, ``key`` is the target's key of its row."""

    canonical_id: str
    sha256: str
    path: str
    key: str | None


def parse_placements(profile: Profile) -> list[Placement]:
    """Read ``load.documents``.

    Raises:
        MappingError: It is not as it should be; the place names the entry.
    """
    found = []
    for name, entry in (profile.load.documents if profile.load else {}).items():
        place = f"load.documents.{name}"
        try:
            unknown = set(entry) - set(Placement.__dataclass_fields__) - {"name"}
            if unknown:
                raise MappingError(f"unknown field {min(unknown)!r}", place=place, hint=_HINT)
            placement = msgspec.convert({**entry, "name": name}, Placement, strict=True)
        except (msgspec.ValidationError, ValueError, TypeError) as error:
            raise MappingError(str(error), place=place, hint=_HINT) from error
        if profile.load and placement.table is not None and placement.table not in profile.load.tables:
            raise MappingError(f"no table {placement.table} under load.tables", place=place, hint=_HINT)
        found.append(placement)
    return found


def plan(connection: duckdb.DuckDBPyConnection, placement: Placement, target: Target, limits: Limits) -> dict[str, int]:
    """Fill the table ``_plan`` (canonical_id, sha256, path, key) and count what has no place in it.

    Returns:
        Counts of rows without bytes, by their availability; ``not_imported`` for rows that the target does not have.

    Raises:
        MappingError: The SQL fails or lacks a column, or two different files get the same path.
    """
    place = f"load.documents.{placement.name}"
    try:
        names = resources.files("portability.importing").joinpath("file_names.sql")
        connection.execute(names.read_text(encoding="utf-8"))
        _collect(connection, placement, place)
        _fill_crosswalk(connection, placement, target, limits)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE _plan AS {_planned_sql(placement)}")
        if placement.kind == "tree":
            connection.execute(_UNIQUE)
        _refuse_clashes(connection, place)
        counts = dict(connection.execute(_LEFT_OUT).fetchall())
    except duckdb.Error as error:
        message = str(error).split("\n\nLINE")[0].replace("\n", " ")[:300]
        raise MappingError(message, place=place, hint=_HINT) from error
    return counts


def planned_files(connection: duckdb.DuckDBPyConnection, rows: int) -> Iterator[list[Planned]]:
    """Yield what is to be placed in the order of paths, ``rows`` at a time; the same file under a path once."""
    sql = "SELECT min(canonical_id), sha256, path, min(key) FROM _plan WHERE path <> '' GROUP BY path, sha256"
    sql += " UNION ALL SELECT canonical_id, sha256, path, key FROM _plan WHERE path = '' ORDER BY 3, 1"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE _ordered AS {sql}")
    reader = connection.execute("SELECT * FROM _ordered ORDER BY 3, 1")
    while found := reader.fetchmany(rows):
        yield [Planned(canonical_id=i, sha256=sha, path=path, key=key) for i, sha, path, key in found]


_UNIQUE = """
UPDATE _plan SET path = p.stem || ' ~' || left(md5(p.canonical_id), 12) || p.ending
FROM (
  SELECT canonical_id, left(path, length(path) - length(_extension(path))) AS stem, _extension(path) AS ending,
    row_number() OVER (PARTITION BY lower(path) ORDER BY canonical_id) AS turn
  FROM _plan
) AS p
WHERE p.turn > 1 AND p.canonical_id = _plan.canonical_id
"""
_LEFT_OUT = """
SELECT CASE WHEN sha256 IS NULL THEN availability ELSE 'not_imported' END, count(*) FROM _rows
LEFT JOIN _crosswalk USING (canonical_id)
WHERE sha256 IS NULL OR (_crosswalk.key IS NULL AND wanted) GROUP BY 1
"""


def _collect(connection: duckdb.DuckDBPyConnection, placement: Placement, place: str) -> None:
    sql = placement.rows.strip().rstrip(";")
    if not is_one_select(connection, sql):
        raise MappingError("rows is not one query", place=place, hint=_HINT)
    names = {str(row[0]).lower() for row in connection.execute(f"DESCRIBE ({sql}\n)").fetchall()}
    fields = set(_FIELD.findall(placement.path or "")) - {"key"}
    if missing := sorted(({"_id", "sha256"} | {f.lower() for f in fields}) - names):
        raise MappingError(f"rows gives no column {missing[0]}", place=place, hint=_HINT)
    why = "coalesce(availability, 'no_bytes')" if "availability" in names else "'no_bytes'"
    others = "* EXCLUDE (availability)" if "availability" in names else "*"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE _rows AS SELECT {others}, CAST(_id AS VARCHAR) AS canonical_id, "
        f"{why} AS availability, {'true' if placement.table else 'false'} AS wanted FROM ({sql}\n)"
    )
    (doubled,) = connection.execute("SELECT count(*) - count(DISTINCT canonical_id) FROM _rows").fetchall()[0]
    if doubled:
        raise MappingError("_id is empty or occurs twice", place=place, hint=_HINT)


def _fill_crosswalk(
    connection: duckdb.DuckDBPyConnection, placement: Placement, target: Target, limits: Limits
) -> None:
    connection.execute("CREATE OR REPLACE TEMP TABLE _crosswalk (canonical_id VARCHAR, key VARCHAR)")
    if placement.table is None:
        return
    for batch in read_crosswalk(target, placement.table, limits):
        rows: Any = pa.Table.from_batches([batch.select(["canonical_id", "target_key"])])
        connection.from_arrow(rows).insert_into("_crosswalk")


def _planned_sql(placement: Placement) -> str:
    path = _path_sql(placement)
    join = "JOIN" if placement.table else "LEFT JOIN"
    return (
        f"SELECT r.canonical_id, r.sha256, {path} AS path, c.key FROM _rows AS r "
        f"{join} _crosswalk AS c ON c.canonical_id = r.canonical_id WHERE r.sha256 IS NOT NULL"
    )


def _path_sql(placement: Placement) -> str:
    if placement.path is None:
        return "''"
    parts = []
    for index, text in enumerate(_FIELD.split(placement.path)):
        if index % 2 == 0:
            parts.append(text_literal(text))
            continue
        value = f"CAST({'c.key' if text == 'key' else f'r.{quote(text)}'} AS VARCHAR)"
        if placement.kind == "tree":
            value = f"{'_clean_path' if text.endswith('_path') else '_clean'}({value})"
        parts.append(f"coalesce({value}, '')")
    # An empty field leaves no empty folder behind.
    return f"trim(regexp_replace({' || '.join(parts)}, '/+', '/', 'g'), '/')"


def _refuse_clashes(connection: duckdb.DuckDBPyConnection, place: str) -> None:
    clash = connection.execute(
        "SELECT min(canonical_id) FROM _plan WHERE path <> '' GROUP BY path HAVING count(DISTINCT sha256) > 1 LIMIT 1"
    ).fetchone()
    if clash:
        raise MappingError("two different files get the same path", place=place, hint=f"One is of the row {clash[0]}.")
    unsafe = connection.execute(
        r"SELECT min(canonical_id) FROM _plan WHERE regexp_matches(path, '(^|/)\.\.?(/|$)|[\x00\\]') OR path LIKE '/%'"
    ).fetchone()
    if unsafe and unsafe[0] is not None:
        raise MappingError("a path leads outside the place", place=place, hint=f"It is of the row {unsafe[0]}.")
