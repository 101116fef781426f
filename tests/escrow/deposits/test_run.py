"""A job, run once after the other: what it deposits, and what is in it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from portability.catalogue import open_catalogue
from portability.escrow.deposits.run import run_job
from tests.escrow.deposits.conftest import Vendor, tree


def test_job_run_three_times_gives_a_full_and_two_differentials(
    vendor: Vendor, depository: Path, tmp_path: Path
) -> None:
    """The first deposit is full, the next ones carry what changed, and each gives its archive back."""
    first = vendor.deposit()
    vendor.change(seed=1)
    second = vendor.deposit()
    third = vendor.deposit()
    assert [each.kind for each in (first, second, third)] == ["full", "differential", "differential"]
    assert {each.state for each in (first, second, third)} == {"PUBLISHED"}
    opened = tmp_path / "opened"
    opened.mkdir()
    archives = [vendor.restore(depository, number, opened) for number in (1, 2, 3)]
    table = "data/source/main.note.parquet"
    notes = [(each / table).read_bytes() for each in archives]
    assert notes[0] != notes[1] == notes[2]
    assert not any((vendor.folder / "staging").iterdir())
    assert not any(vendor.spool.iterdir())
    assert tree(archives[0]).keys() == tree(archives[1]).keys()


@pytest.mark.slow
def test_job_with_a_postgresql_catalogue_deposits_alike(vendor: Vendor, postgresql_url: Callable[[], str]) -> None:
    """A team's catalogue keeps chain and index as the file does."""
    with open_catalogue(postgresql_url(), upgrade=True) as catalogue:
        results = [run_job(vendor.request(catalogue))[0] for _ in range(2)]
    assert [(each.kind, each.state) for each in results] == [("full", "PUBLISHED"), ("differential", "PUBLISHED")]
    assert results[1].content_bytes < results[0].content_bytes / 4


@pytest.mark.slow
def test_job_of_class_source_deposits_the_same_way(vendor: Vendor, depository: Path, tmp_path: Path) -> None:
    """A source deposit is a bag like another: sealed, spooled, published, in a chain, and always full."""
    repository = tmp_path / "product"
    repository.mkdir()
    for name, text in {"README.md": "Run make.", "Makefile": "all:\n\ttrue\n", "LICENSE": "MIT"}.items():
        (repository / name).write_text(text, encoding="utf-8")
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], check=True, capture_output=True)
    build = {"name": "product", "command": ["make"], "origin": "product", "instructions": "README.md"}
    build |= {"tools": ["make"], "produces": ["README.md"]}
    recipients = [
        dict(each, party="agent" if each["name"] == "ann" else "beneficiary") for each in vendor.fields["recipients"]
    ]
    vendor.write_job(
        **{"class": "source"},
        payload={
            "repositories": [{"name": "product", "url": str(repository)}],
            "build": build,
            "absent": {"packages": "it takes none", "infrastructure": "it needs none", "run_book": "it never runs"},
        },
        recipients=recipients,
        threshold=2,
    )
    first, second = vendor.deposit(), vendor.deposit()
    assert [first.kind, second.kind, first.state] == ["full", "full", "PUBLISHED"]
    assert second.reason == "deposits of class source are always full"
    assert (depository / "smith/000002/manifest.json.sig").is_file()


@pytest.mark.slow
def test_deposit_in_one_depositorys_quiet_hours_counts_by_quorum_and_catches_up(
    make_vendor: Callable[..., Vendor], depository: Path, tmp_path: Path
) -> None:
    """What a quiet depository lacks stays in the spool, and reaches it later in the order of the chain."""
    second = tmp_path / "second"
    second.mkdir()
    now = datetime.now(ZoneInfo("Europe/London"))
    quiet = f"{now - timedelta(hours=2):%H:%M}-{now + timedelta(hours=2):%H:%M}"
    shelves = [{"name": path.name, "url": f"directory:{path}"} for path in (depository, second)]
    vendor = make_vendor(depositories=[shelves[0], shelves[1] | {"quiet_hours": [quiet]}], quorum=1)
    first = vendor.deposit()
    assert (first.state, [each.state for each in first.placements]) == ("PUBLISHED", ["COMMITTED", "WAITING"])
    assert [path.name for path in vendor.spool.iterdir()] == ["000001"]
    vendor.write_job(depositories=shelves)
    result = vendor.deposit()
    assert (result.sequence, result.kind, result.state) == (2, "differential", "PUBLISHED")
    assert sorted(path.name for path in (second / "smith").iterdir()) == ["000001", "000002"]
    assert not any(vendor.spool.iterdir())
    vendor.write_job(depositories=[shelves[0] | {"cooldown": "1h"}, shelves[1]])
    third = vendor.deposit()
    assert third.placements[0].detail == "its cooldown of 3600 s"
