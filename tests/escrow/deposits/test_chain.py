"""A full deposit and thirty differential ones, to a real sshd: each opens, assembles and verifies."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from portability.checks import verify
from portability.checks.sealed import SealedRequest, verify_sealed
from portability.escrow.deposits import assemble, read_header
from portability.limits import DEFAULT_LIMITS
from portability.practice import generate
from portability.sealing.identity_files import load_identities
from portability.signing import Policy, load_trust
from tests.conftest import lacking
from tests.depositories.sshd import SSHD, Sshd
from tests.escrow.deposits.conftest import Vendor, tool, tree
from tests.escrow.deposits.test_kills import sftp_depository

DIFFERENTIALS = 30


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_thirty_differentials_each_assemble_and_verify(make_vendor: Callable[..., Vendor], tmp_path: Path) -> None:
    """Every one of 31 deposits follows its signed chain and gives its archive; every tenth is verified in full."""
    if SSHD is None:
        lacking("sshd")
    with Sshd() as sshd:
        vendor = make_vendor(depositories=[sftp_depository(sshd)])
        kinds = []
        for number in range(DIFFERENTIALS + 1):
            vendor.change(seed=number)
            kinds.append(vendor.deposit().kind)
        assert kinds == ["full"] + ["differential"] * DIFFERENTIALS
        assert vendor.deposit().reason == "the last full deposit is 31 deposits back"
        opened = tmp_path / "opened"
        opened.mkdir()
        previous = None
        for number in range(1, DIFFERENTIALS + 2):
            sealed = sshd.root / f"smith/{number:06d}"
            _assert_verifies(vendor, sealed, previous, "v3" if number % 10 == 1 else "v1")
            previous = (sealed / "manifest.json").read_bytes()
            archive = vendor.restore(sshd.root, number, opened)
            if number % 10 == 1:  # every file was compared with its manifest when it was assembled
                assert verify(archive, level="deep").ok
            if number > 1:
                shutil.rmtree(archive)


def _assert_verifies(vendor: Vendor, sealed: Path, previous: bytes | None, level: Literal["v1", "v3"]) -> None:
    identities = load_identities([vendor.custodians / name for name in ("ann", "ben")], limits=DEFAULT_LIMITS)
    policy = Policy(trust=load_trust(vendor.folder / "allowed_signers"))
    request = SealedRequest(policy=policy, previous=previous, identities=tuple(identities), workers=1)
    report = verify_sealed(sealed, level=level, request=request)
    assert report.ok, report.findings


@pytest.mark.slow
def test_differential_of_the_practice_assembles_alike_by_python_and_by_stock_tools(
    make_vendor: Callable[..., Vendor], depository: Path, tmp_path: Path
) -> None:
    """Documents, tables and all: assemble() and assemble.sh give the archive that was exported, byte for byte."""
    vendor = make_vendor()
    vendor.source.unlink()
    documents = vendor.folder / "documents"
    generate(f"sqlite:///{vendor.source}", documents, entries=200, firms=1)
    payload = {"source": f"sqlite:///{vendor.source}", "documents": str(documents)}
    vendor.write_job(payload=payload)
    vendor.deposit()
    for number, path in enumerate(sorted(documents.rglob("*"))):
        if path.is_file() and number % 50 == 3:
            path.write_bytes(path.read_bytes() + b"changed")
    result = vendor.deposit()
    assert result.kind == "differential"
    assert result.sealed_bytes < result.archive_bytes / 2
    opened = tmp_path / "opened"
    opened.mkdir()
    archive = vendor.restore(depository, 2, opened)
    assert verify(archive, level="deep").ok
    by_hand = tmp_path / "by_hand"
    tool("sh", opened / "000002/data/assemble.sh", by_hand)
    assert tree(archive) == tree(by_hand)
    header = read_header(opened / "000002")
    with pytest.raises(Exception, match="not given"):
        assemble({2: opened / "000002"}, tmp_path / "never")
    assert header.needed == (1,)
