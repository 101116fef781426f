"""Job files: what is read, and what is refused with file, line, field and mend."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from portability.cli.escrow_jobs import check_command
from portability.errors import ConfigError
from portability.escrow.jobs import DataPayload, Email, SourcePayload, job_schema, load_job
from tests.escrow.jobs.conftest import PAYLOADS, MakeJob, recipients

ROOT = Path(__file__).parents[3]
SOURCE = PAYLOADS["source"]
BUILD = SOURCE["build"]


def test_job_schema_in_docs_is_the_packages() -> None:
    """docs/escrow_job.schema.json and the package's are one."""
    assert (ROOT / "docs/escrow_job.schema.json").read_bytes() == job_schema()


def test_load_job_source_has_defaults_and_absolute_paths(make_job: MakeJob) -> None:
    """What is left out has its documented default; paths are relative to the file."""
    path = make_job()
    job = load_job(path)
    assert isinstance(job.payload, SourcePayload)
    assert job.payload.repositories[0].url == str(path.parents[1] / "portal")
    assert job.spool == path.parent / "spool"
    assert job.depositories[0].config.url == f"directory:{path.parent / 'depository'}"
    assert (job.threshold, job.quorum, job.full_every.deposits, job.full_every.days) == (1, 1, 30, 90)
    assert (job.schedule.late_after_s, job.schedule.missed_after_s) == (6 * 3600, 24 * 3600)
    assert [one.held_by for one in job.recipients] == ["agent-0", "agent-1"]


