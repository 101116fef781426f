"""Two small firms, built once for each test that may change them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from portability.connectors import open_connector
from portability.exports import ExportRequest, ExportResult, export_archive
from portability.profiles import load_profile
from portability.scoping import parse_scope
from tests.scoping.small_firms import build_firms, write_profile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def firms(tmp_path: Path) -> Path:
    """A folder with ``firms.db``, ``files`` and ``profile``."""
    build_firms(tmp_path)
    write_profile(tmp_path / "profile")
    return tmp_path


@pytest.fixture
def export(firms: Path) -> Callable[..., ExportResult]:
    """Export what a scope names to ``firms/<name>``; keyword arguments override the request."""

    def run(scope: str, name: str = "archive", **changes: Any) -> ExportResult:  # noqa: ANN401 -- any field
        request = ExportRequest(
            connector=open_connector(f"sqlite:///{firms / 'firms.db'}"),
            destination=firms / name,
            profile=load_profile(str(firms / "profile")),
            documents=str(firms / "files"),
            scope=parse_scope(scope.encode()) if scope else None,
        )
        return export_archive(replace(request, **changes))

    return run
