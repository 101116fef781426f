"""Files of evidence, and what is handed over: by their hash, whole, and nothing that is not a file."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest

from portability.errors import ConfigError, ProcedureError, ScopeError
from portability.governing import FolderStore, SealedStore
from portability.governing.artefacts import describe_artefact, scope_of_artefact
from portability.governing.evidence import describe_file
from portability.sealing.encryption import new_identity, recipient_of

LISTING = r'find . -type f -printf "%P\0" | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum'


def test_folder_hash_is_what_stock_tools_make(tmp_path: Path) -> None:
    """With names in every script and of every order."""
    for name in ("b", "a/c", "a.d", "Ünïcode ✓", "a b"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name, encoding="utf-8")
    found = describe_artefact(tmp_path)
    done = subprocess.run(["/bin/sh", "-c", LISTING], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.sha256 == done.stdout.split()[0]
    assert (found.form, found.files) == ("folder", 5)


@pytest.mark.parametrize("what", ["link", "link to a folder", "nothing"])
def test_artefact_that_cannot_be_handed_over_is_refused(tmp_path: Path, what: str) -> None:
    """A link would hand over something else later."""
    folder = tmp_path / "out"
    folder.mkdir()
    if what.startswith("link"):
        (folder / "x").symlink_to(tmp_path if "folder" in what else "/etc/hostname")
    with pytest.raises(ConfigError):
        describe_artefact(folder if what.startswith("link") else tmp_path / "none")


def test_archive_of_another_scope_is_refused(tmp_path: Path) -> None:
    """Whole source for a scope, a scope for the whole source, another scope."""
    (tmp_path / "data").mkdir()
    (tmp_path / "bagit.txt").write_text("x", encoding="utf-8")
    form = describe_artefact(tmp_path).form
    assert scope_of_artefact(tmp_path, form=form, fixed=None) is None
    with pytest.raises(ScopeError, match="the whole source, not with the scope"):
        scope_of_artefact(tmp_path, form=form, fixed="a" * 64)
    (tmp_path / "data/scope.json").write_text("{}", encoding="utf-8")
    for fixed in (None, "a" * 64):
        with pytest.raises(ScopeError, match="made with another scope"):
            scope_of_artefact(tmp_path, form=form, fixed=fixed)


@pytest.mark.parametrize("what", ["folder", "empty", "missing", "too long"])
def test_evidence_that_proves_nothing_is_refused(tmp_path: Path, what: str) -> None:
    """By its name."""
    path = tmp_path / "evidence"
    if what == "folder":
        path.mkdir()
    elif what != "missing":
        path.write_bytes(b"" if what == "empty" else b"x" * 101)
    with pytest.raises(ConfigError) as caught:
        describe_file(path, kind="letter", size_bytes_max=100)
    assert caught.value.place == str(path)


def test_evidence_folder_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """Before anything is put there."""
    folder = tmp_path / "evidence"
    folder.mkdir(mode=0o755)
    with pytest.raises(ConfigError, match="others can read"):
        FolderStore(folder).keep(io.BytesIO(b"x"), "ab" * 32)
    assert list(folder.iterdir()) == []


def test_sealed_evidence_opens_with_its_identity_only(tmp_path: Path) -> None:
    """Its name says nothing, is the same again, and other bytes under it are found."""
    identity, other = new_identity(), new_identity()
    recipients = (recipient_of(identity),)
    (tmp_path / "letter").write_bytes(b"a letter")
    sha256 = describe_file(tmp_path / "letter", kind="letter", size_bytes_max=100).sha256
    store = SealedStore(tmp_path / "s", recipients=recipients, identities=(identity,), name_key=b"k" * 32)
    for _ in range(2):
        store.keep(io.BytesIO(b"a letter"), sha256)
    (path,) = (tmp_path / "s").iterdir()
    assert sha256 not in path.name
    assert store.read(sha256) == b"a letter"
    stranger = SealedStore(tmp_path / "s", recipients=recipients, identities=(other,), name_key=b"k" * 32)
    assert stranger.problem(sha256)
    path.unlink()
    with pytest.raises(ProcedureError, match="is missing"):
        store.read(sha256)
