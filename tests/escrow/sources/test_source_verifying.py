"""What an opened source deposit is worth: V3 names what is missing or wrong, V4 builds where there is no network."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.signers import ANN
from portability.errors import FormatError
from portability.escrow.sources import PreparedBag, SourceReport, building, is_source_bag, verify_source
from portability.escrow.sources.git import open_git
from portability.escrow.sources.layout import DEPOSIT_JSON, BuildRecord, Deposit, PackagesRecord
from portability.escrow.sources.packing import pack
from portability.escrow.sources.restoring import restore_deposit
from portability.formats.bag import write_bag
from portability.limits import DEFAULT_LIMITS
from portability.manifest import read_json
from portability.sealing.encryption import new_identity, recipient_of
from portability.sealing.opening import OpenRequest, open_sealed
from portability.sealing.recipients import NamedRecipient
from portability.sealing.seal import SealRequest, seal_archive
from tests.conftest import lacking
from tests.escrow.sources.conftest import PORTAL, Shop, sha256_of


def _failed(report: SourceReport) -> dict[str, str]:
    return {each.name: each.text for each in report.checks if each.outcome != "passed"}


def _copy(bag: PreparedBag, to: Path) -> Path:
    shutil.copytree(bag.root, to)
    return to


def _bag_again(root: Path) -> Path:
    """Make the bag's own hashes right again, as somebody would who changed a deposit on purpose."""
    for name in ("bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt"):
        (root / name).unlink()
    write_bag(root, info={})
    return root


