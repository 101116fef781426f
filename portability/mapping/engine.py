"""Run a profile's SQL and hold every row against the model; what does not fit goes to quarantine with its reason.

Order: ``define_macros`` -> ``map_entities`` (fills the schema ``mapped``) -> ``writing.write_entities``. The SQL's
result types are checked before a row is computed: no float reaches a decimal, no time without a zone reaches a
timestamp, nothing is rounded on the way in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING

import duckdb

from portability.duck import is_one_select, quote, text_literal
from portability.errors import MappingError
from portability.mapping.casts import cast_field, extras_sql
from portability.mapping.judging import Judge
from portability.model import duckdb_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from portability.manifest import Finding
    from portability.model import Entity, Model
    from portability.profiles import Profile

__all__ = ["Mapped", "define_macros", "map_entities"]

# Entities that the engine makes itself; a profile must not write them.
_ENGINE_ENTITIES = ("file_object", "control_total")


@dataclass(kw_only=True)
class Mapped:
    """What mapping did: rows kept and quarantined for each entity, and findings."""

    rows: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def define_macros(connection: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    """Define the functions that profile SQL may call.

    Raises:
        MappingError: The profile's time zone is not one that the engine knows.
    """
    if not connection.execute(
        "SELECT count(*) FROM pg_timezone_names() WHERE name = ?", [profile.time_zone]
    ).fetchall()[0][0]:
        raise MappingError(f"unknown time zone {profile.time_zone!r}", place="profile.yaml")
    text = resources.files("portability.mapping").joinpath("macros.sql").read_text(encoding="utf-8")
    connection.execute(text.format(zone=profile.time_zone))


def map_entities(
    connection: duckdb.DuckDBPyConnection,
    profile: Profile,
    model: Model,
    *,
    only: frozenset[str] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Mapped:
    """Run the profile's SQL into ``mapped.<entity>`` and judge every row; with ``only``, of these entities alone.

    Raises:
        MappingError: SQL that fails, a field that the model does not have, a type that is not exact, or an id that
            occurs twice.
    """
    _refuse_unknown_entities(profile, model)
    connection.execute("CREATE SCHEMA mapped")
    result = Mapped()
    present = [entity for entity in model.in_reference_order() if entity.name in profile.maps]
    if only is not None:
        present = [entity for entity in present if entity.name in only]
    for entity in present:
        progress(entity.name)
        _run(connection, profile, entity)
    if connection.execute("SELECT count(*) FROM duckdb_views() WHERE view_name = 'documents'").fetchall()[0][0]:
        _file_objects(connection)
        present.append(model.entity("file_object"))
    beyond = frozenset(profile.maps) if only is not None else frozenset()
    judge = Judge(connection, model, present, beyond)
    judge.judge()
    for entity in present:
        result.findings += judge.findings(entity)
        (count,) = connection.execute(f"SELECT count(*) FROM mapped.{quote(entity.name)}").fetchall()[0]
        rejected = judge.rejected_rows(entity)
        result.rows[entity.name], result.quarantined[entity.name] = count - rejected, rejected
    return result


def _refuse_unknown_entities(profile: Profile, model: Model) -> None:
    known = {entity.name for entity in model.entities} - set(_ENGINE_ENTITIES)
    for name in profile.maps:
        if name not in known:
            raise MappingError("the model has no such entity, or the engine makes it itself", place=f"map/{name}.sql")


def _run(connection: duckdb.DuckDBPyConnection, profile: Profile, entity: Entity) -> None:
    place, sql = f"map/{entity.name}.sql", profile.maps[entity.name].strip().rstrip(";")
    try:
        if not is_one_select(connection, sql):
            raise MappingError("is not one query", place=place, hint="A map is a single SELECT.")
        described = connection.execute(f"DESCRIBE ({sql}\n)").fetchall()
        types = {str(name): str(kind) for name, kind, *_ in described}
        select = _select(entity, profile, types, place)
        connection.execute(f"CREATE TABLE mapped.{quote(entity.name)} AS SELECT {select} FROM ({sql}\n) AS mapping")
    except duckdb.Error as error:
        hint = "Run the SQL with `portability query` on an archive to look at it."
        if isinstance(error, duckdb.OutOfMemoryException):
            hint = (
                "Its rows are long: raise limits: duckdb_memory_mib in portability.yaml, and run again with --resume."
            )
        raise MappingError(_brief(error), place=place, hint=hint) from error
    _refuse_doubled_ids(connection, entity, place)


def _refuse_doubled_ids(connection: duckdb.DuckDBPyConnection, entity: Entity, place: str) -> None:
    key = ", ".join(quote(name) for name in entity.primary_key)
    doubled = connection.execute(
        f"SELECT {key}, count(*) FROM mapped.{quote(entity.name)} WHERE {key} IS NOT NULL "
        "GROUP BY ALL HAVING count(*) > 1 ORDER BY 1 LIMIT 5"
    ).fetchall()
    if doubled:
        examples = ", ".join(f"{row[0]} ({row[-1]} times)" for row in doubled)
        raise MappingError(
            f"the same id occurs more than once: {examples}",
            place=place,
            hint="Prefix ids that come from several tables, or join on a key.",
        )


def _brief(error: duckdb.Error) -> str:
    """The engine's first sentences, without the SQL that it quotes."""
    text = str(error).split("\n\nLINE")[0]
    if isinstance(error, duckdb.OutOfMemoryException):
        text = text.split("Possible solutions")[0]  # which are the engine's settings, not ours
    return re.sub(r"\s+", " ", text)[:500].strip()


def _select(entity: Entity, profile: Profile, types: dict[str, str], place: str) -> str:
    fields = {f.name for f in entity.fields}
    unknown = sorted(set(types) - fields - {"unreadable"})
    if unknown:
        raise MappingError(
            f"{entity.name} has no field {unknown[0]!r}", place=place, hint="docs/data_dictionary.md lists the fields."
        )
    for needed in ("id", "source_key"):
        if needed in fields and needed not in types:
            raise MappingError(f"the column {needed} is missing", place=place)
    defaults = {"source_system": text_literal(profile.profile), "is_deleted": "false"}
    parts = []
    for f in entity.fields:
        if f.name == "extras":
            parts.append(f"{extras_sql(types)} AS extras")
        elif f.name in types:
            cast = cast_field(f, types[f.name], place)
            # A part of a union that leaves it out means the same as a map that does.
            parts.append(f"{f'coalesce({cast}, false)' if f.name == 'is_deleted' else cast} AS {quote(f.name)}")
        else:
            parts.append(f"CAST({defaults.get(f.name, 'NULL')} AS {duckdb_type(f)}) AS {quote(f.name)}")
    return ", ".join(parts)


def _file_objects(connection: duckdb.DuckDBPyConnection) -> None:
    """``file_object`` is the document store itself: one row for each stored file."""
    connection.execute(
        "CREATE TABLE mapped.file_object AS "
        "SELECT sha256, 'documents/' || substr(sha256, 1, 2) || '/' || sha256 AS path, "
        "any_value(size_bytes) AS size_bytes, min(media_type) AS detected_media_type, any_value(md5) AS md5, "
        "CAST(NULL AS VARCHAR) AS encrypted_with "
        "FROM documents WHERE sha256 IS NOT NULL GROUP BY sha256"
    )
