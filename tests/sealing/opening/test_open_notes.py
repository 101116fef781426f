"""OPEN.md and open.sh open what was sealed, with stock tools alone, and refuse what was changed."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from portability.limits import DEFAULT_LIMITS
from portability.sealing.identity_files import load_identities
from portability.sealing.opening import OpenRequest, open_sealed
from portability.sealing.opening_notes import open_md
from portability.sealing.reading import parse_manifest
from portability.sealing.recipients import parse_recipients
from portability.sealing.seal import SealRequest, seal_archive
from portability.signing import load_signing_key
from tests.sealing.opening.by_hand import ENVIRONMENT, by_hand, open_sh
from tests.sealing.opening.conftest import Keys
from tests.sealing.opening.stock import Sealing, entry, run, tree

CONTENT = b"a letter\n"


def page(sealed: Path) -> str:
    """Return OPEN.md."""
    return (sealed / "OPEN.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["ann", "ben", "cat"])
def test_open_sh_opens_with_the_key_of_any_recipient(
    sealed: Path, archive: Path, keys: Keys, tmp_path: Path, name: str
) -> None:
    """Byte for byte; it says who signed, and leaves nothing else."""
    done = open_sh(sealed, tmp_path / "a", getattr(keys, name).file, trust=keys.trust)
    assert done.returncode == 0, done.stderr
    assert "Signed by vendor@example" in done.stdout
    assert tree(tmp_path / "a") == tree(archive)
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_open_sh_opens_two_of_three(two_of_three: Path, archive: Path, keys: Keys, tmp_path: Path) -> None:
    """Every pair does, in whatever order the keys are given, and none alone."""
    for pair in ((keys.ann, keys.ben), (keys.cat, keys.ben), (keys.cat, keys.ann)):
        done = open_sh(two_of_three, tmp_path / "-".join(key.name for key in pair), *(key.file for key in pair))
        assert done.returncode == 0, done.stderr
    assert all(tree(each) == tree(archive) for each in tmp_path.iterdir())
    for key in (keys.ann, keys.ben, keys.cat):
        assert open_sh(two_of_three, tmp_path / "alone", key.file).returncode == 1
    assert len(list(tmp_path.iterdir())) == 3


def test_open_sh_opens_the_one_file_form_once_it_is_unpacked(
    sealed_tar: Path, archive: Path, keys: Keys, tmp_path: Path
) -> None:
    """With the command that OPEN.md gives, from another folder, with relative names."""
    (tmp_path / "sealed").mkdir()
    run("tar", "-xf", sealed_tar, "-C", tmp_path / "sealed")
    shutil.copy(keys.ann.file, tmp_path / "my key")
    run("sh", "sealed/open.sh", "the archive", "my key", cwd=tmp_path)
    assert tree(tmp_path / "the archive") == tree(archive)


def test_open_md_by_hand_opens(sealed: Path, archive: Path, keys: Keys, tmp_path: Path) -> None:
    """Its commands, typed one after the other."""
    done = by_hand(page(sealed), sealed, tmp_path / "a", keys.ann.file)
    assert done.returncode == 0, done.stderr
    assert f"key {keys.signer.fingerprint}" in done.stdout
    assert tree(tmp_path / "a") == tree(archive)
    commitment, listed = done.stdout.splitlines()[-2:]
    assert commitment.split()[0] == listed.split('"')[3]


def test_open_md_by_hand_opens_two_of_three(two_of_three: Path, archive: Path, keys: Keys, tmp_path: Path) -> None:
    """Layer by layer, the outermost first."""
    done = by_hand(page(two_of_three), two_of_three, tmp_path / "a", keys.ann.file, keys.ben.file)
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "a") == tree(archive)


def test_open_sh_and_open_md_open_what_this_program_seals(archive: Path, keys: Keys, tmp_path: Path) -> None:
    """Our own writer's archives, in which every name and slice is as it writes them."""
    recipients = [f"{key.name}={key.public}" for key in (keys.ann, keys.ben, keys.cat)]
    request = SealRequest(
        archive=archive,
        destination=tmp_path / "sealed",
        recipients=parse_recipients(recipients),
        key=load_signing_key(str(keys.signer.file)),
        threshold=2,
        limits=replace(DEFAULT_LIMITS, segment_bytes=1 << 20),
    )
    sealed = seal_archive(request).sealed
    script = open_sh(sealed, tmp_path / "a", keys.cat.file, keys.ben.file, trust=keys.trust)
    assert script.returncode == 0, script.stderr
    typed = by_hand(page(sealed), sealed, tmp_path / "b", keys.ann.file, keys.ben.file)
    assert typed.returncode == 0, typed.stderr
    identities = load_identities([keys.ann.file, keys.cat.file])
    open_sealed(OpenRequest(sealed=sealed, destination=tmp_path / "c", identities=identities))
    assert tree(tmp_path / "a") == tree(tmp_path / "b") == tree(tmp_path / "c") == tree(archive)


