"""The verifier's family R beyond its bad archives: levels, reports, the command, and hostile input."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner

from fixtures import bad_scope
from fixtures.bad_description import changed_column
from fixtures.build import Builder
from fixtures.minimal import good_content
from fixtures.writing import Content, write_archive
from portability.archive import COVERAGE_JSON
from portability.checks import verify
from portability.cli import cli
from portability.errors import ConfigError
from portability.limits import DEFAULT_LIMITS
from portability.manifest import ForeignKey

SCOPE = bad_scope.canonical(bad_scope.SCOPE)


@pytest.fixture(scope="module")
def scoped(builder: Builder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The good archive with a scope on it."""
    return builder.build_scoped(tmp_path_factory.mktemp("scoped") / "archive")


def _small(change: Callable[[Content], None], root: Path) -> Path:
    """An archive of a scope with a small canonical layer, quick to write."""
    content = good_content()
    content.entities = {"firm": content.entities["firm"]}
    content.documents = content.documents[1:]
    content.listed = content.listed.slice(1)
    bad_scope.scoped(content)
    content.with_rules = False
    change(content)
    write_archive(content, root)
    return root


def test_verify_good_scope_is_clean_and_counts_rows_by_their_ground(scoped: Path) -> None:
    """Rows that belong, that are referred to and that are shared are told apart; none is outside."""
    report = verify(scoped, level="full", scope=SCOPE)
    assert report.ok
    assert report.codes() == {"C161"}
    counts = {each.table: (each.belonging, each.referred, each.shared, each.outside) for each in report.scope}
    assert counts["main.cases"] == (2, 0, 0, 0)
    assert counts["main.person"] == (0, 2, 0, 0)
    assert counts["main.mixed"] == (0, 0, 3, 0)
    assert "Rows in the scope and out of it" in report.to_html()
    assert report.to_dict()["scope"][0].keys() >= {"table", "rows", "outside", "reason"}


@pytest.mark.slow
def test_verify_deep_without_the_scope_holds_the_archive_against_its_own(scoped: Path) -> None:
    """The rows are followed all the same; that it is the right scope stays open, and is said."""
    report = verify(scoped, level="deep")
    assert report.ok
    assert [step.outcome for step in report.steps if step.lacks == "scope"] == ["not run"]
    assert all(step.outcome == "passed" for step in report.steps if step.family == "R" and not step.lacks)


def test_verify_full_without_a_scope_does_not_look(scoped: Path) -> None:
    """Nobody who did not ask pays for it; at level quick it cannot be asked."""
    assert not [step for step in verify(scoped, level="full").steps if step.family == "R"]
    with pytest.raises(ValueError, match="full or deep"):
        verify(scoped, level="quick", scope=SCOPE)


def test_verify_rows_of_another_that_the_export_calls_shared_are_found(tmp_path: Path) -> None:
    """What the export says of itself is no evidence: it is the profile's list and the rows that count."""

    def change(content: Content) -> None:
        assert content.scope is not None
        one = bad_scope.canonical(bad_scope.ONE)
        content.scope = replace(content.scope, scope=one, treatments={"cases": "shared", "case_person": "shared"})

    root = _small(change, tmp_path / "archive")
    report = verify(root, level="full", scope=bad_scope.canonical(bad_scope.ONE))
    assert report.codes("error") == {"R611", "R616"}


def test_verify_key_to_a_related_matter_is_no_owner(tmp_path: Path) -> None:
    """A matter that names another one, which is not there, is its own matter still, and so is what it refers to."""

    def change(content: Content) -> None:
        assert content.scope is not None
        (first, _) = content.tables["cases"].to_pylist()
        bad_scope.changed_rows(content, "cases", [first | {"person_id": 2}])
        bad_scope.changed_rows(content, "case_person", [{"case_id": 1, "person_id": 1}])
        bad_scope.changed_rows(content, "mixed", [])
        content.exceptions = content.exceptions.slice(1)
        content.scope = replace(
            content.scope, scope=bad_scope.canonical(bad_scope.ONE), rules=bad_scope.RELATED, documents=[]
        )

    report = verify(_small(change, tmp_path / "archive"), level="full", scope=bad_scope.canonical(bad_scope.ONE))
    assert not {"R606", "R611", "R612", "R615"} & report.codes()


