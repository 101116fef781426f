"""The files that fuzzing starts from."""

from __future__ import annotations

import pytest

from fixtures.minimal import good_content
from fixtures.writing import write_archive
from tests.fuzz.targets import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A folder with a plain and a sealed archive."""
    content = good_content()
    content.entities = {"firm": content.entities["firm"]}
    content.documents = content.documents[1:]
    content.listed = content.listed.slice(1)
    plain = tmp_path_factory.mktemp("plain") / "archive"
    write_archive(content, plain)
    return World.make(tmp_path_factory.mktemp("fuzz"), plain)