def test_load_job_everything_given_is_read(make_job: MakeJob) -> None:
    """Every optional section arrives as it was written."""
    path = make_job(
        "data",
        threshold=2,
        recipients=recipients("custodian", "custodian", "successor"),
        depositories=[
            {"name": "shelf", "url": "directory:/mnt/shelf", "quiet_hours": ["22:30-06:00"], "cooldown": "90m"},
            {
                "name": "agent",
                "url": "sftp://vendor@escrow.example:2222/deposits",
                "login": {"host_keys": ["SHA256:abc"], "password": "${SFTP_PASSWORD}", "key": "login"},
            },
        ],
        quorum=1,
        schedule={"cron": "*/15 8-18 * * 1-5", "time_zone": "Europe/London", "cooldown": "1h", "late_after": "2h"},
        full_every={"deposits": 7, "days": 14},
        retention={"last": 2, "daily_days": 30},
        verification=[
            {"level": "v4", "by": "custodian", "every": "90d"},
            {"level": "v0", "by": "successor-2", "within": "1d"},
        ],
        notices=[
            {"on": ["late", "missed"], "email": {"to": ["a@b.c"], "sender": "d@e.f", "server": "mail.example"}},
            {"on": ["failed"], "command": ["logger", "-t", "escrow"]},
            {"on": ["recovered"], "webhook": {"url": "https://hooks.example/1", "secret_env": "HOOK"}},
        ],
        catalogue="sqlite:///catalogue.db",
        vendor_keys=["other.pub"],
    )
    job = load_job(path)
    assert isinstance(job.payload, DataPayload)
    assert job.payload.scope == path.parent / "firm.yaml"
    shelf, agent = job.depositories
    assert (shelf.cooldown_s, shelf.quiet_hours[0].from_minute, shelf.quiet_hours[0].until_minute) == (5400, 1350, 360)
    assert agent.cooldown_s == 3600  # the schedule's
    assert agent.config.login is not None
    assert agent.config.login.key == path.parent / "login"
    email = job.notices[0].channel
    assert isinstance(email, Email)
    assert (email.port, email.tls) == (587, "starttls")
    assert job.verification[0].every_s == 90 * 86400
    assert job.catalogue == f"sqlite:///{path.parent / 'catalogue.db'}"
    assert job.quorum == 1


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        pytest.param({"sing": "x"}, "sing", "not a field", id="unknown field"),
        pytest.param({"trust": None}, "", "'trust' is missing", id="missing field"),
        pytest.param({"name": "Not A Name"}, "name", "not written", id="a name with spaces"),
        pytest.param({"class": "backup"}, "class", "not one of", id="unknown class"),
        pytest.param(
            {"schedule": {"cron": "0 2 30 2 *", "time_zone": "Europe/London"}},
            "schedule.cron",
            "no day",
            id="30 February",
        ),
        pytest.param(
            {"schedule": {"cron": "0 2 * *", "time_zone": "Europe/London"}},
            "schedule.cron",
            "not a cron",
            id="four fields",
        ),
        pytest.param(
            {"schedule": {"cron": "0 2 * * *", "time_zone": "GMT+1:30"}},
            "schedule.time_zone",
            "IANA",
            id="no time zone",
        ),
        pytest.param(
            {"schedule": {"cron": "0 2 * * *", "time_zone": "UTC", "late_after": "2d"}},
            "schedule.missed_after",
            "not after",
            id="missed before late",
        ),
        pytest.param(
            {"schedule": {"cron": "0 2 * * *", "time_zone": "UTC", "quiet_hours": ["06:00-06:00"]}},
            "schedule.quiet_hours[0]",
            "starts when",
            id="quiet for no time",
        ),
        pytest.param({"threshold": 3}, "threshold", "threshold is 3", id="threshold above the recipients"),
        pytest.param({"quorum": 2}, "quorum", "is 2", id="quorum above the depositories"),
        pytest.param({"staging": "spool"}, "staging", "spool", id="plaintext in the spool"),
        pytest.param(
            {"depositories": [{"name": "a", "url": "gs://bucket"}]}, "depositories[0].url", "object storage", id="gs"
        ),
        pytest.param(
            {"depositories": [{"name": "a", "url": "s3://bucket/x"}]}, "depositories[0]", "no service", id="s3 alone"
        ),
        pytest.param(
            {"depositories": [{"name": "a", "url": "sftp://u@h/x"}]},
            "depositories[0]",
            "no login",
            id="sftp without login",
        ),
        pytest.param(
            {"depositories": [{"name": "a", "url": "directory:x"}, {"name": "b", "url": "directory:x"}]},
            "depositories[1].url",
            "two depositories",
            id="one place twice",
        ),
        pytest.param(
            {"verification": [{"level": "v2", "by": "somebody", "within": "1d"}]},
            "verification[0].by",
            "neither",
            id="by nobody",
        ),
        pytest.param({"notices": [{"on": ["late"]}]}, "notices[0]", "fits none", id="a notice to nobody"),
        pytest.param({"payload": {**SOURCE, "repositories": []}}, "payload", "nothing to deposit", id="empty payload"),
        pytest.param(
            {"payload": {**SOURCE, "build": {**BUILD, "origin": "prtal"}}},
            "payload.build.origin",
            "no repository",
            id="origin",
        ),
        pytest.param(
            {"payload": {**SOURCE, "build": {**BUILD, "instructions": "../BUILD.md"}}},
            "payload.build.instructions",
            "inside its origin",
            id="a path outside",
        ),
        pytest.param(
            {"payload": {**SOURCE, "lock_files": [{"kind": "other", "origin": "portal", "path": "Cargo.lock"}]}},
            "payload.lock_files[0]",
            "no reason",
            id="packages neither fetched nor explained",
        ),
        pytest.param(
            {"payload": {**SOURCE, "repositories": [{"name": "portal", "url": "https://ann:hunter2@git.example/p"}]}},
            "payload.repositories[0].url",
            "carries a password",
            id="a password in an address",
        ),
    ],
)
def test_load_job_what_cannot_be_meant_is_refused_at_its_field(
    make_job: MakeJob, changes: dict[str, Any], field: str, message: str
) -> None:
    """File, line and field are the place; the secret of an address is in no message."""
    with pytest.raises(ConfigError, match=message) as caught:
        load_job(make_job(**changes))
    name, line, *where = caught.value.place.split(":")
    assert (name, line.isdigit()) == ("job.yaml", True)
    assert "".join(where).strip() == field
    assert "hunter2" not in f"{caught.value}{caught.value.hint}{caught.value.details}"


