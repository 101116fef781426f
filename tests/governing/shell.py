"""A terminal for walks through the command line: our own commands run in this process, which saves a second each."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from portability.cli import _run


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    def whole(self) -> tuple[int, str, str]:
        """Everything that an onlooker sees of it."""
        return self.code, self.out, self.err


@dataclass
class Shell:
    """A folder in which commands run."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, line: str) -> Said:
        """Run one line; ``> FILE`` at its end works for our own commands too."""
        line, _, into = line.partition(" > ") if " portability " in f" {line}" else (line, "", "")
        words = shlex.split(line)
        given = dict(self.environment)
        while words and "=" in words[0] and words[0].split("=")[0].isupper():
            name, _, value = words.pop(0).partition("=")
            given[name] = value
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PORTABILITY")}
        with mock.patch.dict(os.environ, {**clean, **given}, clear=True), contextlib.chdir(self.folder):
            said = _inside(words[1:]) if words[0] == "portability" else _outside(line)
            if into:
                Path(into).write_text(said.out, encoding="utf-8")
            return said

    def ok(self, line: str) -> str:
        """Run one line that must succeed."""
        said = self.run(line)
        assert said.code == 0, f"$ {line}\n{said.out}{said.err}"
        return said.out


def _inside(words: list[str]) -> Said:
    content, err = io.BytesIO(), io.StringIO()
    out = io.TextIOWrapper(content, encoding="utf-8")
    with mock.patch.object(sys, "stdout", out), mock.patch.object(sys, "stderr", err):
        code = _run(words)
        out.flush()
    return Said(code, content.getvalue().decode(), err.getvalue())


def _outside(line: str) -> Said:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["/bin/sh", "-c", line], env=environment, capture_output=True, text=True, check=False)
    return Said(done.returncode, done.stdout, done.stderr)
