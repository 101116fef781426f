"""Whatever bytes come as a signature, a trust file or a key: a refusal, never another error, never a wait."""

from __future__ import annotations

import base64
import contextlib
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portability.errors import ConfigError, SignatureError
from portability.limits import DEFAULT_LIMITS
from portability.signing import ARCHIVE_NAMESPACE, check_signature, load_signing_key, read_signature
from portability.signing.key_files import PrivateKeyFile, parse_key, parse_private_key
from portability.signing.sshsig import armor, signed_data
from portability.signing.trust import parse_trust
from portability.signing.wire import pack_string, pack_uint32
from tests.signing.conftest import PASSPHRASE, SshKeygen

CONTENT = b"content\n"
relaxed = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def armored(data: bytes) -> bytes:
    """Armor any bytes as a signature."""
    text = base64.b64encode(data)
    lines = b"".join(text[at : at + 70] + b"\n" for at in range(0, len(text), 70))
    return b"-----BEGIN SSH SIGNATURE-----\n" + lines + b"-----END SSH SIGNATURE-----\n"


def unarmored(content: bytes) -> bytes:
    """Return what a PEM-like file holds."""
    return base64.b64decode(b"".join(content.splitlines()[1:-1]))


fields = st.lists(
    st.one_of(
        st.binary(max_size=40).map(pack_string),
        st.sampled_from([b"ssh-ed25519", b"ssh-rsa", b"ecdsa-sha2-nistp256", b"sha512", b"nistp256", b""]).map(
            pack_string
        ),
        st.integers(0, 2**32 - 1).map(pack_uint32),
        st.binary(max_size=8),
    ),
    max_size=8,
).map(b"".join)


@relaxed
@given(data=st.one_of(st.binary(max_size=300), fields.map(lambda rest: b"SSHSIG" + pack_uint32(1) + rest)))
def test_read_signature_any_bytes_are_a_signature_or_refused(data: bytes) -> None:
    """Bytes with and without armor, with the right beginning or not."""
    for content in (data, armored(data)):
        with contextlib.suppress(SignatureError):
            read_signature(content)


@relaxed
@given(key=fields, value=fields)
def test_check_signature_any_key_and_value_are_refused(key: bytes, value: bytes) -> None:
    """A well formed signature whose key and value are made up."""
    names = (ARCHIVE_NAMESPACE.encode(), b"", b"sha512")
    parts = [pack_string(pack_string(b"ssh-ed25519") + key), *map(pack_string, names), pack_string(value)]
    with pytest.raises(SignatureError):
        check_signature(CONTENT, armored(b"SSHSIG" + pack_uint32(1) + b"".join(parts)), namespace=ARCHIVE_NAMESPACE)


@relaxed
@given(data=st.data())
def test_check_signature_damaged_within_is_refused(ssh_keygen: SshKeygen, data: st.DataObject) -> None:
    """A good signature of any kind of key, with some bytes exchanged below the armor."""
    name = data.draw(st.sampled_from(["ann", "rsa", "p256", "p521"]))
    good = _signature(ssh_keygen, name)
    at = data.draw(st.integers(0, len(good) - 1))
    new = data.draw(st.binary(min_size=1, max_size=4))
    changed = good[:at] + new + good[at + len(new) :]
    if changed != good:
        with pytest.raises(SignatureError):
            check_signature(CONTENT, armored(changed), namespace=ARCHIVE_NAMESPACE)


_MADE: dict[str, bytes] = {}


def _signature(ssh_keygen: SshKeygen, name: str) -> bytes:
    if name not in _MADE:
        _MADE[name] = unarmored(ssh_keygen.sign(name, CONTENT, namespace=ARCHIVE_NAMESPACE))
    return _MADE[name]


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHFyyMeZphheXk4Qo5kERn9m9oVyH9IZB0YWvHNKnK7r"
words = st.sampled_from(
    [KEY, "ann", "*", "!a,b", " ", "\t", '"', "\\", ",", "=", "#", "\n", "\r", "\0", "é", "ssh-rsa", "AAAA"]
) | st.sampled_from(
    ['namespaces="x"', 'valid-after="20260101Z"', 'valid-before="99991231235959"', 'valid-after="00000000"']
)


