"""The model's rules over a canonical layer: each finds what breaks it, counts it and names the rows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import yaml

from fixtures.build import Builder
from portability.archive import Archive
from portability.checks import load_codes, rule_findings, rules
from portability.checks.generated_rules import generated_violations
from portability.manifest import Finding
from portability.model import load_model

RULES = Path(__file__).parents[2] / "fixtures" / "bad_rules.yaml"
BROKEN: dict[str, tuple[str, str]] = yaml.safe_load(RULES.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def run(builder: Builder) -> Iterator[rules._Run]:
    """The good archive's canonical layer, as tables that a test may change and roll back."""
    data = builder.good / "data"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rules.create_entity_views(connection, load_model(), data)
        source = Archive(builder.good).source_schema()
        yield rules._Run(connection=connection, model=load_model(), source=source, data=data, examples_max=10)


@pytest.mark.parametrize("code", BROKEN)
def test_rule_broken_rows_are_found_under_its_code(run: rules._Run, code: str) -> None:
    """What breaks a rule is found by that rule; before, it finds nothing."""
    rule_id, statements = BROKEN[code]
    assert load_codes()[code].rule == rule_id
    assert rules._evaluate(run, rule_id) == []
    run.connection.execute("BEGIN")
    try:
        run.connection.execute(statements)
        found = rules._evaluate(run, rule_id)
    finally:
        run.connection.execute("ROLLBACK")
    assert found
    assert {(each.code, each.severity) for each in found} == {(code, load_codes()[code].severity)}
    assert all(each.count > 0 for each in found)


def test_generated_violations_names_place_count_and_keys(run: rules._Run) -> None:
    """A generated rule tells the field, how many rows and the lowest keys."""
    entity = load_model().entity("time_entry")
    run.connection.execute("BEGIN")
    run.connection.execute("UPDATE time_entry SET vat_code_id = 'nope' || id")
    (found,) = [
        each for each in generated_violations(run.connection, load_model(), [entity], "fk_exists", 2) if each.count
    ]
    run.connection.execute("ROLLBACK")
    assert (found.place, found.count, found.examples) == ("time_entry.vat_code_id", 3, ("t1", "t2"))


def test_generated_violations_reference_by_name_knows_only_the_models_entities(run: rules._Run) -> None:
    """A row that names an entity which is none is a broken reference."""
    entity = load_model().entity("tag")
    run.connection.execute("BEGIN")
    run.connection.execute("UPDATE tag SET entity = 'unicorn'")
    counts = [each.count for each in generated_violations(run.connection, load_model(), [entity], "fk_exists", 2)]
    run.connection.execute("ROLLBACK")
    assert counts == [1]


def findings_of(root: Path) -> tuple[Finding, ...]:
    """Run all rules over an archive."""
    with duckdb.connect() as connection:
        source = Archive(root).source_schema()
        return rule_findings(connection, load_model(), source, root / "data", examples_max=3)


def test_rule_findings_source_key_of_excluded_table_is_an_error(tiny: Path) -> None:
    """A row cannot come from a table that is not in the source layer."""
    found = [each for each in findings_of_changed(tiny, "UPDATE firm SET source_key = 'log/1'") if each.code == "L407"]
    assert [(each.place, each.examples) for each in found] == [("source_key", ("f1",))]


@pytest.mark.parametrize("key", ["cases/1", "CASES/1", "$profile/firm", "case_person/1/2", "mixed/x"])
def test_rule_findings_source_key_that_leads_to_a_row_is_right(tiny: Path, key: str) -> None:
    """Table names are compared without case, composite keys joined by a slash, and the profile's own rows let be."""
    assert findings_of_changed(tiny, f"UPDATE firm SET source_key = '{key}'") == []


@pytest.mark.parametrize("key", ["cases/01", "case_person/1", "nope/1"])
def test_rule_findings_source_key_that_leads_nowhere_is_an_error(tiny: Path, key: str) -> None:
    """A key is compared as text with the rows of its table."""
    assert [each.code for each in findings_of_changed(tiny, f"UPDATE firm SET source_key = '{key}'")] == ["L407"]


def findings_of_changed(root: Path, statement: str) -> list[Finding]:
    """Run all rules over a canonical layer that a statement has changed."""
    source, data = Archive(root).source_schema(), root / "data"
    with duckdb.connect() as connection:
        rules.create_entity_views(connection, load_model(), data)
        connection.execute(statement)
        run = rules._Run(connection=connection, model=load_model(), source=source, data=data, examples_max=3)
        return [each for rule in load_model().rules for each in rules._evaluate(run, rule.id)]


def test_rule_findings_quarantine_is_counted(copied: Path) -> None:
    """Quarantined rows are a finding with their number, also where no entity has a file."""
    shutil.move(copied / "data/tables", copied / "data/quarantine")
    (finding,) = findings_of(copied)
    assert (finding.code, finding.place, finding.count) == ("L490", "firm", 1)


def test_rule_findings_without_a_canonical_layer_are_none(copied: Path) -> None:
    """An export without a profile has nothing that a rule could hold."""
    shutil.rmtree(copied / "data/tables")
    assert findings_of(copied) == ()


def test_rule_findings_unreadable_entity_is_an_error_of_ours(copied: Path) -> None:
    """A rule that cannot be evaluated is said, not passed over."""
    (copied / "data/tables/firm.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(rules.RuleError, match="firm"):
        findings_of(copied)
