"""Source deposits of a real project: everything in it, put together again by hand, and what cannot be had named."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from portability.errors import ConfigError, FormatError
from portability.escrow.sources import PreparedBag, verify_source
from portability.escrow.sources import snapshot as snapshot_module
from portability.limits import DEFAULT_LIMITS
from portability.sealing.planning import iter_files
from tests.escrow.sources.conftest import Shop, lfs_server, pointer, sha256_of

SHA256SUM, SH, MAKE, TAR = (shutil.which(name) or name for name in ("sha256sum", "sh", "make", "tar"))


def _deposit(bag: PreparedBag) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((bag.root / "data/deposit.json").read_bytes())
    return document


def test_prepare_real_project_has_every_ref_object_and_submodule(portal_made: Shop, portal_bag: PreparedBag) -> None:
    """Branches, tags, notes; LFS objects of all branches; submodules within submodules, at each commit named."""
    repositories = {each["name"]: each for each in _deposit(portal_bag)["repositories"]}
    refs = portal_made.git("portal", "for-each-ref", "--format=%(refname) %(objectname)")
    assert repositories["portal"]["refs"] == dict(line.split() for line in refs.splitlines())
    named = {"refs/heads/main", "refs/heads/older", "refs/tags/v1", "refs/notes/commits"}
    assert named <= repositories["portal"]["refs"].keys()
    assert {each["path"] for each in repositories["portal"]["lfs"]} == {"model.bin", "side.bin"}
    lib = portal_made.git("lib", "rev-list", "main").splitlines()
    assert {each["commit"] for each in repositories["portal"]["submodules"]} == {lib[0], lib[1]}
    assert [each["repository"] for each in repositories["lib"]["submodules"]] == ["inner"]
    assert (repositories["lib"]["role"], repositories["portal"]["role"]) == ("submodule", "repository")


def test_prepare_bag_is_one_that_sealing_takes(portal_bag: PreparedBag) -> None:
    """Every name in it is one that a sealed archive can have."""
    assert len(list(iter_files(portal_bag.root, DEFAULT_LIMITS))) > 10


def test_prepare_twice_gives_the_same_payload(portal_made: Shop, portal_bag: PreparedBag) -> None:
    """The same commits give the same bytes; only tag files know the clock."""
    again = portal_made.prepare()
    manifests = [(bag.root / "manifest-sha256.txt").read_text(encoding="utf-8") for bag in (portal_bag, again)]
    assert manifests[0] == manifests[1]
    assert again.content_sha256 == portal_bag.content_sha256


def test_restore_sh_puts_the_project_together_with_stock_tools(
    portal_made: Shop, portal_bag: PreparedBag, tmp_path: Path
) -> None:
    """git, tar and a shell: LFS objects instead of pointers, submodules at their commits; the build runs on it."""
    subprocess.run([SHA256SUM, "--quiet", "-c", "manifest-sha256.txt"], cwd=portal_bag.root, check=True)
    out = tmp_path / "restored"
    script = portal_bag.root / "data/restore.sh"
    subprocess.run([SH, str(script), str(out)], check=True, capture_output=True)
    assert sha256_of(out / "portal/model.bin") == sha256_of(portal_made.root / "portal/model.bin")
    assert (out / "portal/vendor/lib/inner/inner.txt").read_text(encoding="utf-8") == "inner\n"
    subprocess.run([MAKE, "dist"], cwd=out / "portal", check=True, capture_output=True)
    assert (out / "portal/dist/out.txt").read_text(encoding="utf-8").startswith("2\ninner\n")


def test_prepare_missing_lfs_object_stops_and_names_every_one(portal: Shop) -> None:
    """Two of them, by path and hash, from the whole history; a reason in the job lets them go, and says so."""
    objects = [each for each in (portal.root / "portal/.git/lfs/objects").rglob("*") if each.is_file()]
    for each in objects:
        each.unlink()
    with pytest.raises(ConfigError, match="LFS object is missing") as caught:
        portal.prepare()
    assert sorted(caught.value.details) == sorted(
        f"portal/{name} ({sha256})" for name, sha256 in ((_path(each, portal), each.name) for each in objects)
    )
    lost = {each.name: "lost in the fire of 2019" for each in objects}
    bag = portal.prepare(repositories=[{"name": "portal", "url": "../portal", "absent_lfs": lost}])
    report = (bag.root / "data/completeness.html").read_text(encoding="utf-8")
    assert report.count("lost in the fire of 2019") == 2
    assert verify_source(bag.root).is_sound


def _path(stored: Path, shop: Shop) -> str:
    text = shop.git("portal", "log", "--all", f"-S{stored.name}", "--name-only", "--format=", "--", "*.bin")
    return text.splitlines()[0]


def test_prepare_lfs_object_that_is_damaged_is_called_so_with_its_mend(portal: Shop) -> None:
    """What is deposited is what the pointer names, by its hash; git-lfs fetches again only what is not there."""
    found = next(each for each in (portal.root / "portal/.git/lfs/objects").rglob("*") if each.is_file())
    found.chmod(0o644)
    found.write_bytes(b"x" * found.stat().st_size)
    with pytest.raises(ConfigError, match=rf"LFS object is damaged: .*{found.name}") as caught:
        portal.prepare()
    assert f"Remove {found} and fetch it again: git lfs fetch --all" in caught.value.hint


def test_prepare_repository_that_moves_meanwhile_is_deposited_as_pinned(
    portal: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A push between copy and bundle changes nothing, and is said."""
    before = portal.git("portal", "rev-parse", "main")
    require_whole = snapshot_module._require_whole

    def push(*arguments: Any) -> None:  # noqa: ANN401 -- the patched function's own
        if not (portal.root / "portal/late.txt").exists():
            portal.write("portal/late.txt", "too late\n")
            portal.commit("portal", "late")
            portal.git("portal", "branch", "--delete", "--force", "older")
        require_whole(*arguments)

    monkeypatch.setattr(snapshot_module, "_require_whole", push)
    bag = portal.prepare()
    described = next(each for each in _deposit(bag)["repositories"] if each["name"] == "portal")
    assert described["refs"]["refs/heads/main"] == before
    assert "refs/heads/older" in described["refs"]
    assert described["notes"] == ["moved while it was copied: refs/heads/main, refs/heads/older; deposited as pinned"]
    assert verify_source(bag.root).is_sound


