"""The data dictionary says what the model says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from portability.model import data_dictionary, load_model

DOCUMENT = Path(__file__).parents[2] / "docs" / "data_dictionary.md"


@pytest.fixture(scope="module")
def text() -> str:
    """The dictionary of the packaged model."""
    return data_dictionary(load_model())


def test_data_dictionary_in_docs_is_current(text: str) -> None:
    """The document equals what the model gives; mend it with `python -m portability.model.dictionary`."""
    assert DOCUMENT.read_text(encoding="utf-8") == text


def test_data_dictionary_command_writes_it(text: str) -> None:
    """The command that the Makefile calls writes the same text and nothing else."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "portability.model.dictionary"], capture_output=True, check=True
    )
    assert done.stdout.decode() == text
    assert done.stderr == b""


def test_data_dictionary_links_all_lead_somewhere(text: str) -> None:
    """Every link in the document has its heading or anchor."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = set(re.findall(r'<a id="([^"]+)">', text)) | {heading.lower().replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors


def test_data_dictionary_headings_are_unique(text: str) -> None:
    """No two headings share an anchor, so each link has one target."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    assert len(headings) == len(set(headings))


def test_data_dictionary_tables_have_equal_columns(text: str) -> None:
    """A bar inside a text does not break its table."""
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1