@relaxed
@given(text=st.lists(st.one_of(words, st.text(max_size=5)), max_size=12))
def test_parse_trust_any_text_is_a_trust_file_or_refused(text: list[str]) -> None:
    """Lines made of the words of the format, and of anything."""
    content = "".join(text).encode("utf-8", errors="surrogatepass")
    with contextlib.suppress(ConfigError):
        assert parse_trust(content, "signers").signers


@relaxed
@given(content=st.one_of(st.binary(max_size=200), fields))
def test_parse_key_any_bytes_are_a_key_or_refused(content: bytes) -> None:
    """Public lines, private armor and the bytes below it."""
    body = base64.b64encode(b"openssh-key-v1\0" + content)
    private = b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + body + b"\n-----END OPENSSH PRIVATE KEY-----\n"
    public = b"ssh-ed25519 " + base64.b64encode(content)
    for tried in (content, private, public):
        with contextlib.suppress(ConfigError):
            parse_key(tried, "key")


@relaxed
@given(data=st.data())
def test_private_key_damaged_within_signs_with_its_own_key_or_is_refused(
    ssh_keygen: SshKeygen, data: st.DataObject
) -> None:
    """A key with some bytes exchanged never signs as another key than the one that it announces."""
    good = unarmored(ssh_keygen.key("ann").read_bytes())
    at = data.draw(st.integers(0, len(good) - 1))
    changed = good[:at] + data.draw(st.binary(min_size=1, max_size=4)) + good[at + 1 :]
    text = base64.encodebytes(changed)
    content = b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + text + b"-----END OPENSSH PRIVATE KEY-----\n"
    with contextlib.suppress(ConfigError):
        found = parse_private_key(content, "key")
        private = found.unlock(None)
        assert pack_string(private.public_key().public_bytes_raw()) in found.key.blob


@pytest.mark.parametrize("rounds", [DEFAULT_LIMITS.key_kdf_rounds_max + 1, 2**32 - 1])
def test_load_signing_key_that_asks_for_endless_rounds_is_refused_at_once(
    ssh_keygen: SshKeygen, tmp_path: Path, rounds: int
) -> None:
    """A key file cannot make us work for a year; the passphrase is not even asked for."""
    good = unarmored(ssh_keygen.key("locked").read_bytes())
    at = good.index(b"bcrypt") + len(b"bcrypt") + 4 + 4 + 16
    changed = base64.encodebytes(good[:at] + pack_uint32(rounds) + good[at + 4 :])
    path = tmp_path / "key"
    path.write_bytes(b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + changed + b"-----END OPENSSH PRIVATE KEY-----\n")
    path.chmod(0o600)
    begun = time.process_time()
    with pytest.raises(ConfigError, match="more rounds than the limit"):
        load_signing_key(str(path), passphrase=lambda _: PASSPHRASE)
    assert time.process_time() - begun < 5


def test_private_key_that_announces_another_is_refused(ssh_keygen: SshKeygen) -> None:
    """The public part in the clear is not believed before the private part agrees."""
    ann, bob = (unarmored(ssh_keygen.key(name).read_bytes()) for name in ("ann", "bob"))
    key = parse_private_key(ssh_keygen.key("bob").read_bytes(), "bob").key
    mine = parse_private_key(ssh_keygen.key("ann").read_bytes(), "ann").key
    swapped = base64.encodebytes(ann.replace(mine.blob, key.blob, 1))
    content = b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + swapped + b"-----END OPENSSH PRIVATE KEY-----\n"
    found = parse_private_key(content, "key")
    assert isinstance(found, PrivateKeyFile)
    assert (found.key, ann != bob) == (key, True)
    with pytest.raises(ConfigError, match=r"damaged|announces"):
        found.unlock(None)


def test_signature_of_one_key_under_anothers_name_is_refused(ssh_keygen: SshKeygen) -> None:
    """The key stands beside the signature, unsigned: it cannot be exchanged all the same."""
    ann, bob = (read_signature(ssh_keygen.sign(name, CONTENT, namespace="x")) for name in ("ann", "bob"))
    with pytest.raises(SignatureError, match="not over these bytes"):
        check_signature(CONTENT, armor(bob.key, ann.value, namespace="x"), namespace="x")
    ann.key.verify(ann.value, signed_data(CONTENT, namespace="x"))
