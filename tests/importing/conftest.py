"""Two archives of one practice, some days apart, and targets of a small system in every DBMS."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from portability.archive import Archive
from portability.connectors import open_connector
from portability.exports import ExportRequest, export_archive
from portability.importing import ImportRequest, ImportResult, import_archive
from portability.profiles import Profile, load_profile
from tests.importing.small_source import make_source, work_on, write_source_profile
from tests.importing.small_system import make_target, write_profile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import MakeDatabase


@dataclass(frozen=True, kw_only=True)
class Practice:
    """``first`` is the archive of the trial, ``second`` that of the cut-over."""

    first: Archive
    second: Archive


def export_source(folder: Path, name: str) -> Archive:
    """Export ``folder/source.db`` with ``folder/source`` as its profile."""
    request = ExportRequest(
        connector=open_connector(f"sqlite:///{folder / 'source.db'}"),
        destination=folder / name,
        profile=load_profile(str(folder / "source")),
    )
    return export_archive(request).archive


@pytest.fixture(scope="session")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Practice:
    """The small firm, exported twice."""
    folder = tmp_path_factory.mktemp("practice")
    make_source(folder / "source.db")
    write_source_profile(folder / "source")
    first = export_source(folder, "first")
    work_on(folder / "source.db")
    return Practice(first=first, second=export_source(folder, "second"))


@pytest.fixture(scope="session")
def small_profile(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    """The profile of the small system."""
    return load_profile(str(write_profile(tmp_path_factory.mktemp("profile") / "small")))


@pytest.fixture(params=["postgresql", *(pytest.param(each, marks=pytest.mark.slow) for each in ("mariadb", "sqlite"))])
def make_small(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., str]:
    """Make a database of the small system, and return its address; in each DBMS in turn."""
    numbers = iter(range(100))
    if request.param == "sqlite":
        return lambda **options: make_target(f"sqlite:///{tmp_path / f'target{next(numbers)}.db'}", **options)
    make: MakeDatabase = request.getfixturevalue(f"{request.param}_url")
    return lambda **options: make_target(make(), **options)


@pytest.fixture
def sqlite_small(tmp_path: Path) -> str:
    """One database of the small system, in SQLite."""
    return make_target(f"sqlite:///{tmp_path / 'small.db'}")


@pytest.fixture
def run(practice: Practice, small_profile: Profile) -> Callable[..., ImportResult]:
    """Import into a target; keyword arguments override the request."""

    def run(url: str, **changes: object) -> ImportResult:
        values: dict[str, object] = {
            "archive": practice.first,
            "target": url,
            "profile": small_profile,
            "unverified": True,  # verified once, where that is what the test is about
        }
        return import_archive(ImportRequest(**(values | changes)))  # type: ignore[arg-type]

    return run


@pytest.fixture
def profile_with(tmp_path: Path) -> Callable[..., Profile]:
    """Write the small profile with other load files, and load it."""

    def make(**changes: str) -> Profile:
        shutil.rmtree(tmp_path / "changed", ignore_errors=True)
        return load_profile(str(write_profile(tmp_path / "changed", **changes)))

    return make
