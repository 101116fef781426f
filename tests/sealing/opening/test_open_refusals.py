"""What is not as it was sealed, or was sealed to do harm: a sentence of the right kind, and nothing left behind."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portability.errors import DecryptionError, PortabilityError, SealError, SignatureError
from portability.signing import Policy, load_trust
from tests.conftest import lacking
from tests.sealing.opening.conftest import Keys
from tests.sealing.opening.refusing import refused
from tests.sealing.opening.stock import canonical, encrypt, run, sign

Change = Callable[[Path, Keys], object]

# --- a sealed archive that was changed afterwards ---------------------------------------------------------------------


def _edit_manifest(change: Callable[[dict[str, Any]], object], *, signed: bool) -> Change:
    def apply(sealed: Path, keys: Keys) -> None:
        manifest = json.loads((sealed / "manifest.json").read_bytes())
        change(manifest)
        (sealed / "manifest.json").write_bytes(canonical(manifest))
        if signed:
            sign(sealed, keys.signer)

    return apply


def _flip(path: str, at: int) -> Change:
    def apply(sealed: Path, _: Keys) -> None:
        content = bytearray((sealed / path).read_bytes())
        content[at] ^= 1
        (sealed / path).write_bytes(content)

    return apply


def _swap(sealed: Path, _: Keys) -> None:
    first, second = sealed / "segments/000000.age", sealed / "segments/000001.age"
    other = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(other)


def _relist(sealed: Path, keys: Keys) -> None:
    """List and sign whatever lies there now, as a dishonest vendor would."""

    def change(manifest: dict[str, Any]) -> None:
        import hashlib  # noqa: PLC0415 -- used here alone

        for each in manifest["files"]:
            content = (sealed / each["path"]).read_bytes()
            each |= {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    _edit_manifest(change, signed=True)(sealed, keys)


def _another_key(sealed: Path, keys: Keys) -> None:
    (sealed / "segments/000001.age").write_bytes(encrypt(b"x" * 999, keys.stranger.public))


def _append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def _in_turn(*changes: Change) -> Change:
    def apply(sealed: Path, keys: Keys) -> None:
        for change in changes:
            change(sealed, keys)

    return apply


TAMPERED: dict[str, tuple[Change, type[PortabilityError], str, str]] = {
    "manifest changed": (_flip("manifest.json", 40), SignatureError, "manifest.json.sig", ""),
    "signature changed": (_flip("manifest.json.sig", 120), SignatureError, "manifest.json.sig", ""),
    "signature without its last newline": (
        lambda sealed, _: os.truncate(sealed / "manifest.json.sig", (sealed / "manifest.json.sig").stat().st_size - 1),
        SignatureError,
        "manifest.json.sig",
        "armored",
    ),
    "signature missing": (
        lambda sealed, _: (sealed / "manifest.json.sig").unlink(),
        SignatureError,
        "manifest.json.sig",
        "is missing",
    ),
    "signed for another purpose": (
        lambda sealed, keys: sign(sealed, keys.signer, namespace="legal-portability-archive"),
        SignatureError,
        "manifest.json.sig",
        "legal-portability-archive",
    ),
    "manifest missing": (lambda sealed, _: (sealed / "manifest.json").unlink(), SealError, "manifest.json", "missing"),
    "manifest in another spelling": (
        _in_turn(lambda sealed, _: _append(sealed / "manifest.json"), lambda sealed, keys: sign(sealed, keys.signer)),
        SealError,
        "manifest.json",
        "canonical",
    ),
    "manifest of a version to come": (
        _edit_manifest(lambda m: m.update(version="2.0"), signed=True),
        SealError,
        "manifest.json",
        "does not read",
    ),
    "sealed in the future": (
        _edit_manifest(lambda m: m.update(sealed_at="2999-01-01T00:00:00Z"), signed=True),
        SignatureError,
        "manifest.json.sig",
        "2999",
    ),
    "segment changed": (_flip("segments/000001.age", 5000), SealError, "segments/000001.age", "SHA-256 differs"),
    "segment cut short": (
        lambda sealed, _: os.truncate(sealed / "segments/000001.age", 400),
        SealError,
        "segments/000001.age",
        "bytes, and the manifest says",
    ),
    "segment missing": (
        lambda sealed, _: (sealed / "segments/000001.age").unlink(),
        SealError,
        "segments/000001.age",
        "is missing",
    ),
    "segments swapped": (_swap, SealError, "segments/000000.age", "the manifest says"),
    "catalog changed": (_flip("catalog.age", 300), SealError, "catalog.age", "SHA-256 differs"),
    "envelope changed": (_flip("keys/ann.age", 150), SealError, "keys/ann.age", "SHA-256 differs"),
    "open.sh changed": (_flip("open.sh", 150), SealError, "open.sh", "SHA-256 differs"),
    "a file that nobody vouches for": (
        lambda sealed, _: (sealed / "keys/eve.age").write_bytes(b"x"),
        SealError,
        "keys/eve.age",
        "not listed",
    ),
    "a link": (
        _in_turn(
            lambda sealed, _: (sealed / "catalog.age").unlink(),
            lambda sealed, _: (sealed / "catalog.age").symlink_to("/etc/passwd"),
        ),
        SealError,
        "catalog.age",
        "link",
    ),
    # What follows is signed again by a vendor who lies.
    "segments swapped and signed": (
        _in_turn(_swap, _relist),
        SealError,
        "segments/000000.age",
        "",
    ),
    "segment of another key and signed": (
        _in_turn(_another_key, _relist),
        SealError,
        "segments/000001.age",
        "",
    ),
    "counts that are not the catalog's": (
        _edit_manifest(lambda m: m.update(content_files=m["content_files"] - 1), signed=True),
        SealError,
        "catalog.age",
        "counts",
    ),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_open_of_what_was_changed_is_refused(sealed: Path, keys: Keys, tmp_path: Path, case: str) -> None:
    """Each by its own sentence, with the file; an archive swapped for another is one that was changed."""
    change, kind, place, words = TAMPERED[case]
    copy = shutil.copytree(sealed, tmp_path / "copy")
    change(copy, keys)
    error = refused(copy, tmp_path / "scratch", keys.ann, policy=Policy(trust=load_trust(keys.trust)))
    assert isinstance(error, kind)
    assert (error.place, words in error.message) == (place, True), error


def test_open_of_a_segment_of_another_archive_is_refused(
    sealed: Path, two_of_three: Path, keys: Keys, tmp_path: Path
) -> None:
    """The same size and place, and signed again: it does not open with this deposit's key."""
    copy = shutil.copytree(sealed, tmp_path / "copy")
    shutil.copy(two_of_three / "segments/000000.age", copy / "segments/000000.age")
    assert refused(copy, tmp_path / "a", keys.ann).place == "segments/000000.age"
    _relist(copy, keys)
    error = refused(copy, tmp_path / "b", keys.ann)
    assert isinstance(error, DecryptionError)
    assert (error.place, error.message) == ("segments/000000.age", "no key at hand opens it")


