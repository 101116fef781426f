"""Every kind of source restored into every kind of target; the same kind gives the same bytes again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from portability.restoring import RestoreRequest, restore_archive
from tests.restoring.conftest import ARCHIVES, TARGETS, Fresh, export, source_files

ArchiveOf = Callable[[str], Path]


# Crossing from kind to kind is in test_contents too, for the values that matter.
PAIRS = [
    pytest.param(source, target, marks=[] if target in (source, "duckdb") else [pytest.mark.slow])
    for source in ARCHIVES
    for target in TARGETS
]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_restore_pair_totals_agree_and_the_same_kind_exports_the_same_bytes(
    source: str, target: str, archive_of: ArchiveOf, fresh: Fresh, tmp_path: Path
) -> None:
    """All figures agree, or differ as the report says; an export of the same kind has the same source layer."""
    archive, url = archive_of(source), fresh(target)
    report = restore_archive(RestoreRequest(archive=archive, url=url, unverified=source != target))
    assert report.totals.compared > 50
    assert report.totals.differences == ()
    assert report.totals.not_comparable == ()
    if source != target:
        return
    assert report.changed == ()
    assert report.renamed == ()
    first, second = source_files(archive), source_files(export(url, tmp_path / "again"))
    assert [name for name in first if first[name] != second.get(name)] == []
    assert first.keys() == second.keys()
