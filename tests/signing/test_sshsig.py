"""SSHSIG both ways with the real ssh-keygen; every changed byte refused; content as long as it likes."""

from __future__ import annotations

import hashlib
import io
import tracemalloc
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from portability.errors import SignatureError
from portability.signing import (
    ARCHIVE_NAMESPACE,
    SEALED_NAMESPACE,
    Refusal,
    SignatureRefusedError,
    check_signature,
    load_signing_key,
    read_signature,
)
from portability.signing.public_keys import SK_ED25519, PublicKey
from portability.signing.sshsig import armor, signed_data
from portability.signing.wire import pack_string, pack_uint32
from tests.signing.conftest import SshKeygen

CONTENT = b"0" * 64 + b"  bag-info.txt\n"


def refusal(content: bytes, signature: bytes, namespace: str = ARCHIVE_NAMESPACE) -> Refusal:
    """Return why a signature is refused."""
    with pytest.raises(SignatureRefusedError) as caught:
        check_signature(content, signature, namespace=namespace)
    return caught.value.reason


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 3 * 1024 * 1024])
def test_sign_any_length_is_accepted_by_ssh_keygen(ssh_keygen: SshKeygen, tmp_path: Path, size: int) -> None:
    """What we sign, OpenSSH accepts, for content of any length; and so do we."""
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    signature = load_signing_key(str(ssh_keygen.key("ann"))).sign(io.BytesIO(content), namespace=ARCHIVE_NAMESPACE)
    trust = f"ann@firm.example {ssh_keygen.line('ann')}\n"
    options = ("-I", "ann@firm.example", "-n", ARCHIVE_NAMESPACE)
    assert ssh_keygen.accepts(tmp_path, trust, content, signature, *options)
    assert not ssh_keygen.accepts(tmp_path, trust, content + b"x", signature, *options)
    assert check_signature(content, signature, namespace=ARCHIVE_NAMESPACE).public_line == ssh_keygen.line("ann")


def test_sign_is_byte_for_byte_what_ssh_keygen_writes(ssh_keygen: SshKeygen) -> None:
    """Ed25519 signs without chance, so the two programs write the same file."""
    ours = load_signing_key(str(ssh_keygen.key("ann"))).sign(CONTENT, namespace=ARCHIVE_NAMESPACE)
    assert ours == ssh_keygen.sign("ann", CONTENT, namespace=ARCHIVE_NAMESPACE)


@pytest.mark.parametrize("hash_algorithm", ["sha512", "sha256"])
@pytest.mark.parametrize("name", ["ann", "rsa", "p256", "p384", "p521"])
def test_check_signature_by_ssh_keygen_is_right(ssh_keygen: SshKeygen, name: str, hash_algorithm: str) -> None:
    """Signatures of every kind of key that is accepted are right over their bytes and wrong over others."""
    signature = ssh_keygen.sign(name, CONTENT, namespace=ARCHIVE_NAMESPACE, hash_algorithm=hash_algorithm)
    found = check_signature(io.BytesIO(CONTENT), signature, namespace=ARCHIVE_NAMESPACE)
    assert (found.public_line, found.namespace) == (ssh_keygen.line(name), ARCHIVE_NAMESPACE)
    assert refusal(CONTENT[:-1], signature) is Refusal.WRONG
    assert refusal(CONTENT, signature, SEALED_NAMESPACE) is Refusal.OTHER_NAMESPACE


@pytest.mark.parametrize("name", ["ann", "p256"])
def test_check_signature_any_changed_byte_is_refused(ssh_keygen: SshKeygen, name: str) -> None:
    """Every byte of the file, changed to every value that one flipped bit or a neighbouring letter gives."""
    signature = ssh_keygen.sign(name, CONTENT, namespace=ARCHIVE_NAMESPACE)
    changes = (1, 2, 4, 8, 16, 32, 64, 128, 0x0A, 0xFF)
    for at in range(len(signature)):
        for change in changes:
            changed = bytearray(signature)
            changed[at] ^= change
            with pytest.raises(SignatureError):
                check_signature(CONTENT, bytes(changed), namespace=ARCHIVE_NAMESPACE)


def test_check_signature_any_cut_or_doubled_byte_is_refused(ssh_keygen: SshKeygen) -> None:
    """Left out, doubled or cut there: a signature has one form, its last line feed included."""
    signature = ssh_keygen.sign("ann", CONTENT, namespace=ARCHIVE_NAMESPACE)
    for at in range(len(signature)):
        for changed in (
            signature[:at],
            signature[:at] + signature[at + 1 :],
            signature[:at] + signature[at : at + 1] + signature[at:],
        ):
            if changed != signature:
                with pytest.raises(SignatureError):
                    check_signature(CONTENT, changed, namespace=ARCHIVE_NAMESPACE)


