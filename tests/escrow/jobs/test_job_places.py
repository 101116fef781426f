"""Where a job's depositories lie: no name leads elsewhere, and two are two."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import pytest
from click.testing import CliRunner

from fixtures.signers import ALLOWED_SIGNERS
from portability.catalogue import open_catalogue
from portability.cli.escrow_checks import receipts_command
from portability.depositories.config import parse_place
from portability.errors import CheckFailedError, ConfigError
from portability.escrow.jobs import load_job
from portability.escrow.jobs_ready import check_ready
from tests.escrow.jobs.conftest import PAYLOADS, MakeJob, recipients

SERVICE = {"endpoint": "https://objects.example", "access_key": "smith", "secret_key": "${SECRET}"}


def _asked_nobody(name: str) -> NoReturn:
    raise AssertionError(name)


def _bucket(name: str, url: str = "s3://bucket/smith", **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"name": name, "url": url, "service": SERVICE | changes}


def test_depository_beside_a_job_in_a_folder_of_odd_characters_lies_there(make_job: MakeJob, tmp_path: Path) -> None:
    """The folder of the job is a path: what follows a # in its name is no fragment, and %41 is no A."""
    folder = tmp_path / "smith #7 %41?"
    folder.mkdir()
    path = make_job(depositories=[{"name": "shelf", "url": "directory:depository"}])
    moved = path.rename(folder / path.name)
    assert parse_place(load_job(moved).depositories[0].config).folder == str(folder / "depository")


@pytest.mark.parametrize(
    "second",
    [_bucket("b", "s3://bucket/smith/"), _bucket("b", endpoint="https://objects.example/", access_key="other")],
)
def test_one_place_by_two_names_is_one(make_job: MakeJob, second: dict[str, Any]) -> None:
    """Else a quorum of two would be met by one bucket."""
    with pytest.raises(ConfigError, match="stands for two depositories"):
        load_job(make_job(depositories=[_bucket("a"), second]))


def test_one_address_at_two_services_is_two_places(make_job: MakeJob) -> None:
    """A bucket's name is unique at its service alone."""
    job = load_job(make_job(depositories=[_bucket("a"), _bucket("b", endpoint="https://other.example")]))
    assert len(job.depositories) == 2


@pytest.mark.parametrize(
    ("depository", "field"),
    [
        (_bucket("a") | {"marker": "x"}, "marker"),
        (_bucket("a") | {"login": {"host_keys": ["SHA256:x"]}}, "login"),
        ({"name": "a", "url": "directory:shelf", "service": SERVICE}, "service"),
        (_bucket("a", endpoint="http://objects.example"), "service"),
        (_bucket("a", "s3://[x"), "url"),
    ],
)
def test_field_that_cannot_be_meant_is_told_by_its_line(
    make_job: MakeJob, depository: dict[str, Any], field: str
) -> None:
    """When the job is read, not when the first deposit is due."""
    with pytest.raises(ConfigError) as told:
        load_job(make_job(depositories=[depository]))
    assert f"depositories[0].{field}: " in str(told.value)
    assert told.value.hint


def test_secret_file_that_is_not_there_is_told_before_a_run(make_job: MakeJob) -> None:
    """As a login's files are."""
    service = {"access_key": "smith", "secret_key_file": "nowhere", "ca_file": "nor-here"}
    job = load_job(make_job(depositories=[{"name": "a", "url": "s3://bucket", "service": service}]))
    found = [each.place for each in check_ready(job, resolve=_asked_nobody, catalogue="sqlite:///x.db")]
    assert [any(each.endswith(name) for each in found) for name in ("secret_key_file", "ca_file")] == [True, True]


def test_receipts_of_an_access_job_are_those_of_both_its_agreements(make_job: MakeJob, tmp_path: Path) -> None:
    """Credentials are deposited under an agreement of their own, for which an agent signs as well."""
    slot = {
        "agreement": "harbour-keys",
        "recipients": recipients("custodian", "custodian"),
        "threshold": 2,
        "parts": [{"name": "keys", "path": "keys.tar", "kind": "other"}],
    }
    payload = {k: v for k, v in PAYLOADS["access"].items() if k != "no_credentials"} | {"credentials": slot}
    url = f"sqlite:///{tmp_path / 'catalogue.db'}"
    path = make_job(
        "access", payload=payload, catalogue=url, depositories=[{"name": "shelf", "url": "directory:shelf"}]
    )
    with open_catalogue(url, upgrade=True):
        pass
    for agreement in ("harbour", "harbour-keys"):
        folder = path.parent / "shelf" / agreement
        folder.mkdir(parents=True)
        for name in ("000001.receipt.json", "000001.receipt.json.sig"):
            (folder / name).write_bytes(b"x")
    (tmp_path / "agents").write_text(ALLOWED_SIGNERS, encoding="utf-8")
    done = CliRunner().invoke(receipts_command, [str(path), "--agents", str(tmp_path / "agents")])
    assert isinstance(done.exception, CheckFailedError), done.output
    assert "harbour-keys" in done.output
