"""A connection to an SSH server that is known by its pinned key; the only module that logs in anywhere.

There is no trust on first use: a key that is not pinned ends the connection before anything is said, and the error
shows its fingerprint, to be compared with what the agent reads out.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import logging
import socket
import stat
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key
from paramiko.packet import Packetizer

from portability.depositories.config import DepositoryConfig, Place, SshLogin, parse_jump, secret_text
from portability.depositories.sftp_session import lost_connection
from portability.errors import ConfigError, DepositoryError, DepositoryRefusedError
from portability.limits import DEFAULT_LIMITS, MIB

__all__ = ["Asker", "is_plain_key", "open_transport"]

Asker = Callable[[str], str]

# It reports through `logging` what we raise; without this the last resort would print it, traceback and all.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")
_KEY_TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
_AGENT_KEYS_MAX = 6  # servers hang up after six refused keys


class _Packetizer(Packetizer):
    """Exchanges keys anew after 4 GiB: AES-GCM is good for far more, and each time costs a round trip or two."""

    REKEY_BYTES = 4 * 1024 * MIB
    REKEY_BYTES_OVERFLOW_MAX = 512 * MIB


@dataclass(frozen=True, kw_only=True)
class _Pins:
    """The keys that a server may show."""

    fingerprints: frozenset[str]
    key_types: frozenset[str]  # empty when only fingerprints are pinned


@contextmanager
def open_transport(config: DepositoryConfig, place: Place, asker: Asker | None) -> Iterator[paramiko.Transport]:
    """Connect, through the jump host where there is one, and log in.

    Raises:
        ConfigError: A pin, key or secret cannot be used.
        DepositoryError: The server cannot be reached now.
        DepositoryRefusedError: It shows another key, or refuses the login.
    """
    if config.login is None:
        raise ConfigError("an SFTP depository needs a login with host_keys", place=config.name)
    with ExitStack() as stack:
        if config.jump is None:
            pipe: Any = stack.enter_context(_connected(config.name, place))
        else:
            through = parse_jump(config.jump, config.name)
            wire = stack.enter_context(_connected(config.name, through))
            jump = stack.enter_context(_logged_in(config.name, through, config.jump.login, wire, asker))
            pipe = _forwarded(config.name, jump, place)
        yield stack.enter_context(_logged_in(config.name, place, config.login, pipe, asker))


@contextmanager
def _connected(name: str, place: Place) -> Iterator[socket.socket]:
    hint = "Check the network and the address, then run again."
    try:
        wire = socket.create_connection((place.host, place.port), timeout=DEFAULT_LIMITS.depository_timeout_s)
    except OSError as error:
        message = f"{place.host} port {place.port} cannot be reached: {error.strerror or 'no answer'}"
        raise DepositoryError(message, place=name, hint=hint) from error
    with wire:
        # Without this small requests wait for each other: 2,000 files took 45 s instead of 2.
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        yield wire


def _forwarded(name: str, jump: paramiko.Transport, place: Place) -> paramiko.Channel:
    try:
        with lost_connection():
            return jump.open_channel("direct-tcpip", (place.host, place.port), ("127.0.0.1", 0))
    except paramiko.SSHException as error:
        hint = "Ask who runs the jump host whether it may forward there."
        message = f"the jump host does not lead to {place.host} port {place.port}"
        raise DepositoryRefusedError(message, place=name, hint=hint) from error


@contextmanager
def _logged_in(
    name: str,
    place: Place,
    login: SshLogin,
    pipe: Any,  # noqa: ANN401 -- a socket or a channel
    asker: Asker | None,
) -> Iterator[paramiko.Transport]:
    pins = _parse_pins(login.host_keys, name)
    transport = paramiko.Transport(pipe, packetizer_class=_Packetizer)
    try:
        options = transport.get_security_options()
        options.ciphers = _CIPHERS
        known = [kind for kind in _KEY_TYPES if _plain(kind) in pins.key_types or not pins.key_types]
        options.key_types = tuple(known) or _KEY_TYPES
        _greet(transport, name, place)
        _check_host_key(transport, pins, name, place)
        _log_in(transport, name, place, login, asker)
        yield transport
    finally:
        transport.close()


def _greet(transport: paramiko.Transport, name: str, place: Place) -> None:
    try:
        with lost_connection():
            transport.start_client(timeout=DEFAULT_LIMITS.depository_timeout_s)
    except paramiko.ssh_exception.IncompatiblePeer as error:
        hint = "Ask the agent for a server that is maintained, or pin a key of the kind that it has."
        message = f"{place.host} offers no host key or cipher that we accept"
        raise DepositoryRefusedError(message, place=name, hint=hint) from error
    except paramiko.SSHException as error:
        hint = "Is it an SSH server? Then run again."
        raise DepositoryError(
            f"{place.host} port {place.port} broke off the greeting", place=name, hint=hint
        ) from error


def _parse_pins(lines: tuple[str, ...], name: str) -> _Pins:
    fingerprints, types = set(), set()
    for line in lines:
        words = line.split()
        if len(words) == 1 and words[0].startswith("SHA256:"):
            fingerprints.add(words[0].rstrip("="))
            continue
        at = next((i for i, word in enumerate(words[:3]) if word.startswith(("ssh-", "ecdsa-", "sk-"))), None)
        if at is None or at + 1 >= len(words) or line.lstrip().startswith("@"):
            hint = "Give SHA256:…, or a line as ssh-keyscan prints it, compared with what the agent reads out."
            raise ConfigError("a host key is none", place=f"{name}: host_keys", hint=hint)
        fingerprints.add(_fingerprint(words[at + 1], name))
        types.add(words[at])
    if not fingerprints:
        hint = "Ask the agent for the fingerprint of the server's key; nothing is trusted on first use."
        raise ConfigError("no host key is pinned", place=f"{name}: host_keys", hint=hint)
    return _Pins(
        fingerprints=frozenset(fingerprints),
        key_types=frozenset(types) if types and not _has_bare(lines) else frozenset(),
    )


def _has_bare(lines: tuple[str, ...]) -> bool:
    return any(line.startswith("SHA256:") for line in lines)


def _fingerprint(encoded: str, name: str) -> str:
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise ConfigError("a host key is not base64", place=f"{name}: host_keys") from None
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _plain(kind: str) -> str:
    """Return the name that a key of a signature's kind has in known_hosts."""
    return "ssh-rsa" if kind.startswith("rsa-") else kind


