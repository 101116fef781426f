"""The README's commands, in their order, as a newcomer types them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
# What sets the machine up has been done, or no test would run.
SET_UP = ("make demo", "pip install .")


def _commands() -> list[str]:
    blocks = re.findall(r"^```console\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [line for line in lines if line not in SET_UP]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_readme_commands_all_succeed_in_their_order(tmp_path: Path) -> None:
    """Every line of every console block, in one empty folder, without a terminal."""
    commands = _commands()
    assert len(commands) > 20
    bin_folder = Path(sys.executable).parent
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PORTABILITY")}
    environment["PATH"] = f"{bin_folder}{os.pathsep}{environment['PATH']}"
    for command in commands:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