def _redescribe(root: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    document = json.loads((root / "data/deposit.json").read_bytes())
    change(document)
    (root / "data/deposit.json").write_text(json.dumps(document), encoding="utf-8")
    return _bag_again(root)


def test_verify_source_whole_deposit_is_sound(portal_bag: PreparedBag) -> None:
    """Every repository, the bill of materials and the licences are looked at."""
    report = verify_source(portal_bag.root)
    assert report.is_sound
    assert [each.name for each in report.checks] == [
        "bag",
        "repository portal",
        "submodule lib",
        "submodule inner",
        "software bill of materials",
        "licences",
    ]
    assert is_source_bag(portal_bag.root)


@pytest.mark.parametrize(
    "file", ["data/repositories/portal.bundle", "data/deposit.json", "bag-info.txt", "data/restore.sh"]
)
def test_verify_source_changed_byte_is_named(portal_bag: PreparedBag, tmp_path: Path, file: str) -> None:
    """Nothing else is looked at then."""
    root = _copy(portal_bag, tmp_path / "bag")
    content = bytearray((root / file).read_bytes())
    content[len(content) // 2] ^= 1
    (root / file).write_bytes(content)
    assert _failed(verify_source(root)) == {"bag": f"{file}: is not what the manifest says"}


def test_verify_source_files_missing_or_added_are_named(portal_bag: PreparedBag, tmp_path: Path) -> None:
    """A bag is exactly its manifest; a link in it is refused."""
    root = _copy(portal_bag, tmp_path / "bag")
    (root / "data/more.txt").write_text("x", encoding="utf-8")
    assert _failed(verify_source(root)) == {"bag": "data/more.txt: is not listed"}
    (root / "data/more.txt").unlink()
    (root / "data/sbom.cyclonedx.json").rename(root / "data/sbom.json.bak")
    assert "bag" in _failed(verify_source(root))
    (root / "data/sbom.json.bak").unlink()
    (root / "data/sbom.cyclonedx.json").symlink_to("/etc/hostname")
    assert _failed(verify_source(root)) == {"bag": "data/sbom.cyclonedx.json: is a link or a device"}


def test_verify_source_lfs_object_left_out_is_named(portal_bag: PreparedBag, tmp_path: Path) -> None:
    """The history says what must be there, whatever the description lists."""
    root = _copy(portal_bag, tmp_path / "bag")
    lost = next(each for each in (root / "data/lfs").rglob("*") if each.is_file())
    lost.unlink()

    def forget(document: dict[str, Any]) -> None:
        document["repositories"][0]["lfs"] = []

    failed = _failed(verify_source(_redescribe(root, forget)))
    assert list(failed) == ["repository portal"]
    assert lost.name in failed["repository portal"]


def test_verify_source_wrong_lfs_object_is_named(portal_bag: PreparedBag, tmp_path: Path) -> None:
    """An object of the right length with other bytes is not the object."""
    root = _copy(portal_bag, tmp_path / "bag")
    wrong = next(each for each in (root / "data/lfs").rglob("*") if each.is_file())
    content = b"x" * wrong.stat().st_size
    wrong.unlink()
    wrong.write_bytes(content)
    assert "is not what its name says" in _failed(verify_source(_bag_again(root)))["repository portal"]


def test_verify_source_refs_or_submodules_left_out_are_named(portal_bag: PreparedBag, tmp_path: Path) -> None:
    """A branch that was dropped from the description, and a submodule's repository that was."""
    root = _copy(portal_bag, tmp_path / "refs")
    _redescribe(root, lambda document: document["repositories"][0]["refs"].pop("refs/heads/older"))
    assert "refs are not the ones that are listed" in _failed(verify_source(root))["repository portal"]
    root = _copy(portal_bag, tmp_path / "submodules")
    _redescribe(root, lambda document: document["repositories"].pop(1))
    assert "the submodule vendor/lib at" in _failed(verify_source(root))["repository portal"]


def test_verify_source_bundle_cut_short_is_named(portal_bag: PreparedBag, tmp_path: Path) -> None:
    """Git says what is wrong, and the file is named."""
    root = _copy(portal_bag, tmp_path / "bag")
    bundle = root / "data/repositories/portal.bundle"
    content = bundle.read_bytes()
    bundle.unlink()
    bundle.write_bytes(content[:-1000])
    assert "portal.bundle" in _failed(verify_source(_bag_again(root)))["repository portal"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda d: d["repositories"][0].update(file="../../etc/passwd"), id="a path outside"),
        pytest.param(lambda d: d["repositories"][0].update(name="../x"), id="a name that leads outside"),
        pytest.param(lambda d: d["build"].update(origin="nowhere"), id="a build nowhere"),
        pytest.param(lambda d: d["build"].update(command=[]), id="no command"),
        pytest.param(lambda d: d["build"].update(command=["make", "a\0b"]), id="a command that cannot be"),
        pytest.param(lambda d: d["build"]["environment"].update({"-S sh": "x"}), id="a variable that is an option"),
        pytest.param(lambda d: d["build"]["environment"].update(A="\0"), id="a value that cannot be"),
        pytest.param(lambda d: d.update(version="2.0"), id="a later version"),
        pytest.param(lambda d: d.update(repositories=5), id="another shape"),
    ],
)
def test_verify_source_hostile_description_is_refused(
    portal_bag: PreparedBag, tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    """It ends in a check that failed, never in a traceback or a file outside."""
    root = _redescribe(_copy(portal_bag, tmp_path / "bag"), change)
    report = verify_source(root, level="v4")
    assert list(_failed(report)) == ["bag"]
    assert report.build is None


def test_verify_source_unlike_anything_is_refused(tmp_path: Path) -> None:
    """An empty folder is no deposit."""
    assert not verify_source(tmp_path).is_sound
    assert not is_source_bag(tmp_path)


def test_source_deposit_sealed_and_opened_is_sound(portal_bag: PreparedBag, tmp_path: Path) -> None:
    """What a recipient opens is the bag that was prepared, byte for byte, and it verifies."""
    identity = new_identity()
    named = NamedRecipient(name="agent", key=recipient_of(identity))
    sealed = tmp_path / "sealed"
    seal_archive(
        SealRequest(
            archive=portal_bag.root, destination=sealed, recipients=(named,), key=ANN, workers=1, deposit_class="source"
        )
    )
    opened = tmp_path / "opened"
    open_sealed(OpenRequest(sealed=sealed, destination=opened, identities=(identity,), workers=1))
    assert (opened / "RESTORE.md").read_bytes() == (portal_bag.root / "RESTORE.md").read_bytes()
    assert verify_source(opened).is_sound


# --- V4 --------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("clean_room")
def test_verify_source_builds_in_a_clean_room(portal_made: Shop, portal_bag: PreparedBag) -> None:
    """The promised file is made of the LFS object and the submodules; the kernel lists no interface but loopback."""
    report = verify_source(portal_bag.root, level="v4")
    assert report.is_sound, _failed(report)
    assert report.build is not None
    assert report.build.interfaces == ("lo",)
    assert report.build.isolation.startswith("user, mount, PID, network")
    model = sha256_of(portal_made.root / "portal/model.bin")
    expected = portal_made.write("expected", f"2\ninner\n{model}  -\n")
    assert report.build.produced == {"dist/out.txt": sha256_of(expected)}


def _with_makefile(shop: Shop, makefile: str, **build: Any) -> SourceReport:  # noqa: ANN401 -- any field
    shop.repository("portal", {**PORTAL, ".gitattributes": "", "Makefile": makefile})
    described = {
        "name": "the portal",
        "command": ["make", "dist"],
        "origin": "portal",
        "instructions": "BUILD.md",
        "produces": ["dist/out.txt"],
        **build,
    }
    return verify_source(shop.prepare(build=described).root, level="v4")


@pytest.mark.usefixtures("clean_room")
def test_verify_source_build_sees_no_network_no_home_and_nothing_of_ours(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hostile build finds no route, no file of this machine beyond its programs, no variable of ours, no right."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of this machine")
    probe = (
        "import os, socket, pathlib\n"
        "found = []\n"
        "for address in (('127.0.0.1', 22), ('8.8.8.8', 53)):\n"
        "    try: socket.create_connection(address, 1); found.append(address)\n"
        "    except OSError: pass\n"
        f"for path in ('/root', '/home', '/etc/shadow', '/var', {str(shop.root)!r}):\n"
        "    if os.path.exists(path): found.append(path)\n"
        "for path in ('/usr/bin/x', '/x', '/etc/x', '/deposit/../x'):\n"
        "    try: pathlib.Path(path).write_text('x'); found.append(path)\n"
        "    except OSError: pass\n"
        "found += [name for name in os.environ if name.startswith(('AWS', 'SSH', 'PYTEST'))]\n"
        "status = [line.split() for line in open('/proc/self/status')]\n"
        "found += [line for line in status if line[0] == 'CapEff:' and int(line[1], 16)]\n"
        "pathlib.Path('dist').mkdir(); pathlib.Path('dist/out.txt').write_text(repr(found))\n"
        "print(found)\n"
    )
    shop.write("portal/probe.py", probe)
    report = _with_makefile(shop, "dist:\n\t/usr/bin/python3 -I probe.py\n")
    assert report.is_sound, _failed(report)
    assert report.build is not None
    assert report.build.log_tail.splitlines()[-1] == "[]"


EVIL = """
#include <fcntl.h>
#include <stdlib.h>
__attribute__((constructor)) static void loaded(void) { open("LOADED", O_CREAT | O_WRONLY, 0600); }
"""


@pytest.mark.usefixtures("clean_room")
def test_run_build_variables_of_the_deposit_are_set_only_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library that the deposit preloads is loaded by its command, in the room, and by nothing that makes the room."""
    if shutil.which("cc") is None:
        lacking("stock tools: cc")
    deposit, here = tmp_path / "deposit", tmp_path / "here"
    (deposit / "portal").mkdir(parents=True)
    here.mkdir()
    (tmp_path / "evil.c").write_text(EVIL, encoding="utf-8")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", deposit / "portal/evil.so", tmp_path / "evil.c"], check=True)  # noqa: S607
    monkeypatch.chdir(here)
    preload = f"{deposit}/portal/evil.so:portal/evil.so:/deposit/portal/evil.so"
    build = BuildRecord(
        name="the portal",
        command=("sh", "-c", "echo $0 $PORTABILITY_DEPOSIT:$MAKEFLAGS; env | grep -c PORTABILITY_SEEN", "=x"),
        origin="portal",
        commit=None,
        instructions="",
        tools=(),
        produces=("LOADED",),
        time_limit_s=20,
        environment={"LD_PRELOAD": preload, "PATH": "/deposit", "PORTABILITY_ORIGIN": "..", "MAKEFLAGS": "-j 2"},
    )
    outcome = building.run_build(build, deposit, limits=DEFAULT_LIMITS)
    assert (outcome.exit_code, outcome.lacking) == (1, ()), outcome.log_tail  # grep found none
    assert [line for line in outcome.log_tail.splitlines() if "preload" not in line] == ["=x /deposit:-j 2", "0"]
    assert list(tmp_path.rglob("LOADED")) == [deposit / "portal/LOADED"]


@pytest.mark.usefixtures("clean_room")
@pytest.mark.parametrize(
    ("makefile", "build", "message"),
    [
        pytest.param("dist:\n\t@echo no compiler here; exit 3\n", {}, "ended with 2", id="fails"),
        pytest.param("dist:\n\ttrue\n", {}, "these are not there: dist/out.txt", id="promises and does not keep"),
        pytest.param("dist:\n\tmkdir dist; ln -s /etc/passwd dist/out.txt\n", {}, "not there", id="a link for a file"),
        pytest.param("dist:\n\tsleep 60\n", {"time_limit": "1s"}, "longer than allowed", id="never ends"),
        pytest.param("dist:\n\ttrue\n", {"command": ["no-such-program"]}, "ended with 127", id="no such program"),
    ],
)
def test_verify_source_build_that_does_not_work_is_told(
    shop: Shop, makefile: str, build: dict[str, Any], message: str
) -> None:
    """What the command did, or did not do; everything else of the deposit is still said to be right."""
    report = _with_makefile(shop, makefile, **build)
    assert list(_failed(report)) == ["build"]
    assert message in _failed(report)["build"]


@pytest.mark.usefixtures("clean_room")
def test_verify_source_hostile_tree_runs_nothing_outside(shop: Shop, tmp_path: Path) -> None:
    """Filters, attributes, hooks and links of a tree run nothing and lead nowhere while it is put together."""
    outside = tmp_path / "outside"
    outside.mkdir()
    files: dict[str, str | bytes] = {
        ".gitattributes": "* filter=pwn diff=pwn merge=pwn\n",
        ".gitconfig": f'[filter "pwn"]\n\tsmudge = touch {outside}/pwned\n',
        ".lfsconfig": "[lfs]\n\turl = https://127.0.0.1:9/\n",
        "hooks/post-checkout": f"#!/bin/sh\ntouch {outside}/pwned\n",
    }
    for path, content in files.items():
        shop.write(f"portal/{path}", content)
    (shop.root / "portal/way-out").symlink_to(outside)
    report = _with_makefile(shop, "dist:\n\tmkdir dist; touch dist/out.txt; touch way-out/pwned || true\n")
    assert report.is_sound, _failed(report)
    assert list(outside.iterdir()) == []


def test_restore_deposit_packages_go_through_no_link_of_a_repository(shop: Shop) -> None:
    """A repository that is called as the packages' folder cannot lead their tar elsewhere."""
    outside, tar = shop.root / "outside", shop.write("evil/x", "x")
    outside.mkdir()
    shop.write("packages/BUILD.md", "x")
    (shop.root / "packages/lib").symlink_to(outside)
    shop.repository("packages", {"LICENSE": "y"})
    described = {"name": "it", "command": ["true"], "origin": "packages", "instructions": "BUILD.md", "produces": ["x"]}
    bag = shop.prepare(repositories=[{"name": "packages", "url": "../packages"}], build=described)
    data = bag.root / "data"
    (data / "packages/lib").mkdir(parents=True)
    pack(tar.parent, data / "packages/lib/x.tar", DEFAULT_LIMITS)
    record = PackagesRecord(name="x", kind="pip", origin="packages", path="x", copy="x", packages=0)
    record = replace(record, file="packages/lib/x.tar")
    deposit = replace(read_json(data / DEPOSIT_JSON, Deposit), packages=(record,))
    git = open_git(shop.root, fetching=False)
    with pytest.raises(FormatError, match="packages"):
        restore_deposit(git, deposit, data, shop.root / "restored")
    assert list(outside.iterdir()) == []


def test_verify_source_without_isolation_runs_nothing_unless_told(
    portal_bag: PreparedBag, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without namespaces runs nothing; the explicit word runs it, and the report says so."""
    monkeypatch.setattr(building, "isolation_available", lambda: "this machine has none")
    report = verify_source(portal_bag.root, level="v4")
    assert not report.is_sound
    assert report.checks[-1].outcome == "skipped"
    assert "this machine has none" in report.checks[-1].text
    report = verify_source(portal_bag.root, level="v4", isolation="insecure-none")
    assert report.is_sound, _failed(report)
    assert report.build is not None
    assert report.build.isolation.startswith("none: it ran as this user")
