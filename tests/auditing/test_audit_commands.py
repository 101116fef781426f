"""The commands on the catalogue, its operators and its chain: one JSON document each, and refusals in a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from portability.catalogue import open_catalogue
from portability.cli import _run
from tests.auditing.conftest import Person
from tests.auditing.tampering import read_rows, write_rows

ROOT = Path(__file__).parents[2]


@pytest.fixture
def command(
    tmp_path: Path, people: dict[str, Person], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:  # noqa: ANN401 -- a function of commands
    """Run commands as Ann in a folder whose configuration names a catalogue; gives exit code and JSON document."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PORTABILITY_CONFIG", raising=False)
    monkeypatch.delenv("PORTABILITY_OPERATOR", raising=False)
    lines = {"catalogue": "sqlite:///catalogue.db", "operator": "ann", "operator_key": people["ann"].path}
    Path("portability.yaml").write_text("".join(f"{name}: {value}\n" for name, value in lines.items()))

    def run(*arguments: object) -> tuple[int, dict[str, Any]]:
        code = _run([*map(str, arguments), "--json"])
        out = capsys.readouterr().out
        return code, json.loads(out)

    return run


@pytest.fixture
def staffed_command(command: Any, people: dict[str, Person]) -> Any:  # noqa: ANN401
    """The same, with a catalogue in which Ann administers and audits."""
    key = f"{people['ann'].path}.pub"
    assert command("catalogue", "upgrade")[0] == 0
    code, document = command(
        "operator", "new", "ann", "--key", key, "--role", "administrator", "--role", "auditor", "--bootstrap"
    )
    assert (code, document["change"], document["valid"]) == (0, "bootstrap", True)
    return command


def test_catalogue_commands_say_what_there_is(command: Any) -> None:  # noqa: ANN401
    """Refused until it is made; then upgrade and check agree."""
    assert command("catalogue", "check")[1]["exit_code"] == 10
    made, checked = command("catalogue", "upgrade")[1], command("catalogue", "check")[1]
    assert (made["revision_before"], checked["revision_before"]) == (None, made["revision"])
    assert checked["id"] == made["id"]


def test_operator_commands_keep_the_register(staffed_command: Any, people: dict[str, Person]) -> None:  # noqa: ANN401
    """New, renewed, revoked; and nobody without administrator's role or key."""
    bob, command = people["bob"], staffed_command
    made = command("operator", "new", "bob", "--key", f"{bob.path}.pub", "--role", "viewer", "--until", "2099-12-31")[1]
    assert (made["roles"], made["valid_until"]) == (["viewer"], "2100-01-01T00:00:00.000000Z")
    renewed = command("operator", "renew", "bob", "--role", "operator", "--training", "2026-11-22")[1]
    assert (renewed["roles"], renewed["training_date"]) == (["operator"], "2026-11-22")
    assert renewed["valid_until"] == made["valid_until"]
    code, refused = command("operator", "revoke", "bob", "--sign", bob.path)
    assert (code, "is not theirs" in refused["message"]) == (17, True)
    assert command("operator", "revoke", "bob")[1]["valid"] is False
    assert [one["name"] for one in command("operator", "list")[1]["operators"]] == ["ann"]
    assert [one["name"] for one in command("operator", "list", "--all")[1]["operators"]] == ["ann", "bob"]
    assert command("operator", "show", "eve")[0] == 17
    assert command("operator", "new", "eve")[0] == 3


def test_audit_commands_show_sign_hand_over_and_judge(staffed_command: Any, tmp_path: Path) -> None:  # noqa: ANN401
    """A checkpoint, an anchor, an exported chain; and a broken one exits with 9 and names its first bad entry."""
    command = staffed_command
    signed = command("audit", "checkpoint", "--to", "anchors")[1]
    assert (signed["number"], signed["sequence"], signed["anchor"]) == (1, 2, "anchors")
    shown = command("audit", "show", "--action", "operator.bootstrap")[1]
    assert [entry["subject"] for entry in shown["entries"]] == ["operator:ann"]
    assert command("audit", "export", "chain.jsonl")[1]["entries"] == 4
    for arguments in (("--anchors", "anchors"), ("chain.jsonl",)):
        code, report = command("audit", "verify", *arguments)
        assert (code, report["whole"], report["first_bad"], "slots" in report) == (0, True, None, False)
    rows = read_rows(tmp_path / "catalogue.db")
    rows[1]["document"] = rows[1]["document"].replace("audit", "edit.")
    write_rows(tmp_path / "catalogue.db", rows)
    code, report = command("audit", "verify")
    assert (code, report["whole"], report["first_bad"]) == (9, False, 2)
    assert report["faults"][0]["place"] == "audit entry 2"


def test_audit_show_by_one_who_is_no_auditor_is_refused_and_recorded(
    staffed_command: Any,  # noqa: ANN401
    people: dict[str, Person],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The administrator's register does not let Bob read who did what."""
    bob, command = people["bob"], staffed_command
    command("operator", "new", "bob", "--key", f"{bob.path}.pub", "--role", "operator")
    text = Path("portability.yaml").read_text().replace(str(people["ann"].path), str(bob.path))
    Path("portability.yaml").write_text(text)
    monkeypatch.setenv("PORTABILITY_OPERATOR", "bob")
    code, error = command("audit", "show")
    assert (code, error["error"]) == (17, "ProcedureError")
    with open_catalogue("sqlite:///catalogue.db"):
        last = json.loads(read_rows(Path("catalogue.db"))[-1]["document"])
    assert (last["action"], last["actor"], last["outcome"]) == ("audit.show", "bob", "refused")


@pytest.mark.parametrize(
    "text",
    ["catalog: sqlite:///x", "operator_rules: {agreement: 3}", "operator_rules: {agreement_days: -1}", "operator: no"],
)
def test_configuration_with_a_slip_is_refused(command: Any, text: str) -> None:  # noqa: ANN401
    """A field that is misspelt, a limit below zero, YAML's own traps."""
    Path("portability.yaml").write_text(f"{text}\n")
    code, error = command("operator", "list")
    assert (code, error["error"]) == (3, "ConfigError")
    assert "portability.yaml" in error["place"]


def test_machine_without_the_services_libraries_lists_its_commands_and_says_what_to_install(tmp_path: Path) -> None:
    """The rest of the program works there as ever."""
    script = (
        "import sys; sys.modules['sqlalchemy'] = None; sys.argv = ['portability', *sys.argv[1:]]; "
        "from portability.cli import main; main()"
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", script, *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert "audit" in run("--help").stdout
    missing = run("audit", "verify", "--json")
    assert (missing.returncode, json.loads(missing.stdout)["hint"]) == (3, "pip install 'portability[service]'")
    assert run("keys", "new", str(tmp_path / "key"), "--kind", "signing").returncode == 0
