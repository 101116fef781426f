"""What the docs say is what the program does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from portability.cli import cli
from portability.errors import PortabilityError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent


def _errors(kind: type[PortabilityError] = PortabilityError) -> Iterator[type[PortabilityError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _errors(child)


def _commands(group: click.Group, prefix: str = "portability") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


def test_exit_codes_document_lists_every_error_with_its_code() -> None:
    """One row for each class of the tree, no more, no fewer."""
    text = (ROOT / "docs/exit-codes.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| (\d+) \| `(\w+)`", text, re.MULTILINE))
    ours = [kind for kind in _errors() if kind.__module__ == PortabilityError.__module__]
    assert listed == {str(kind.exit_code): kind.__name__ for kind in ours}


@pytest.mark.parametrize(("name", "command"), list(_commands(cli)), ids=[name for name, _ in _commands(cli)])
def test_every_command_has_help_with_an_example_of_itself(name: str, command: click.Command) -> None:
    """--help shows one command line that works as it stands."""
    assert command.help is not None
    assert f"Example: {name} " in command.help or f"Example: {name}\n" in f"{command.help}\n"


@pytest.mark.parametrize("name", [name for name, _ in _commands(cli)])
def test_every_command_is_in_the_readme_or_a_document(name: str) -> None:
    """Nothing has to be found by chance."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))]
    assert any(name in text for text in texts)


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def _links(page: Path) -> set[Path]:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    return {(page.parent / link).resolve() for link in links if "://" not in link}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    """Every relative link is a file."""
    assert [link for link in _links(page) if not link.exists()] == []


def test_index_of_the_docs_names_every_page_and_schema() -> None:
    """A page that nobody finds is not written."""
    docs = ROOT / "docs"
    there = {path.resolve() for pattern in ("*.md", "*.json") for path in docs.glob(pattern)} - {docs / "README.md"}
    assert there - _links(docs / "README.md") == set()
