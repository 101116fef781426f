"""The commands of docs/importing.md, run as they stand."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from portability.cli import cli
from tests.importing.small_system import make_target, write_profile

if TYPE_CHECKING:
    from tests.importing.conftest import Practice

PAGE = Path(__file__).parents[2] / "docs/importing.md"


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
