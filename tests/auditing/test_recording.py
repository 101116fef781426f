"""The hook: with a catalogue configured a command that looks into data is recorded, before and after, or not run."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from portability.auditing import Entry, Operator, change_register, iter_chain, read_silent, verify_chain
from portability.catalogue import now, open_catalogue
from portability.cli import cli
from portability.errors import (
    ArchiveExistsError,
    CatalogueError,
    ConfigError,
    FormatError,
    PortabilityError,
    ProcedureError,
)
from portability.sealing.encryption import new_identity, parse_identities, recipient_of
from tests.auditing.conftest import Person

WHY = ("--purpose", "a trial", "--basis", "contract")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``practice.db``, one small table, and its ``archive``."""
    folder = tmp_path_factory.mktemp("practice")
    with closing(sqlite3.connect(folder / "practice.db")) as connection:
        connection.execute("CREATE TABLE client (id INTEGER PRIMARY KEY, name TEXT)")
        connection.execute("INSERT INTO client VALUES (1, 'Smith')")
        connection.commit()
    _command("export", f"sqlite:///{folder / 'practice.db'}", folder / "archive")
    return folder


@pytest.fixture
def governed(tmp_path: Path, people: dict[str, Person], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory whose catalogue has Ann, who administers and audits, and Bob, who operates and looks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PORTABILITY_CONFIG", raising=False)
    _configure(tmp_path, people["bob"])
    ann, bob = people["ann"], people["bob"]
    with open_catalogue("sqlite:///catalogue.db", upgrade=True) as catalogue:
        first = ann.as_operator("administrator", "auditor")
        change_register(catalogue, "bootstrap", first, by="ann", key=ann.key)
        change_register(catalogue, "new", bob.as_operator("operator", "viewer"), by="ann", key=ann.key)
    return tmp_path


def _configure(folder: Path, person: Person, **more: object) -> None:
    lines = {"catalogue": "sqlite:///catalogue.db", "operator": person.name, "operator_key": person.path, **more}
    (folder / "portability.yaml").write_text("".join(f"{name}: {value}\n" for name, value in lines.items()))


def _command(*arguments: object) -> None:
    cli.main([str(each) for each in arguments], standalone_mode=False)


def _entries() -> list[Entry]:
    """Return what was recorded behind the register's two entries."""
    with open_catalogue("sqlite:///catalogue.db") as catalogue:
        assert verify_chain(catalogue).is_whole
        return list(iter_chain(catalogue, after=2))


def _outcomes() -> list[tuple[str, str]]:
    return [(entry.action, entry.outcome) for entry in _entries()]


def test_command_without_a_catalogue_is_what_it_was(
    practice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No purpose, no operator, no file, and no library of the service."""
    monkeypatch.chdir(tmp_path)
    _command("query", practice / "archive", "SELECT count(*) FROM source.client")
    assert list(tmp_path.iterdir()) == []
    script = (
        "import sys; from portability.cli import cli; "
        f"cli.main(['query', {str(practice / 'archive')!r}, 'SELECT 1'], standalone_mode=False); "
        "assert not {'sqlalchemy', 'alembic'} & set(sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path, env=environment)
    with pytest.raises(ConfigError, match="nowhere to be recorded"):
        _command("query", practice / "archive", "SELECT 1", *WHY)


def test_commands_that_reveal_are_recorded_with_why(governed: Path, practice: Path) -> None:
    """Before and after, with the archive's hash and not its name, and nothing of the question."""
    del governed
    _command("query", practice / "archive", "SELECT * FROM source.client WHERE name = 'Secret'", *WHY)
    started, done = _entries()
    assert (started.action, started.outcome, done.outcome) == ("query", "started", "done")
    assert (started.actor, started.purpose, started.basis) == ("bob", "a trial", "contract")
    assert started.subject.startswith("archive:")
    assert len(started.subject) == len("archive:") + 64
    assert done.details["started"] == started.sequence
    assert "Secret" not in Path("catalogue.db").read_bytes().decode("latin-1")


def test_export_is_recorded_with_what_it_made(governed: Path, practice: Path) -> None:
    """And a second one to the same place as refused, with the exit code."""
    arguments = ("export", f"sqlite:///{practice / 'practice.db'}", governed / "out", *WHY)
    _command(*arguments)
    with pytest.raises(ArchiveExistsError):
        _command(*arguments)
    _command("show", governed / "out")
    found = _entries()
    assert [(entry.action, entry.outcome) for entry in found] == [
        ("export", "started"),
        ("export", "done"),
        ("export", "started"),
        ("export", "refused"),
        ("show", "started"),
        ("show", "done"),
    ]
    assert found[1].details["made"] == found[4].subject
    assert (found[3].details["error"], found[3].details["exit_code"]) == ("ArchiveExistsError", 13)


@pytest.mark.parametrize("arguments", [("query", "archive", "SELECT 1"), ("show", "archive", "client")], ids=str)
def test_command_that_reveals_without_a_purpose_is_refused_and_recorded(
    governed: Path, practice: Path, arguments: tuple[str, ...]
) -> None:
    """The sentence says what to add; what shows no row needs none."""
    del governed
    with pytest.raises(ProcedureError, match="needs --purpose and --basis"):
        _command(arguments[0], practice / arguments[1], *arguments[2:])
    _command("show", practice / "archive")
    assert _outcomes() == [(arguments[0], "refused"), ("show", "started"), ("show", "done")]


def test_work_that_fails_is_recorded_with_its_exit_code(governed: Path) -> None:
    """An archive that is none."""
    (governed / "empty").mkdir()
    with pytest.raises(FormatError):
        _command("query", governed / "empty", "SELECT 1", *WHY)
    failed = _entries()[-1]
    assert (failed.outcome, failed.details["exit_code"], failed.subject) == ("failed", 6, "archive:unreadable")


def test_operator_who_may_not_is_refused_and_recorded(
    governed: Path, practice: Path, people: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong role, a name that is not theirs, nobody, no key, an expired operator, a barred one."""
    look = ("query", practice / "archive", "SELECT 1", *WHY)
    bob = people["bob"]

    def refused(words: str) -> str:
        with pytest.raises(ProcedureError, match=words):
            _command(*look)
        last = _entries()[-1]
        assert (last.outcome, last.details["exit_code"]) == ("refused", 17)
        return last.actor

    _configure(governed, people["ann"])
    assert refused("needs the role viewer") == "ann"
    monkeypatch.setenv("PORTABILITY_OPERATOR", "bob")
    assert refused("the key .* is not theirs") == "bob"
    monkeypatch.setenv("PORTABILITY_OPERATOR", "No Body")
    assert refused("is no operator") == "unknown"
    monkeypatch.delenv("PORTABILITY_OPERATOR")
    (governed / "portability.yaml").write_text("catalogue: sqlite:///catalogue.db\n")
    assert refused("nobody was named") == "unknown"
    (governed / "portability.yaml").write_text("catalogue: sqlite:///catalogue.db\noperator: bob\n")
    assert refused("key is not named") == "bob"
    _configure(governed, bob, operator_rules="{agreement_days: 365}")
    assert refused("may release nothing") == "bob"
    _configure(governed, bob)
    with open_catalogue("sqlite:///catalogue.db") as catalogue:
        ann = people["ann"]
        gone = Operator(name="bob", roles=("viewer",), public_key=bob.public, valid_from=now())
        change_register(catalogue, "revoke", gone, by="ann", key=ann.key)
    assert refused("no longer an operator") == "bob"


def test_command_does_not_run_when_it_cannot_be_recorded(governed: Path, practice: Path) -> None:
    """A catalogue that is not there, or cannot be written, stops the export before it begins."""
    arguments = ("export", f"sqlite:///{practice / 'practice.db'}", governed / "out", *WHY)
    Path("catalogue.db").rename("elsewhere.db")
    with pytest.raises(CatalogueError, match="cannot be opened"):
        _command(*arguments)
    Path("elsewhere.db").rename("catalogue.db")
    with open_catalogue("sqlite:///catalogue.db") as catalogue, catalogue.transaction() as transaction:
        transaction.execute(_text("DROP TABLE audit_entry"))
    with pytest.raises(CatalogueError):
        _command(*arguments)
    assert not (governed / "out").exists()


def _text(statement: str) -> Any:  # noqa: ANN401
    from sqlalchemy import text  # noqa: PLC0415

    return text(statement)


def test_command_that_is_killed_leaves_its_beginning(governed: Path, practice: Path) -> None:
    """What was begun stands in the chain, and the next command goes on behind it."""
    source = f"sqlite:///{practice / 'practice.db'}"
    command = [str(Path(sys.executable).with_name("portability")), "export", source, "out", *WHY]
    with closing(sqlite3.connect(practice / "practice.db", isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")  # the export waits for the source, in the midst of its work
        with subprocess.Popen(command, cwd=governed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            until = time.monotonic() + 60
            while time.monotonic() < until and not _outcomes():
                time.sleep(0.02)
            running.kill()
    assert _outcomes() == [("export", "started")]
    _command("show", practice / "archive")
    assert _outcomes()[-1] == ("show", "done")


def test_silent_run_is_in_the_sealed_chain_alone(governed: Path, practice: Path, people: dict[str, Person]) -> None:
    """The hook writes its beginning and end where only the officer reads them."""
    from portability.cli import recording  # noqa: PLC0415

    officer = new_identity()
    _configure(governed, people["bob"], silent_recipients=f'["officer={recipient_of(officer).text}"]')
    rule = recording.RECORDED["query"]
    options = {"archive": practice / "archive", "sql": "", "purpose": "a trial", "basis": "contract", "silent": True}
    import click  # noqa: PLC0415

    from portability.config import load_config  # noqa: PLC0415

    with click.Context(click.Command("query")), recording._recording("query", rule, load_config(), options):
        pass
    options["purpose"] = ""
    with (
        click.Context(click.Command("query")),
        pytest.raises(PortabilityError),
        recording._recording("query", rule, load_config(), options),
    ):
        pass
    assert _outcomes() == []
    with open_catalogue("sqlite:///catalogue.db") as catalogue:
        found = list(read_silent(catalogue, parse_identities(f"{officer.secret}\n".encode())))
    assert [entry.document["outcome"] for entry in found] == ["started", "done", "refused"]
    assert found[0].document["actor"] == "bob"


def test_request_that_nobody_checks_excuses_nobody_from_a_purpose(governed: Path, practice: Path) -> None:
    """Only where the request's own gate is passed does a number stand for purpose and basis."""
    with pytest.raises(ProcedureError, match="needs --purpose and --basis"):
        _command("subject-access", practice / "archive", governed / "out", "--contact", 1, "--request", "SAR-1")
    with pytest.raises(PortabilityError):
        _command("export", f"sqlite:///{practice / 'practice.db'}", governed / "out", "--request", "PO-9")
    assert _outcomes() == [("subject-access", "refused"), ("export", "started"), ("export", "refused")]
    assert not (governed / "out").exists()
