"""A private object storage service for tests: SeaweedFS, which speaks S3 and keeps conditional writes.

with ObjectStore() as store:
with open_depository(store.config()) as depository: ...
store.kill()    # kill -9
store.start()   # again, on the same ports, with what it had stored
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import URLError
from urllib.request import urlopen

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from portability.depositories import DepositoryConfig, ObjectService
from tests.servers import free_port

WEED = shutil.which("weed", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
BUCKET = "deposits"
SECRET = "a secret of the tests"
_START_TIMEOUT_S = 60
_SERVERS = ("master", "volume", "filer", "s3")


class ObjectStore:
    """One private service with one bucket; the depositor may list, read and write there."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._ports = {f"{name}.port{kind}": free_port() for name in _SERVERS for kind in ("", ".grpc")}

    def __enter__(self) -> Self:
        self.directory = Path(tempfile.mkdtemp(prefix="portability-objects-"))
        (self.directory / "data").mkdir()
        self.secret_file = self.directory / "secret"
        self.secret_file.write_text(SECRET + "\n", encoding="utf-8")
        self.secret_file.chmod(0o600)
        self._configuration().write_text(json.dumps({"identities": _identities()}), encoding="utf-8")
        self.start()
        self.agent = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="agent",
            aws_secret_access_key=SECRET,
            config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
        )
        self.agent.create_bucket(Bucket=BUCKET)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(AttributeError):
            self.agent.close()
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
        for name in _SERVERS:  # it puts them there whatever it is told
            Path(f"/tmp/seaweedfs-{name}-grpc-{self._ports[f'{name}.port.grpc']}.sock").unlink(missing_ok=True)  # noqa: S108

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._ports['s3.port']}"

    @property
    def service(self) -> ObjectService:
        return ObjectService(access_key="depositor", secret_key_file=self.secret_file, endpoint=self.endpoint)

    def config(self, folder: str = "practice", **changes: Any) -> DepositoryConfig:  # noqa: ANN401 -- any of its fields
        """Return how a folder of the bucket is reached."""
        given: dict[str, Any] = {"name": "objects", "url": f"s3://{BUCKET}/{folder}", "service": self.service}
        return DepositoryConfig(**{**given, **changes})

    def lay(self, key: str, content: bytes) -> None:
        """Put an object as the agent can: over whatever lies there."""
        self.agent.put_object(Bucket=BUCKET, Key=key, Body=content)

    def contents(self, prefix: str) -> Mapping[str, bytes]:
        """Return all objects below a prefix, by the rest of their names."""
        pages = self.agent.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        names = [each["Key"] for page in pages for each in page.get("Contents", ())]
        return {name.removeprefix(prefix): self._get(name) for name in names}

    def start(self) -> None:
        """Start it, again on the same ports after :meth:`kill`."""
        assert WEED is not None
        command = [WEED, "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={self.directory / 'data'}", "-filer"]
        command += ["-s3", f"-s3.config={self._configuration()}", "-volume.max=20", "-master.volumeSizeLimitMB=64"]
        command += ["-s3.port.iceberg=0", "-s3.port.lance=0"]  # more listeners, on fixed ports
        command += [f"-{name}.localSocket={self.directory / name}.sock" for name in ("filer", "s3")]
        command += [f"-{name}={port}" for name, port in self._ports.items()]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.directory)
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((self.directory / "log").read_text(encoding="utf-8", errors="replace")[-4000:])
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill -9 it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _get(self, key: str) -> bytes:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while True:  # after a start it lists what it cannot give yet
            try:
                return bytes(self.agent.get_object(Bucket=BUCKET, Key=key)["Body"].read())
            except ClientError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def _configuration(self) -> Path:
        return self.directory / "s3.json"

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.endpoint}/status", timeout=5) as answer:  # noqa: S310 -- ours
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False


def _identities() -> list[dict[str, Any]]:
    actions = {"agent": ["Admin"], "depositor": [f"{verb}:{BUCKET}" for verb in ("List", "Read", "Write")]}
    return [
        {"name": name, "credentials": [{"accessKey": name, "secretKey": SECRET}], "actions": allowed}
        for name, allowed in actions.items()
    ]
