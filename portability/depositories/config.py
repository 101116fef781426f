"""What a job file says of a depository: where it is and how to log in. No secret is ever in it.

A password or passphrase is named, not given: ``${VARIABLE}`` of the environment, or a file whose first line it is.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from portability.depositories.depository import check_name
from portability.errors import ConfigError
from portability.limits import DEFAULT_LIMITS

__all__ = [
    "DepositoryConfig",
    "JumpHost",
    "ObjectService",
    "Place",
    "SshLogin",
    "check_service",
    "parse_place",
    "secret_text",
]

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")  # what every service takes
_ACCESS_KEY = re.compile(r"[\x21-\x7e]{1,256}")  # it becomes part of a header
_REGION = re.compile(r"[A-Za-z0-9-]{1,63}")  # it becomes part of a host's name
_THIS_MACHINE = {"127.0.0.1", "::1", "localhost"}
_SSH_PORT = 22
Kind = Literal["sftp", "directory", "s3"]


@dataclass(frozen=True, kw_only=True)
class SshLogin:
    """How one SSH server is recognised, and how we log in there; the first way that is given and works is taken.

    Args:
        host_keys: Its pinned keys: known_hosts lines, ``ssh-ed25519 AAAA…`` or ``SHA256:…``. Never empty: there is no
            trust on first use.
        password: ``${VARIABLE}``.
        key: A private key file, encrypted or not.
        key_passphrase: ``${VARIABLE}``; without it, and without its file, the passphrase is asked for.
        agent: Ask the ssh-agent.
    """

    host_keys: tuple[str, ...]
    password: str | None = None
    password_file: Path | None = None
    key: Path | None = None
    key_passphrase: str | None = None
    key_passphrase_file: Path | None = None
    agent: bool = False


@dataclass(frozen=True, kw_only=True)
class JumpHost:
    """An SSH server through which the depository is reached: ``ssh://user@host:port``."""

    url: str
    login: SshLogin


@dataclass(frozen=True, kw_only=True)
class ObjectService:
    """An object storage service that speaks Amazon's S3 protocol, and how requests to it are signed.

    Args:
        access_key: The name of the key, which is no secret.
        secret_key: ``${VARIABLE}``.
        endpoint: ``https://host:port``; Amazon's own for the region when left out.
        ca_file: Certificates of the authorities to trust, in place of the well-known ones.
    """

    access_key: str
    secret_key: str | None = None
    secret_key_file: Path | None = None
    endpoint: str | None = None
    region: str = "us-east-1"
    ca_file: Path | None = None


@dataclass(frozen=True, kw_only=True)
class DepositoryConfig:
    """A depository as configured.

    Args:
        name: What people call it; every error names it.
        url: ``sftp://user@host:port/folder`` (``/~/folder`` below the home), ``directory:/folder``,
            ``file:///folder`` or ``s3://bucket/folder``.
        login: For sftp.
        jump: For sftp, where the server is only reached through another.
        service: For s3.
        connections: For sftp and s3: how many are open at once; where others do the bulk, the first carries little.
        marker: For a directory: a file that must lie in it, so that a medium that is not mounted is noticed.
        reserve_bytes: What must be left free after a deposit.
    """

    name: str
    url: str
    login: SshLogin | None = None
    jump: JumpHost | None = None
    service: ObjectService | None = None
    connections: int = 5
    marker: str | None = None
    reserve_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Place:
    """An address, taken apart; ``folder`` is relative to the home where it does not start with a slash.

    Of object storage ``host`` is the bucket, and ``folder`` what its names begin with.
    """

    kind: Kind
    folder: str
    user: str = ""
    host: str = ""
    port: int = _SSH_PORT


def parse_place(config: DepositoryConfig) -> Place:
    """Return what a depository's address says.

    Raises:
        ConfigError: It is no address of a kind we have, or carries a password.
    """
    address = _split(config.url, config.name)
    if address.scheme == "sftp":
        user, host, port = _server(address, config.name)
        folder = address.path.removeprefix("/~/") if address.path.startswith("/~/") else address.path
        return Place(kind="sftp", folder=unquote(folder).rstrip("/") or "/", user=user, host=host, port=port)
    if address.scheme in {"directory", "file"} and not address.netloc and address.path.startswith("/"):
        return Place(kind="directory", folder=unquote(address.path))
    if address.scheme == "s3" and address.netloc and _BUCKET.fullmatch(address.netloc):
        return Place(kind="s3", host=address.netloc, folder=_key_prefix(address.path, config.name))
    raise ConfigError(_unknown_kind(address.scheme), place=config.name, hint=_KINDS)


def parse_jump(jump: JumpHost, name: str) -> Place:
    """Return where a jump host is.

    Raises:
        ConfigError: It is no ``ssh://user@host:port``.
    """
    address = _split(jump.url, name)
    if address.scheme != "ssh" or address.path not in {"", "/"}:
        raise ConfigError("the jump host is no ssh://user@host:port", place=name)
    user, host, port = _server(address, name)
    return Place(kind="sftp", folder="", user=user, host=host, port=port)


