"""What keeps a job from running here is found by ``escrow check``, before a run is due; and one job is one chain."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from portability.cli.escrow_checks import status_command
from portability.cli.escrow_jobs import check_command
from portability.errors import CheckFailedError, ConfigError, PortabilityError, SignatureError
from portability.escrow.jobs import DataPayload, load_job
from portability.escrow.jobs_trust import require_trusted
from portability.escrow.running.depositing import deposit_now
from portability.signing import load_signing_key
from tests.escrow.deposits.conftest import Vendor, custodians, depository, make_vendor, tool, vendor
from tests.escrow.jobs.conftest import MakeJob

__all__ = ["custodians", "depository", "make_vendor", "vendor"]  # fixtures: a vendor's machine, on which a job runs


@pytest.fixture
def ready(vendor: Vendor) -> Vendor:
    """A vendor whose job file names everything, relative to itself, and whose catalogue is there."""
    vendor.write_job(payload={"source": "sqlite:///practice.db"}, catalogue="sqlite:///catalogue.db")
    vendor.catalogue().__enter__().close()
    return vendor


def _check(*jobs: Path) -> tuple[Result, list[list[str]]]:
    done = CliRunner().invoke(check_command, [*map(str, jobs), "--json"])
    return done, [[each["rule"] for each in job["obstacles"]] for job in json.loads(done.stdout)["jobs"]]


def _deposit(vendor: Vendor, **changes: Any) -> Any:  # noqa: ANN401 -- any field of a request
    with vendor.catalogue() as catalogue:
        return deposit_now(vendor.request(catalogue, **changes))


def _spool(vendor: Vendor) -> None:
    """Make a deposit in hours in which nothing is sent."""
    schedule = vendor.fields["schedule"]
    vendor.write_job(schedule={**schedule, "quiet_hours": ["00:00-12:00", "12:00-00:00"]})
    _deposit(vendor)
    vendor.write_job(schedule=schedule)


def _deposited(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob("smith/*/manifest.json.sig"))


def test_check_job_that_can_run_says_so_and_runs(ready: Vendor, depository: Path) -> None:
    """Nothing is in its way; the source is found beside the job file, wherever the command runs."""
    done, obstacles = _check(ready.job_file)
    assert (done.exit_code, obstacles) == (0, [[]])
    _deposit(ready)
    assert _deposited(depository) == ["000001"]


def test_load_job_relative_paths_of_a_data_payload_are_the_files(make_job: MakeJob) -> None:
    """Source, documents and a profile's folder are beside the job file; names and addresses stay as they are."""
    payload = {"source": "sqlite:///a/firm.db?mode=ro", "documents": "files", "profile": "./own"}
    path = make_job("data", payload=payload)
    given, folder = load_job(path).payload, path.parent
    assert isinstance(given, DataPayload)
    assert given.source == f"sqlite:///{folder}/a/firm.db?mode=ro"
    assert (given.documents, given.profile) == (f"{folder}/files", f"{folder}/own")
    kept = {"source": "postgresql://host/firm", "documents": "s3://bucket/files", "profile": "practice"}
    given = load_job(make_job("data", payload=kept)).payload
    assert isinstance(given, DataPayload)
    assert {"source": given.source, "documents": given.documents, "profile": given.profile} == kept


def _lose(name: str) -> Callable[[Vendor], None]:
    return lambda vendor: (vendor.folder / name).unlink()


def _with(**changes: Any) -> Callable[[Vendor], None]:  # noqa: ANN401 -- any field
    return lambda vendor: vendor.write_job(**changes)


