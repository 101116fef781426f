"""The ways without this program: open.sh, and the commands that OPEN.md tells a person to type."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

# Nothing of the machine's own but what a login has; dash, so that nothing leans on a greater shell.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent"}


def open_sh(
    sealed: Path, destination: Path, *keys: Path, trust: Path | None = None, prefix: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run open.sh."""
    options = [] if trust is None else ["-t", trust]
    return _dash([str(each) for each in (*prefix, "sh", sealed / "open.sh", *options, destination, *keys)])


def by_hand(
    page: str, sealed: Path, destination: Path, *keys: Path, prefix: Sequence[str] = (), careless: bool = False
) -> subprocess.CompletedProcess[str]:
    """Type every command block of OPEN.md, in order, in one shell; the first names the reader's own files.

    Who is ``careless`` goes on whatever failed.
    """
    names, *blocks = re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    values = {f"key{number}": key for number, key in enumerate(keys, 1)} | {"out": destination}
    assert re.findall(r"^(\w+)=", names, re.MULTILINE) == list(values)
    lines = [f"cd {shlex.quote(str(sealed))}", *(f"{name}={shlex.quote(str(path))}" for name, path in values.items())]
    return _dash([*prefix, "sh", "-u" if careless else "-eu", "-c", "\n".join([*lines, *blocks])])


def _dash(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=240, env=ENVIRONMENT)
