"""What a vendor seals to do harm is refused with its sentence, in bounded memory; nothing is written outside."""

from __future__ import annotations

import contextlib
import io
import resource
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portability.errors import DecryptionError, PortabilityError, SealError
from portability.limits import DEFAULT_LIMITS
from portability.sealing.encryption import deposit_identity
from portability.sealing.identity_files import load_identities
from portability.sealing.opening import OpenRequest, open_sealed
from portability.sealing.untar import TarReader
from tests.sealing.opening.conftest import Keys
from tests.sealing.opening.refusing import CONTENT, refused
from tests.sealing.opening.stock import Sealing, encrypt, entry, run

PATH = "data/documents/aa/letter"


# --- segments ---------------------------------------------------------------------------------------------------------


def _tar(*members: tarfile.TarInfo, content: bytes = CONTENT, form: int = tarfile.PAX_FORMAT) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=form) as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return target.getvalue()


def _member(name: str = f"files/{PATH}", **fields: Any) -> tarfile.TarInfo:  # noqa: ANN401 -- any field
    member = tarfile.TarInfo(name)
    for field, value in {"size": len(CONTENT), **fields}.items():
        setattr(member, field, value)
    return member


def _pax(**records: str) -> tarfile.TarInfo:
    member = _member()
    member.pax_headers = records
    return member


def _sparse() -> bytes:
    header = bytearray(_tar(_member(), form=tarfile.GNU_FORMAT)[:512])
    header[156:157] = b"S"
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    return bytes(header) + bytes(512) * 3


def _long_name() -> bytes:
    return _tar(_member("files/" + "long" * 40), form=tarfile.GNU_FORMAT)


def _good() -> bytes:
    return _tar(_member(), form=tarfile.USTAR_FORMAT)


HOSTILE_TARS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a symbolic link": (lambda: _tar(_member(type=tarfile.SYMTYPE, linkname="/etc", size=0)), "no regular file"),
    "a hard link": (lambda: _tar(_member(type=tarfile.LNKTYPE, linkname="/etc/passwd", size=0)), "no regular file"),
    "a device": (lambda: _tar(_member(type=tarfile.CHRTYPE, size=0)), "no regular file"),
    "a pipe": (lambda: _tar(_member(type=tarfile.FIFOTYPE, size=0)), "no regular file"),
    "a folder": (lambda: _tar(_member(type=tarfile.DIRTYPE, size=0)), "no regular file"),
    "a sparse file": (_sparse, "no regular file"),
    "a GNU long name": (_long_name, "no regular file"),
    "a file twice": (lambda: _tar(_member(), _member()), "or one twice"),
    "a file that the catalog does not name": (
        lambda: _tar(_member(), _member("files/../../../etc/cron.d/x")),
        "does not name",
    ),
    "another file in its place": (lambda: _tar(_member("files/data/other")), "does not name"),
    "no file": (_tar, "lacks a file"),
    "a larger file than said": (lambda: _tar(_member(size=99), content=bytes(99)), "another size"),
    "a smaller file than said": (lambda: _tar(_member(size=3), content=b"abc"), "another size"),
    "another content": (lambda: _tar(_member(), content=CONTENT.upper()), "SHA-256 is not the catalog's"),
    "a path in a pax header": (lambda: _tar(_pax(path="files/../../x")), "does not name"),
    "a size in a pax header": (lambda: _tar(_pax(size="9")), "pax record"),
    "a sparse map in a pax header": (lambda: _tar(_pax(**{"GNU.sparse.major": "1"})), "pax record"),
    "a huge pax header": (lambda: _tar(_pax(mtime="1" * 99_999)), "pax header of more than"),
    "a link path in a pax header": (lambda: _tar(_pax(linkpath="/etc/passwd")), "pax record"),
    "a damaged header": (lambda: b"\x01" + _good()[1:], "damaged header"),
    "no end": (lambda: _good()[:1024], "cut short"),
    "half a file": (lambda: _good()[:520], "cut short"),
    "something behind its end": (lambda: _good() + b"x" * 512, "behind its end"),
    "something behind a file": (lambda: _good()[:1000] + b"x" + _good()[1001:], "behind a member"),
    "endless zeros behind its end": (lambda: _good() + bytes(3 << 20), "behind its end"),
    "no tar": (lambda: b"x" * 2048, "damaged header"),
    "nothing at all": (lambda: b"", "cut short"),
}


@pytest.fixture
def letter(sealing: Callable[..., Sealing], keys: Keys) -> Sealing:
    """A sealing of one letter, to be spoilt."""
    made = sealing(recipients=(keys.ann,))
    made.catalog = [entry(PATH, CONTENT, [{"segment": 0, "member": f"files/{PATH}", "size_bytes": len(CONTENT)}])]
    made.tars = [_good()]
    return made


