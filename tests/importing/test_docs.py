"""The commands of docs/importing.md, run as they stand."""

from __future__ import annotations

import re
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from portability.cli import cli
from portability.drafting.reading import read_profile
from tests.importing.small_system import make_target, write_profile

if TYPE_CHECKING:
    from tests.importing.conftest import Practice

PAGE = Path(__file__).parents[2] / "docs/importing.md"
PROFILES_PAGE = PAGE.with_name("target_profiles.md")


@pytest.mark.slow
def test_importing_page_commands_run_as_they_stand(
    practice: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader who copies them line by line gets through a whole migration."""
    monkeypatch.chdir(tmp_path)
    Path("archive").symlink_to(practice.first.root)
    Path("later").symlink_to(practice.second.root)
    write_profile(Path("successor"))
    make_target("sqlite:///new.db")
    commands = re.findall(r"^\$ portability (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) == 5
    for command in commands:
        CliRunner().invoke(cli, shlex.split(command), catch_exceptions=False)
    assert {path.name for path in tmp_path.iterdir()} >= {"trial.xlsx", "cutover.xlsx", "report"}


def test_target_profiles_page_example_imports_as_it_stands(
    practice: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever copies the example has a profile that is checked, imported and reconciled."""
    monkeypatch.chdir(tmp_path)
    example = PROFILES_PAGE.read_text(encoding="utf-8").partition("## A whole one")[2]
    ddl, profile, people, cases = re.findall(r"^```(?:sql|yaml)\n(.*?)^```$", example, re.MULTILINE | re.DOTALL)
    Path("small/load").mkdir(parents=True)
    for name, text in {"profile.yaml": profile, "load/people.sql": people, "load/cases.sql": cases}.items():
        Path("small", name).write_text(text, encoding="utf-8")
    with closing(sqlite3.connect("new.db")) as connection:
        connection.executescript(ddl)
    assert [p for p in read_profile("small").problems if p.severity == "error"] == []
    command = ["import", str(practice.first.root), "sqlite:///new.db", "--profile", "small", "--unverified"]
    CliRunner().invoke(cli, [*command, "--certificate", "paper"], catch_exceptions=False)
    with closing(sqlite3.connect("new.db")) as connection:
        assert connection.execute("SELECT count(*) FROM cases").fetchone() == (100,)
