"""Deposits of class access: what keeps the portal running, and its credentials apart from it."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from portability.errors import ConfigError
from portability.escrow.jobs import load_job, require_policy
from portability.escrow.sources import PreparedBag, is_source_bag, prepare, verify_source
from portability.formats.bag import write_bag
from portability.limits import DEFAULT_LIMITS
from portability.sealing.planning import iter_files
from tests.escrow.jobs.conftest import recipients

SECRET = "AKIA" + "IOSFODNN7QRSTUVW"


@pytest.fixture
def portal(tmp_path: Path) -> Path:
    """A portal's images, configuration, run-book and credentials on disk."""
    for path, content in {
        "image/portal.img": "an image\n",
        "conf/Site Config.yaml": "workers: 4\n",
        "book/RUN.md": "Start it like so.\n",
        "keys/aws": SECRET + "\n",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(content, encoding="utf-8")
    return tmp_path


def _prepare(portal: Path, **payload: Any) -> tuple[PreparedBag, ...]:  # noqa: ANN401 -- any field
    names = {"image": "image", "conf": "configuration", "book": "run_book"}
    job: dict[str, Any] = {
        "name": "portal-access",
        "agreement": "harbour-access",
        "class": "access",
        "payload": {
            "parts": [{"name": name, "path": f"../{name}", "kind": kind} for name, kind in names.items()],
            "instructions": "book/RUN.md",
            "credentials": {
                "agreement": "harbour-credentials",
                "parts": [{"name": "keys", "path": "../keys"}],
                "recipients": recipients("agent", "beneficiary"),
                "threshold": 2,
            },
            **payload,
        },
        "recipients": recipients("agent", "agent"),
        "depositories": [{"name": "shelf", "url": "directory:depository"}],
        "schedule": {"cron": "0 2 * * *", "time_zone": "Europe/London"},
        **{name: name for name in ("sign", "trust", "spool", "staging")},
    }
    job["payload"] = {name: value for name, value in job["payload"].items() if value is not None}
    (portal / "job").mkdir(exist_ok=True)
    (portal / "job/job.yaml").write_text(yaml.safe_dump(job), encoding="utf-8")
    loaded = load_job(portal / "job/job.yaml")
    require_policy(loaded, home=portal)
    out = portal / f"out-{len(list(portal.iterdir()))}"
    out.mkdir()
    return prepare(loaded, out)


def test_prepare_access_keeps_credentials_in_a_deposit_of_their_own(portal: Path) -> None:
    """Two bags, two agreements, two sets of recipients; no byte of a credential in the first."""
    access, credentials = _prepare(portal)
    assert (access.agreement, credentials.agreement) == ("harbour-access", "harbour-credentials")
    assert (access.threshold, credentials.threshold) == (1, 2)
    assert not {one.key.fingerprint for one in access.recipients} & {
        one.key.fingerprint for one in credentials.recipients
    }
    assert all(SECRET.encode() not in file.read_bytes() for file in access.root.rglob("*") if file.is_file())
    with tarfile.open(credentials.root / "data/parts/keys.tar") as tar:
        member = tar.extractfile("aws")
        assert member is not None
        assert member.read().decode().strip() == SECRET
    assert all(len(list(iter_files(bag.root, DEFAULT_LIMITS))) >= 6 for bag in (access, credentials))
    assert not is_source_bag(access.root)


def test_prepare_access_is_restored_by_the_commands_of_its_notes(portal: Path, tmp_path: Path) -> None:
    """RESTORE.md says how, and it works as it stands."""
    access, _ = _prepare(portal)
    text = (access.root / "RESTORE.md").read_text(encoding="utf-8")
    commands = text.split("```\n")[1]
    subprocess.run(["/bin/sh", "-ec", commands], cwd=access.root, check=True)
    assert (access.root / "conf/Site Config.yaml").read_text(encoding="utf-8") == "workers: 4\n"
    assert "harbour-credentials" in text
    del tmp_path


def test_verify_source_access_deposit_is_unpacked_and_never_run(portal: Path) -> None:
    """Parts by their hashes, the instructions where they are said to be; both slots."""
    for bag in _prepare(portal):
        report = verify_source(bag.root, level="v4")
        assert report.is_sound, report
        assert [each.name for each in report.checks] == ["bag", "parts", "unpacked"]
        assert report.build is None


def test_verify_source_access_deposit_with_a_changed_part_is_named(portal: Path) -> None:
    """A byte, and a part that the description gives another hash."""
    access, credentials = _prepare(portal)
    tar = credentials.root / "data/parts/keys.tar"
    tar.write_bytes(tar.read_bytes()[:-1] + b"x")
    assert [each.text for each in verify_source(credentials.root).checks] == [
        "data/parts/keys.tar: is not what the manifest says"
    ]
    about = json.loads((access.root / "data/access.json").read_bytes())
    about["parts"][0]["sha256"] = "0" * 64
    (access.root / "data/access.json").write_text(json.dumps(about), encoding="utf-8")
    for name in ("bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt"):
        (access.root / name).unlink()
    write_bag(access.root, info={})
    assert verify_source(access.root).checks[-1].text == "parts/image.tar: is not what is listed"


def test_prepare_access_twice_is_the_same_content(portal: Path) -> None:
    """What identifies the content does not know the clock."""
    assert [bag.content_sha256 for bag in _prepare(portal)] == [bag.content_sha256 for bag in _prepare(portal)]


def test_prepare_access_credential_outside_its_slot_is_refused(portal: Path) -> None:
    """A key among the configuration stops the deposit, by place and kind."""
    (portal / "conf/aws.ini").write_text(f"key = {SECRET}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="looks like a secret") as caught:
        _prepare(portal)
    assert caught.value.details == ("conf/aws.ini:1 AWS Access Key",)


def test_prepare_access_without_credentials_says_why(portal: Path) -> None:
    """One bag, and the reason stands in it."""
    (only,) = _prepare(portal, credentials=None, no_credentials="the portal has no accounts")
    assert json.loads((only.root / "data/access.json").read_bytes())["no_credentials"] == "the portal has no accounts"


def test_prepare_access_without_instructions_is_refused(portal: Path) -> None:
    """An image that nobody can start keeps nothing running."""
    with pytest.raises(ConfigError, match="no instructions"):
        _prepare(portal, instructions="book/START.md")
