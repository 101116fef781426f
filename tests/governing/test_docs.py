"""docs/requests.md and docs/obligations.md say what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from portability.cli import cli
from portability.governing import load_kinds
from tests.governing.shell import Shell

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "requests.md").read_text(encoding="utf-8")
REFUSED = " || true"


def _lines() -> list[str]:
    blocks = re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


@pytest.mark.slow
@pytest.mark.timeout(600)  # seventy commands; a busy machine takes minutes
def test_requests_page_every_command_does_what_it_says(tmp_path: Path) -> None:
    """All console blocks run in their order, in one folder, every kind of request among them."""
    (settings,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "portability.yaml").write_text(settings, encoding="utf-8")
    shell = Shell(tmp_path)
    for line in _lines():
        if line.endswith(REFUSED):
            assert shell.run(line.removesuffix(REFUSED)).code == 17, line
        else:
            shell.ok(line)
    listed = shell.ok("portability request list --all --json")
    assert listed.count('"open": false') == 6
    assert listed.count('"number"') == 6


def test_requests_page_walks_through_every_kind() -> None:
    """No kind is left out."""
    opened = set(re.findall(r"portability request new (\w+)", PAGE))
    assert opened == {*load_kinds()}


def _obligations() -> list[list[str]]:
    lines = (DOCS / "obligations.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")]
    return [row for row in rows if row[0] != "a supplier must"]


def test_obligations_each_row_has_a_command_that_exists() -> None:
    """A word that is no command is an argument: a kind of request."""
    rows = _obligations()
    assert len(rows) > 25
    for row in rows:
        assert len(row) == 4, row
        command: click.Command = cli
        words = row[2].strip("`").split()[1:]
        for word in words:
            if not isinstance(command, click.Group):
                assert word in {*load_kinds()} | {"requests", "releases", "complaints", "policies"}, row
                continue
            found = command.get_command(click.Context(command), word)
            assert found is not None, row
            command = found


def test_obligations_each_row_has_a_test_that_exists() -> None:
    """In the file that is named."""
    for row in _obligations():
        file, _, name = row[3].strip(" |").strip("`").partition("::")
        text = (DOCS.parent / file).read_text(encoding="utf-8")
        assert f"def {name}(" in text, row[3]
