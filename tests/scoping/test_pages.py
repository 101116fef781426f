"""The commands of docs/verify_scope.md, docs/pseudonyms.md and docs/subject_access.md, run as they stand."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from portability.cli import cli
from portability.practice import generate

DOCS = Path(__file__).parents[2] / "docs"


def _run(page: str) -> list[str]:
    """Run a page's commands; its YAML blocks are written to the files that its text names first."""
    text = (DOCS / page).read_text(encoding="utf-8")
    for name, block in re.findall(r"`(\w[\w-]*\.yaml)` is[^`]*```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        Path(name).write_text(block, encoding="utf-8")
    for block in re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        named = re.match(r"# (\S+\.yaml)\n", block)
        if named is not None:
            Path(named[1]).write_text(block, encoding="utf-8")
    commands = re.findall(r"^\$ portability (.*)$", text, re.MULTILINE)
    for command in commands:
        if "--review" in command:
            _decide(Path("draft/review.csv"))
        result = CliRunner().invoke(cli, shlex.split(command))
        assert result.exception is None, (command, result.output, result.exception)
    return commands


def _decide(review: Path) -> None:
    """Release everything, but withhold the first item."""
    rows = list(csv.DictReader(review.read_text("utf-8-sig").splitlines()))
    for row in rows:
        row["decision"] = "release"
    rows[0] |= {"decision": "withhold", "reason": "legal professional privilege"}
    with review.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_pages_commands_run_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader who copies them gets an archive of a scope that is proved, a trial without people, and an answer."""
    monkeypatch.chdir(tmp_path)
    generate("sqlite:///practice.db", "files", entries=300, firms=2)
    Path("pseudonyms.key").write_bytes(bytes(range(32)))
    Path("pseudonyms.key").chmod(0o600)
    assert len(_run("verify_scope.md")) == 2
    assert "Rows in the scope" in Path("check.html").read_text(encoding="utf-8")
    assert len(_run("pseudonyms.md")) == 2
    assert json.loads(Path("trial/data/reports/redactions.json").read_text(encoding="utf-8"))["documents"] == "removed"
    assert len(_run("subject_access.md")) == 3
    assert list(Path("answer/bundle/documents").iterdir())
    assert json.loads(Path("answer/record/record.json").read_text(encoding="utf-8"))["counts"]["withheld"] == 1
