"""Opening what stock tools sealed: whole, in part, from a directory or one tar, by any of its keys."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from portability.checks import verify
from portability.cli import cli
from portability.errors import ArchiveExistsError, ConfigError, DecryptionError
from portability.sealing.encryption import protect_identity
from portability.sealing.identity_files import load_identities
from portability.sealing.opening import Opened, OpenRequest, open_sealed
from portability.signing import Policy, load_trust
from portability.staging import PREFIX, open_staging, sweep
from tests.sealing.opening.conftest import Keys
from tests.sealing.opening.stock import Key, Sealing, run, tree

PORTABILITY = Path(sys.executable).with_name("portability")


def opened(sealed: Path, destination: Path, *keys: Key, **changes: Any) -> Opened:  # noqa: ANN401 -- any field
    """Open with these keys, in this process where nothing else is asked for."""
    identities = load_identities([key.file for key in keys])
    fields = {"workers": 1, **changes}
    return open_sealed(OpenRequest(sealed=sealed, destination=destination, identities=identities, **fields))


def command(*arguments: object, **environment: str) -> Result:
    """Run the command in this process; an error of ours is its exception."""
    return CliRunner(env=environment).invoke(cli, ["open", *map(str, arguments)])


@pytest.mark.parametrize("name", ["ann", "ben", "cat"])
def test_open_with_the_key_of_any_recipient_gives_the_archive_back(
    sealed: Path, archive: Path, keys: Keys, tmp_path: Path, name: str
) -> None:
    """Byte for byte, whatever the kind of key; who signed is said, and nothing else is left."""
    policy = Policy(trust=load_trust(keys.trust))
    result = opened(sealed, tmp_path / "archive", getattr(keys, name), policy=policy)
    assert result.opened_by == (name,)
    assert result.authentic.signer is not None
    assert result.authentic.signer.principals == "vendor@example"
    assert tree(tmp_path / "archive") == tree(archive)
    assert [each.name for each in tmp_path.iterdir()] == ["archive"]
    assert (tmp_path / "archive").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("workers", [1, 3])
def test_open_of_the_one_file_form_reads_it_in_place(
    sealed_tar: Path, archive: Path, keys: Keys, tmp_path: Path, workers: int
) -> None:
    """The tar is not unpacked first, and the number of processes changes nothing."""
    result = opened(sealed_tar, tmp_path / "archive", keys.ann, workers=workers)
    assert result.authentic.signer is None
    assert tree(tmp_path / "archive") == tree(archive)


@pytest.mark.parametrize("pair", [("ann", "ben"), ("ben", "cat"), ("cat", "ann")], ids="+".join)
def test_open_by_two_of_three_needs_any_two(
    two_of_three: Path, archive: Path, keys: Keys, tmp_path: Path, pair: tuple[str, str]
) -> None:
    """In whatever order the keys are given."""
    result = opened(two_of_three, tmp_path / "archive", *(getattr(keys, name) for name in pair))
    assert sorted(result.opened_by) == sorted(pair)
    assert tree(tmp_path / "archive") == tree(archive)


@pytest.mark.parametrize("name", ["ann", "ben", "cat"])
def test_open_by_one_of_the_two_that_it_takes_says_who_is_missing(
    two_of_three: Path, keys: Keys, tmp_path: Path, name: str
) -> None:
    """No key opens it alone."""
    with pytest.raises(DecryptionError) as caught:
        opened(two_of_three, tmp_path / "archive", getattr(keys, name))
    others = {"ann", "ben", "cat"} - {name}
    assert caught.value.message == f"it takes 2 keys together, and only the key of {name} is here"
    assert all(f"{other} (" in caught.value.hint for other in others)
    assert list(tmp_path.iterdir()) == []


# --- some of it ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("matter", ["data/tables/matter.parquet"]),
        ("source.CASE_PERSON", ["data/source/main.case_person.parquet"]),
        ("reports/*.json", None),
        ("data/schema", None),
        ("bagit.txt", ["bagit.txt"]),
    ],
)
def test_open_only_some_gives_a_folder_of_just_those_files(
    sealed_tar: Path, archive: Path, keys: Keys, tmp_path: Path, pattern: str, expected: list[str] | None
) -> None:
    """Tables by name, paths, folders and globs."""
    result = opened(sealed_tar, tmp_path / "some", keys.ben, only=(pattern,))
    found = tree(tmp_path / "some")
    assert found == {path: content for path, content in tree(archive).items() if path in found}
    assert sorted(found) == sorted(entry.path for entry in result.entries)
    if expected is not None:
        assert sorted(found) == expected
    assert len(found) >= 1
    assert result.segments < len(list(sealed_tar.with_suffix("").glob("segments/*")))


def test_open_only_a_document_by_its_hash_reads_one_segment(
    sealed: Path, archive: Path, keys: Keys, tmp_path: Path
) -> None:
    """A document's name in the archive is its hash; no other segment is touched, or even there."""
    document = min((archive / "data/documents").glob("*/*"))
    copy = shutil.copytree(sealed, tmp_path / "copy")
    whole = opened(copy, tmp_path / "first", keys.ann, only=(document.name,))
    assert (whole.segments, whole.files) == (1, 1)
    (piece,) = whole.entries[0].pieces
    for segment in copy.glob("segments/*"):
        if segment.name != f"{piece.segment:06d}.age":
            segment.unlink()
    assert opened(copy, tmp_path / "second", keys.ann, only=(document.name,)).files == 1


