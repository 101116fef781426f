"""The dry run: a workbook that a team works through, and a target that nothing happened to."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import openpyxl
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from portability.cli import cli
from portability.errors import ConfigError
from portability.limits import DEFAULT_LIMITS
from tests.importing.small_system import LOADS, STATES, contents, write_profile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from portability.importing import ImportResult
    from portability.profiles import Profile
    from tests.importing.conftest import Practice

FAULTY = {
    "state": STATES.replace("closed,3\n", ""),
    "people": LOADS["people"].replace("display_name AS name", "repeat('=1+1', 40) AS name"),
    "members": LOADS["members"].replace("user_id AS", "'x' || user_id AS"),
}


def test_dry_run_tells_everything_and_leaves_the_target_as_it_was(
    make_small: Callable[..., str],
    run: Callable[..., ImportResult],
    profile_with: Callable[..., Profile],
    tmp_path: Path,
) -> None:
    """What the dry run says is what the import then does; not a table of ours is left."""
    url, profile = make_small(), profile_with(**FAULTY)
    before = contents(url)
    told = run(url, profile=profile, dry_run=tmp_path / "trial.xlsx", report=tmp_path / "trial")
    assert contents(url) == before
    done = run(url, profile=profile)
    assert told.tables == done.tables
    assert told.problems == done.problems
    rows = pq.read_table(tmp_path / "trial/problems.parquet").to_pylist()
    assert len({(r["table"], r["id"]) for r in rows if not r["warning"]}) == told.count("rejected")
    assert json.loads(rows[0]["row"])["_id"] == rows[0]["id"]


def test_dry_run_workbook_has_a_sheet_for_each_sort_of_problem(
    sqlite_small: str, run: Callable[..., ImportResult], profile_with: Callable[..., Profile], tmp_path: Path
) -> None:
    """A person finds the row, the value, the reason; text that looks like a formula stays text."""
    run(sqlite_small, profile=profile_with(**FAULTY), dry_run=tmp_path / "trial.xlsx")
    book = openpyxl.load_workbook(tmp_path / "trial.xlsx")
    sheets = {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}
    assert ("archive verified", "NO") in sheets["Summary"]
    assert any(row[:3] == ("cases", "state", "closed") for row in sheets["Unmapped codes"])
    long = sheets["Too long"][1]
    assert long[0] == "people"
    assert str(long[3]).startswith("=1+1")
    assert long[5] == "loaded all the same"  # SQLite keeps what is longer than declared
    assert {row[0] for row in sheets["Missing references"][1:]} == {"members"}
    assert {row[0] for row in sheets["Parent rejected"][1:]} >= {"entries"}
    assert any(row[0] == "notes" for row in sheets["Left out"][1:])


def test_dry_run_sheet_that_is_full_says_how_many_rows_it_lacks(
    sqlite_small: str, run: Callable[..., ImportResult], profile_with: Callable[..., Profile], tmp_path: Path
) -> None:
    """Rows beyond a spreadsheet's limit are counted, never dropped in silence."""
    limits = replace(DEFAULT_LIMITS, sheet_rows_max=5)
    run(sqlite_small, profile=profile_with(**FAULTY), dry_run=tmp_path / "trial.xlsx", limits=limits)
    sheet = openpyxl.load_workbook(tmp_path / "trial.xlsx")["Parent rejected"]
    assert "more rows are not in this sheet" in str(sheet.cell(row=7, column=1).value)


def test_dry_run_workbook_that_exists_is_not_overwritten(
    sqlite_small: str, run: Callable[..., ImportResult], tmp_path: Path
) -> None:
    """An earlier workbook may have a team's notes in it."""
    (tmp_path / "trial.xlsx").write_bytes(b"notes of the team")
    with pytest.raises(ConfigError, match="exists already"):
        run(sqlite_small, dry_run=tmp_path / "trial.xlsx")


def test_import_command_prints_one_json_document_and_a_text(
    sqlite_small: str, practice: Practice, tmp_path: Path
) -> None:
    """The command of the documentation, as it stands there, with and without --json."""
    profile = write_profile(tmp_path / "small")
    trial = ["import", str(practice.first.root), sqlite_small, "--profile", str(profile)]
    shown = CliRunner().invoke(cli, [*trial, "--dry-run", str(tmp_path / "trial.xlsx")], catch_exceptions=False)
    assert "Nothing was moved." in shown.output
    done = CliRunner().invoke(cli, [*trial, "--json", "--report", str(tmp_path / "report")], catch_exceptions=False)
    document = json.loads(done.output)
    assert document["mode"] == "import"
    assert document["verified"] is True
    assert sum(table["inserted"] for table in document["tables"]) > 400
    assert (tmp_path / "report/crosswalk.parquet").is_file()
    delta = [*trial, "--delta", str(practice.first.root)]
    delta[1] = str(practice.second.root)
    assert "Delta into" in CliRunner().invoke(cli, delta, catch_exceptions=False).output