def test_letter_unspoilt_opens(letter: Sealing, keys: Keys, tmp_path: Path) -> None:
    """So that what is refused below is refused for what was done to it."""
    sealed = letter.write(tmp_path / "sealed")
    identities = load_identities([keys.ann.file])
    open_sealed(OpenRequest(sealed=sealed, destination=tmp_path / "archive", identities=identities))
    assert (tmp_path / "archive" / PATH).read_bytes() == CONTENT


@pytest.mark.parametrize("case", HOSTILE_TARS)
def test_open_of_a_hostile_segment_is_refused(letter: Sealing, keys: Keys, tmp_path: Path, case: str) -> None:
    """Whatever tar programs disagree about, and whatever reaches outside."""
    make, words = HOSTILE_TARS[case]
    letter.tars = [make()]
    error = refused(letter.write(tmp_path / "sealed"), tmp_path / "scratch", keys.ann)
    assert isinstance(error, SealError)
    assert (error.place, words in error.message) == ("segments/000000.age", True), error


GOOD = _tar(_pax(path="files/data/long"), _member("files/data/b"), content=CONTENT)


def _read_tar(content: bytes) -> list[tuple[str, bytes]]:
    reader, found = TarReader(io.BufferedReader(io.BytesIO(content))), []
    while member := reader.next():
        taken = bytearray()
        reader.copy(taken.extend)
        found.append((member.name, bytes(taken)))
    return found


@settings(max_examples=200, deadline=None)
@given(at=st.integers(0, 4 * 512), junk=st.binary(max_size=24), length=st.integers(0, len(GOOD)))
def test_tar_reader_of_anything_refuses_or_reads(at: int, junk: bytes, length: int) -> None:
    """Spoilt or cut anywhere, it never fails in another way, and reads as tar programs do what it reads."""
    for content in (GOOD[:at] + junk + GOOD[at + len(junk) :], GOOD[:length], junk * 100):
        with contextlib.suppress(SealError):
            found = _read_tar(content)
            with tarfile.open(fileobj=io.BytesIO(content)) as tar:
                theirs = [(each.name, tar.extractfile(each)) for each in tar]
            assert [name for name, _ in found] == [name for name, _ in theirs]
            assert [data for _, data in found] == [stream.read() for _, stream in theirs if stream is not None]


HOSTILE_CATALOGS: dict[str, dict[str, Any]] = {
    "a path above the archive": {"path": "../../etc/passwd"},
    "a path above the payload": {"path": "data/../../etc/passwd"},
    "an absolute path": {"path": "/etc/passwd"},
    "a Windows device": {"path": "data/con"},
    "a path with a backslash": {"path": "data\\..\\x"},
    "a folder's name": {"path": "data"},
    "an empty path": {"path": ""},
    "a path that is too long": {"path": "data/" + "x" * 300},
    "a member that is not its own": {"pieces": [{"segment": 0, "member": "files/../x", "size_bytes": len(CONTENT)}]},
    "a segment that is not there": {"pieces": [{"segment": 7, "member": f"files/{PATH}", "size_bytes": len(CONTENT)}]},
    "a negative size": {"pieces": [{"segment": 0, "member": f"files/{PATH}", "size_bytes": -1}]},
    "a hash that is none": {"sha256": "x"},
    "no pieces": {"pieces": []},
}


@pytest.mark.parametrize("case", HOSTILE_CATALOGS)
def test_open_of_a_hostile_catalog_is_refused(letter: Sealing, keys: Keys, tmp_path: Path, case: str) -> None:
    """Before a byte is written anywhere."""
    letter.catalog[0].update(HOSTILE_CATALOGS[case])
    error = refused(letter.write(tmp_path / "sealed"), tmp_path / "scratch", keys.ann)
    assert isinstance(error, SealError)
    assert error.place == "catalog.age"


ZEROS = ("sh", "-c", "{ cat; head -c 300000000 /dev/zero; } | zstd -q -c")
BOMBS = {"a segment": {"pack_segments": ZEROS}, "a catalog": {"pack": ZEROS}}


@pytest.mark.parametrize("case", BOMBS)
def test_open_of_a_bomb_is_refused_in_bounded_memory(letter: Sealing, keys: Keys, tmp_path: Path, case: str) -> None:
    """300 MB of zeros take 30 KB; they are not unpacked to see that this is not what was said."""
    letter.tars = [_member(size=300_000_000).tobuf()]
    for name, value in BOMBS[case].items():
        setattr(letter, name, value)
    sealed = letter.write(tmp_path / "sealed")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    error = refused(sealed, tmp_path / "scratch", keys.ann)
    assert isinstance(error, SealError)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60 * 1024


def test_open_of_a_segment_that_needs_a_great_window_is_refused(letter: Sealing, keys: Keys, tmp_path: Path) -> None:
    """A reader's memory is not the writer's to ask for."""
    letter.pack = ("zstd", "--long=27", "-q", "-c")
    error = refused(letter.write(tmp_path / "sealed"), tmp_path / "scratch", keys.ann)
    assert "memory" in error.message


