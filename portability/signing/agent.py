"""The ssh-agent: two of its messages (draft-ietf-sshm-ssh-agent), which keys it has and one signature.

The private half never comes here. Some fifty lines instead of paramiko or asyncssh: those bring a whole SSH client,
and this program opens no SSH connection with them. An answer is bounded, and waited for no longer than a person needs
to confirm or to touch a security key.
"""

from __future__ import annotations

import os
import socket

from portability.errors import ConfigError
from portability.limits import DEFAULT_LIMITS
from portability.signing.public_keys import PublicKey
from portability.signing.wire import WireError, WireReader, pack_string, pack_uint32

__all__ = ["agent_has", "agent_sign"]

_LIST, _KEYS = 11, 12
_SIGN, _SIGNED = 13, 14
_HINT = "Start one and add the key: eval $(ssh-agent); ssh-add FILE"


def agent_has(key: PublicKey) -> bool:
    """Return whether the agent named by SSH_AUTH_SOCK holds the private half of a key.

    Raises:
        ConfigError: There is no agent, or it does not answer.
    """
    answer = _ask(bytes([_LIST]), _KEYS)
    try:
        blobs = []
        for _ in range(answer.uint32()):
            blobs.append(answer.string())
            answer.string()  # its comment
    except WireError:
        raise _silent() from None
    return key.blob in blobs


def agent_sign(key: PublicKey, message: bytes) -> bytes:
    """Let the agent sign, and return the signature as SSH encodes it.

    Raises:
        ConfigError: The agent refuses.
    """
    answer = _ask(bytes([_SIGN]) + pack_string(key.blob) + pack_string(message) + pack_uint32(0), _SIGNED)
    try:
        value = answer.string()
        answer.finish()
    except WireError:
        raise _silent() from None
    return value


def _ask(message: bytes, expected: int) -> WireReader:
    path = os.environ.get("SSH_AUTH_SOCK")
    if not path or not hasattr(socket, "AF_UNIX"):
        raise ConfigError("there is no ssh-agent: SSH_AUTH_SOCK is not set", hint=_HINT)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(DEFAULT_LIMITS.agent_timeout_s)
            connection.connect(path)
            connection.sendall(pack_string(message))
            length = WireReader(_receive(connection, 4)).uint32()
            if not 0 < length <= DEFAULT_LIMITS.agent_bytes_max:
                raise _silent()
            reader = WireReader(_receive(connection, length))
    except OSError:
        raise _silent() from None
    if reader.byte() != expected:
        raise ConfigError("the ssh-agent refuses", hint="It may be locked, or a person declined to confirm.")
    return reader


def _receive(connection: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        chunk = connection.recv(count - len(received))
        if not chunk:
            raise _silent()
        received += chunk
    return received


def _silent() -> ConfigError:
    return ConfigError("the ssh-agent gives no answer that can be understood", hint=_HINT)
