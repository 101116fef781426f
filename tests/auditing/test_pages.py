"""The pages on the catalogue, operators and the audit chain: every command on them, in order, in one folder."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from portability.cli import cli
from portability.practice import generate
from tests.conftest import lacking

DOCS = Path(__file__).parents[2] / "docs"
SET_UP = ("pip install",)
CONFIG = (
    'catalogue: sqlite:///catalogue.db\noperator: {0}\noperator_key: {0}\nsilent_recipients: ["officer=officer.pub"]\n'
)


def _commands(page: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [line for line in lines if not line.startswith(SET_UP)]


def _run(commands: list[str], folder: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PORTABILITY")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    for command in commands:
        if command.startswith("portability ") and "$(" not in command:
            cli.main(shlex.split(command)[1:], standalone_mode=False)  # the same, without starting a Python each time
            continue
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"


@pytest.mark.slow
def test_pages_commands_all_succeed_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue, its people, and a chain that is shown, handed over, signed and checked with stock tools."""
    for program in ("jq", "ssh-keygen"):
        if shutil.which(program) is None:
            lacking(f"the program {program}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PORTABILITY_CONFIG", raising=False)
    monkeypatch.delenv("PORTABILITY_OPERATOR", raising=False)
    generate(f"sqlite:///{tmp_path / 'practice.db'}", tmp_path / "files", entries=150, firms=1)
    made = "portability export sqlite:///practice.db demo/archive --documents files"
    _run(["mkdir demo", made, "portability keys new officer --kind age"], tmp_path)
    config = tmp_path / "portability.yaml"
    config.write_text(CONFIG.format("ann"))
    _run(_commands("catalogue.md"), tmp_path)
    _run([*_commands("operators.md"), 'portability operator renew bob --until $(date -d "+1 year" +%F)'], tmp_path)
    config.write_text(CONFIG.format("bob"))
    first, *others = _commands("audit.md")
    assert first.startswith("portability query")
    _run([first], tmp_path)
    config.write_text(CONFIG.format("ann"))
    _run(others, tmp_path)
    assert len(others) > 10
