"""Small real projects to deposit: git repositories with LFS objects, submodules, notes and tags, made by real git."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from portability.escrow.jobs import load_job
from portability.escrow.sources import PreparedBag, prepare
from portability.escrow.sources.building import isolation_available
from portability.sealing.encryption import new_identity, recipient_of
from tests.conftest import lacking

RANDOM = random.Random(5)


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A folder with repositories and a job file."""

    root: Path

    def git(self, folder: str, *arguments: str) -> str:
        """Run git in one of the repositories, as somebody with no configuration of their own."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{who}_{what}": "ann@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
            **{f"GIT_{who}_DATE": "2026-11-22T12:00:00Z" for who in ("AUTHOR", "COMMITTER")},
        }
        command = ["git", "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always", *arguments]
        done = subprocess.run(command, cwd=self.root / folder, env=environment, check=True, capture_output=True)
        return done.stdout.decode().strip()

    def write(self, path: str, content: str | bytes) -> Path:
        """Write a file below the root."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def repository(self, name: str, files: dict[str, str | bytes]) -> None:
        """Make a repository of one commit."""
        for path, content in files.items():
            self.write(f"{name}/{path}", content)
        (self.root / name).mkdir(exist_ok=True)
        self.git(name, "init", "--quiet")
        self.commit(name)

    def commit(self, name: str, message: str = "more") -> str:
        """Commit everything, and return the commit."""
        self.git(name, "add", "--all")
        self.git(name, "commit", "--quiet", "--allow-empty", "--message", message)
        return self.git(name, "rev-parse", "HEAD")

    def job(self, **payload: Any) -> Path:  # noqa: ANN401 -- any field
        """Write a job file; keyword arguments replace fields of its payload."""
        build = {
            "name": "the portal",
            "command": ["make", "dist"],
            "origin": "portal",
            "instructions": "BUILD.md",
            "produces": ["dist/*.txt"],
            "tools": ["make"],
            "time_limit": "60s",
        }
        absent = dict.fromkeys(("packages", "infrastructure", "run_book"), "the tests' portal has none")
        job = {
            "name": "portal-source",
            "agreement": "harbour-source",
            "class": "source",
            "payload": {
                "repositories": [{"name": "portal", "url": "../portal"}],
                "build": build,
                "absent": absent,
                **payload,
            },
            "recipients": [
                {"name": name, "party": "agent", "key": recipient_of(new_identity()).text} for name in ("one", "two")
            ],
            "depositories": [{"name": "shelf", "url": "directory:depository"}],
            "schedule": {"cron": "0 2 * * *", "time_zone": "Europe/London"},
            **{name: name for name in ("sign", "trust", "spool", "staging")},
        }
        return self.write("job/job.yaml", yaml.safe_dump(job, sort_keys=False))

    def prepare(self, **payload: Any) -> PreparedBag:  # noqa: ANN401 -- any field
        """Prepare the deposit of a job; its bag lies in a folder of its own."""
        out = self.root / f"out-{len(list(self.root.glob('out-*')))}"
        out.mkdir()
        return prepare(load_job(self.job(**payload)), out)[0]


MakeShop = Callable[[], Shop]

PORTAL: dict[str, str | bytes] = {
    "BUILD.md": "Run make dist. Nothing else is needed.\n",
    "LICENSE": "Permission is granted to whoever opens this deposit.\n",
    "Makefile": "dist:\n\tmkdir -p dist\n\tcat vendor/lib/value.txt vendor/lib/inner/inner.txt > dist/out.txt\n"
    "\tsha256sum < model.bin >> dist/out.txt\n",
    ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
}


def pointer(content: bytes) -> str:
    """Return the LFS pointer of a content."""
    sha256 = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(content)}\n"


