"""What goes wrong between two runs, or in the middle of one: the next run finishes, or says what mends it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from portability.catalogue.deposit_tables import deposit_pieces
from portability.errors import ConfigError, DepositConflictError, DepositoryError, SignatureError
from portability.escrow.deposits.payloads import prepare_payloads
from portability.escrow.deposits.run import run_job
from tests.escrow.deposits.conftest import Vendor, everything, public_key, tool, tree

# --- the catalogue ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_deposit_catalogue_lost_learns_the_chain_and_is_full(vendor: Vendor, depository: Path) -> None:
    """With no catalogue left the next deposit follows what the depository has, under the next number, and is full."""
    vendor.deposit()
    second = vendor.deposit()
    for path in vendor.folder.glob("catalogue.db*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    third = vendor.deposit()
    assert (third.sequence, third.kind) == (3, "full")
    assert "catalogue was lost" in third.reason
    assert vendor.deposits()[-1].previous_sha256 == second.manifest_sha256
    assert vendor.deposit().kind == "differential"
    assert len(list((depository / "smith").iterdir())) == 4


@pytest.mark.slow
def test_deposit_index_lost_is_complete_all_the_same(vendor: Vendor, depository: Path, tmp_path: Path) -> None:
    """Without its rows the index knows nothing, so everything is sent again, and assembles."""
    vendor.deposit()
    with vendor.catalogue() as catalogue, catalogue.transaction() as transaction:
        transaction.execute(deposit_pieces.delete())
    second = vendor.deposit()
    opened = tmp_path / "opened"
    opened.mkdir()
    assert second.content_bytes > second.archive_bytes
    assert (vendor.restore(depository, 2, opened) / "bagit.txt").is_file()


@pytest.mark.slow
def test_deposit_index_forged_is_full(vendor: Vendor) -> None:
    """A row that was not written with the index's key makes the deposit full, never wrong."""
    vendor.deposit()
    with vendor.catalogue() as catalogue, catalogue.transaction() as transaction:
        transaction.execute(deposit_pieces.update().values(location="QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"))
    second = vendor.deposit()
    assert (second.kind, second.reason) == ("full", "the index of pieces is not as it was written")


@pytest.mark.slow
def test_deposit_index_rows_exchanged_is_full(vendor: Vendor) -> None:
    """Rows that are ours but of other pieces are no less forged."""
    vendor.deposit()
    with vendor.catalogue() as catalogue, catalogue.transaction() as transaction:
        first = transaction.execute(deposit_pieces.select()).mappings().first()
        assert first is not None
        transaction.execute(deposit_pieces.update().values(location=first["location"]))
    assert vendor.deposit().kind == "full"


def test_index_names_nothing_that_was_deposited(vendor: Vendor) -> None:
    """The catalogue has no hash and no path of any file of the archive."""
    vendor.deposit()
    with vendor.catalogue() as catalogue:
        request = vendor.request(catalogue)
        staging = vendor.folder / "look"
        staging.mkdir()
        (payload,) = prepare_payloads(request, staging)
        lines = (payload.bag / "manifest-sha256.txt").read_text(encoding="utf-8").splitlines()
    found = b"".join(path.read_bytes() for path in vendor.folder.glob("catalogue.db*") if path.is_file())
    assert len(lines) > 20
    for line in lines:
        sha256, _, path = line.partition("  ")
        assert sha256.encode() not in found
        assert path.encode() not in found


# --- the job file ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_deposit_recipient_revoked_is_full_for_the_others(vendor: Vendor, depository: Path) -> None:
    """Another recipient is another key epoch: the deposit is full, and nothing of it leans on what ben can open."""
    vendor.deposit()
    recipients = [
        {"name": name, "party": "custodian", "key": public_key(vendor.custodians, name)} for name in ("ann", "cat")
    ]
    vendor.write_job(recipients=recipients)
    second = vendor.deposit()
    assert (second.kind, second.reason) == (
        "full",
        "keys, recipients, profile or format are not those of the last full deposit",
    )
    assert {path.name for path in (depository / "smith/000002/keys").iterdir()} == {"ann.age", "cat.age"}


@pytest.mark.slow
def test_deposit_full_every_two_deposits_is_full_in_time(vendor: Vendor) -> None:
    """The job's own rule forces a full deposit."""
    vendor.write_job(full_every={"deposits": 2})
    assert [vendor.deposit().kind for _ in range(4)] == ["full", "differential", "differential", "full"]


