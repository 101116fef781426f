"""Commands as a person and a script meet them: exit codes, sentences, one JSON document on standard output."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from portability.practice import generate
from tests.governing.shell import Said, Shell


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command."""
    command = [str(Path(sys.executable).with_name("portability")), *map(str, arguments)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PORTABILITY")}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=240, env={**environ, **environment}
    )


def ask(*arguments: object, **environment: str) -> Said:
    """Run the command in this process: a second quicker, where nothing is asked of the process itself."""
    return Shell(Path.cwd(), environment).run(shlex.join(["portability", *map(str, arguments)]))


def document(done: Said) -> dict[str, Any]:
    """Return the one JSON document on standard output."""
    parsed: dict[str, Any] = json.loads(done.out)
    return parsed


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``practice.db``, ``files`` and ``archive``."""
    folder = tmp_path_factory.mktemp("cli")
    generate(f"sqlite:///{folder / 'practice.db'}", folder / "files", entries=150, firms=1)
    done = run("export", f"sqlite:///{folder / 'practice.db'}", folder / "archive", "--documents", folder / "files")
    assert done.returncode == 0, done.stderr
    assert "profile practice" in done.stdout
    return folder


@pytest.mark.slow
def test_demo_tells_the_whole_story(tmp_path: Path) -> None:
    """Built, exported, verified, queried; the page is there; without a terminal nothing but the result is said."""
    done = run("demo", tmp_path / "demo", "--entries", "450")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Verified at level deep: sound" in done.stdout
    assert (tmp_path / "demo/archive/data/README.html").is_file()


def test_inspect_shows_tables_keys_and_what_would_be_excluded(practice: Path) -> None:
    """The profile is detected, the credentials are named with the reason."""
    found = document(ask("inspect", f"sqlite:///{practice / 'practice.db'}", "--json"))
    assert found["detected"] == "practice"
    assert found["rows"]["main.LEDG_LINE"] == 150
    assert found["coverage"]["unclassified"] == 0
    text = ask("inspect", f"sqlite:///{practice / 'practice.db'}").out
    assert "USR_MAST.PWD_HASH" in text
    assert "credential" in text


def test_verify_of_a_sound_archive_succeeds_at_every_level(practice: Path) -> None:
    """Exit code 0, and the JSON says so too."""
    for level in ("quick", "full", "deep"):
        done = ask("verify", practice / "archive", "--level", level, "--json")
        assert done.code == 0
        assert document(done)["ok"] is True


def test_verify_of_a_damaged_archive_fails_with_one_document(practice: Path, tmp_path: Path) -> None:
    """Exit code 9; with --json still exactly one document on standard output."""
    shutil.copytree(practice / "archive", tmp_path / "damaged")
    with (tmp_path / "damaged/data/tables/matter.parquet").open("r+b") as stream:
        stream.seek(200)
        stream.write(b"\xff")
    done = ask("verify", tmp_path / "damaged", "--json")
    assert done.code == 9
    assert document(done)["ok"] is False
    text = ask("verify", tmp_path / "damaged", "--html", tmp_path / "report.html")
    assert text.code == 9
    assert "NOT SOUND" in text.out
    assert "matter.parquet" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_show_lists_tables_and_one_table_in_detail(practice: Path) -> None:
    """By the names that query understands."""
    assert document(ask("show", practice / "archive", "--json"))["tables"]["ledger_entry"] == 150
    shown = document(ask("show", practice / "archive", "source.LEDG_LINE", "--json"))
    assert {"name": "AMT", "type": "decimal128(15, 2)", "native": "DECIMAL(15,2)", "doc": ""} in shown["columns"]
    assert ask("show", practice / "archive", "nonsense").code == 6


def test_query_answers_exactly(practice: Path) -> None:
    """Money comes out as decimal text, never as a float."""
    done = ask("query", practice / "archive", "SELECT sum(debit) AS d, sum(credit) AS c FROM ledger_entry", "--json")
    ((debit, credit),) = document(done)["rows"]
    assert isinstance(debit, str)
    assert debit.rpartition(".")[2] == debit[-4:]
    assert credit.endswith("00")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["inspect", "nowhere"], 3, "neither an address nor a configured source"),
        (["inspect", "{tmp}"], 3, "is a folder, but not of tables of one kind"),
        (["inspect", "oracle://host/db"], 3, "no connector knows this scheme"),
        (["inspect", "sqlite:///{tmp}/none.db"], 11, "there is no such file"),
        (["inspect", "sqlite:///{tmp}/text.db"], 12, "not a database"),
        (["export", "sqlite:///{tmp}/one.db", "{tmp}/taken"], 13, "the destination exists"),
        (["export", "sqlite:///{tmp}/one.db", "{tmp}/no/such/parent"], 3, "cannot create it"),
        (["export", "sqlite:///{tmp}/one.db", "{tmp}/a", "--profile", "unheard-of"], 5, "there is no such profile"),
        (["export", "sqlite:///{tmp}/one.db", "{tmp}/a", "--profile", "practice"], 5, "the source has no table"),
        (["verify", "{tmp}/none"], 9, "There is no archive here"),
        (["verify", "{tmp}/taken"], 9, "C1"),
        (["query", "{tmp}/none", "SELECT 1"], 6, "there is no archive"),
        (["export"], 2, "Missing argument"),
        (["postpone"], 2, "No such command"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else None,
)
def test_bad_input_gets_a_sentence_and_its_own_exit_code(
    tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    """Never a traceback, never a file."""
    sqlite3.connect(tmp_path / "one.db").executescript("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    (tmp_path / "text.db").write_text(
        "this is no database, but it is long enough to be looked at " * 40, encoding="utf-8"
    )
    (tmp_path / "taken").mkdir()
    before = sorted(tmp_path.iterdir())
    done = ask(*(argument.format(tmp=tmp_path) for argument in arguments))
    assert done.code == code, done.err
    assert words in " ".join((done.out + done.err).split())
    assert "Traceback" not in done.out + done.err
    assert sorted(tmp_path.iterdir()) == before


def test_errors_are_documents_too(tmp_path: Path) -> None:
    """With --json a script needs no regular expressions."""
    done = ask("inspect", f"sqlite:///{tmp_path / 'none.db'}", "--json")
    found = document(done)
    assert (found["error"], found["exit_code"], found["retryable"]) == ("SourceUnavailableError", 11, True)
    assert found["hint"]


def test_query_cannot_read_or_write_outside_the_archive(practice: Path, tmp_path: Path) -> None:
    """SQL from anybody may be pasted in."""
    for sql in (
        "SELECT * FROM read_csv('/etc/passwd')",
        f"COPY (SELECT 1) TO '{tmp_path}/x.csv'",
        f"COPY (SELECT 1) TO '{practice}/archive/data/x.csv'",
        "SELECT 1; DROP VIEW matter",
        "INSTALL httpfs",
        "SET enable_external_access = true",
    ):
        assert ask("query", practice / "archive", sql).code == 6, sql
    assert not (tmp_path / "x.csv").exists()
    assert not (practice / "archive/data/x.csv").exists()


def test_configured_source_keeps_the_password_out_of_everything(tmp_path: Path) -> None:
    """The address comes from the file, the password from the environment, and neither shows in the error."""
    config = tmp_path / "portability.yaml"
    config.write_text(
        "sources:\n  firm:\n    url: postgresql://export:${FIRM_PASSWORD}@127.0.0.1:1/firm\n", encoding="utf-8"
    )
    done = ask("inspect", "firm", PORTABILITY_CONFIG=str(config), FIRM_PASSWORD="hunter2-secret", PORTABILITY_DEBUG="")
    assert done.code == 11, done.err
    assert "hunter2" not in done.out + done.err
    unset = ask("inspect", "firm", PORTABILITY_CONFIG=str(config))
    assert (unset.code, "FIRM_PASSWORD is not set" in unset.err) == (3, True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("limits: {no_such_limit: 1}", "unknown field"),
        ("sources: 7", "Expected `object`"),
        ("a: [", "portability.yaml"),
    ],
)
def test_configuration_that_is_wrong_is_refused_by_name(tmp_path: Path, text: str, words: str) -> None:
    """A typing error in a limit is not ignored."""
    config = tmp_path / "portability.yaml"
    config.write_text(text, encoding="utf-8")
    done = ask("inspect", "sqlite:///x.db", PORTABILITY_CONFIG=str(config))
    assert done.code == 3
    assert words in done.err


def test_profiles_are_listed(tmp_path: Path) -> None:
    """What comes with the product."""
    del tmp_path
    found = json.loads(ask("profile", "list", "--json").out)
    assert [each["profile"] for each in found] == ["cccd", "cliniccases", "openlawoffice", "practice", "successor"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_export_that_is_stopped_says_so_whatever_was_going_on(
    practice: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """Exit code 130 and no archive, wherever the signal hit."""
    command = [str(Path(sys.executable).with_name("portability")), "export"]
    arguments = [f"sqlite:///{practice / 'practice.db'}", tmp_path / "a", "--documents", practice / "files"]
    with subprocess.Popen([*command, *map(str, arguments)], stderr=subprocess.PIPE, text=True) as running:
        while not (tmp_path / ".a.part/work/scratch").exists():
            assert running.poll() is None
            time.sleep(0.01)
        running.send_signal(number)
        _, said = running.communicate(timeout=60)
    assert (running.returncode, "Error: " in said, "stopped" in said) == (130, True, True)
    assert not (tmp_path / "a").exists()


def test_result_that_nobody_reads_to_the_end_is_no_failure(practice: Path) -> None:
    """``| head`` closes the pipe early; the command is done all the same."""
    command = f"{Path(sys.executable).with_name('portability')} show {practice / 'archive'} matter | head -n 1"
    done = subprocess.run(["/bin/bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_libraries_log_is_not_shown() -> None:
    """Errors are ours to tell: a driver's own warning beside them would quote addresses."""
    script = (
        "import atexit, logging, portability.cli as it; "
        "atexit.register(lambda: logging.getLogger('psycopg').warning('postgresql://somebody')); it.main()"
    )
    done = subprocess.run([sys.executable, "-c", script, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