def test_prepare_work_that_nobody_committed_is_said(portal: Shop) -> None:
    """A deposit from a work tree holds its commits; what is in none is counted aloud."""
    portal.write("portal/new.txt", "not committed\n")
    notes = _deposit(portal.prepare())["repositories"][0]["notes"]
    assert notes == ["1 changed or new files of its work tree are in no commit, and not deposited"]


def test_prepare_submodule_commit_that_no_branch_has_is_fetched_by_name(portal: Shop) -> None:
    """A force-push in the submodule's repository does not lose what a tree still names."""
    wanted = portal.git("lib", "rev-parse", "main")
    portal.git("lib", "config", "uploadpack.allowAnySHA1InWant", "true")
    portal.git("lib", "reset", "--quiet", "--hard", "HEAD~1")
    bag = portal.prepare()
    lib = next(each for each in _deposit(bag)["repositories"] if each["name"] == "lib")
    assert lib["refs"][f"refs/portability/submodules/{wanted}"] == wanted
    assert verify_source(bag.root).is_sound


def test_prepare_submodule_commit_that_is_gone_is_named(portal: Shop) -> None:
    """The commit, the repository and the mend."""
    wanted = portal.git("lib", "rev-parse", "main")
    portal.git("lib", "reset", "--quiet", "--hard", "HEAD~1")
    portal.git("lib", "reflog", "expire", "--expire=now", "--all")
    portal.git("lib", "gc", "--quiet", "--prune=now")
    with pytest.raises(ConfigError, match=wanted) as caught:
        portal.prepare()
    assert caught.value.place.startswith("lib (")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        pytest.param("ext::sh -c 'touch {root}/pwned'", "not an address that is fetched from", id="a command"),
        pytest.param("http://127.0.0.1:9/lib", "not an address that is fetched from", id="plain http"),
        pytest.param("--upload-pack=touch {root}/pwned", "disallowed submodule url", id="an option"),
        pytest.param("file:///nowhere/lib.git", "git clone failed", id="a place that is not there"),
    ],
)
def test_prepare_submodule_with_a_hostile_address_runs_nothing(portal: Shop, address: str, message: str) -> None:
    """Refused by its address, with the mend, and nothing of it was run."""
    address = address.format(root=portal.root)
    portal.git("portal", "config", "--file", ".gitmodules", "submodule.vendor/lib.url", address)
    portal.commit("portal")
    with pytest.raises((ConfigError, FormatError), match=message):
        portal.prepare()
    assert not (portal.root / "pwned").exists()


