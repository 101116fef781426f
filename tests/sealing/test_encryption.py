"""The age layer: what it makes stock age reads, what it reads it reads strictly, what fails says why."""

from __future__ import annotations

import errno
import io
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portability.errors import ConfigError, DecryptionError, FormatError
from portability.sealing.encryption import (
    Identity,
    ciphertext_length,
    decrypt_stream,
    encrypt_stream,
    new_identity,
    parse_identities,
    parse_recipient,
    plaintext_length,
    read_header,
    recipient_of,
)
from portability.sealing.payload_writing import AgeWriter
from tests.sealing.conftest import Custodian

Keys = dict[str, Custodian]
HEADER = (
    b"age-encryption.org/v1\n-> X25519 WVuaXDrLCN+pntnS37geIWR1u2ua4DpSIKPeOag7Ois\n"
    b"fYztGGtAdWBLntQRwwHyJN+jX0e2xFr5zqfg8DtlAnA\n--- 77SaSMsRmC1dWwxuVp8/NfxZiCyUVDphNPTX9FPcdRM\n"
)


def sealed(content: bytes, *identities: Identity) -> bytes:
    """Encrypt bytes."""
    sink = io.BytesIO()
    encrypt_stream(io.BytesIO(content), sink, [recipient_of(each) for each in identities])
    return sink.getvalue()


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 1_000_000])
def test_encrypt_stream_stock_age_reads_it_and_its_length_is_exact(size: int, custodians: Keys) -> None:
    """At each edge of a chunk: stock age decrypts it, and both arithmetic ways agree with the bytes."""
    keys, content, sink = [parse_recipient(one.public) for one in custodians.values()], b"x" * size, io.BytesIO()
    written = encrypt_stream(io.BytesIO(content), sink, keys)
    header = read_header(io.BytesIO(sink.getvalue())).length_bytes
    assert written.size_bytes == len(sink.getvalue()) == ciphertext_length(header, size)
    assert plaintext_length(header, written.size_bytes) == size
    for one in custodians.values():
        command = ["age", "-d", "-i", str(one.file)]
        assert subprocess.run(command, input=sink.getvalue(), capture_output=True, check=True).stdout == content


@pytest.mark.parametrize("piece", [1_000, 65_536, 200_000])
@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 131_072, 300_000])
def test_age_writer_makes_what_stock_age_and_the_library_read(size: int, piece: int, custodians: Keys) -> None:
    """However the plaintext arrives, and at each edge of a chunk, both read it back and its length is exact."""
    content, sink = b"x" * size, io.BytesIO()
    writer = AgeWriter(sink, parse_recipient(custodians["ann"].public))
    for start in range(0, size, piece):
        writer.write(content[start : start + piece])
    written = writer.finish()
    header = read_header(io.BytesIO(sink.getvalue()))
    assert (written.plain_bytes, written.size_bytes) == (size, len(sink.getvalue()))
    assert written.size_bytes == ciphertext_length(header.length_bytes, size)
    assert [stanza.type for stanza in header.stanzas] == ["X25519"]
    command = ["age", "-d", "-i", str(custodians["ann"].file)]
    assert subprocess.run(command, input=sink.getvalue(), capture_output=True, check=True).stdout == content
    again = io.BytesIO()
    decrypt_stream(io.BytesIO(sink.getvalue()), again, parse_identities(custodians["ann"].file.read_bytes()))
    assert again.getvalue() == content


def test_age_writer_never_uses_a_key_twice(custodians: Keys) -> None:
    """The same content for the same recipient has nothing in common but its version line."""
    made = []
    for _ in range(2):
        sink = io.BytesIO()
        writer = AgeWriter(sink, parse_recipient(custodians["ann"].public))
        writer.write(bytes(100_000))
        writer.finish()
        made.append(sink.getvalue())
    blocks = [{data[start : start + 16] for start in range(64, len(data) - 16, 16)} for data in made]
    assert not blocks[0] & blocks[1]


@pytest.mark.parametrize("name", ["ann", "ben", "cat"])
def test_decrypt_stream_reads_what_stock_age_made(name: str, custodians: Keys) -> None:
    """Stock age's files open with the identities that stock tools made."""
    command = ["age", "-r", " ".join(custodians[name].public.split()[:2])]
    made = subprocess.run(command, input=b"content", capture_output=True, check=True).stdout
    sink = io.BytesIO()
    assert decrypt_stream(io.BytesIO(made), sink, parse_identities(custodians[name].file.read_bytes())) == 7
    assert sink.getvalue() == b"content"


@pytest.mark.parametrize(
    "spoil",
    [lambda data: data[:-1], lambda data: data + b"x", lambda data: data[:-1] + bytes([data[-1] ^ 1]), lambda _: b""],
    ids=["cut", "extended", "flipped", "empty"],
)
def test_decrypt_stream_damaged_file_is_refused(spoil: object) -> None:
    """Whatever is wrong with the bytes, it is one kind of error."""
    identity = new_identity()
    with pytest.raises(DecryptionError, match="damaged"):
        decrypt_stream(io.BytesIO(spoil(sealed(b"content", identity))), io.BytesIO(), [identity])  # type: ignore[operator]