def _check_host_key(transport: paramiko.Transport, pins: _Pins, name: str, place: Place) -> None:
    key = transport.get_remote_server_key()
    shown = "SHA256:" + base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
    if shown not in pins.fingerprints:
        message = f"{place.host} port {place.port} shows a host key that is not pinned: {key.get_name()} {shown}"
        hint = "Nothing was sent. Ask the agent, over another way, whether that is theirs; only then pin it."
        raise DepositoryRefusedError(message, place=name, hint=hint)


def _log_in(transport: paramiko.Transport, name: str, place: Place, login: SshLogin, asker: Asker | None) -> None:
    tried = []
    with closing(_ways(transport, name, place, login, asker)) as ways:
        for way, attempt in ways:
            tried.append(way)
            if _is_admitted(transport, name, attempt):
                return
    if not tried:
        raise ConfigError("no way to log in is given: key, agent or password", place=name)
    hint = "Ask the agent whether this key or password is still admitted for that account."
    message = f"{place.host} refuses the login of {place.user} (tried: {', '.join(tried)})"
    raise DepositoryRefusedError(message, place=name, hint=hint)


def _is_admitted(transport: paramiko.Transport, name: str, attempt: Callable[[], object]) -> bool:
    try:
        with lost_connection():
            attempt()
    except paramiko.AuthenticationException:
        return False
    except paramiko.SSHException as error:
        hint = "It may have too many logins at once; run again."
        raise DepositoryError("the server broke off the login", place=name, hint=hint) from error
    return transport.is_authenticated()


def _ways(
    transport: paramiko.Transport, name: str, place: Place, login: SshLogin, asker: Asker | None
) -> Generator[tuple[str, Callable[[], object]], None, None]:
    public = login.key is not None and login.key.suffix == ".pub"
    if login.key is not None and not public:
        key = _load_key(login.key, name, login, asker)
        yield "key", lambda: transport.auth_publickey(place.user, key)
    if login.agent:
        wanted = _public_blob(login.key, name) if login.key is not None and public else None
        with closing(paramiko.Agent()) as agent:
            keys = [key for key in agent.get_keys() if wanted is None or key.asbytes() == wanted]
            for each in keys[:_AGENT_KEYS_MAX]:
                yield "agent", lambda key=each: transport.auth_publickey(place.user, key)  # type: ignore[misc]
            if not keys:
                yield "agent, which holds no such key", _nothing
    password = secret_text(login.password, login.password_file, place=f"{name}: password")
    if password is not None:
        yield "password", lambda: transport.auth_password(place.user, password)


def _nothing() -> None:
    raise paramiko.AuthenticationException


def is_plain_key(login: SshLogin) -> bool:
    """Tell whether a login's key can be used by anybody who can read its file, and only its owner can."""
    if login.key is None or login.key.suffix == ".pub":
        return False
    try:
        if login.key.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            return False
        _paramiko_key(login.key.read_bytes(), None)
    except (OSError, TypeError, ValueError, UnsupportedAlgorithm, paramiko.SSHException):
        return False
    return True


def _public_blob(path: Path, name: str) -> bytes:
    try:
        return base64.b64decode(path.read_text(encoding="utf-8").split()[1], validate=True)
    except (OSError, ValueError, IndexError):
        raise ConfigError(f"{path} is no public key that can be read", place=name) from None


def _load_key(path: Path, name: str, login: SshLogin, asker: Asker | None) -> paramiko.PKey:
    place = f"{name}: key {path}"
    given = secret_text(login.key_passphrase, login.key_passphrase_file, place=f"{name}: key_passphrase")
    try:
        data = path.read_bytes()
        try:
            return _paramiko_key(data, given)
        except TypeError:  # it is encrypted
            if given is not None or asker is None:
                raise
            return _paramiko_key(data, asker(f"Passphrase of {path}"))
    except TypeError:
        hint = "Name it with key_passphrase: ${VARIABLE} or key_passphrase_file."
        raise ConfigError("the key is encrypted, and no passphrase is given", place=place, hint=hint) from None
    except OSError as error:
        raise ConfigError(f"the key cannot be read: {error.strerror}", place=place) from None
    except (paramiko.SSHException, ValueError, UnsupportedAlgorithm):
        raise ConfigError("the key is of no known kind, or its passphrase is wrong", place=place) from None


def _paramiko_key(data: bytes, passphrase: str | None) -> paramiko.PKey:
    """Return a key for paramiko, whose own search for the kind of a file cannot take a passphrase."""
    password = passphrase.encode() if passphrase else None
    try:
        loaded: object = load_ssh_private_key(data, password)
    except ValueError:
        loaded = load_pem_private_key(data, password)
    kind: type[paramiko.PKey] = paramiko.ECDSAKey
    if isinstance(loaded, ed25519.Ed25519PrivateKey):
        kind = paramiko.Ed25519Key
    elif isinstance(loaded, rsa.RSAPrivateKey):
        kind = paramiko.RSAKey
    return kind.from_private_key(io.StringIO(data.decode("ascii")), passphrase)