def test_verify_shared_table_with_columns_called_id_is_judged_by_its_values(tmp_path: Path) -> None:
    """``id`` is what a key is called anywhere; labels that rows hold, and how a column is generated, tell of nobody."""

    def change(content: Content) -> None:
        assert content.scope is not None
        bad_scope.added(content, "law", {"id": [1, 2], "rate": ["20", "5"]})
        says = changed_column("law", "rate", labels=("20", "5"), native_type="enum('20','5')", generated="stored")
        content.source = says(content.source)
        rules = bad_scope.RULES | {"shared": {"mixed": "a list of codes", "law": "the law's rates"}}
        rules["roots"] = {**bad_scope.RULES["roots"], "tenant": {"table": "person", "key": "id"}}
        content.scope = replace(content.scope, rules=rules)

    report = verify(_small(change, tmp_path / "archive"), level="full", scope=SCOPE)
    assert not {"R614", "R624"} & report.codes()


@pytest.mark.parametrize(("place", "is_found"), [("mixed.K", False), ("mixed.other", True)])
def test_verify_shared_table_that_names_a_tenant_needs_a_reason(place: str, is_found: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """A text of the tenant's own in a shared table is R614, but for a column of which the profile says why."""

    def change(content: Content) -> None:
        assert content.scope is not None
        bad_scope.changed_rows(content, "mixed", [{"k": "for BOB \N{EURO SIGN} ann@example.org", "k__typeof": "text"}])
        roots = {**bad_scope.RULES["roots"], "tenant": {"table": "person", "key": "id"}}
        content.scope = replace(
            content.scope, rules=bad_scope.RULES | {"roots": roots, "mentions": {place: "the vendor's contact"}}
        )

    report = verify(_small(change, tmp_path / "archive"), level="full", scope=SCOPE)
    assert ("R614" in report.codes()) is is_found


BLANK = bad_scope.canonical({"scope": "abc", "tenant": [{"key": "ABC"}], "version": "1.0"})
TENANTS = {
    "roots": {"tenant": {"table": "firm", "key": "code"}},
    "keys": {"desk.firm_code": "firm.code"},
    "shared": dict.fromkeys(("mixed", "cases", "person", "case_person"), "of another test"),
}


@pytest.mark.parametrize(
    ("dbms", "native_type", "is_found"),
    [("sqlite", "character(4)", True), ("postgresql", "text", True), ("postgresql", "character(4)", False)],
)
def test_verify_key_that_ends_in_a_blank_is_another_key(
    dbms: str,
    native_type: str,
    is_found: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    """``ABC `` is not ``ABC``, but where PostgreSQL itself fills a char(n) up with blanks."""

    def change(content: Content) -> None:
        assert content.scope is not None
        bad_scope.added(content, "firm", {"code": ["ABC "]} if dbms != "sqlite" else {"code": ["ABC", "ABC "]})
        bad_scope.added(content, "desk", {"id": [1, 2], "firm_code": ["ABC", "ABC" if dbms != "sqlite" else "ABC "]})
        content.source = changed_column("firm", "code", native_type=native_type)(content.source)
        content.source = replace(content.source, dbms=dbms)
        content.scope = replace(content.scope, scope=BLANK, rules=TENANTS)

    report = verify(_small(change, tmp_path / "archive"), level="full", scope=BLANK)
    assert {each.place for each in report.findings if each.code == "R611"} == (
        {"main.firm", "main.desk"} if is_found else set()
    )
    assert ("R606" in report.codes()) is (is_found and dbms != "sqlite")


@pytest.mark.parametrize(
    ("scope", "kept", "found"),
    [
        ({"tables": ["cases", "person", "case_person"]}, True, {"R613"}),
        ({"tables": ["cases", "person", "case_person"]}, False, set()),
        ({"tables": ["cases", "person", "case_person", "mixed"]}, True, {"R613"}),
    ],
)
def test_verify_table_that_the_scope_does_not_name_holds_no_row(
    scope: dict[str, list[str]],
    kept: bool,  # noqa: FBT001
    found: set[str],
    tmp_path: Path,
) -> None:
    """It may be said to be outside, whatever the profile calls it, and must be empty then."""
    given = bad_scope.canonical(bad_scope.SCOPE | scope)

    def change(content: Content) -> None:
        assert content.scope is not None
        content.scope = replace(content.scope, scope=given, treatments={"mixed": "outside"})
        if not kept:
            bad_scope.changed_rows(content, "mixed", [])

    report = verify(_small(change, tmp_path / "archive"), level="full", scope=given)
    assert {"R613", "R616"} & report.codes() == found


def _covered(targets: dict[str, list[str]]) -> Callable[[Path], None]:
    """Say in the coverage what maps make of the columns of ``person``."""

    def write(root: Path) -> None:
        path = root / "data" / COVERAGE_JSON
        coverage = json.loads(path.read_text())
        (table,) = (each for each in coverage["tables"] if each["name"] == "person")
        for column in table["columns"]:
            column["targets"] = targets.get(column["name"], [])
        path.write_text(json.dumps(coverage))

    return write


@pytest.mark.parametrize(
    ("targets", "is_found"),
    [
        (["contact.legal_name"], True),
        ([], True),
        (["contact.legal_name", "contact.(condition)"], False),
        (["contact.display_name"], False),
        (["contact.legal_name", "client.(condition)"], False),
    ],
)
def test_verify_column_that_feeds_nothing_kept_is_refused(targets: list[str], is_found: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """A column that a kept field or the condition of a map needs is there; one of other fields, or of none, is not."""
    given = bad_scope.canonical(bad_scope.SCOPE | {"fields": {"contact": ["display_name"]}})

    def change(content: Content) -> None:
        assert content.scope is not None
        content.scope = replace(content.scope, scope=given)
        content.before_seal = _covered({"id": ["contact.id"], "name": targets})

    report = verify(_small(change, tmp_path / "archive"), level="full", scope=given)
    (found,) = (each for each in report.findings if each.code == "R621")
    assert ("name" in found.examples) is is_found


def test_verify_rows_in_a_chain_without_end_are_refused_in_bounded_time(tmp_path: Path) -> None:
    """A chain of rows of their own table is followed, longer ones than the limit end in a code."""

    def change(content: Content) -> None:
        rows = [{"id": n, "person_id": n - 1, "opened": None, "claim": None} for n in range(3, 60)]
        cases = content.tables["cases"]
        more = pa.Table.from_pylist(rows, cases.schema)
        content.tables["cases"] = pa.concat_tables([cases, more])
        own = ForeignKey(
            name=None, columns=("person_id",), target_schema="main", target_table="cases", target_columns=("id",)
        )
        tables = (replace(t, foreign_keys=(own,)) if t.name == "cases" else t for t in content.source.tables)
        content.source = content.source.with_tables(tuple(tables))
        assert content.scope is not None
        content.scope = replace(
            content.scope,
            rules=bad_scope.RULES | {"roots": {"contact": {"table": "cases", "key": "id"}}},
            scope=bad_scope.canonical({"contact": [{"key": "2"}], "scope": "chain", "version": "1.0"}),
        )

    root = _small(change, tmp_path / "archive")
    scope = (root / "data/scope.json").read_bytes()
    limits = replace(DEFAULT_LIMITS, scope_rounds_max=20)
    assert "R635" in verify(root, level="full", scope=scope, limits=limits).codes("error")
    assert "R635" not in verify(root, level="full", scope=scope).codes("error")


@pytest.mark.parametrize("rules", ["scope: [1, 2]", "scope: {keys: {a: {b: c}}}", "a: &a [*a]", "\x00", "- x"])
def test_verify_hostile_profile_ends_in_a_code(rules: str, tmp_path: Path) -> None:
    """Whatever stands where the keys should be, there is a code and no fault of the program."""

    def change(content: Content) -> None:
        assert content.scope is not None
        content.scope = replace(content.scope, rules=rules)

    report = verify(_small(change, tmp_path / "archive"), level="full", scope=SCOPE)
    assert not report.ok
    assert report.codes("error") <= {"R605", "R611", "R612", "R614", "R615", "R616", "R633", "R635"}


def test_command_with_a_scope_in_yaml_reports_rows_and_refuses_another(scoped: Path, tmp_path: Path) -> None:
    """The scope is given as people write it; the exit code tells of another one."""
    scope = tmp_path / "scope.yaml"
    scope.write_text("scope: both-cases\nmatter: [{key: 2}, {key: 1}]\n")
    html = tmp_path / "report.html"
    arguments = ["verify", str(scoped), "--scope", str(scope), "--json", "--html", str(html)]
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert json.loads(result.output)["ok"] is True
    assert "main.cases" in html.read_text(encoding="utf-8")
    scope.write_text("scope: both-cases\nmatter: [{key: 1}]\n")
    result = CliRunner().invoke(cli, arguments)
    assert "R603" in {each["code"] for each in json.loads(result.output)["findings"]}
    with pytest.raises(ConfigError, match="full or deep"):
        CliRunner().invoke(cli, [*arguments, "--level", "quick"], catch_exceptions=False)


def test_verify_scope_leaves_the_archive_untouched(scoped: Path, tmp_path: Path) -> None:
    """Following keys writes nothing beside or into the archive."""
    root = shutil.copytree(scoped, tmp_path / "archive")
    before = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))
    verify(root, level="full", scope=SCOPE)
    assert sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")) == before
