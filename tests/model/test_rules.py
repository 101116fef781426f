"""Each rule of the model that has SQL fires on rows that break it and stays silent on rows that do not.

The cases are in ``rules/<group>.yaml``: rule -> breaks / holds -> named cases. A case gives only the fields that count;
required fields that it leaves out get a filler of their type.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
import yaml

from portability.model import Entity, Field, Model, create_table_sql, duckdb_type, load_model

Row = Mapping[str, object]

_FILLERS = {"int": "0", "bool": "false", "date": "2024-01-31", "timestamp": "2024-01-31 12:00:00+00", "json": "{}"}
_FILLERS_BY_NAME = {"source_key": "table/1", "currency": "GBP"}


@dataclass(frozen=True, kw_only=True)
class Case:
    """Rows, and the ids that the rule must name among them."""

    rule: str
    name: str
    rows: Mapping[str, list[Row]]
    ids: list[str | None]

    def __str__(self) -> str:
        """Return the name under which pytest shows the case."""
        return f"{self.rule}: {self.name}"


def _cases() -> Iterator[Case]:
    for path in sorted(Path(__file__).with_name("rules").glob("*.yaml")):
        for rule, verdicts in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            for verdict, cases in verdicts.items():
                for case in cases:
                    ids = case["ids"] if verdict == "breaks" else []
                    yield Case(rule=rule, name=case["case"], rows=case["rows"], ids=ids)


CASES = list(_cases())


@pytest.fixture(scope="module")
def model() -> Model:
    """The packaged model."""
    return load_model()


@pytest.fixture(scope="module")
def empty_layer(model: Model) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with every entity as an empty typed table."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for entity in model.entities:
            connection.execute(create_table_sql(entity))
        yield connection


@pytest.fixture
def layer(empty_layer: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """The empty layer for one test; what the test inserts is rolled back."""
    empty_layer.execute("begin")
    yield empty_layer
    empty_layer.execute("rollback")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_rule_sql_on_named_rows_names_exactly_the_broken_ones(
    case: Case, model: Model, layer: duckdb.DuckDBPyConnection
) -> None:
    """A rule returns the ids of the rows that break it and of no others."""
    for name, rows in case.rows.items():
        _insert(layer, model.entity(name), rows)
    sql = model.rule(case.rule).sql
    assert sql is not None
    found = [row[0] for row in layer.execute(f"select id from ({sql})").fetchall()]
    assert sorted(found, key=str) == sorted(case.ids, key=str)


@pytest.mark.parametrize("rule", [rule.id for rule in load_model().rules if rule.sql is not None])
def test_rule_sql_on_empty_tables_runs_with_id_first_and_without_floats(
    rule: str, model: Model, layer: duckdb.DuckDBPyConnection
) -> None:
    """Every rule's SQL runs on an empty archive, puts the id first, and computes in exact types only."""
    sql = model.rule(rule).sql
    assert sql is not None
    answer = layer.sql(sql)
    assert answer.columns[0] == "id"
    assert not {"DOUBLE", "FLOAT"} & {str(each) for each in answer.types}
    assert len(answer) == (1 if rule == "one_firm" else 0)


def test_rule_cases_for_every_rule_with_sql_break_it_and_hold(model: Model) -> None:
    """No rule with SQL is without a case that breaks it and one that holds; no case is for an unknown rule."""
    with_sql = {rule.id for rule in model.rules if rule.sql is not None}
    assert {case.rule for case in CASES if case.ids} == with_sql
    assert {case.rule for case in CASES if not case.ids} == with_sql


def _insert(connection: duckdb.DuckDBPyConnection, entity: Entity, rows: list[Row]) -> None:
    values = ", ".join(f"cast(? as {duckdb_type(each)})" for each in entity.fields)
    for row in rows:
        assert set(row) <= set(entity.field_names)
        texts = [_text(each, row) for each in entity.fields]
        connection.execute(f'insert into "{entity.name}" values ({values})', texts)


def _text(field: Field, row: Row) -> str | None:
    if field.name in row:
        value = row[field.name]
        return None if value is None else str(value)
    return _filler(field) if field.required else None


def _filler(field: Field) -> str:
    if field.name in _FILLERS_BY_NAME:
        return _FILLERS_BY_NAME[field.name]
    if field.code_values:
        return field.code_values[0]
    return "0" if field.type.startswith("decimal") else _FILLERS.get(field.type, field.name)
