"""Column lineage: the coverage report says of each source column what the SQL does with it."""

from __future__ import annotations

import pytest

from portability.errors import MappingError
from portability.manifest import Column, SourceSchema, Table
from portability.mapping import Coverage, trace_coverage
from portability.profiles import Profile


def _table(name: str, *columns: str, schema: str = "main") -> Table:
    described = tuple(Column(name=c, position=n, native_type="TEXT") for n, c in enumerate(columns, 1))
    return Table(schema=schema, name=name, columns=described)


SOURCE = SourceSchema(
    dbms="sqlite",
    dbms_version="3",
    default_schema="main",
    tables=(
        _table("CL", "ID", "NAME", "DEL", "OLD REF", "NOTE"),
        _table("M", "ID", "CL", "T"),
        _table("documents", "path"),
        _table("staff", "no", schema="hr"),
    ),
)


def _trace(sql: str, carry: dict[str, str] | None = None) -> tuple[Coverage, dict[str, tuple[str, tuple[str, ...]]]]:
    profile = Profile(profile="p", title="P", maps={"client": sql}, files={}, carry=carry or {})
    coverage = trace_coverage(SOURCE, profile)
    return coverage, {f"{t.name}.{c.name}": (c.status, c.targets) for t in coverage.tables for c in t.columns}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT ID AS id FROM source.CL", {"CL.ID": ("mapped", ("client.id",))}),
        ("SELECT upper(c.name) AS name FROM source.cl AS c", {"CL.NAME": ("mapped", ("client.name",))}),
        ("SELECT ID AS id FROM source.CL WHERE DEL = 'N'", {"CL.DEL": ("mapped", ("client.(condition)",))}),
        ("SELECT ID AS id, {'o': \"OLD REF\"} AS extras FROM source.CL", {"CL.OLD REF": ("carried", ("client.extras",))}),
        ("SELECT NOTE__file.sha256 AS name FROM source.CL", {"CL.NOTE": ("mapped", ("client.name",))}),
        ("SELECT no AS id FROM hr.staff", {"staff.no": ("mapped", ("client.id",))}),
        (
            "WITH a AS (SELECT ID AS i, NAME AS n FROM source.CL), b AS (SELECT i, n || i AS x FROM a) SELECT x AS name FROM b",
            {"CL.ID": ("mapped", ("client.name",)), "CL.NAME": ("mapped", ("client.name",))},
        ),
        (
            "SELECT ID AS id FROM source.CL UNION ALL SELECT T FROM source.M",
            {"CL.ID": ("mapped", ("client.id",)), "M.T": ("mapped", ("client.id",))},
        ),
        (
            "SELECT NAME AS name, ID AS id FROM source.CL UNION ALL BY NAME SELECT ID AS id, T AS name FROM source.M",
            {"M.ID": ("mapped", ("client.id",)), "M.T": ("mapped", ("client.name",))},
        ),
        (
            "SELECT c.ID AS id, (SELECT max(m.T) FROM source.M AS m WHERE m.CL = c.ID) AS name FROM source.CL AS c",
            {"M.T": ("mapped", ("client.name",)), "M.CL": ("mapped", ("client.(condition)", "client.name"))},
        ),
        ("SELECT c.ID AS id FROM source.CL AS c JOIN (VALUES ('a')) AS v(k) ON v.k = c.DEL", {"CL.ID": ("mapped", ("client.id",))}),
        ("SELECT sha256 AS id FROM documents", {"documents.path": ("unclassified", ())}),
    ],
    ids=[
        "column", "case", "condition", "extras", "sidecar", "schema", "with", "union", "union-by-name", "subquery",
        "values", "documents-view",
    ],
)  # fmt: skip
def test_coverage_of_a_query_follows_columns_to_their_tables(
    sql: str, expected: dict[str, tuple[str, tuple[str, ...]]]
) -> None:
    """Through aliases, common table expressions, unions, subqueries and sidecars."""
    fates = _trace(sql)[1]
    assert {name: fates[name] for name in expected} == expected


def test_coverage_counts_every_column_once() -> None:
    """Mapped, carried, excluded and unclassified add up to all."""
    coverage, fates = _trace("SELECT ID AS id FROM source.CL", carry={"CL.NAME": "why", "m": "whole table"})
    assert coverage.columns == 10
    assert coverage.mapped + coverage.carried + coverage.excluded + coverage.unclassified == 10
    assert (fates["CL.NAME"][0], fates["M.T"][0], fates["CL.DEL"][0]) == ("carried", "carried", "unclassified")
    assert coverage.unclassified_columns() == ["CL.DEL", "CL.OLD REF", "CL.NOTE", "documents.path", "staff.no"]


@pytest.mark.parametrize("sql", ["SELEC 1", "DROP TABLE x", "SELECT 1; SELECT 2"])
def test_coverage_of_what_is_no_single_query_is_refused(sql: str) -> None:
    """The place names the file."""
    with pytest.raises(MappingError) as caught:
        _trace(sql)
    assert caught.value.place == "map/client.sql"