@pytest.mark.parametrize(
    ("limit", "words"),
    [({"segment_members_max": 100}, "more than 100 files"), ({"segment_bytes_max": 64 << 10}, "unpacks to more than")],
)
def test_open_of_some_files_behind_endless_empty_ones_is_refused(
    letter: Sealing, keys: Keys, tmp_path: Path, limit: dict[str, int], words: str
) -> None:
    """An empty file takes a header, and a million of them next to nothing once packed."""
    empty = _member("files/z", size=0).tobuf(tarfile.USTAR_FORMAT)
    letter.tars = [empty * 300 + _good()]
    limits = replace(DEFAULT_LIMITS, **limit)
    sealed = letter.write(tmp_path / "sealed")
    error = refused(sealed, tmp_path / "scratch", keys.ann, only=(PATH,), limits=limits)
    assert (error.place, words in error.message) == ("segments/000000.age", True), error


# --- envelopes --------------------------------------------------------------------------------------------------------


ENVELOPES: dict[str, tuple[dict[str, Any], type[PortabilityError], str]] = {
    "junk": ({"envelope": lambda _: b"junk\n"}, DecryptionError, "another key than the one the manifest commits to"),
    "another deposit's key": (
        {"envelope": lambda _: run("age-keygen").split()[-1] + b"\n"},
        DecryptionError,
        "another key than the one the manifest commits to",
    ),
    "a key file that is more than its key": (
        {"envelope": lambda identity: f"# of the deposit\n{identity}\n".encode()},
        DecryptionError,
        "another key than the one the manifest commits to",
    ),
    "two keys": (
        {"envelope": lambda identity: f"{identity}\n".encode() + run("age-keygen").split()[-1] + b"\n"},
        DecryptionError,
        "another key than the one the manifest commits to",
    ),
    "no age file": ({"wrap": lambda content, _: content}, SealError, "age"),
    "an armored age file": ({"wrap": lambda content, to: run("age", "-a", "-r", to, given=content)}, SealError, "age"),
    "a plugin's recipient beside ours": (
        {"wrap": lambda content, to: _with_stanza(encrypt(content, to), b"-> piv-p256 AAAAAA\n\n")},
        SealError,
        "piv-p256",
    ),
    "a passphrase": (
        {"wrap": lambda content, to: _with_stanza(encrypt(content, to), b"-> scrypt AAAAAAAAAAAAAAAAAAAAAA 18\n\n")},
        SealError,
        "scrypt",
    ),
    "another recipient's in its place": (
        {"wrap": lambda content, _: encrypt(content, "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj")},
        DecryptionError,
        "does not open with the key of ann",
    ),
}


def _with_stanza(age: bytes, stanza: bytes) -> bytes:
    line, _, rest = age.partition(b"\n")
    return line + b"\n" + stanza + rest


@pytest.mark.parametrize("case", ENVELOPES)
def test_open_of_a_wrong_envelope_is_refused(letter: Sealing, keys: Keys, tmp_path: Path, case: str) -> None:
    """Its own key, in an age file for its own recipient, or nothing."""
    changes, kind, words = ENVELOPES[case]
    for name, value in changes.items():
        setattr(letter, name, value)
    error = refused(letter.write(tmp_path / "sealed"), tmp_path / "scratch", keys.ann)
    assert isinstance(error, kind)
    assert (error.place, words in error.message) == ("keys/ann.age", True), error


NOT_A_DEPOSIT: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "two newlines": lambda line: line + b"\n",
    "a Windows newline": lambda line: line.replace(b"\n", b"\r\n"),
    "a comment": lambda line: b"# key\n" + line,
    "two keys": lambda line: line * 2,
    "lower case": bytes.lower,
    "a letter changed": lambda line: line[:30] + (b"Q" if line[30:31] != b"Q" else b"P") + line[31:],
    "an OpenSSH key": lambda _: b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
    "an RSA key that takes a day to read": lambda _: b"-----BEGIN RSA PRIVATE KEY-----\n" + b"A" * 60_000,
    "a plugin's key": lambda _: b"AGE-PLUGIN-YUBIKEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSN\n",
    "an age file": lambda line: encrypt(line, "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"),
}


def test_deposit_identity_is_one_line_and_nothing_else() -> None:
    """What is in an envelope was chosen by whoever made it; no reader of key files sees it."""
    line = run("age-keygen").splitlines()[-1] + b"\n"
    assert deposit_identity(line).secret.encode() == deposit_identity(line[:-1]).secret.encode() == line[:-1]
    for case, change in NOT_A_DEPOSIT.items():
        with pytest.raises(DecryptionError) as caught:
            deposit_identity(change(line))
        assert caught.value.message == "the envelope holds no key of a deposit", case