def test_open_only_what_is_not_there_says_so_before_anything_is_written(
    sealed: Path, keys: Keys, tmp_path: Path
) -> None:
    """One wrong name among right ones is enough."""
    with pytest.raises(ConfigError, match="nothing in the archive has this name") as caught:
        opened(sealed, tmp_path / "some", keys.ann, only=("matter", "no_such_table"))
    assert caught.value.place == "no_such_table"
    assert list(tmp_path.iterdir()) == []


# --- keys ------------------------------------------------------------------------------------------------------------


def test_open_with_protected_keys_asks_for_the_passphrase(
    sealed: Path, archive: Path, keys: Keys, tmp_path: Path
) -> None:
    """An SSH key under a passphrase; it comes from the environment, and never shows."""
    protected = shutil.copy(keys.ben.file, tmp_path / "protected")
    run("ssh-keygen", "-q", "-p", "-N", "correct horse", "-P", "", "-f", protected)
    wrong = command(sealed, tmp_path / "a", "--identity", protected, PORTABILITY_PASSPHRASE="hunter2-wrong")
    assert isinstance(wrong.exception, DecryptionError)
    assert "hunter2" not in repr(wrong.exception.__dict__)
    right = command(sealed, tmp_path / "a", "--identity", protected, PORTABILITY_PASSPHRASE="correct horse")
    assert right.exit_code == 0, right.exception
    assert tree(tmp_path / "a") == tree(archive)


def test_open_with_a_protected_age_identity_file_asks_for_the_passphrase(
    sealed: Path, keys: Keys, tmp_path: Path
) -> None:
    """As ``age -p`` writes it; without anybody to ask it says so."""
    protected = tmp_path / "protected.age"
    protected.write_bytes(protect_identity(keys.ann.file.read_bytes(), "correct horse"))
    with pytest.raises(DecryptionError, match="passphrase"):
        load_identities([protected])
    done = command(
        sealed, tmp_path / "a", "--identity", protected, "--only", "bagit.txt", PORTABILITY_PASSPHRASE="correct horse"
    )
    assert done.exit_code == 0, done.exception


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"AGE-SECRET-KEY-1JUNK\n", b"\xff\xfe" * 50, b"x" * 100_000])
def test_open_with_a_file_that_is_no_key_is_refused_without_repeating_it(tmp_path: Path, content: bytes) -> None:
    """It might be the wrong file, with anything in it."""
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_identities([tmp_path / "key"])
    assert "JUNK" not in f"{caught.value} {caught.value.hint}"


def test_open_with_several_identities_in_one_file_finds_the_right_one(sealed: Path, keys: Keys, tmp_path: Path) -> None:
    """As age-keygen writes them, with comments."""
    both = tmp_path / "both.key"
    both.write_text(keys.stranger.file.read_text() + "\n# mine\n" + keys.ann.file.read_text(), encoding="utf-8")
    assert command(sealed, tmp_path / "a", "--identity", both, "--only", "bagit.txt").exit_code == 0


# --- the command -----------------------------------------------------------------------------------------------------


def test_open_command_says_who_signed_and_that_nobody_was_named(sealed: Path, keys: Keys, tmp_path: Path) -> None:
    """In text and as one document."""
    text = command(sealed, tmp_path / "a", "--identity", keys.ann.file)
    assert text.exit_code == 0, text.exception
    assert f"right, by the key {keys.signer.fingerprint}" in text.stdout
    assert "nobody was named who should have signed" in text.stdout
    done = command(sealed, tmp_path / "b", "--identity", keys.ann.file, "--trust", keys.trust, "--json")
    found = json.loads(done.stdout)
    assert found["signature"] == {
        "fingerprint": keys.signer.fingerprint,
        "trusted": True,
        "principals": "vendor@example",
    }
    assert (found["archive"], found["opened_by"], found["selected"]) == (True, ["ann"], [])