def test_load_job_line_of_an_error_is_the_fields_line(make_job: MakeJob) -> None:
    """An editor can jump there."""
    path = make_job(quorum=5)
    lines = path.read_text(encoding="utf-8").splitlines()
    with pytest.raises(ConfigError) as caught:
        load_job(path)
    assert lines[int(caught.value.place.split(":")[1]) - 1].startswith("quorum:")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"sing": "x", "trust": None, "threshold": "two"}, id="against the schema"),
        pytest.param(
            {
                "schedule": {"cron": "0 2 30 2 *", "time_zone": "Europe/London"},
                "quorum": 2,
                "depositories": [{"name": "a", "url": "gs://bucket"}],
            },
            id="as it cannot be meant",
        ),
    ],
)
def test_load_job_with_several_mistakes_tells_them_all(make_job: MakeJob, changes: dict[str, Any]) -> None:
    """Each with line and field, and a mend where there is one; the error itself is about the first."""
    with pytest.raises(ConfigError, match="in all 3 mistakes") as caught:
        load_job(make_job(**changes))
    assert len(caught.value.details) == 3
    for each in caught.value.details:
        assert re.match(r"job\.yaml:[0-9]+: ", each), each
    assert caught.value.details[0].startswith(f"{caught.value.place}: ")
    assert sum(each.endswith((".", "?")) for each in caught.value.details) >= 1


def test_check_several_files_tells_the_mistakes_of_all(make_job: MakeJob, tmp_path: Path) -> None:
    """A second file is looked at though the first cannot be used; people see every line, programs get the list."""
    first = make_job(sing="x", trust=None)
    second = tmp_path / "other.yaml"
    second.write_text("name: x\nname: y\n", encoding="utf-8")
    done = CliRunner().invoke(check_command, [str(first), str(second)])
    assert isinstance(done.exception, ConfigError)
    assert [each.split(":")[0] for each in done.exception.details] == ["job.yaml", "job.yaml", "other.yaml"]
    assert "stands twice" in done.exception.details[2]


def test_load_job_object_storage_has_paths_beside_the_job(make_job: MakeJob) -> None:
    """Its service is read as a login is; a secret in the file itself is refused by its line."""
    service = {"access_key": "a", "secret_key_file": "secret", "endpoint": "https://objects.example"}
    place = {"name": "vault", "url": "s3://escrow-deposits/smith", "service": service}
    path = make_job(depositories=[place])
    config = load_job(path).depositories[0].config
    assert config.service is not None
    assert config.service.secret_key_file == path.parent / "secret"
    with pytest.raises(ConfigError) as caught:
        load_job(make_job(depositories=[{**place, "service": {"access_key": "a", "secret_key": "hunter2"}}]))
    assert caught.value.place.endswith("depositories[0].service.secret_key")
    assert "hunter2" not in f"{caught.value}{caught.value.hint}{caught.value.details}"


def test_load_job_private_key_as_recipient_is_refused_and_not_repeated(make_job: MakeJob) -> None:
    """The one mistake that must not reach a log."""
    secret = "AGE-SECRET-KEY-1" + "Q" * 58
    bad = recipients("agent", "agent")
    bad[1]["key"] = secret
    with pytest.raises(ConfigError, match="private key") as caught:
        load_job(make_job(recipients=bad))
    assert caught.value.place.endswith("recipients[1].key")
    assert secret not in f"{caught.value}{caught.value.hint}{caught.value.details}"


def test_load_job_access_says_what_becomes_of_credentials(make_job: MakeJob) -> None:
    """Either they have a slot of their own, or there are none and it is said why."""
    access = {name: value for name, value in PAYLOADS["access"].items() if name != "no_credentials"}
    with pytest.raises(ConfigError, match="credentials"):
        load_job(make_job("access", payload=access))
    slot = {"parts": [{"name": "keys", "path": "keys"}], "recipients": recipients("agent", "agent")}
    with pytest.raises(ConfigError, match="own agreement"):
        load_job(make_job("access", payload={**access, "credentials": {**slot, "agreement": "harbour"}}))
    job = load_job(make_job("access", payload={**access, "credentials": {**slot, "agreement": "harbour-credentials"}}))
    assert job.deposit_class == "access"
