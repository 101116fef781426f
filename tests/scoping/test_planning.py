"""What becomes of each table, decided before a row is read; everything that is not clear is refused at once."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from portability.connectors import open_connector
from portability.errors import MappingError, ScopeError
from portability.exports import check_scope
from portability.profiles import load_profile
from portability.scoping import parse_scope
from tests.scoping.small_firms import write_profile

if TYPE_CHECKING:
    from pathlib import Path

    from portability.exports import ScopeCheck


def check(firms: Path, scope: str, *changes: tuple[str, str], sql: str = "") -> ScopeCheck:
    """Check a scope with a profile of which parts are changed, over a database that is changed."""
    with sqlite3.connect(firms / "firms.db") as connection:
        connection.executescript(sql)
    connection.close()
    profile = load_profile(str(write_profile(firms / "changed", *changes)))
    return check_scope(open_connector(f"sqlite:///{firms / 'firms.db'}"), parse_scope(scope.encode()), profile)


def refused(firms: Path, scope: str, *changes: tuple[str, str], sql: str = "") -> tuple[str, ...]:
    """Return all that a refusal says."""
    with pytest.raises(ScopeError) as caught:
        check(firms, scope, *changes, sql=sql)
    assert caught.value.hint
    return (*caught.value.details, str(caught.value))


def test_tables_without_path_or_reason_are_listed_all_at_once(firms: Path) -> None:
    """Two tables that nobody thought of stop the scope, each by name, with the column that looks like a key."""
    sql = "CREATE TABLE gadget (id INTEGER PRIMARY KEY); CREATE TABLE widget (id INTEGER, matterid INTEGER);"
    told = refused(firms, "{scope: a, tenant: 1}", sql=sql)
    assert [line.split(" ")[0] for line in told[:2]] == ["main.gadget", "main.widget"]
    assert "2 problems" in told[-1]


def test_table_called_shared_that_has_a_tenant_is_refused(firms: Path) -> None:
    """By its key to the tenant, by a path through another table, or by the name of a column alone."""
    sql = "CREATE TABLE plain (code TEXT, FIRM_ID TEXT);"
    shared = "shared: {vat: the law's rates, client: x, posting_line: x, plain: x, firm: x}"
    changes = (
        ("shared: {vat: the law's rates}", shared),
        ("firm_id: firm.id", "firm_id: firm.id\n    plain.FIRM_ID: null"),
    )
    told = refused(firms, "{scope: a, tenant: 1}", *changes, sql=sql)
    assert {line.split(" ")[0] for line in told[:-1]} == {"main.client", "main.posting_line", "main.plain", "main.firm"}


@pytest.mark.parametrize(
    ("scope", "told"),
    [
        ("{scope: a, tenant: 9}", "tenant 9 is not in the source"),
        ("{scope: a, tenant: 1, matter: [M1, M77, M78]}", "matter M77 is not in the source"),
        ("{scope: a, tenant: 1, matter: {key: 203}}", "is of another tenant"),
        ("{scope: a, tenant: 1, client: C0, matter: M1}", "is of no client that the scope names"),
        ("{scope: a, tenant: [1, 2], matter: M1}", "is 2 rows"),
        ("{scope: a, matter: M1}", "names none"),
        ('{scope: a, tenant: "1 OR 1=1"}', "is not in the source"),
        ("{scope: a, tenant: 1, tables: [nowhere]}", "none of nowhere"),
        ("{scope: a, tenant: 1, columns: {client: [colour]}}", "no column colour"),
        ("{scope: a, tenant: 1, entities: [matter]}", "no map makes"),
    ],
)
def test_scope_that_names_nothing_or_another_tenants_row_is_refused(firms: Path, scope: str, told: str) -> None:
    """Asked of the source itself, before anything is read."""
    assert told in " ".join(refused(firms, scope))


def test_scope_with_several_mistakes_is_told_all_of_them(firms: Path) -> None:
    """Nobody mends a list of a hundred matters one by one."""
    told = refused(firms, "{scope: a, tenant: 1, client: [C9], matter: [M77, {key: 203}], contact: {key: 1}}")
    assert len(told) == 5


def test_rows_that_reach_no_tenant_stop_a_scope_unless_the_profile_knows_them(firms: Path) -> None:
    """A null key, and one that leads nowhere, belong to nobody: they neither vanish nor leak."""
    sql = "INSERT INTO note VALUES (998, 77, 'M', 1, '', NULL); INSERT INTO account VALUES (999, 55, NULL, '');"
    told = refused(firms, "{scope: a, tenant: 1}", sql=sql)
    assert told[:2] == ("1 row of main.account reaches no tenant", "1 row of main.note reaches no tenant")
    known = ("mixed:", "orphans: {note: left by an import, account: left by an import}\n  mixed:")
    checked = check(firms, "{scope: a, tenant: 1}", known)
    assert checked.orphans == {"main.note": 1, "main.account": 1}
    assert {each.table: each.rows for each in checked.tables}["main.account"] == 7


def test_two_keys_that_decide_alike_need_a_word_of_the_profile(firms: Path) -> None:
    """A line leads to a matter by its posting and by its account: which counts is not for us to guess."""
    owner = "posting_line: {client: posting_id, matter: posting_id, contact: posting_id, tenant: posting_id}"
    told = refused(firms, "{scope: a, tenant: 1, matter: M1}", (owner, "posting: {matter: matter_id}"))
    assert any("posting_line" in line and "equally well" in line for line in told)


def test_owner_that_leads_nowhere_or_in_a_circle_is_refused(firms: Path) -> None:
    """What the profile says is checked as what it does not."""
    told = refused(firms, "{scope: a, tenant: 1}", ("tenant: posting_id}", "tenant: line}"))
    assert any("line leads to no tenant" in line for line in told)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("firm_id: firm.id", "firm_id: firm.nr", "no column nr"),
        ("firm_id: firm.id", "nobody.firm_id: firm.id", "no table nobody"),
        ("shared: {vat: ", "shared: {tax: ", "no table tax"),
        ("{posting: day", "{posting: text", "neither a date"),
        ("    odd: typed as text\n", "", "main.odd has no date column"),
    ],
)
def test_profile_that_names_what_is_not_there_is_refused(firms: Path, old: str, new: str, told: str) -> None:
    """A misspelt table in the profile must not make a scope wider or narrower in silence."""
    assert told in " ".join(refused(firms, "{scope: a, tenant: 1, dates: {to: 2025-12-31}}", (old, new)))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("  shared:", "  shard: {}\n  shared:", "unknown field 'shard'"),
        ("outside: {price: the firm's own prices}", 'outside: {price: " "}', "has no reason"),
        ("{of_kind: M}", "{of_kind: true}", "put it in quotes"),
        ("matter: {table: matter, key: id, name: number}", "mater: {table: matter, key: id}", "mater"),
    ],
)
def test_scope_section_of_a_wrong_shape_is_refused(firms: Path, old: str, new: str, told: str) -> None:
    """Misspelt fields, missing reasons and YAML's own booleans are named."""
    with pytest.raises(MappingError, match=told):
        load_profile(str(write_profile(firms / "changed", (old, new))))


