"""Packages of lock files: in the deposit, enough without a network, listed in the SBOM, with their licences."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from portability.errors import ConfigError, SourceUnavailableError
from portability.escrow.sources import verify_source
from portability.escrow.sources.locks import read_npm_lock, read_pip_lock
from portability.formats.bag import write_bag
from tests.conftest import lacking
from tests.escrow.sources.conftest import Shop, make_wheel, sha256_of

FILES: dict[str, str | bytes] = {"BUILD.md": "x", "LICENSE": "y"}


def _pip_shop(shop: Shop, lock: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 -- any field
    shop.repository("portal", {**FILES, "requirements.txt": lock})
    locked = {"kind": "pip", "origin": "portal", "path": "requirements.txt", "find_links": "../wheels", **more}
    return {"lock_files": [locked], "absent": dict.fromkeys(("infrastructure", "run_book"), "the tests have none")}


def _hashed(wheel: Path) -> str:
    name, version = wheel.name.split("-")[:2]
    return f"{name}=={version} --hash=sha256:{sha256_of(wheel)}\n"


def test_prepare_pip_lock_is_deposited_and_suffices_offline(shop: Shop, tmp_path: Path) -> None:
    """Wheels by their hashes, the SBOM that matches, the licences out of them."""
    outer = make_wheel(tmp_path / "wheels", "outer", "1.0", requires="inner>=2")
    inner = make_wheel(tmp_path / "wheels", "inner", "2.1")
    make_wheel(tmp_path / "wheels", "inner", "3.0")  # newer, and not what the lock file says
    bag = shop.prepare(**_pip_shop(shop, _hashed(outer) + _hashed(inner)))
    with tarfile.open(bag.root / "data/packages/1_pip.tar") as packages:
        assert packages.getnames() == [inner.name, outer.name]
    sbom = json.loads((bag.root / "data/sbom.cyclonedx.json").read_bytes())
    assert {each["purl"]: each["licenses"][0]["license"]["id"] for each in sbom["components"]} == {
        "pkg:pypi/inner@2.1": "MIT",
        "pkg:pypi/outer@1.0": "MIT",
    }
    licences = json.loads((bag.root / "data/licences.json").read_bytes())["licences"]
    text = next(each["texts"] for each in licences if each["name"] == "inner")
    sha256 = next(iter(text.values()))
    assert (bag.root / f"data/licences/{sha256}.txt").read_text(encoding="utf-8") == "The licence of inner.\n"
    assert verify_source(bag.root).is_sound


def test_prepare_pip_lock_that_lacks_a_package_stops(shop: Shop, tmp_path: Path) -> None:
    """A lock file that forgets what its packages need is found before the vendor is gone."""
    outer = make_wheel(tmp_path / "wheels", "outer", "1.0", requires="inner>=2")
    with pytest.raises(ConfigError, match=r"do not suffice.*inner"):
        shop.prepare(**_pip_shop(shop, _hashed(outer)))


def test_prepare_pip_package_with_another_hash_stops(shop: Shop, tmp_path: Path) -> None:
    """The index was changed since the lock file was written."""
    outer = make_wheel(tmp_path / "wheels", "outer", "1.0")
    lock = _hashed(outer)
    make_wheel(tmp_path / "wheels", "outer", "1.0", module="evil = True")
    with pytest.raises(SourceUnavailableError, match="cannot be had") as caught:
        shop.prepare(**_pip_shop(shop, lock))
    assert caught.value.place == "portal/requirements.txt"


def test_prepare_pip_lock_without_hashes_says_so(shop: Shop, tmp_path: Path) -> None:
    """It is deposited; the report tells what is not known of it."""
    make_wheel(tmp_path / "wheels", "outer", "1.0")
    bag = shop.prepare(**_pip_shop(shop, "outer==1.0\n"))
    notes = json.loads((bag.root / "data/completeness.json").read_bytes())["notes"]
    assert notes == ["portal/requirements.txt: has packages without hashes; what was fetched is what the index had"]


@pytest.mark.parametrize(
    "line", ["requests>=2", "requests", "-e .", "git+https://example.com/x.git", "-r other.txt", "requests==2.*"]
)
def test_read_pip_lock_line_that_fixes_nothing_is_refused(line: str) -> None:
    """File and line are named."""
    with pytest.raises(ConfigError) as caught:
        read_pip_lock(f"a==1\n\n{line}\n".encode(), "portal/requirements.txt")
    assert caught.value.place == "portal/requirements.txt:3"


def test_read_pip_lock_of_pip_tools_is_read() -> None:
    """Continued lines, several hashes, comments, markers, extras, names in any spelling."""
    content = (
        "--index-url https://index.example/simple\n"
        "Foo_Bar[x]==1.0 ; python_version < '3' \\\n    --hash=sha256:AA \\\n    --hash=sha512:bb\n"
        "    # via something\n"
        "baz===2  # pinned\n"
    )
    read = read_pip_lock(content.encode(), "x")
    assert [(each.name, each.version, each.hashes, each.wanted_here) for each in read] == [
        ("baz", "2", (), True),
        ("foo-bar", "1.0", (("sha256", "aa"), ("sha512", "bb")), False),
    ]


def test_verify_source_sbom_that_differs_from_the_lock_is_named(shop: Shop, tmp_path: Path) -> None:
    """A component that was taken out of the SBOM, and one that never was in a lock file."""
    outer = make_wheel(tmp_path / "wheels", "outer", "1.0")
    root = shop.prepare(**_pip_shop(shop, _hashed(outer))).root
    file = root / "data/sbom.cyclonedx.json"
    document = json.loads(file.read_bytes())

    def failed(components: list[dict[str, Any]]) -> str:
        file.write_text(json.dumps({**document, "components": components, "dependencies": []}), encoding="utf-8")
        for name in ("bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt"):
            (root / name).unlink()
        write_bag(root, info={})
        return "; ".join(each.text for each in verify_source(root).checks if each.outcome == "failed")

    assert "lacks pypi/outer/1.0" in failed([])
    stranger = {**document["components"][0], "purl": "pkg:pypi/evil@1.0", "bom-ref": "evil"}
    assert "lists pypi/evil/1.0" in failed([*document["components"], stranger])


# --- npm -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def registry() -> Iterator[tuple[str, str]]:
    """A package on a server of this machine: its address and integrity."""
    if shutil.which("npm") is None:
        lacking("stock tools: npm")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        about = b'{"name": "left", "version": "1.2.3", "license": "ISC"}'
        for name, content in (("package.json", about), ("index.js", b"module.exports = 1\n"), ("LICENSE", b"ISC\n")):
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    tarball = packed.getvalue()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(tarball)))
            self.end_headers()
            self.wfile.write(tarball)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        integrity = "sha512-" + b64encode(hashlib.sha512(tarball).digest()).decode()
        yield f"http://127.0.0.1:{server.server_port}/left-1.2.3.tgz", integrity
        server.shutdown()
        thread.join()


def _npm_files(url: str, integrity: str) -> dict[str, str | bytes]:
    package = {"name": "portal", "version": "1.0.0", "dependencies": {"left": url}}
    locked = {"version": "1.2.3", "resolved": url, "integrity": integrity, "license": "ISC"}
    packages = {"": package, "node_modules/left": locked}
    lock = {"name": "portal", "version": "1.0.0", "lockfileVersion": 3, "requires": True, "packages": packages}
    return {**FILES, "package.json": json.dumps(package), "package-lock.json": json.dumps(lock)}


def test_prepare_npm_lock_is_deposited_and_suffices_offline(shop: Shop, registry: tuple[str, str]) -> None:
    """Npm's own cache, filled without running a script; npm itself installed from it with no network."""
    shop.repository("portal", _npm_files(*registry))
    lock = {"kind": "npm", "origin": "portal", "path": "package-lock.json"}
    bag = shop.prepare(lock_files=[lock], absent=dict.fromkeys(("infrastructure", "run_book"), "the tests have none"))
    sbom = json.loads((bag.root / "data/sbom.cyclonedx.json").read_bytes())
    assert [(each["purl"], each["hashes"][0]["alg"]) for each in sbom["components"]] == [
        ("pkg:npm/left@1.2.3", "SHA-512")
    ]
    licences = json.loads((bag.root / "data/licences.json").read_bytes())["licences"]
    assert [(each["name"], each["declared"]) for each in licences if each["ecosystem"] == "npm"] == [("left", "ISC")]
    assert verify_source(bag.root).is_sound


def test_prepare_npm_package_with_another_hash_stops(shop: Shop, registry: tuple[str, str]) -> None:
    """The registry gives something else than the lock file means."""
    shop.repository("portal", _npm_files(registry[0], "sha512-" + b64encode(b"x" * 64).decode()))
    lock = {"kind": "npm", "origin": "portal", "path": "package-lock.json"}
    with pytest.raises(SourceUnavailableError, match="cannot be had"):
        shop.prepare(lock_files=[lock])


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"lockfileVersion": 1, "dependencies": {}}, id="version 1"),
        pytest.param({"packages": {"node_modules/x": {"version": "1", "resolved": "git+ssh://x"}}}, id="from git"),
        pytest.param([], id="a list"),
    ],
)
def test_read_npm_lock_that_fixes_nothing_is_refused(document: object) -> None:
    """Old ones, and packages without a hash."""
    with pytest.raises(ConfigError):
        read_npm_lock(json.dumps(document).encode(), "package-lock.json")