def test_read_signature_other_programs_lines_are_accepted(ssh_keygen: SshKeygen) -> None:
    """The protocol asks for lines of 76 characters; ssh-keygen writes 70."""
    lines = ssh_keygen.sign("ann", CONTENT, namespace=ARCHIVE_NAMESPACE).splitlines()
    text = b"".join(lines[1:-1])
    longer = b"\n".join([lines[0], *(text[at : at + 76] for at in range(0, len(text), 76)), lines[-1], b""])
    assert check_signature(CONTENT, longer, namespace=ARCHIVE_NAMESPACE).public_line == ssh_keygen.line("ann")


def security_key_signature(*, touched: bool = True) -> tuple[PublicKey, bytes]:
    """Sign as a security key does (PROTOCOL.u2f), by a key in memory."""
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    kind = pack_string(SK_ED25519.encode())
    blob = kind + pack_string(private.public_key().public_bytes_raw()) + pack_string(b"ssh:")
    message = signed_data(CONTENT, namespace=ARCHIVE_NAMESPACE)
    details = bytes([1 if touched else 0]) + pack_uint32(7)
    value = private.sign(hashlib.sha256(b"ssh:").digest() + details + hashlib.sha256(message).digest())
    key = PublicKey(kind=SK_ED25519, blob=blob)
    return key, armor(key, kind + pack_string(value) + details, namespace=ARCHIVE_NAMESPACE)


def test_check_signature_by_a_security_key_is_right(ssh_keygen: SshKeygen, tmp_path: Path) -> None:
    """The signature of an Ed25519 security key is accepted by OpenSSH and by us."""
    key, signature = security_key_signature()
    options = ("-I", "ann", "-n", ARCHIVE_NAMESPACE)
    assert ssh_keygen.accepts(tmp_path, f"ann {key.line}\n", CONTENT, signature, *options)
    assert check_signature(CONTENT, signature, namespace=ARCHIVE_NAMESPACE).key == key
    assert refusal(b"other", signature) is Refusal.WRONG


def test_check_signature_by_an_untouched_security_key_is_refused() -> None:
    """Nobody was there when it signed."""
    assert refusal(CONTENT, security_key_signature(touched=False)[1]) is Refusal.UNSUPPORTED


@pytest.mark.parametrize(
    ("algorithm", "reason"),
    [("ssh-rsa", Refusal.UNSUPPORTED), ("rsa-sha2-256", Refusal.WRONG), ("ssh-ed25519", Refusal.UNSUPPORTED)],
)
def test_check_signature_rsa_under_another_algorithm_is_refused(
    ssh_keygen: SshKeygen, algorithm: str, reason: Refusal
) -> None:
    """RSA with SHA-1 is refused by its name, and no signature counts as another algorithm's."""
    found = read_signature(ssh_keygen.sign("rsa", CONTENT, namespace=ARCHIVE_NAMESPACE))
    value = found.value.replace(pack_string(b"rsa-sha2-512"), pack_string(algorithm.encode()))
    assert refusal(CONTENT, armor(found.key, value, namespace=ARCHIVE_NAMESPACE)) is reason


def test_read_signature_weak_rsa_is_refused_with_a_sentence(ssh_keygen: SshKeygen) -> None:
    """1024 bits are broken; the sentence says what is enough."""
    signature = ssh_keygen.sign("weak_rsa", CONTENT, namespace=ARCHIVE_NAMESPACE)
    with pytest.raises(SignatureRefusedError, match="2048 are the least") as caught:
        read_signature(signature)
    assert caught.value.reason is Refusal.UNSUPPORTED


def test_sign_long_content_takes_no_memory(ssh_keygen: SshKeygen) -> None:
    """Content is hashed while it streams."""

    class Zeros(io.RawIOBase):
        left = 256 * 1024 * 1024

        def read(self, size: int = -1) -> bytes:
            chunk = bytes(min(size, self.left))
            self.left -= len(chunk)
            return chunk

    key = load_signing_key(str(ssh_keygen.key("ann")))
    tracemalloc.start()
    key.sign(Zeros(), namespace=ARCHIVE_NAMESPACE)  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 1024 * 1024