def test_open_md_follows_from_the_manifest(sealed: Path, two_of_three: Path, keys: Keys) -> None:
    """So that anybody can see whether a page is the one that this program writes; it names who can open."""
    for each in (sealed, two_of_three):
        manifest = parse_manifest((each / "manifest.json").read_bytes())
        assert open_md(manifest) == (each / "OPEN.md").read_bytes()
        assert all(key.fingerprint in page(each) for key in (keys.ann, keys.ben, keys.cat))
        assert "Template" not in page(each)
        assert max(map(len, page(each).splitlines())) <= 160
    assert "It takes 2 of these keys together" in page(two_of_three)


# --- refusals --------------------------------------------------------------------------------------------------------


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda sealed: _truncate(sealed / "manifest.json"), "the signature is not right"),
        (lambda sealed: (sealed / "manifest.json.sig").unlink(), "is missing"),
        (lambda sealed: _truncate(sealed / "segments/000001.age"), "segments/000001.age: FAILED"),
        (lambda sealed: (sealed / "keys/cat.age").unlink(), "keys/cat.age: FAILED open or read"),
        (lambda sealed: _truncate(sealed / "OPEN.md"), "OPEN.md: FAILED"),
        (lambda sealed: _truncate(sealed / "catalog.age"), "catalog.age: FAILED"),
    ],
    ids=["manifest", "signature", "segment", "envelope", "page", "catalog"],
)
def test_open_sh_refuses_what_was_changed(
    sealed: Path, keys: Keys, tmp_path: Path, change: Callable[[Path], object], words: str
) -> None:
    """By name, and nothing is left behind."""
    copy = shutil.copytree(sealed, tmp_path / "sealed")
    change(copy)
    done = open_sh(copy, tmp_path / "a", keys.ann.file)
    assert done.returncode == 1
    assert words in done.stdout + done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["sealed"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("someone@example {ben}", "by nobody in"),
        ('vendor@example valid-before="20251231Z" {signer}', "not valid on 20260105100000Z"),
        ('vendor@example namespaces="git" {signer}', "vendor@example may not sign this"),
    ],
)
def test_open_sh_refuses_signers_who_are_not_trusted(
    sealed: Path, keys: Keys, tmp_path: Path, line: str, words: str
) -> None:
    """As ssh-keygen judges them, at the moment of sealing."""
    trust = tmp_path / "trust"
    trust.write_text(line.format(ben=keys.ben.public, signer=keys.signer.public) + "\n", encoding="utf-8")
    done = open_sh(sealed, tmp_path / "a", keys.ann.file, trust=trust)
    assert (done.returncode, words in done.stderr) == (1, True), done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["trust"]


def test_open_sh_refuses_bad_arguments(sealed: Path, keys: Keys, tmp_path: Path) -> None:
    """A destination that exists, a key that is not there, a stranger's key, nothing at all."""
    (tmp_path / "taken").mkdir()
    for arguments, words in (
        ((tmp_path / "taken", keys.ann.file), "exists; nothing is overwritten"),
        ((tmp_path / "no/such", keys.ann.file), "there is no folder"),
        ((tmp_path / "a", tmp_path / "no-key"), "cannot read the key"),
        ((tmp_path / "a", keys.stranger.file), "these keys open no envelope"),
        ((tmp_path / "a",), "usage:"),
    ):
        done = open_sh(sealed, *arguments)
        assert (done.returncode, words in done.stderr) == (1, True), done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["taken"]


