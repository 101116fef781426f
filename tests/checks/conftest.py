"""Archives to check: the good one and bad ones, built once for all tests of a run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fixtures.build import Builder
from fixtures.minimal import good_content
from fixtures.writing import write_archive


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """The builder of the archives, with the good one built."""
    return Builder(tmp_path_factory.mktemp("archives"))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with a canonical layer of one entity: quick to copy and to check."""
    content = good_content()
    content.entities = {"firm": content.entities["firm"]}
    content.documents = content.documents[1:]
    content.listed = content.listed.slice(1)
    root = tmp_path_factory.mktemp("tiny") / "archive"
    write_archive(content, root)
    return root


@pytest.fixture
def copied(tiny: Path, tmp_path: Path) -> Path:
    """A copy of the tiny archive that the test may alter."""
    root = tmp_path / "archive"
    shutil.copytree(tiny, root)
    return root
