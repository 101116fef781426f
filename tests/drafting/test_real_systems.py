"""Drafts of three real legal systems that nobody tuned the vocabulary for: filled, and empty as installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from portability.checks import verify
from portability.connectors import open_connector
from portability.drafting import Draft, draft_profile
from portability.exports import ExportRequest, export_archive
from portability.profiles import load_profile
from tests.real import cccd, cliniccases, openlawoffice

if TYPE_CHECKING:
    from pathlib import Path

# System, its server's fixture, its scripts, and where the draft must find its main entities.
SYSTEMS = {
    "openlawoffice": (
        "postgresql",
        ("install_pg15.sql",),
        {
            "matter": "public.matter",
            "contact": "public.contact",
            "client": "public.contact",
            "user": "public.Users public.contact",
            "time_entry": "public.time public.fee",
            "disbursement": "public.expense",
            "bill": "public.invoice",
            "document": "public.document",
            "document_version": "public.version",
            "note": "public.note",
            "task": "public.task",
            "calendar_event": "public.event",
            "matter_party": "public.matter_contact",
            "matter_team_member": "public.responsible_user",
        },
    ),
    "cccd": (
        "postgresql",
        ("schema_pg.sql", "static_copy.sql"),
        {
            "matter": "public.claims",
            "firm": "public.providers",
            "matter_party": "public.defendants",
            "disbursement": "public.disbursements public.expenses",
            "matter_stage_history": "public.claim_state_transitions",
            "matter_type": "public.case_types",
            "note": "public.messages",
        },
    ),
    "cliniccases": (
        "mariadb",
        ("default.sql",),
        {
            "matter": "cm",
            "client": "cm",
            "user": "cm_users",
            "note": "cm_case_notes cm_messages cm_journals",
            "calendar_event": "cm_events",
            "document": "cm_documents cm_board_attachments",
            "matter_team_member": "cm_case_assignees",
            "matter_party": "cm_adverse_parties",
        },
    ),
}
FILL: dict[str, Callable[..., object]] = {
    "openlawoffice": openlawoffice.fill,
    "cccd": cccd.fill,
    "cliniccases": cliniccases.fill,
}

pytestmark = pytest.mark.slow


@pytest.fixture
def installed(request: pytest.FixtureRequest, real_systems: Path) -> Callable[[str], str]:
    """A function from a system to the URL of its database as it is installed."""

    def install(system: str) -> str:
        server, scripts, _ = SYSTEMS[system]
        url: str = request.getfixturevalue(f"{server}_url")()
        for script in scripts:
            request.getfixturevalue(f"{server}_server").load(real_systems / system / script, url)
        return url

    return install


def feeding(draft: Draft, entities: dict[str, str]) -> dict[str, str]:
    """The tables that feed some entities; MariaDB's schema is the database, whose name is chance."""
    mariadb = all("." not in tables for tables in entities.values())
    found = {entity: draft.entities.get(entity, ()) for entity in entities}
    return {
        entity: " ".join(table.split(".", 1)[1] if mariadb else table for table in tables)
        for entity, tables in found.items()
    }


@pytest.mark.parametrize("system", SYSTEMS)
def test_filled_system_is_drafted_exported_and_verified_without_errors(
    system: str, installed: Callable[[str], str], tmp_path: Path
) -> None:
    """The draft as it stands finds the main entities, classifies every column and breaks no rule of ours."""
    url = installed(system)
    FILL[system](url, tmp_path / "documents")
    connector = open_connector(url)
    draft = draft_profile(connector, tmp_path / system)
    assert draft.check.errors == ()
    assert feeding(draft, SYSTEMS[system][2]) == SYSTEMS[system][2]
    request = ExportRequest(
        connector=connector,
        destination=tmp_path / "archive",
        profile=load_profile(draft.directory),
        without_documents=True,
    )
    report = verify(export_archive(request).archive.root, level="deep")
    assert [finding for finding in report.findings if finding.severity == "error"] == []


@pytest.mark.parametrize("system", SYSTEMS)
def test_empty_system_is_drafted_by_its_names_alone(
    system: str, installed: Callable[[str], str], tmp_path: Path
) -> None:
    """Without values to look at the draft still runs, and every column has its place."""
    draft = draft_profile(open_connector(installed(system)), tmp_path / system)
    coverage = draft.check.coverage
    assert coverage is not None
    assert (draft.check.errors, coverage.unclassified) == ((), 0)
    assert "user" in draft.entities
