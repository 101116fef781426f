"""A deposit of source code, drilled: opened, looked through, built offline in a clean room."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fixtures.signers import ALLOWED_SIGNERS, ANN
from portability.escrow.drills.job import DrillRequest, drill
from portability.escrow.drills.statement import drill_page
from portability.escrow.sources.building import isolation_available
from portability.sealing.encryption import new_identity, recipient_of
from portability.sealing.manifest import Chain
from portability.sealing.recipients import parse_recipients
from portability.sealing.seal import SealRequest, seal_archive
from portability.signing import Policy
from portability.signing.trust import parse_trust
from tests.conftest import lacking
from tests.escrow.sources.conftest import Shop, _portal


@pytest.mark.slow
def test_source_deposit_is_built_offline_from_the_deposit_alone(tmp_path: Path) -> None:
    """v4 of source: repositories, LFS objects and submodules whole, and the build runs without a network."""
    if (why := isolation_available()) or shutil.which("git-lfs") is None:
        lacking(why or "git-lfs")
    (tmp_path / "shop").mkdir()
    shop = Shop(root=tmp_path / "shop")
    _portal(shop)
    bag = shop.prepare()
    ann, ben = new_identity(), new_identity()
    to = [f"ann={recipient_of(ann).text}", f"ben={recipient_of(ben).text}"]
    (tmp_path / "store/portal").mkdir(parents=True)
    seal_archive(
        SealRequest(
            archive=bag.root,
            destination=tmp_path / "store/portal/000001",
            recipients=parse_recipients(to),
            key=ANN,
            threshold=2,
            deposit_class="source",
            chain=Chain(agreement="portal", sequence=1, watermark="2026-11-20T09:00:00Z"),
        )
    )
    policy = Policy(trust=parse_trust(ALLOWED_SIGNERS.encode(), "vendors"))
    (tmp_path / "staging").mkdir()
    report = drill(
        DrillRequest(
            folder=tmp_path / "store/portal",
            staging=tmp_path / "staging",
            level="v4",
            identities=(ann, ben),
            policy=policy,
        )
    )
    assert report.passed, [step.details for step in report.steps]
    assert report.steps[-1].title == "it builds offline from the deposit alone"
    assert report.unproven == ()
    assert report.built is not None
    assert report.built.outcome == "built"
    assert "network" in report.built.isolation
    assert report.built.interfaces in ((), ("lo",))
    assert list(report.built.produced) == ["dist/out.txt"]
    assert "dist/out.txt" in drill_page(report)
    assert list((tmp_path / "staging").iterdir()) == []
