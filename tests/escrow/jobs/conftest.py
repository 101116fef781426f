"""Job files for tests: a good one of each class, changed field by field."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from portability.sealing.encryption import new_identity, recipient_of

MakeJob = Callable[..., Path]
"""Writes a job file; keyword arguments replace fields, a field that is None is left out."""

PAYLOADS: dict[str, dict[str, Any]] = {
    "source": {
        "repositories": [{"name": "portal", "url": "../portal"}],
        "build": {
            "name": "the portal",
            "command": ["make", "dist"],
            "origin": "portal",
            "instructions": "BUILD.md",
            "produces": ["dist/*.tar"],
        },
    },
    "data": {"source": "practice", "scope": "firm.yaml"},
    "access": {
        "parts": [{"name": "image", "path": "image.tar", "kind": "image"}],
        "instructions": "image",
        "no_credentials": "the portal has none at all",
    },
}


def public_key() -> str:
    """Return a fresh recipient; nobody has its private half."""
    return recipient_of(new_identity()).text


def recipients(*parties: str, **more: Any) -> list[dict[str, Any]]:  # noqa: ANN401 -- any field
    """Return a recipient for each party, each with a key and a holder of its own."""
    return [
        {"name": f"{party}-{number}", "party": party, "key": public_key(), **more}
        for number, party in enumerate(parties)
    ]


PARTIES = {"source": ("agent", "agent"), "data": ("custodian", "custodian"), "access": ("agent", "agent")}


@pytest.fixture
def make_job(tmp_path: Path) -> MakeJob:
    """A factory of job files in a folder of their own."""

    def make(deposit_class: str = "source", **changes: Any) -> Path:  # noqa: ANN401 -- any field
        job: dict[str, Any] = {
            "name": "nightly",
            "agreement": "harbour",
            "class": deposit_class,
            "payload": PAYLOADS[deposit_class],
            "recipients": recipients(*PARTIES[deposit_class]),
            "depositories": [{"name": "shelf", "url": "directory:depository"}],
            "schedule": {"cron": "0 2 * * *", "time_zone": "Europe/London"},
            "sign": "signing-key",
            "trust": "allowed_signers",
            "spool": "spool",
            "staging": "staging",
        }
        job = {name: value for name, value in {**job, **changes}.items() if value is not None}
        folder = tmp_path / "jobs"
        folder.mkdir(exist_ok=True)
        (folder / "job.yaml").write_text(yaml.safe_dump(job, sort_keys=False), encoding="utf-8")
        return folder / "job.yaml"

    return make
