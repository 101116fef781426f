"""Object storage that answers what it should not: a proxy in between, a service that lies, addresses that mean else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from portability.depositories import (
    Depository,
    DepositoryConfig,
    ObjectService,
    PutRequest,
    open_depository,
    retrying,
)
from portability.depositories.config import check_service, parse_place
from portability.errors import ConfigError, DepositoryError, DepositoryRefusedError
from portability.limits import DEFAULT_LIMITS, MIB

LISTING = b"<ListBucketResult><IsTruncated>false</IsTruncated>%s</ListBucketResult>"
FILE = bytes(range(256)) * 5000  # more than a piece
SECRET = "a-secret-of-the-tests"
Answer = tuple[int, dict[str, str], bytes]


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code></Error>".encode()


@dataclass
class _Service:
    """Enough of object storage for one bucket; ``rule`` may answer in its place, with a method and a name."""

    kept: dict[str, bytes] = field(default_factory=dict)
    rule: Callable[[str, str], Answer | None] = lambda _method, _name: None
    asked: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> Answer:  # noqa: ANN401 -- of the library
        name = urlsplit(path).path.removeprefix("/bucket").removeprefix("/")
        self.asked.append(f"{method} {name}")
        told = self.rule(method if name else "LIST", name)
        if told is not None:
            return told
        if not name:
            return 200, {}, LISTING % b""
        if method == "PUT":
            return self._put(name, headers, body)
        if name not in self.kept:
            return 404, {}, _error("NoSuchKey") if method == "GET" else b""
        content = self.kept[name]
        if method == "GET":
            first, last = (int(each) for each in headers["Range"].removeprefix("bytes=").split("-"))
            return 206, {"Content-Range": f"bytes {first}-{last}/{len(content)}"}, content[first : last + 1]
        return 200, {}, content

    def _put(self, name: str, headers: Any, body: bytes) -> Answer:  # noqa: ANN401
        if name in self.kept:
            return 412, {}, _error("PreconditionFailed")
        if "/digest-" in name:
            return 400, {}, _error("BadDigest")
        assert headers["If-None-Match"] == "*"
        self.kept[name] = body
        return 200, {"ETag": '"x"'}, b""


class _Running:
    """One server and one client for all tests; each has a service of its own behind it."""

    service: _Service
    endpoint: str
    depository: Depository


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Running]:
    """The server: a client takes a while to make."""
    held = _Running()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, content = held.service.answer(self.command, self.path, self.headers, body)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def do_GET(self) -> None:
            self.do_PUT()

        def do_HEAD(self) -> None:
            self.do_PUT()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    secret = tmp_path_factory.mktemp("objects") / "secret"
    secret.write_text(SECRET + "\n", encoding="utf-8")
    secret.chmod(0o600)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        held.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        given = ObjectService(access_key="a", secret_key_file=secret, endpoint=held.endpoint)
        with open_depository(DepositoryConfig(name="objects", url="s3://bucket", service=given)) as held.depository:
            yield held
        server.shutdown()


@pytest.fixture
def service(running: _Running, monkeypatch: pytest.MonkeyPatch) -> _Service:
    """A service that behaves until it is told otherwise; nobody waits between attempts."""
    monkeypatch.setattr(retrying, "DEFAULT_LIMITS", replace(DEFAULT_LIMITS, depository_backoff_ms=1))
    monkeypatch.setenv("OBJECTS_SECRET", SECRET)
    running.service = _Service()
    return running.service


@pytest.fixture
def depository(running: _Running) -> Depository:
    """The service's bucket."""
    return running.depository


LIES: dict[str, tuple[str, Answer, str]] = {
    "a listing says that a name is taken": ("LIST", (412, {}, _error("PreconditionFailed")), "refuses the request"),
    "a size does": ("HEAD", (412, {}, b""), "refuses the request"),
    "a listing without sizes": (
        "LIST",
        (200, {}, LISTING % b"<Contents><Key>x</Key></Contents>"),
        "not one of object storage",
    ),
    "a listing with sizes in words": (
        "LIST",
        (200, {}, LISTING % b"<Contents><Key>x</Key><Size>many</Size></Contents>"),
        "not one of object storage",
    ),
    "nothing for a listing": ("LIST", (200, {}, b""), "not one of object storage"),
    "a page for a listing": ("LIST", (200, {}, b"<html><body/></html>"), "not one of object storage"),
    "put, and not there": ("PUT", (200, {}, b""), "does not show it"),
    "elsewhere": ("PUT", (301, {"Location": "http://127.0.0.1:1/"}, _error("PermanentRedirect")), "is elsewhere"),
    "another region": ("PUT", (400, {}, _error("AuthorizationHeaderMalformed")), "is elsewhere"),
    "a word that is none": ("PUT", (403, {}, _error("x\x7f\u202e" + "y" * 500)), r"refuses permission \(403\)"),
}


@pytest.mark.parametrize(("method", "answer", "message"), LIES.values(), ids=LIES.keys())
def test_put_to_a_service_that_answers_oddly_is_told(
    service: _Service, depository: Depository, method: str, answer: Answer, message: str
) -> None:
    """An error of ours with its mend, never the library's; nothing is overwritten, and no redirect is followed."""
    service.rule = lambda asked, name: answer if asked == method and ".portability-probe" not in name else None
    with pytest.raises(DepositoryError, match=message) as told:
        depository.put(PutRequest(name="agreement/a", source=FILE))
    assert told.value.hint
    assert SECRET not in f"{told.value}{told.value.hint}"