def test_open_command_with_only_says_that_the_result_is_no_archive(sealed: Path, keys: Keys, tmp_path: Path) -> None:
    """And gives each file's hash, which was checked."""
    text = command(sealed, tmp_path / "a", "--identity", keys.ann.file, "--only", "matter")
    assert "not an archive" in text.stdout
    done = command(sealed, tmp_path / "b", "--identity", keys.ann.file, "--only", "matter", "--json")
    found = json.loads(done.stdout)
    assert (found["archive"], [each["path"] for each in found["selected"]]) == (False, ["data/tables/matter.parquet"])


def test_opened_archive_passes_the_verifier(sealed_tar: Path, keys: Keys, tmp_path: Path) -> None:
    """It is the archive that was sealed, so it is sound."""
    opened(sealed_tar, tmp_path / "archive", keys.cat)
    assert verify(tmp_path / "archive", level="full").ok


# --- plaintext at rest -----------------------------------------------------------------------------------------------


def test_open_stages_where_it_is_told(sealed: Path, keys: Keys, tmp_path: Path) -> None:
    """On the same file system; another one is refused, since one rename could not publish."""
    (tmp_path / "private").mkdir()
    opened(sealed, tmp_path / "archive", keys.ann, staging=tmp_path / "private")
    assert list((tmp_path / "private").iterdir()) == []
    with pytest.raises(ConfigError, match="file system"):
        opened(sealed, tmp_path / "other", keys.ann, staging=Path("/proc"))


def test_open_refuses_a_destination_that_exists(sealed: Path, keys: Keys, tmp_path: Path) -> None:
    """A link that leads nowhere is something too."""
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in (tmp_path, tmp_path / "link"):
        with pytest.raises(ArchiveExistsError):
            opened(sealed, name, keys.ann)
    assert [each.name for each in tmp_path.iterdir()] == ["link"]


def test_open_refuses_a_destination_inside_what_it_opens(sealed: Path, keys: Keys) -> None:
    """The sealed archive would hold what nobody signed."""
    with pytest.raises(ConfigError, match="inside the sealed archive"):
        opened(sealed, sealed / "archive", keys.ann)


@pytest.fixture(scope="module")
def long(sealing: Callable[..., Sealing], keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Enough of it that opening can be stopped on the way."""
    folder = tmp_path_factory.mktemp("long")
    (folder / "content/data").mkdir(parents=True)
    for number in range(60):
        (folder / f"content/data/{number:03d}").write_bytes(os.urandom(1 << 20))
    made = sealing(recipients=(keys.ann,))
    made.add_all(folder / "content", segment_bytes=4 << 20)
    yield made.write(folder / "sealed")
    for each in (folder, made.work):
        shutil.rmtree(each)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_open_that_is_stopped_leaves_no_plaintext_for_long(
    long: Path, keys: Keys, tmp_path: Path, number: signal.Signals
) -> None:
    """A stop removes the staging folder at once; after a kill the next run does, and spares one that is in use."""
    line = [str(each) for each in (PORTABILITY, "open", long, tmp_path / "a", "--identity", keys.ann.file)]
    found: list[tuple[Path, int]] = []
    for _ in range(20):
        with subprocess.Popen(line, stderr=subprocess.PIPE, env={**os.environ, "PORTABILITY_DEBUG": ""}) as running:
            while running.poll() is None and not list(tmp_path.glob(f"{PREFIX}*/content/data/*")):
                time.sleep(0.001)
            running.send_signal(signal.SIGSTOP)
            found = [(path, path.stat().st_mode & 0o077) for path in tmp_path.glob(f"{PREFIX}*")]
            running.send_signal(number)
            running.send_signal(signal.SIGCONT)
            running.wait(timeout=60)
        if running.returncode:
            break
        shutil.rmtree(tmp_path / "a")  # on a busy machine it may be done before it is stopped
    ((staged, open_to_others),) = found
    assert open_to_others == 0
    assert not (tmp_path / "a").exists()
    assert staged.exists() == (number == signal.SIGKILL)
    deadline = time.monotonic() + 30  # a worker that is still dying holds the folder a moment longer
    while staged.exists() and time.monotonic() < deadline:
        sweep(tmp_path)
    with open_staging(tmp_path) as in_use:
        opened(long, tmp_path / "a", keys.ann, only=("data/000",))
        assert sorted(tmp_path.iterdir()) == sorted([in_use.path, tmp_path / "a"])