def test_profile_without_scope_section_keeps_no_scope(firms: Path) -> None:
    """Nobody said what belongs to whom."""
    folder = write_profile(firms / "bare")
    text = (folder / "profile.yaml").read_text(encoding="utf-8")
    (folder / "profile.yaml").write_text(text[: text.index("scope:")], encoding="utf-8")
    with pytest.raises(ScopeError, match="does not say what belongs to whom"):
        check_scope(
            open_connector(f"sqlite:///{firms / 'firms.db'}"),
            parse_scope(b"{scope: a, tenant: 1}"),
            load_profile(str(folder)),
        )


def test_check_shows_sql_and_plan_of_every_table(firms: Path) -> None:
    """With --explain: the semi-join, and an index where there is one."""
    scope, profile = parse_scope(b"{scope: a, tenant: 1, client: C1}"), load_profile(str(firms / "profile"))
    connector = open_connector(f"sqlite:///{firms / 'firms.db'}")
    checked = check_scope(connector, scope, profile, explain=True)
    explained = {each.table: each.explained for each in checked.tables}
    matter = explained["main.matter"]
    assert matter is not None
    assert "matter_client" in " ".join(matter.lines)
    assert matter.scanned == ()
    assert {each.table: each.rows for each in checked.tables}["main.posting_line"] == 8
