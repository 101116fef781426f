"""docs/depositories.md does what it says: its commands run, its sshd_config serves, its messages are ours."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from portability.depositories import open_depository, publish
from portability.depositories.testing import sealed_folder
from tests.depositories.sshd import Sshd

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/depositories.md").read_text(encoding="utf-8")
PORTABILITY = str(Path(sys.executable).with_name("portability"))


def _run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-c", command.replace("portability depository", f"{PORTABILITY} depository")],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_page_commands_run_as_they_stand(tmp_path: Path) -> None:
    """Every line of the console blocks, in order, in an empty folder."""
    commands = re.findall(r"^\$ (.+)$", PAGE, re.MULTILINE)
    assert len(commands) == 3
    done = [_run(command, tmp_path) for command in commands]
    assert [each.returncode for each in done] == [0, 0, 0], done[-1].stderr
    assert "can take deposits" in done[-1].stdout


def test_page_sshd_config_serves_a_drop_box(tmp_path: Path) -> None:
    """The requests that the page denies are not needed for a deposit."""
    found = re.search(r"ForceCommand internal-sftp -u 0027 -P (\S+)", PAGE)
    assert found is not None
    server = Sshd(denied=tuple(found[1].split(",")), sftp_options="-u 0027")
    with server as sshd, open_depository(sshd.config()) as depository:
        published = publish(depository, sealed_folder(tmp_path), "agreement/000001")
    assert published.sent_bytes == published.size_bytes


def test_page_messages_are_those_of_the_program() -> None:
    """What a person looks up is what they have read."""
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "portability/depositories").glob("*.py"))
    table = PAGE.partition("## When it fails")[2]
    messages = [phrase for row in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)[2:] for phrase in row.split(", ")]
    assert len(messages) > 12
    missing = [phrase for phrase in messages if not all(part in code for part in phrase.strip().split(" … "))]
    assert missing == []


def test_check_command_tries_a_server_and_says_what_it_can(sshd: Sshd) -> None:
    """One JSON document; a wrong pin ends with the code for what needs somebody, and shows the fingerprint."""
    pin = " ".join(sshd.host_key_line.split()[:2])
    done = _run(f"portability depository check {sshd.url} --key {sshd.key} --host-key '{pin}' --json", Path.cwd())
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)["depositories"]
    assert (found["capabilities"]["rename"], found["capabilities"]["sync_folders"]) == ("refuses", True)
    wrong = _run(f"portability depository check {sshd.url} --key {sshd.key} --host-key SHA256:{'A' * 43}", Path.cwd())
    assert wrong.returncode == 19
    assert "not pinned: ssh-ed25519 SHA256:" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_check_command_never_repeats_a_password() -> None:
    """Typed into the address by mistake."""
    done = _run("portability depository check sftp://drop:hunter2@escrow.example/x", Path.cwd())
    assert done.returncode == 3
    assert "hunter2" not in done.stdout + done.stderr
