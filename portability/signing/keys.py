"""The key that signs: an Ed25519 key of OpenSSH from a file, or one in the ssh-agent named by its ``.pub`` file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from portability.errors import ConfigError
from portability.signing.agent import agent_has, agent_sign
from portability.signing.key_files import PrivateKeyFile, read_key_file
from portability.signing.public_keys import ED25519, SK_ED25519, PublicKey
from portability.signing.sshsig import armor, signed_data
from portability.signing.wire import pack_string

__all__ = ["SigningKey", "load_signing_key", "signing_key_of"]


class SigningKey:
    """A key that can sign now. What it shows of itself is public; it cannot be pickled."""

    __slots__ = ("_key", "_sign")

    def __init__(self, key: PublicKey, sign: Callable[[bytes], bytes]) -> None:
        self._key = key
        self._sign = sign

    @property
    def public_line(self) -> str:
        """The public half as one line of a ``.pub`` file."""
        return self._key.line

    @property
    def fingerprint(self) -> str:
        """``SHA256:...`` as ``ssh-keygen -l`` shows it."""
        return self._key.fingerprint

    def sign(self, content: bytes | BinaryIO, *, namespace: str) -> bytes:
        """Return an armored signature over exactly these bytes, checked before it is given away.

        Raises:
            ConfigError: The agent refused.
            SignatureError: What was made does not verify: a faulty agent or a faulty machine.
        """
        message = signed_data(content, namespace=namespace)
        value = self._sign(message)
        self._key.verify(value, message)
        return armor(self._key, value, namespace=namespace)

    def __repr__(self) -> str:
        return f"<SigningKey {self.fingerprint}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signing key is not written anywhere")


def load_signing_key(text: str, *, passphrase: Callable[[str], str] | None = None) -> SigningKey:
    """Load the key that a person named.

    Args:
        text: The path of a private key, or of a ``.pub`` file whose private half is in the ssh-agent.
        passphrase: Asked for an encrypted key's passphrase, with the words to ask with.

    Raises:
        ConfigError: There is no such key, others can read it, it cannot be unlocked, or it is not an Ed25519 key.
    """
    found = read_key_file(Path(text))
    if isinstance(found, PrivateKeyFile):
        _check_kind(found.key, text, able=(ED25519,))
        return _from_file(found, passphrase)
    _check_kind(found, text, able=(ED25519, SK_ED25519))
    if not agent_has(found):
        hint = "Add it with ssh-add, or name the private key's file."
        raise ConfigError("the ssh-agent does not have the private half of this key", place=text, hint=hint)
    return SigningKey(found, lambda message: agent_sign(found, message))


def _check_kind(key: PublicKey, place: str, *, able: tuple[str, ...]) -> None:
    if key.kind not in able:
        agent = (
            " One on a security key signs through the ssh-agent: name its .pub file." if key.kind == SK_ED25519 else ""
        )
        hint = f"portability keys new FILE --kind signing makes one.{agent}"
        raise ConfigError(f"this is a {key.kind} key; only Ed25519 keys sign here", place=place, hint=hint)


def _from_file(found: PrivateKeyFile, passphrase: Callable[[str], str] | None) -> SigningKey:
    if found.encrypted and passphrase is None:
        raise ConfigError("the key is encrypted and there is no passphrase", place=found.place)
    secret = passphrase(f"Passphrase for {found.place}") if found.encrypted and passphrase is not None else None
    return signing_key_of(found.unlock(secret))


def signing_key_of(private: Ed25519PrivateKey) -> SigningKey:
    """Return the key that signs with a private key at hand."""
    kind = pack_string(ED25519.encode("ascii"))
    blob = kind + pack_string(private.public_key().public_bytes_raw())
    return SigningKey(PublicKey(kind=ED25519, blob=blob), lambda message: kind + pack_string(private.sign(message)))
