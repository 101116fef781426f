"""The same depository as for receiving."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.escrow.receiving.conftest import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An empty depository."""
    return World(tmp_path)