def test_prepare_submodule_without_an_address_takes_the_jobs(portal: Shop) -> None:
    """.gitmodules was deleted long ago; the job says where it is."""
    portal.git("portal", "checkout", "--quiet", "older")
    portal.git("portal", "branch", "--quiet", "--force", "main", "older")
    portal.git("portal", "checkout", "--quiet", "main")
    (portal.root / "portal/.gitmodules").unlink()
    portal.commit("portal")
    with pytest.raises(ConfigError, match="no address is known"):
        portal.prepare()
    repositories = [{"name": "portal", "url": "../portal", "submodules": {"vendor/lib": "../lib"}}]
    assert verify_source(portal.prepare(repositories=repositories).root).is_sound


def test_prepare_shallow_or_empty_repository_is_refused(portal: Shop) -> None:
    """Half a history is not the source."""
    portal.git(".", "clone", "--quiet", "--depth=1", f"file://{portal.root}/portal", "shallow")
    with pytest.raises(ConfigError, match="shallow"):
        portal.prepare(repositories=[{"name": "portal", "url": "../shallow"}])
    portal.git(".", "init", "--quiet", "empty")
    with pytest.raises(ConfigError, match="no branch and no tag"):
        portal.prepare(repositories=[{"name": "portal", "url": "../empty"}])