def test_decrypt_stream_wrong_key_says_so() -> None:
    """A key that does not fit is told apart from damage."""
    with pytest.raises(DecryptionError, match="no key at hand"):
        decrypt_stream(io.BytesIO(sealed(b"content", new_identity())), io.BytesIO(), [new_identity()])


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_encrypt_stream_full_disk_is_raised_as_it_was(size: int) -> None:
    """The library swallows or rewrites what a writer raises, even for its last bytes; the caller gets the original."""

    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OSError, match="full") as caught:
        encrypt_stream(io.BytesIO(b"x" * size), Full(), [recipient_of(new_identity())])
    assert caught.value.errno == errno.ENOSPC


def test_identity_is_shown_nowhere() -> None:
    """Neither its repr nor its text as part of another object holds the key."""
    identity = new_identity()
    assert identity.secret.startswith("AGE-SECRET-KEY-1")
    assert identity.secret not in f"{identity!r} {[identity]} {identity}"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", ConfigError),
        (b"# only a comment\n", ConfigError),
        (b"age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq\n", ConfigError),
        (b"AGE-SECRET-KEY-1QQQQ\n", ConfigError),
        (b"\xff\xfe", ConfigError),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", ConfigError),
        (b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", DecryptionError),
    ],
)
def test_parse_identities_what_is_none_is_refused(content: bytes, error: type[Exception]) -> None:
    """A file without a usable private key is one sentence."""
    with pytest.raises(error):
        parse_identities(content, place="file", passphrase=lambda _: "")


def test_parse_identities_under_a_passphrase(tmp_path: Path) -> None:
    """An encrypted OpenSSH key opens with its passphrase, says so with another, and asks nobody without one."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "right", "-f", str(tmp_path / "key")]
    subprocess.run(command, check=True)
    content = (tmp_path / "key").read_bytes()
    (identity,) = parse_identities(content, passphrase=lambda _: "right")
    assert recipient_of(identity).text == " ".join((tmp_path / "key.pub").read_text().split()[:2])
    for passphrase in (lambda _: "wrong", None):
        with pytest.raises(DecryptionError):
            parse_identities(content, passphrase=passphrase)


def test_read_header_leaves_the_stream_behind_it() -> None:
    """What follows the header is the payload."""
    stream = io.BytesIO(HEADER + b"payload")
    header = read_header(stream)
    assert (header.length_bytes, stream.read()) == (len(HEADER), b"payload")
    assert [(stanza.type, len(stanza.body)) for stanza in header.stanzas] == [("X25519", 32)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"v1", b"v2"),
        (b"\n--- ", b"\n---"),
        (b"cdRM\n", b"cdRM"),
        (b"cdRM", b"cdRN"),
        (b"cdRM\n", b"cdRM=\n"),
        (b"cdRM\n", b"cdR\n"),
        (b"-> X25519", b"->  X25519"),
        (b"-> X25519", b"-> X\xc3\xa9"),
        (b"-> X25519", b"- X25519"),
        (b"AnA\n", b"AnB\n"),
        (b"AnA\n", b"AnA=\n"),
        (b"AnA\n", b"AnA" + b"A" * 40 + b"\n"),
        (b"\n", b"\r\n"),
        (b"age-encryption", b"-----BEGIN AGE ENCRYPTED FILE-----\nage-encryption"),
        (b"-> X25519", b"-> X " + b"y" * 70_000 + b"\n\n-> X25519"),
        (b"-> X25519", b"-> X\n\n" * 64 + b"-> X25519"),
    ],
)
def test_read_header_that_is_not_canonical_is_refused(old: bytes, new: bytes) -> None:
    """One byte out of place is another format, or somebody's experiment."""
    spoilt = HEADER.replace(old, new)
    assert spoilt != HEADER
    with pytest.raises(FormatError):
        read_header(io.BytesIO(spoilt))


@given(st.binary(max_size=300), st.integers(0, len(HEADER)), st.integers(0, len(HEADER)))
def test_read_header_of_anything_is_a_header_or_an_error(noise: bytes, start: int, end: int) -> None:
    """Whatever stands in a header's place, there is no other exception and nothing is read past the limit."""
    stream = io.BytesIO(HEADER[:start] + noise + HEADER[end:])
    try:
        header = read_header(stream)
    except FormatError:
        return
    assert header.length_bytes == stream.tell()


@given(st.integers(0, 1 << 50), st.integers(100, 70_000))
def test_plaintext_length_is_the_way_back(plain: int, header: int) -> None:
    """Both arithmetic ways agree for every length, and a length between two possible ones is refused."""
    size = ciphertext_length(header, plain)
    assert plaintext_length(header, size) == plain
    if plain % 65_536 == 0 and plain:
        with pytest.raises(FormatError):
            plaintext_length(header, size + 1)
