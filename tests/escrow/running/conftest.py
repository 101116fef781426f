"""Jobs that do next to nothing, in a catalogue on each DBMS, and peers that take notices."""

from __future__ import annotations

import http.server
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from portability.catalogue import Catalogue, open_catalogue
from portability.escrow.jobs import Job, load_job
from tests.conftest import lacking


@pytest.fixture
def write_job(tmp_path: Path) -> Callable[..., Path]:
    """A factory of job files in ``jobs/``; keyword arguments change their fields."""
    folder = tmp_path / "jobs"
    folder.mkdir()
    for name in ("ann", "ben"):
        try:
            _tool("age-keygen", "-o", tmp_path / name)
        except FileNotFoundError:
            lacking("age-keygen")
    _tool("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "vendor_key")
    (folder / "allowed_signers").write_text(f"vendor {(folder / 'vendor_key.pub').read_text(encoding='utf-8')}")

    def write(name: str = "smith", **changes: Any) -> Path:  # noqa: ANN401 -- any field
        (tmp_path / f"depository-{name}").mkdir(exist_ok=True)
        fields = {
            "name": name,
            "agreement": name,
            "class": "data",
            "payload": {"source": f"sqlite:///{tmp_path}/{name}.db"},
            "recipients": [
                {"name": one, "party": "custodian", "key": _public(tmp_path / one)} for one in ("ann", "ben")
            ],
            "depositories": [{"name": "shelf", "url": f"directory:{tmp_path}/depository-{name}"}],
            "schedule": {"cron": "30 2 * * *", "time_zone": "Europe/London"},
            "sign": "vendor_key",
            "trust": "allowed_signers",
            "catalogue": f"sqlite:///{tmp_path}/catalogue.db",
            "spool": f"../spool-{name}",
            "staging": f"../staging-{name}",
        } | changes
        path = folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(fields), encoding="utf-8")
        return path

    return write


def _public(identity: Path) -> str:
    return _tool("age-keygen", "-y", identity).strip()


def _tool(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
def job(write_job: Callable[..., Path]) -> Job:
    """A job that is due at half past two in London."""
    return load_job(write_job())


@pytest.fixture(params=["sqlite", "postgresql"])
def catalogue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalogue]:
    """A catalogue on each DBMS."""
    url = f"sqlite:///{tmp_path}/catalogue.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")()
    with open_catalogue(url, upgrade=True) as opened:
        yield opened


class MailSink(socketserver.ThreadingTCPServer):
    """An SMTP server that takes every message, or refuses as it is told."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Smtp)
        self.messages: list[str] = []
        self.refuses = False

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Smtp(socketserver.StreamRequestHandler):
    server: MailSink

    def handle(self) -> None:
        self._say("220 sink")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self._say("354 go on")
                content = bytearray()
                while (data := self.rfile.readline()) != b".\r\n":
                    content += data
                self.server.messages.append(content.decode())
                self._say("250 taken")
            elif word == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("550 not for us" if self.server.refuses and word == b"RCPT" else "250 good")

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


class HookSink(http.server.ThreadingHTTPServer):
    """A web server that takes POSTs, answering what it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.answer = 204

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/notices"


class _Hook(http.server.BaseHTTPRequestHandler):
    server: HookSink

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((dict(self.headers), body))
        self.send_response(self.server.answer)
        if self.server.answer == 302:
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def mail() -> Iterator[MailSink]:
    """A mail server that runs."""
    yield from _served(MailSink())


@pytest.fixture
def hook() -> Iterator[HookSink]:
    """A web server that runs."""
    yield from _served(HookSink())


def _served(server: Any) -> Iterator[Any]:  # noqa: ANN401 -- either of them
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
