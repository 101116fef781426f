"""Running git so that nothing in a repository runs anything: no hooks, no prompts, no transports that are commands.

A repository is a stranger's: its configuration, attributes, submodule addresses and hooks may all name programs. Each
call gets a configuration of our own; from the user's own only what it takes to log in, and only while fetching.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from portability.errors import ConfigError, FormatError

__all__ = ["Git", "GitFailedError", "open_git", "shown_url"]

_SECRET_URL = re.compile(r"://[^/@\s]+@")
_SAFE = """\
[core]
	hooksPath = /dev/null
	fsmonitor = false
	autocrlf = false
	attributesFile = /dev/null
	excludesFile = /dev/null
	askPass =
[protocol]
	allow = never
[protocol "https"]
	allow = {network}
[protocol "ssh"]
	allow = {network}
[protocol "file"]
	allow = always
[pack]
	threads = 1
[gc]
	auto = 0
[maintenance]
	auto = false
[submodule]
	recurse = false
[fetch]
	recurseSubmodules = false
	fsckObjects = false
[transfer]
	credentialsInUrl = die
[advice]
	detachedHead = false
[init]
	defaultBranch = main
	templateDir =
[safe]
	directory = *
[lfs]
	locksverify = false
	fetchexclude =
	fetchinclude =
[user]
	name = portability
	email = portability@localhost
"""
_OLD_FLAWS = (
    "badDateOverflow badEmail badName badTagName badTimezone missingEmail missingNameBeforeEmail "
    "missingSpaceBeforeDate missingSpaceBeforeEmail missingTaggerEntry zeroPaddedDate zeroPaddedFilemode"
).split()
"""What early versions of git and importers wrote; such commits stay readable, and no history is rewritten for them."""

_ALWAYS = (("core.fsmonitor", "false"), ("core.hooksPath", "/dev/null"), ("core.untrackedCache", "false"))
"""Wins over what a repository itself configures, too."""

_STDERR_CHARACTERS = 400


class GitFailedError(FormatError):
    """git said no; the message is its last word, without any user or password of an address."""


@dataclass(frozen=True, kw_only=True)
class Git:
    """How git is called: ``environment`` is all that it knows of this machine."""

    program: str
    environment: dict[str, str]

    def run(self, *arguments: str | Path, cwd: Path | None = None, stdin: bytes | None = None) -> bytes:
        """Run a command and return what it prints.

        Raises:
            GitFailedError: It failed.
        """
        done = self.attempt(*arguments, cwd=cwd, stdin=stdin)
        if done.returncode != 0:
            raise _failed(arguments, done.stderr)
        return done.stdout

    def text(self, *arguments: str | Path, cwd: Path | None = None) -> str:
        """Run a command and return what it prints as text, without the last line's end."""
        return self.run(*arguments, cwd=cwd).decode("utf-8", "surrogateescape").removesuffix("\n")

    def succeeds(self, *arguments: str | Path, cwd: Path | None = None) -> bool:
        """Run a command and return whether it succeeded."""
        return self.attempt(*arguments, cwd=cwd).returncode == 0

    def attempt(
        self, *arguments: str | Path, cwd: Path | None = None, stdin: bytes | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command that may fail."""
        return subprocess.run(  # noqa: S603 -- a list of arguments; no shell
            [self.program, *(os.fspath(each) for each in arguments)],
            cwd=cwd,
            env=self.environment,
            input=stdin if stdin is not None else b"",
            capture_output=True,
            check=False,
        )

    @contextlib.contextmanager
    def reading(self, *arguments: str | Path, cwd: Path, stdin: IO[bytes] | None = None) -> Iterator[IO[bytes]]:
        """Run a command and yield its output as a stream, however long that is.

        Raises:
            GitFailedError: It failed; only known after all was read.
        """
        command = [self.program, *(os.fspath(each) for each in arguments)]
        with subprocess.Popen(  # noqa: S603
            command,
            cwd=cwd,
            env=self.environment,
            stdin=stdin if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdout is not None  # noqa: S101 -- it was asked for
            yield process.stdout
            process.stdout.close()
            if process.wait() != 0:
                raise _failed(arguments, b"")


def open_git(work: Path, *, fetching: bool) -> Git:
    """Return git with a configuration of its own in ``work``.

    Args:
        work: A private folder, which also is its home unless it fetches.
        fetching: Addresses of the network are allowed, with what the user's own configuration says of logging in.

    Raises:
        ConfigError: git is not installed.
    """
    program = shutil.which("git")
    if program is None:
        raise ConfigError("git is not installed", hint="Install git and git-lfs.")
    config = work / "gitconfig"
    include = _user_include() if fetching else ""
    safe = _SAFE.format(network="always" if fetching else "never")
    flaws = "[fsck]\n" + "".join(f"\t{name} = warn\n" for name in _OLD_FLAWS)
    config.write_text(include + safe + flaws, encoding="utf-8")
    return Git(program=program, environment=_environment(work, config, fetching=fetching))


def _environment(work: Path, config: Path, *, fetching: bool) -> dict[str, str]:
    """Return all that git knows of this machine."""
    kept: tuple[str, ...] = ("PATH", "LANG", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO")
    if fetching:
        kept += (
            "HOME",
            "SSH_AUTH_SOCK",
            "GIT_SSH_COMMAND",
            "https_proxy",
            "HTTPS_PROXY",
            "no_proxy",
            "XDG_CONFIG_HOME",
        )
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment |= {
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_COUNT": str(len(_ALWAYS)),
    }
    for number, (name, value) in enumerate(_ALWAYS):
        environment |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    environment.setdefault("HOME", str(work))
    environment.setdefault("GIT_SSH_COMMAND", "ssh -oBatchMode=yes -oStrictHostKeyChecking=yes")
    return environment


def _user_include() -> str:
    """The user's own configuration comes first, so that ours wins."""
    paths = [Path.home() / ".gitconfig", Path.home() / ".config" / "git" / "config"]
    return "".join(f'[include]\n\tpath = "{path}"\n' for path in paths if path.is_file())


def shown_url(url: str) -> str:
    """Return an address without the user and password that it may carry."""
    return _SECRET_URL.sub("://", url)


def _failed(arguments: Sequence[str | Path], stderr: bytes) -> GitFailedError:
    words = [each for each in map(str, arguments) if not each.startswith("-")]
    lines = [line for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    wanted = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines[-2:]
    told = shown_url("; ".join(wanted[:2]))[:_STDERR_CHARACTERS]
    return GitFailedError(f"git {words[0] if words else ''} failed: {told or 'without a word'}")