def test_put_where_every_name_is_said_to_be_taken_is_refused(service: _Service, depository: Depository) -> None:
    """A name made of random digits is free."""
    service.rule = lambda asked, _: (412, {}, _error("PreconditionFailed")) if asked == "PUT" else None
    with pytest.raises(DepositoryRefusedError, match="taken which is free"):
        depository.probe()


def test_put_when_the_network_was_slow_is_tried_again(service: _Service, depository: Depository) -> None:
    """Amazon calls a body that came too slowly a bad request; it is not one."""
    answers: list[Answer] = [(400, {}, _error("RequestTimeout"))] * 2
    service.rule = lambda asked, name: answers.pop() if asked == "PUT" and "agreement" in name and answers else None
    assert depository.put(PutRequest(name="agreement/a", source=FILE)).sent_bytes == len(FILE)
    assert not answers


def test_put_of_what_an_old_listing_still_shows_is_put(service: _Service, depository: Depository) -> None:
    """A listing may be older than the removal of what it lists."""
    shown = LISTING % b"<Contents><Key>agreement/a</Key><Size>3</Size></Contents>"
    service.rule = lambda asked, _: (200, {}, shown) if asked == "LIST" else None
    assert not depository.put(PutRequest(name="agreement/a", source=FILE)).was_there
    assert service.kept["agreement/a"] == FILE


@pytest.mark.parametrize("range_header", [{}, {"Content-Range": f"bytes 0-99/{len(FILE)}"}])
def test_read_of_less_than_was_asked_for_is_no_file(
    service: _Service, depository: Depository, range_header: dict[str, str]
) -> None:
    """An answer that is short and says so is not the end of the file."""
    service.kept["agreement/a"] = FILE
    service.rule = lambda asked, _: (206, range_header, FILE[:100]) if asked == "GET" else None
    with pytest.raises(DepositoryError, match="not the range"):
        list(depository.read("agreement/a"))


def test_read_from_a_service_without_ranges_is_refused_or_right(service: _Service, depository: Depository) -> None:
    """Where all is asked for and all is answered, it is; the beginning in place of the middle is not taken."""
    service.kept["agreement/a"] = FILE
    service.rule = lambda asked, _: (200, {}, FILE) if asked == "GET" else None
    assert b"".join(depository.read("agreement/a")) == FILE
    with pytest.raises(DepositoryError, match="not the range"):
        list(depository.read("agreement/a", offset=MIB, length=100))


def test_open_beside_settings_of_amazons_tools_keeps_to_the_job(
    service: _Service, running: _Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a profile nor a file in a home directory says where deposits go, or stops them."""
    (tmp_path / "config").write_text("[[[ nonsense", encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    given = ObjectService(access_key="a", secret_key="${OBJECTS_SECRET}", endpoint=running.endpoint)
    with open_depository(DepositoryConfig(name="objects", url="s3://bucket", service=given)) as opened:
        opened.put(PutRequest(name="agreement/a", source=b"x"))
    assert service.kept["agreement/a"] == b"x"


@pytest.mark.parametrize(
    "url",
    [
        "s3://bucket/../other",
        "s3://bucket/a/%2e%2e/b",
        "s3://bucket/a//b",
        "s3://bucket/a#b",
        "s3://bucket/a?b",
        "directory:/medium#2",
        "sftp://user@host/a#b",
        "sftp://user@[x/a",
        "s3://[x",
    ],
)
def test_address_that_would_lead_elsewhere_is_refused(url: str) -> None:
    """What follows a # was dropped in silence, and steps like .. end in another bucket."""
    with pytest.raises(ConfigError) as told:
        parse_place(DepositoryConfig(name="objects", url=url))
    assert told.value.hint


@pytest.mark.parametrize(
    "change",
    [
        {"endpoint": "http://objects.example"},
        {"endpoint": "objects.example"},
        {"endpoint": "https://"},
        {"endpoint": "https://[x"},
        {"endpoint": "https://x:99999"},
        {"endpoint": "https://a:hunter2@objects.example"},
        {"region": "eu west"},
        {"access_key": "${ACCESS_KEY}"},
        {"access_key": "a\nX-Header: b"},
        {"secret_key": None},
        {"secret_key_file": Path("secret")},
    ],
)
def test_service_that_cannot_be_meant_is_refused(change: dict[str, Any]) -> None:
    """Before anything is asked of anybody, with the mend, and without what may be a secret."""
    given = {"access_key": "a", "secret_key": "${SECRET}", **change}
    with pytest.raises(ConfigError) as told:
        check_service(ObjectService(**given), "objects")
    assert told.value.hint
    assert "hunter2" not in str(told.value)


def test_authorities_that_are_none_are_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without certificates would else look like a service that is away."""
    monkeypatch.setenv("OBJECTS_SECRET", SECRET)
    (tmp_path / "ca").write_text("nothing", encoding="utf-8")
    given = ObjectService(access_key="a", secret_key="${OBJECTS_SECRET}", ca_file=tmp_path / "ca")
    config = DepositoryConfig(name="objects", url="s3://bucket", service=given)
    with pytest.raises(ConfigError, match="no authorities to trust"), open_depository(config):
        pass