def _trust_somebody_else(vendor: Vendor) -> None:
    other = vendor.folder.parent / "other"
    tool("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other)
    (vendor.folder / "allowed_signers").write_text(f"other {other.with_suffix('.pub').read_text(encoding='utf-8')}")


OBSTACLES: dict[str, tuple[Callable[[Vendor], None], str]] = {
    "source": (_lose("practice.db"), "source"),
    "trust file": (_lose("allowed_signers"), "trust"),
    "trust in another": (_trust_somebody_else, "trust"),
    "signing key": (_lose("vendor_key"), "signing-key"),
    "passphrase": (_with(passphrase_file="passphrase"), "signing-key"),
    "documents": (_with(payload={"source": "sqlite:///practice.db", "documents": "files"}), "documents"),
    "profile": (_with(payload={"source": "sqlite:///practice.db", "profile": "nobodys"}), "profile"),
    "scope": (_with(payload={"source": "sqlite:///practice.db", "scope": "firm.yaml"}), "scope"),
    "source's name": (_with(payload={"source": "nobodys"}), "source"),
    "depository": (_with(depositories=[{"name": "shelf", "url": "directory:away"}]), "depository"),
}


@pytest.mark.parametrize(("spoil", "rule"), OBSTACLES.values(), ids=OBSTACLES.keys())
def test_check_what_is_not_there_is_named_and_fails(ready: Vendor, spoil: Callable[[Vendor], None], rule: str) -> None:
    """Each with the line of its field; nobody waits for the night to find out."""
    spoil(ready)
    done, obstacles = _check(ready.job_file)
    assert isinstance(done.exception, CheckFailedError)
    assert obstacles == [[rule]]
    (found,) = json.loads(done.stdout)["jobs"][0]["obstacles"]
    assert found["place"].startswith("job.yaml:")


@pytest.mark.parametrize("field", ["spool", "staging"])
@pytest.mark.parametrize("place", ["depository/below", ".."])
def test_load_job_spool_or_staging_and_a_depository_in_each_other_is_refused(
    make_job: MakeJob, field: str, place: str
) -> None:
    """What is swept away after a run must hold nothing that has arrived."""
    with pytest.raises(ConfigError, match="lie in each other") as caught:
        load_job(make_job(**{field: place}))
    assert field in caught.value.place


# --- whose signature -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spoil", [_lose("allowed_signers"), _trust_somebody_else], ids=["lost", "somebody else's"])
def test_run_key_that_the_trust_file_does_not_accept_deposits_nothing(
    ready: Vendor, depository: Path, spoil: Callable[[Vendor], None]
) -> None:
    """The run ends before anything is read or sealed."""
    spoil(ready)
    with pytest.raises(PortabilityError):
        _deposit(ready)
    assert _deposited(depository) == []
    assert ready.deposits() == ()


def test_run_spooled_deposit_is_not_published_once_its_key_is_not_trusted(ready: Vendor, depository: Path) -> None:
    """What an earlier run left is checked too: a key that was taken out meanwhile sends nothing more."""
    _spool(ready)
    assert [each.state for each in ready.deposits()] == ["SPOOLED"]
    sealed = ready.spool / "000001"
    require_trusted(ready.job, sealed)
    new = ready.folder.parent / "new"
    tool("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", new)
    (ready.folder / "allowed_signers").write_text(f"vendor {new.with_suffix('.pub').read_text(encoding='utf-8')}")
    with pytest.raises(SignatureError, match="not in the trust file"):
        _deposit(ready, key=load_signing_key(str(new)))
    assert _deposited(depository) == []


# --- one job, one chain ----------------------------------------------------------------------------------------------


def test_check_two_jobs_under_one_agreement_are_refused(ready: Vendor) -> None:
    """Checked together, the second is told of the first; the same file given twice is one."""
    other = ready.folder / "other.yaml"
    other.write_text(ready.job_file.read_text(encoding="utf-8").replace("name: smith-data", "name: jones-data"))
    done, obstacles = _check(ready.job_file, other)
    assert isinstance(done.exception, CheckFailedError)
    assert obstacles == [[], ["agreement"]]
    assert _check(ready.job_file, ready.job_file)[1] == [[], []]


def test_run_another_source_under_the_agreement_is_refused_until_adopted(ready: Vendor, depository: Path) -> None:
    """Another firm's data never goes on with a chain unnoticed; a person may say that it is the same."""
    _deposit(ready)
    shutil.copy(ready.source, ready.folder / "jones.db")
    ready.write_job(payload={"source": "sqlite:///jones.db"})
    with pytest.raises(ConfigError, match=r"practice\.db.*jones\.db") as caught:
        _deposit(ready)
    assert "--adopt" in caught.value.hint
    assert _deposited(depository) == ["000001"]
    _deposit(ready, adopt=True)
    _deposit(ready)
    assert _deposited(depository) == ["000001", "000002", "000003"]


def test_run_of_another_job_leaves_no_failed_run_with_the_first(ready: Vendor) -> None:
    """Whoever is refused does not make the chain's own job look broken."""
    _deposit(ready)
    ready.write_job(name="jones-data")
    with pytest.raises(ConfigError, match="the job smith-data deposits"):
        _deposit(ready)
    ready.write_job(name="smith-data")
    assert _status(ready)[0]["standing"] == "OK"


def test_run_job_that_never_deposited_has_no_claim_to_its_agreement(ready: Vendor, depository: Path) -> None:
    """A first try with a wrong source is mended without any adopting."""
    ready.write_job(payload={"source": "sqlite:///wrong.db"})
    with pytest.raises(PortabilityError):
        _deposit(ready)
    ready.write_job(payload={"source": "sqlite:///practice.db"})
    _deposit(ready)
    assert _deposited(depository) == ["000001"]


# --- how it stands ---------------------------------------------------------------------------------------------------


def _status(vendor: Vendor, *arguments: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(status_command, [*(arguments or (str(vendor.job_file),)), "--json"])
    chains: list[dict[str, Any]] = json.loads(done.stdout)["chains"]
    assert isinstance(done.exception, CheckFailedError) == any(each["standing"] not in {"OK", "DUE"} for each in chains)
    return chains


def test_status_after_a_failed_run_is_failed_until_one_is_done(ready: Vendor) -> None:
    """The last good deposit stands, and the run that failed is told with its reason."""
    _deposit(ready)
    ready.source.rename(ready.source.with_suffix(".away"))
    with pytest.raises(PortabilityError):
        _deposit(ready)
    (failed,) = _status(ready)
    assert (failed["standing"], failed["sequence"]) == ("FAILED", 1)
    assert "the last run failed" in failed["note"]
    ready.source.with_suffix(".away").rename(ready.source)
    _deposit(ready)
    (good,) = _status(ready)
    assert (good["standing"], good["sequence"]) == ("OK", 2)


def test_status_shows_a_deposit_that_waits_and_only_the_jobs_chains(ready: Vendor) -> None:
    """SPOOLED is said with its number; other agreements of the catalogue are left to a status without a job."""
    _spool(ready)
    (chain,) = _status(ready)
    assert (chain["job"], chain["customer"], chain["on_the_way"]) == ("smith-data", "", ["1 SPOOLED"])
    assert (chain["standing"], chain["sequence"]) == ("NONE", 0)
    assert "deposit 1 is SPOOLED" in chain["note"]
    other = ready.folder / "other.yaml"
    other.write_text(ready.job_file.read_text(encoding="utf-8").replace("agreement: smith", "agreement: jones"))
    assert [each["agreement"] for each in _status(ready, str(other))] == ["jones"]


def test_check_connect_says_what_a_place_can_take(ready: Vendor, depository: Path) -> None:
    """Each depository is written to; without the option none is touched."""
    assert json.loads(_check(ready.job_file)[0].stdout)["jobs"][0].get("depositories") is None
    assert list(depository.iterdir()) == []
    done = CliRunner().invoke(check_command, [str(ready.job_file), "--connect"])
    assert done.exit_code == 0
    assert "can take deposits" in done.output
    assert [path.name for path in depository.iterdir()] == [".portability-probe"]


@pytest.mark.parametrize(
    "place",
    [
        {"url": "directory:{other}", "marker": "not-mounted"},
        {"url": "directory:{other}", "reserve_bytes": 2**53},
        {"url": "sftp://drop@127.0.0.1:9/x", "login": {"host_keys": ["SHA256:" + "A" * 43], "agent": True}},
    ],
    ids=["not mounted", "full", "not there"],
)
def test_check_connect_place_that_takes_nothing_is_named_and_fails(
    ready: Vendor, depository: Path, place: dict[str, Any]
) -> None:
    """The job is fine, a place of its is not: told, and the others are tried all the same."""
    other = depository.with_name("other")
    other.mkdir()
    given = {**place, "name": "agent", "url": place["url"].format(other=other)}
    ready.write_job(depositories=[{"name": "shelf", "url": f"directory:{depository}"}, given])
    assert _check(ready.job_file)[1] == [[]]
    done = CliRunner().invoke(check_command, [str(ready.job_file), "--connect", "--json"])
    (job,) = json.loads(done.stdout)["jobs"]
    assert isinstance(done.exception, CheckFailedError)
    assert [each["rule"] for each in job["obstacles"]] == ["depository"]
    assert [each["name"] for each in job["depositories"]] == ["shelf"]
