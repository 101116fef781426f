"""What docs/profiles.md and docs/add_a_system.md show is what happens."""

from __future__ import annotations

import re
import shlex
import sqlite3
from dataclasses import fields
from pathlib import Path

import pytest

from portability.checks import verify
from portability.cli import _run
from portability.connectors import open_connector
from portability.drafting import check_profile
from portability.exports import ExportRequest, export_archive
from portability.profiles import DocumentSource, Profile, load_profile

DOCS = Path(__file__).parents[2] / "docs"
PROFILES = (DOCS / "profiles.md").read_text(encoding="utf-8")
WALK = (DOCS / "add_a_system.md").read_text(encoding="utf-8")


def named_blocks(text: str) -> dict[str, str]:
    """The blocks of a document whose first line names a file."""
    return dict(re.findall(r"^```\w+\n(?:--|#) (\S+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


def save(folder: Path, text: str) -> None:
    """Save the files that a document shows, and make a database of each script beside the maps."""
    for name, content in named_blocks(text).items():
        if name == "example.sql":
            with sqlite3.connect(folder / "example.db") as connection:
                connection.executescript(content)
            connection.close()
        else:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content, encoding="utf-8")


def test_profile_reference_lists_every_field() -> None:
    """profile.yaml and its documents have no field that the reference does not explain."""
    made = {"maps", "files", "loads", "load_files"}
    known = {field.name for field in (*fields(Profile), *fields(DocumentSource))} - made
    assert {name for name in known if f"`{name}`" not in PROFILES} == set()


def test_example_of_the_reference_is_silent_exports_and_verifies(tmp_path: Path) -> None:
    """The whole example runs as it is printed, with one document found and one missing."""
    save(tmp_path, PROFILES)
    (tmp_path / "files/2024").mkdir(parents=True)
    (tmp_path / "files/2024/offer.txt").write_text("offer", encoding="utf-8")
    connector = open_connector(f"sqlite:///{tmp_path / 'example.db'}")
    assert check_profile(tmp_path / "example", connector).problems == ()
    request = ExportRequest(
        connector=connector,
        destination=tmp_path / "archive",
        profile=load_profile(str(tmp_path / "example")),
        documents=str(tmp_path / "files"),
    )
    result = export_archive(request)
    assert (result.documents, result.quarantined) == ({"present": 1, "missing_in_source": 1}, {})
    report = verify(result.archive.root, level="deep")
    assert [finding for finding in report.findings if finding.severity == "error"] == []


def test_walk_through_runs_as_it_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From an unknown database to a verified archive, with the files of step 4 saved after the draft."""
    monkeypatch.chdir(tmp_path)
    before, after = WALK.split("## 4. Mend")
    save(tmp_path, before)
    commands = re.findall(r"^\$ portability (.*)$", WALK, re.MULTILINE)
    assert [
        shlex.split(command)[0] for command in commands
    ] == "inspect profile profile export verify show query".split()
    for command in commands:
        if command.startswith("profile check"):
            (drafted,) = re.findall(r"^```\n(  CASE .*)\n```$", WALK, re.MULTILINE)
            assert drafted in (tmp_path / "ellis/map/matter.sql").read_text(encoding="utf-8").splitlines()
            save(tmp_path, after)
        assert _run(shlex.split(command)) == 0, capsys.readouterr()
    printed = capsys.readouterr().out
    assert re.search(r"closed +1\s+open +1", printed), printed