@pytest.mark.slow
def test_deposit_after_ninety_days_is_full(vendor: Vendor) -> None:
    """A base that is too old is not leaned on."""
    vendor.deposit()
    with vendor.catalogue() as catalogue:
        request = vendor.request(catalogue)
        later = request.now() + timedelta(days=90, seconds=5)
    assert vendor.deposit(now=lambda: later).reason == "the last full deposit is 90 days old"


@pytest.mark.slow
def test_deposit_asked_for_full_is_full(vendor: Vendor) -> None:
    """A person may ask for a full deposit."""
    vendor.deposit()
    assert vendor.deposit(force_full=True).reason == "it was asked for"


@pytest.mark.slow
def test_deposit_by_another_key_after_a_lost_catalogue_is_refused(vendor: Vendor) -> None:
    """What another key signed is not learnt from a depository."""
    vendor.deposit()
    for path in vendor.folder.glob("catalogue.db*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    other = vendor.custodians / "other_vendor_key"
    if not other.exists():
        tool("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other)
    shutil.copy(other, vendor.folder / "vendor_key")
    with pytest.raises(SignatureError, match="is not in the trust file"):
        vendor.deposit()


# --- the clock -------------------------------------------------------------------------------------------------------


def test_deposit_clock_set_back_is_refused(vendor: Vendor, depository: Path) -> None:
    """A deposit never claims to be older than the one before it."""
    vendor.deposit()
    with vendor.catalogue() as catalogue:
        earlier = vendor.request(catalogue).now() - timedelta(hours=1)
    with pytest.raises(ConfigError, match="before the last deposit's"):
        vendor.deposit(now=lambda: earlier)
    assert [path.name for path in (depository / "smith").iterdir()] == ["000001"]
    assert vendor.deposit().sequence == 2


# --- the spool -------------------------------------------------------------------------------------------------------


def test_deposit_depository_gone_is_kept_and_finished_from_the_spool(vendor: Vendor, depository: Path) -> None:
    """What was sealed is sent later as it was sealed, and counts then."""
    away = depository.with_name("away")
    with vendor.catalogue() as catalogue:
        request = vendor.request(catalogue)

        def take_away(text: str) -> None:
            if text == "signing":
                depository.rename(away)

        with pytest.raises(DepositoryError, match="too few depositories") as caught:
            run_job(replace(request, progress=take_away))
    assert "next run" in caught.value.hint
    (spooled,) = vendor.deposits()
    assert spooled.state == "SPOOLED"
    sealed = tree(vendor.spool / "000001")
    away.rename(depository)
    result = vendor.deposit()
    assert (result.sequence, result.finished_earlier, result.state) == (1, True, "PUBLISHED")
    assert tree(depository / "smith/000001") == sealed
    assert not any(vendor.spool.iterdir())


@pytest.mark.slow
def test_deposit_spool_lost_before_anything_was_sent_takes_the_same_number(
    vendor: Vendor, spooled_first: Callable[[], None]
) -> None:
    """A number of which no depository has seen anything is used again."""
    spooled_first()
    shutil.rmtree(vendor.spool)
    result = vendor.deposit()
    assert (result.sequence, result.finished_earlier, result.state) == (1, False, "PUBLISHED")
    assert [each.sequence for each in vendor.deposits()] == [1]


@pytest.mark.slow
def test_deposit_spool_lost_after_a_part_was_sent_burns_the_number(
    vendor: Vendor, depository: Path, spooled_first: Callable[[], None]
) -> None:
    """A number under which anything lies is never used for other bytes; the chain says so by leaving it out."""
    first = vendor.deposit()
    spooled_first()
    shutil.copytree(vendor.spool / "000002", depository / "smith/000002", ignore=lambda *_: {"manifest.json.sig"})
    shutil.rmtree(vendor.spool)
    result = vendor.deposit()
    assert (result.sequence, result.kind) == (3, "differential")
    assert "number 2 was given up" in result.warnings[0]
    assert [(each.sequence, each.state) for each in vendor.deposits()] == [
        (1, "PUBLISHED"),
        (2, "LOST"),
        (3, "PUBLISHED"),
    ]
    assert vendor.deposits()[-1].previous_sha256 == first.manifest_sha256


@pytest.mark.slow
def test_deposit_spool_lost_after_one_depository_had_it_is_fetched_back(
    make_vendor: Callable[..., Vendor], depository: Path, tmp_path: Path
) -> None:
    """What one depository has whole goes from there to the other; a quorum is reached without sealing anew."""
    second = tmp_path / "second"
    second.mkdir()
    shelves = [{"name": path.name, "url": f"directory:{path}"} for path in (depository, second)]
    vendor = make_vendor(depositories=shelves)

    def take_away(text: str) -> None:
        if text == "to second":
            second.rmdir()

    with vendor.catalogue() as catalogue, pytest.raises(DepositoryError, match="second"):
        run_job(vendor.request(catalogue, progress=take_away))
    assert vendor.deposits()[-1].state == "UPLOADED"
    second.mkdir()
    shutil.rmtree(vendor.spool)
    result = vendor.deposit()
    assert (result.sequence, result.finished_earlier, result.state) == (1, True, "PUBLISHED")
    assert tree(second) == tree(depository)


def test_deposit_folder_of_a_dead_run_in_the_spool_is_removed(vendor: Vendor) -> None:
    """What was sealed but never recorded was never sent either."""
    (vendor.spool / "000001/segments").mkdir(parents=True)
    (vendor.spool / "000001/segments/000000.age").write_bytes(b"half")
    result = vendor.deposit()
    assert (result.sequence, result.finished_earlier) == (1, False)
    assert not any(vendor.spool.iterdir())


@pytest.mark.slow
def test_deposit_foreign_files_under_its_number_burn_it(vendor: Vendor, depository: Path) -> None:
    """Somebody else's file under the next number is never overwritten: the number is passed over."""
    vendor.deposit()
    (depository / "smith/000002").mkdir()
    (depository / "smith/000002/OPEN.md").write_text("not ours", encoding="utf-8")
    result = vendor.deposit()
    assert (result.sequence, result.state) == (3, "PUBLISHED")
    assert "not ours lies under number 2 in shelf" in result.warnings[0]
    assert (depository / "smith/000002/OPEN.md").read_text(encoding="utf-8") == "not ours"


@pytest.mark.slow
def test_deposit_two_chains_under_one_agreement_are_refused(vendor: Vendor, depository: Path) -> None:
    """A deposit that the catalogue does not know, under a number that it knows, stops everything."""
    vendor.deposit()
    shutil.copytree(vendor.folder, vendor.folder.with_name("copy"))
    vendor.deposit()
    copy = Vendor(folder=vendor.folder.with_name("copy"), custodians=vendor.custodians, fields=vendor.fields)
    shutil.rmtree(depository / "smith/000002")
    copy.deposit()
    with pytest.raises(DepositConflictError, match="two chains"):
        vendor.deposit()


@pytest.mark.slow
def test_deposit_that_the_catalogue_did_not_make_is_followed_and_told(vendor: Vendor) -> None:
    """A catalogue put back from an old copy goes on behind what lies there, in full, and a person is told."""
    vendor.deposit()
    shutil.copytree(vendor.folder, vendor.folder.with_name("copy"))
    vendor.deposit()
    copy = Vendor(folder=vendor.folder.with_name("copy"), custodians=vendor.custodians, fields=vendor.fields)
    third = copy.deposit()
    assert (third.sequence, third.kind) == (3, "full")
    assert "deposit 2 in shelf was not made with this catalogue" in third.warnings[0]


@pytest.mark.slow
def test_deposit_base_damaged_in_the_depository_is_full(vendor: Vendor, depository: Path) -> None:
    """A deposit does not lean on one that a depository does not have as it was made."""
    vendor.deposit()
    segment = depository / "smith/000001/segments/000000.age"
    segment.chmod(0o600)
    segment.write_bytes(segment.read_bytes()[:-1])
    assert "does not have deposit 1" in vendor.deposit().reason


@pytest.mark.slow
def test_deposit_leaves_no_plaintext(vendor: Vendor, depository: Path) -> None:
    """Neither spool nor depository nor staging holds a word of the source afterwards."""
    vendor.deposit()
    assert b"main.note.parquet" not in everything(vendor.folder / "spool", vendor.folder / "staging", depository)


@pytest.fixture
def spooled_first(vendor: Vendor, depository: Path) -> Callable[[], None]:
    """Seal the next deposit while the depository cannot be written to."""

    def spool() -> None:
        away = depository.with_name("away")

        def take_away(text: str) -> None:
            if text == "signing":
                depository.rename(away)

        with vendor.catalogue() as catalogue, pytest.raises(DepositoryError):
            run_job(vendor.request(catalogue, progress=take_away))
        away.rename(depository)

    return spool