def check_service(service: ObjectService, name: str) -> None:
    """Refuse what a job says of object storage and cannot be meant; no file and no variable is looked at.

    Raises:
        ConfigError: The endpoint is no https:// address of a host, or a key is not named as it must be.
    """
    hint = "Write service.endpoint as https://host:port."
    if service.endpoint is not None:
        address = _split(service.endpoint, name)
        if address.password is not None or address.username is not None:
            raise ConfigError("the service's address carries a login", place=name, hint=hint)
        is_here = address.scheme == "http" and address.hostname in _THIS_MACHINE
        if not address.hostname or (address.scheme != "https" and not is_here):
            raise ConfigError("the service's address is not https", place=name, hint=hint)
        _port(address, name)
    if not _ACCESS_KEY.fullmatch(service.access_key) or _VARIABLE.fullmatch(service.access_key):
        hint = "It is written out, and no secret: `access_key: smith-deposits`."
        raise ConfigError("the service's access key is not the name of one", place=name, hint=hint)
    if not _REGION.fullmatch(service.region):
        hint = "Write service.region as whoever runs it says: `region: eu-west-2`."
        raise ConfigError("the service's region is not the name of one", place=name, hint=hint)
    if (service.secret_key is None) == (service.secret_key_file is None):
        said = "not named" if service.secret_key is None else "named twice"
        hint = "Name it with `secret_key: ${VARIABLE}` or as secret_key_file."
        raise ConfigError(f"the service's secret key is {said}", place=name, hint=hint)


def secret_text(given: str | None, file: Path | None, *, place: str) -> str | None:
    """Return a secret that a configuration names, or None when it names none.

    Raises:
        ConfigError: It stands in the configuration itself, its variable is not set, or its file cannot be read or is
            open to others.
    """
    if given is not None:
        variable = _VARIABLE.fullmatch(given)
        if variable is None:
            hint = "Write ${NAME} and set that variable, or name a file."
            raise ConfigError("a secret must not stand in the configuration", place=place, hint=hint)
        value = os.environ.get(variable[1])
        if not value:
            raise ConfigError(f"the variable {variable[1]} is not set", place=place, hint=f"export {variable[1]}=…")
        return value
    return None if file is None else _first_line(file, place)


_KINDS = "Kinds: sftp://user@host:port/folder, directory:/folder (or file:///folder), s3://bucket/folder."


def _unknown_kind(scheme: str) -> str:
    if scheme in {"gs", "gcs", "az", "azure", "abfs"}:
        return f"object storage ({scheme}:) is refused: no way to publish there is proven never to overwrite"
    if scheme == "s3":
        return "the address is no s3://bucket/folder"
    return f"a depository of kind {scheme or '?'}: is not known"


def _split(url: str, name: str) -> SplitResult:
    try:
        address = urlsplit(url)
    except ValueError:
        raise ConfigError("the address cannot be read", place=name, hint=_KINDS) from None
    if "?" in url or "#" in url:  # what follows would be dropped in silence
        raise ConfigError("the address has a ? or a #", place=name, hint="In a folder's name write %3F or %23.")
    return address


def _key_prefix(path: str, name: str) -> str:
    """Return what all names begin with; steps like ``..`` would lead into another bucket on the way."""
    folder = unquote(path).strip("/")
    try:
        if folder:
            check_name(folder)
    except ConfigError:
        hint = "Steps of printable characters, neither empty nor . nor .., parted by a single /."
        raise ConfigError("the address has a folder that no bucket should hold", place=name, hint=hint) from None
    return folder


def _port(address: SplitResult, name: str) -> int | None:
    try:
        return address.port
    except ValueError:
        hint = "A port is a number from 1 to 65535."
        raise ConfigError("the address has a port that is no number", place=name, hint=hint) from None


def _server(address: SplitResult, name: str) -> tuple[str, str, int]:
    if address.password is not None:
        hint = "Name the password with `password: ${VARIABLE}` instead."
        raise ConfigError("the address carries a password", place=name, hint=hint)
    port = _port(address, name) or _SSH_PORT
    if not address.hostname or not address.username:
        raise ConfigError("the address lacks a user or a host", place=name, hint=_KINDS)
    return unquote(address.username), address.hostname, port


def _first_line(file: Path, place: str) -> str:
    try:
        with file.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            line = stream.readline(DEFAULT_LIMITS.passphrase_bytes_max + 2)
    except OSError as error:
        raise ConfigError(f"cannot read the secret's file {file}: {error.strerror}", place=place) from None
    if os.name == "posix" and stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"others can read the secret's file {file}", place=place, hint=f"chmod 600 {file}")
    try:
        text = line.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ConfigError(f"the secret's file {file} is not UTF-8", place=place) from None
    if not text:
        raise ConfigError(f"the secret's file {file} is empty", place=place)
    return text
