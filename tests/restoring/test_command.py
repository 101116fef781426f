"""The command as a person and a script meet it; the commands of the document run."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs/restoring.md"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command in a folder."""
    command = [str(Path(sys.executable).with_name("portability")), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=240, cwd=folder)


def test_restore_commands_of_the_document_run(archive_of: Callable[[str], Path], tmp_path: Path) -> None:
    """As they stand, in a folder that has an archive."""
    shutil.copytree(archive_of("sqlite"), tmp_path / "archive")
    commands = re.findall(r"^\$ portability (.*)$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) == 2
    runs = [run(tmp_path, *shlex.split(command)) for command in commands]
    assert [(done.returncode, done.stderr) for done in runs] == [(0, ""), (0, "")]
    assert (tmp_path / "restore-report/restore.html").is_file()
    report = json.loads(runs[1].stdout)
    assert report["target_dbms"] == "duckdb"
    assert report["totals"]["differences"] == []


def test_restore_without_an_empty_target_tells_how_to_go_on(archive_of: Callable[[str], Path], tmp_path: Path) -> None:
    """Exit code 16, one sentence and the mend; as JSON one document."""
    (tmp_path / "archive").symlink_to(archive_of("sqlite"))
    assert run(tmp_path, "restore", "archive", "sqlite:///t.db", "--unverified").returncode == 0
    again = run(tmp_path, "restore", "archive", "sqlite:///t.db", "--unverified")
    assert again.returncode == 16
    assert "the target is not empty" in again.stderr
    assert "new, empty database" in again.stderr
    document = json.loads(run(tmp_path, "restore", "archive", "sqlite:///t.db", "--unverified", "--json").stdout)
    assert (document["error"], document["exit_code"]) == ("TargetError", 16)


def test_restore_text_says_what_is_not_as_it_was(archive_of: Callable[[str], Path], tmp_path: Path) -> None:
    """The worst first: values, then what is missing; that it was not verified is said."""
    done = run(tmp_path, "restore", str(archive_of("postgresql")), "sqlite:///t.db", "--unverified")
    assert done.returncode == 0, done.stderr
    assert "NOT verified" in done.stdout
    assert "Values that are not as they were" in done.stdout
    assert "Other Schema__select" in done.stdout


def test_restore_existing_report_folder_is_refused_before_anything(
    archive_of: Callable[[str], Path], tmp_path: Path
) -> None:
    """Nothing is overwritten, and no database is filled for nothing."""
    (tmp_path / "report").mkdir()
    done = run(tmp_path, "restore", str(archive_of("sqlite")), "sqlite:///t.db", "--report", "report")
    assert done.returncode == 13
    assert not (tmp_path / "t.db").exists()


def test_restore_unsigned_archive_is_refused_when_a_signer_is_named(
    archive_of: Callable[[str], Path], tmp_path: Path
) -> None:
    """Nothing is restored of what nobody trusted has signed; --unverified is no way round."""
    archive = str(archive_of("sqlite"))
    assert run(tmp_path, "keys", "new", "key", "--kind", "signing").returncode == 0
    (tmp_path / "trusted").write_text(f"vendor {(tmp_path / 'key.pub').read_text(encoding='utf-8')}", encoding="utf-8")
    refused = run(tmp_path, "restore", archive, "sqlite:///t.db", "--trust", "trusted")
    assert refused.returncode == 9
    assert run(tmp_path, "restore", archive, "sqlite:///t.db", "--trust", "trusted", "--unverified").returncode == 3
    assert not (tmp_path / "t.db").exists()