def _portal(shop: Shop) -> None:
    """Submodules within submodules; LFS objects on two branches; tags, a note, a branch with an older submodule."""
    shop.repository("inner", {"inner.txt": "inner\n"})
    shop.repository("lib", {"value.txt": "1\n"})
    shop.git("lib", "submodule", "--quiet", "add", "../inner", "inner")
    shop.commit("lib")
    shop.write("lib/value.txt", "2\n")
    shop.commit("lib")
    shop.repository("portal", {})
    shop.git("portal", "lfs", "install", "--local")
    for path, content in {**PORTAL, "model.bin": RANDOM.randbytes(200_000)}.items():
        shop.write(f"portal/{path}", content)
    shop.commit("portal", "one")
    shop.git("portal", "submodule", "--quiet", "add", "../lib", "vendor/lib")
    shop.commit("portal", "with lib")
    shop.git("portal", "tag", "v1")
    shop.git("portal", "tag", "--annotate", "--message", "the first", "v1-signed-off")
    shop.git("portal", "notes", "add", "--message", "reviewed")
    shop.git("portal", "checkout", "--quiet", "-b", "older")
    shop.write("portal/side.bin", RANDOM.randbytes(1_000))
    shop.git("portal/vendor/lib", "checkout", "--quiet", "HEAD~1")
    shop.commit("portal", "an older lib")
    shop.git("portal", "checkout", "--quiet", "main")
    shop.git("portal", "submodule", "--quiet", "update", "--init", "--recursive")


@pytest.fixture(scope="session")
def portal_made(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The portal, made once; nobody changes it."""
    if missing := [tool for tool in ("git", "git-lfs", "make") if shutil.which(tool) is None]:
        lacking(f"stock tools: {', '.join(missing)}")
    shop = Shop(root=tmp_path_factory.mktemp("portal"))
    _portal(shop)
    return shop


@pytest.fixture(scope="session")
def portal_bag(portal_made: Shop) -> PreparedBag:
    """The portal's deposit, prepared once; nobody changes it."""
    return portal_made.prepare()


@pytest.fixture
def portal(portal_made: Shop, tmp_path: Path) -> Shop:
    """The portal, to be changed."""
    root = tmp_path / "shop"
    shutil.copytree(portal_made.root, root, symlinks=True, ignore=shutil.ignore_patterns("out-*", "job"))
    return Shop(root=root)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """An empty folder for repositories."""
    if shutil.which("git") is None:
        lacking("stock tools: git")
    return Shop(root=tmp_path)


@pytest.fixture(scope="session")
def clean_room() -> None:
    """Ask that this machine can make one."""
    if (reason := isolation_available()) is not None:
        lacking(f"clean room: {reason}")


def make_wheel(folder: Path, name: str, version: str, *, requires: str = "", module: str = "") -> Path:
    """Write a wheel, as an index would have it."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    meta = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nLicense-Expression: MIT\n"
    files = {
        f"{name.replace('-', '_')}.py": module,
        f"{info}/METADATA": meta + (f"Requires-Dist: {requires}\n" if requires else ""),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/licenses/LICENSE.txt": f"The licence of {name}.\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        for path, content in files.items():
            wheel.writestr(zipfile.ZipInfo(path), content)
    return folder / f"{stem}-py3-none-any.whl"


def sha256_of(file: Path) -> str:
    """Return a file's hash."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


@contextlib.contextmanager
def lfs_server(objects: dict[str, bytes]) -> Iterator[str]:
    """Serve LFS objects over HTTP on this machine (its batch API), and yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["objects"]
            self._answer(json.dumps({"transfer": "basic", "objects": [self._about(each) for each in asked]}).encode())

        def do_GET(self) -> None:
            self._answer(objects[self.path.rpartition("/")[2]])

        def _about(self, asked: dict[str, Any]) -> dict[str, Any]:
            if asked["oid"] not in objects:
                return {**asked, "error": {"code": 404, "message": "not here"}}
            return {**asked, "actions": {"download": {"href": f"http://{self.headers['Host']}/{asked['oid']}"}}}

        def _answer(self, content: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.git-lfs+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