def _link_and_file() -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        link = tarfile.TarInfo("files/data")
        link.type, link.linkname = tarfile.SYMTYPE, "../../../victim"
        tar.addfile(link)
        member = tarfile.TarInfo("files/data/letter")
        member.size = len(CONTENT)
        tar.addfile(member, io.BytesIO(CONTENT))
    return target.getvalue()


def _one(name: str) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(CONTENT)
        tar.addfile(member, io.BytesIO(CONTENT))
    return target.getvalue()


@pytest.mark.parametrize(
    "make",
    [_link_and_file, lambda: _one("../victim/x"), lambda: _one("files/../../../victim/x"), lambda: _one("other/x")],
    ids=["through a link", "above", "above from within", "beside"],
)
def test_open_sh_writes_nothing_outside_whoever_sealed(
    sealing: Callable[..., Sealing], keys: Keys, tmp_path: Path, make: Callable[[], bytes]
) -> None:
    """A signature says who, not that they mean well."""
    (tmp_path / "victim").mkdir()
    done = open_sh(_letter(sealing, keys, make()).write(tmp_path / "sealed"), tmp_path / "a", keys.ann.file)
    assert done.returncode == 1
    assert sorted(each.name for each in tmp_path.iterdir()) == ["sealed", "victim"]
    assert list((tmp_path / "victim").iterdir()) == []


def test_open_sh_refuses_an_envelope_with_another_key(
    sealing: Callable[..., Sealing], keys: Keys, tmp_path: Path
) -> None:
    """The manifest commits to one."""
    made = _letter(sealing, keys, _one("files/data/letter"))
    assert open_sh(made.write(tmp_path / "good"), tmp_path / "a", keys.ann.file).returncode == 0
    made.envelope = lambda _: run("age-keygen")
    done = open_sh(made.write(tmp_path / "sealed"), tmp_path / "b", keys.ann.file)
    assert (done.returncode, "commits to" in done.stderr) == (1, True)
    assert not (tmp_path / "b").exists()


def _letter(sealing: Callable[..., Sealing], keys: Keys, tar: bytes) -> Sealing:
    made = sealing(recipients=(keys.ann,))
    piece = {"segment": 0, "member": "files/data/letter", "size_bytes": len(CONTENT)}
    made.catalog, made.tars = [entry("data/letter", CONTENT, [piece])], [tar]
    return made


@pytest.fixture
def heeded(number: signal.Signals) -> Iterator[None]:
    """The signal is not ignored by a child: it would be where we ignore it, as in a run behind ``nohup`` or ``&``."""
    before = signal.signal(number, lambda *_: None)
    yield
    signal.signal(number, before)


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE])
def test_open_sh_that_is_stopped_removes_its_plaintext(
    sealed: Path, keys: Keys, tmp_path: Path, number: signal.Signals
) -> None:
    """The deposit's key too, however it is stopped."""
    command = [str(each) for each in ("sh", sealed / "open.sh", tmp_path / "a", keys.ann.file)]
    code = 0
    for _ in range(20):
        with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL) as running:
            while not list(tmp_path.glob(".open-sh-*/key")):
                assert running.poll() is None, "it was done before it could be stopped"
                time.sleep(0.001)
            (work,) = tmp_path.glob(".open-sh-*")
            assert work.stat().st_mode & 0o077 == 0
            assert (work / "key").stat().st_mode & 0o077 == 0
            running.send_signal(number)
            running.wait(timeout=60)
        if code := running.returncode:
            break
        shutil.rmtree(tmp_path / "a")  # on a busy machine it may be done before the signal arrives
    assert code
    assert list(tmp_path.iterdir()) == []