@pytest.mark.parametrize(("left", "place"), [(700, "segments/000000.age"), (-600, "end")])
def test_open_of_a_cut_tar_says_that_it_is_cut_short(
    sealed_tar: Path, keys: Keys, tmp_path: Path, left: int, place: str
) -> None:
    """A copy that stopped half-way is named as one, with what mends it."""
    copy = Path(shutil.copy(sealed_tar, tmp_path / "copy.tar"))
    os.truncate(copy, left if left > 0 else copy.stat().st_size + left)
    error = refused(copy, tmp_path / "scratch", keys.ann)
    assert (type(error), error.place, error.message) == (SealError, place, "the tar is cut short here")
    assert error.hint.startswith("Copy the tar again")


# --- keys and signers -------------------------------------------------------------------------------------------------


def test_open_without_a_right_key_says_whose_it_takes(sealed: Path, keys: Keys, tmp_path: Path) -> None:
    """No key, a stranger's key."""
    for at_hand, words in ([], "a recipient's key is needed"), ([keys.stranger], "none of the keys given"):
        error = refused(sealed, tmp_path / "scratch", *at_hand)
        assert isinstance(error, DecryptionError)
        assert words in error.message
        assert all(key.fingerprint in error.hint for key in (keys.ann, keys.ben, keys.cat))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("someone@example {stranger}", "is not in the trust file"),
        ('vendor@example namespaces="git" {signer}', "is not trusted with"),
        ('vendor@example valid-before="20251231Z" {signer}', "no longer valid"),
        ('vendor@example valid-after="20270101Z" {signer}', "not yet valid"),
    ],
)
def test_open_of_an_expired_or_unknown_signer_is_refused(
    sealed: Path, keys: Keys, tmp_path: Path, line: str, words: str
) -> None:
    """The key must be in the file, for this purpose, and valid on the day of sealing."""
    trust = tmp_path / "trust"
    stranger = (keys.ben.file.parent / "ben.key.pub").read_text(encoding="utf-8").strip()
    trust.write_text(line.format(stranger=stranger, signer=keys.signer.public) + "\n", encoding="utf-8")
    error = refused(sealed, tmp_path / "scratch", keys.ann, policy=Policy(trust=load_trust(trust)))
    assert isinstance(error, SignatureError)
    assert words in error.message


# --- the machine ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("only", [(), ("*",)], ids=["seen before", "met on the way"])
def test_open_on_a_full_disk_says_so_and_leaves_nothing(
    sealed: Path, keys: Keys, tmp_path: Path, only: tuple[str, ...]
) -> None:
    """What the archive takes is known before; for some of it the disk tells."""
    if os.geteuid() != 0:
        lacking("a small disk: only root can mount one")
    small = tmp_path / "small"
    small.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=256k", "none", small)
    try:
        error = refused(sealed, small, keys.ann, only=only)
    finally:
        run("umount", small)
    assert "the disk is full" in error.message or "the disk is too small" in error.message
    assert error.hint
