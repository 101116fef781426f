"""The commands of docs/successor.md, run as they stand there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from portability.importing.documents import check_placement
from portability.profiles import load_profile
from tests.importing.test_documents import with_documents

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs/successor.md"


def blocks(language: str) -> Iterator[str]:
    """Yield the page's code blocks of a language."""
    yield from re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_page_five_commands_make_the_whole_move(tmp_path: Path) -> None:
    """Each ends well, and the certificate is there."""
    (script,) = blocks("")
    commands = [shlex.split(line) for line in script.strip().splitlines()]
    assert len(commands) == 5
    for command in commands:
        program = [str(Path(sys.executable).with_name(command[0]))]
        done = subprocess.run(
            [*program, *command[1:]], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600
        )
        assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
    assert list((tmp_path / "trial/certificate").iterdir())


def test_page_example_of_placing_is_accepted() -> None:
    """The YAML of the page is what the reader of profiles takes."""
    (text,) = blocks("yaml")
    entry = yaml.safe_load(text)["load"]["documents"]["letters"]
    assert check_placement(with_documents(load_profile("successor"), entry))