def test_prepare_damaged_repository_is_refused(shop: Shop) -> None:
    """A missing object is found before anything is sent."""
    shop.repository("portal", {"BUILD.md": "x", "a": "b"})
    blob = shop.git("portal", "rev-parse", "HEAD:a")
    (shop.root / "portal/.git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises((ConfigError, FormatError)):
        shop.prepare()


def test_prepare_hooks_and_commands_of_a_source_are_not_run(portal: Shop) -> None:
    """A repository's own hooks, monitor and filters stay unused."""
    touch = f"touch {portal.root}/pwned"
    for name in ("post-checkout", "reference-transaction", "pre-auto-gc", "post-index-change"):
        portal.write(f"portal/.git/hooks/{name}", f"#!/bin/sh\n{touch}\n").chmod(0o755)
    portal.git("portal", "config", "core.fsmonitor", touch)
    portal.git("portal", "config", "uploadpack.packObjectsHook", touch)
    portal.prepare()
    assert not (portal.root / "pwned").exists()


def test_prepare_lacking_what_a_stranger_needs_stops_and_lists_all(shop: Shop) -> None:
    """No licence, no instructions, nothing said of packages and operations, a lock file that nobody listed."""
    shop.repository("portal", {"main.py": "print()", "Cargo.lock": "", "Dockerfile": "FROM debian:12\n"})
    with pytest.raises(ConfigError, match="not complete") as caught:
        shop.prepare(absent={})
    assert {each.split(":")[0] for each in caught.value.details} == {
        "packages",
        "lock file portal/Cargo.lock",
        "licence of the product",
        "build instructions",
        "infrastructure",
        "run_book",
    }


def test_prepare_absent_for_a_reason_stands_in_the_report(shop: Shop) -> None:
    """What is not there is there by name, with its reason; a base image too."""
    files: dict[str, str | bytes] = {
        "BUILD.md": "x",
        "Cargo.lock": "",
        "Dockerfile": "FROM debian:12\n",
        "LICENSE": "y",
    }
    shop.repository("portal", files)
    lock = {"kind": "other", "origin": "portal", "path": "Cargo.lock", "not_vendored": "crates.io keeps every version"}
    bag = shop.prepare(lock_files=[lock])
    items = json.loads((bag.root / "data/completeness.json").read_bytes())["items"]
    absent = {each["name"]: each["reason"] for each in items if not each["present"]}
    assert absent["packages of portal/Cargo.lock"] == "crates.io keeps every version"
    assert "base image debian:12" in absent
    assert absent["run_book"] == "the tests' portal has none"


def test_prepare_folders_keep_names_links_and_modes(shop: Shop, tmp_path: Path) -> None:
    """Names that no archive has lie in a tar; a link that leads outside is refused."""
    shop.repository("portal", {"BUILD.md": "x", "LICENSE": "y"})
    shop.write("infra/Straße Nr. 5/set-up.SH", "#!/bin/sh\n").chmod(0o755)
    (shop.root / "infra/current").symlink_to("Straße Nr. 5")
    folders = [{"name": "infra", "path": "../infra", "role": "infrastructure"}]
    bag = shop.prepare(folders=folders)
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run([TAR, "-xf", bag.root / "data/folders/infra.tar", "-C", out], check=True)
    assert (out / "current/set-up.SH").stat().st_mode & 0o777 == 0o755
    (shop.root / "infra/current").unlink()
    (shop.root / "infra/current").symlink_to("/etc")
    with pytest.raises(ConfigError, match="leads out"):
        shop.prepare(folders=folders)


def test_prepare_pointer_that_is_no_lfs_object_needs_a_reason(shop: Shop) -> None:
    """A pointer in a text counts: better one reason too many than one object too few."""
    shop.repository("portal", {"BUILD.md": "x", "LICENSE": "y", "example.txt": pointer(b"never there")})
    with pytest.raises(ConfigError, match="LFS object is missing: portal/example"):
        shop.prepare()


def test_prepare_lfs_objects_of_a_server_are_fetched(portal: Shop) -> None:
    """What the repository's machine does not have comes from its LFS server; what that does not have is named."""
    store = portal.root / "portal/.git/lfs/objects"
    objects = {each.name: each.read_bytes() for each in store.rglob("*") if each.is_file()}
    with lfs_server(objects) as address:
        portal.git("portal", "config", "--file", ".lfsconfig", "lfs.url", address)
        portal.commit("portal", "where its objects are")
        shutil.rmtree(store)
        bag = portal.prepare()
        assert {each.name for each in (bag.root / "data/lfs").rglob("*") if each.is_file()} == objects.keys()
        lost = min(objects)
        del objects[lost]
        with pytest.raises(ConfigError, match=lost):
            portal.prepare()


def test_prepare_history_with_an_old_flaw_is_deposited(shop: Shop) -> None:
    """A commit that an importer wrote with an impossible time zone is whole; nobody rewrites history for it."""
    shop.repository("portal", {"BUILD.md": "x", "LICENSE": "y"})
    lines = shop.git("portal", "cat-file", "commit", "HEAD").replace("+0000", "+051800")
    shop.write("portal/.git/odd", f"{lines}\n")
    odd = shop.git("portal", "hash-object", "-t", "commit", "-w", "--literally", ".git/odd")
    shop.git("portal", "update-ref", "refs/heads/imported", odd)
    assert verify_source(shop.prepare().root).is_sound
