"""Who can open it: named recipients as a person gives them, and how many of them it takes.

A recipient is ``NAME=age1…``, ``NAME=ssh-ed25519 AAAA…``, ``NAME=file.pub``, or a file with lines ``name key``.
What looks like a private key is refused before anything is said of it, and never repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path

from portability.errors import ConfigError
from portability.limits import DEFAULT_LIMITS, Limits
from portability.sealing.container import RECIPIENT_NAME
from portability.sealing.contradictions import envelope_for
from portability.sealing.encryption import PublicKey, looks_private, parse_recipient

__all__ = ["NamedRecipient", "check_threshold", "parse_recipient_list", "parse_recipients"]

_NAME = re.compile(RECIPIENT_NAME)
_ENVELOPE_PATH_MAX = 100  # a name in a plain tar header


@dataclass(frozen=True, kw_only=True)
class NamedRecipient:
    """A recipient's key under the name that its envelope carries."""

    name: str
    key: PublicKey


def parse_recipients(given: Sequence[str], limits: Limits = DEFAULT_LIMITS) -> tuple[NamedRecipient, ...]:
    """Read recipients as they were given, and return them by name.

    Raises:
        ConfigError: There are none or too many, one is not a recipient, or a name or a key stands twice.
    """
    return _checked((one for text in given for one in _parse(text, limits)), limits)


def parse_recipient_list(content: bytes, place: str, limits: Limits = DEFAULT_LIMITS) -> tuple[NamedRecipient, ...]:
    """Read the bytes of a file with a line ``name key`` for each recipient, and return them by name.

    Raises:
        ConfigError: As ``parse_recipients``.
    """
    return _checked(_lines(_decoded(content, place, limits), place), limits)


def _checked(recipients: Iterable[NamedRecipient], limits: Limits) -> tuple[NamedRecipient, ...]:
    found = sorted(recipients, key=lambda one: one.name)
    if not found:
        raise ConfigError(
            "nobody could open it: there is no recipient", hint="Add --to NAME=age1… or --to NAME=key.pub."
        )
    if len(found) > limits.recipients_max:
        raise ConfigError(f"there are more recipients than the limit of {limits.recipients_max}")
    for index, one in enumerate(found):
        for other in found[:index]:
            if other.name == one.name:
                raise ConfigError("this name stands for two recipients", place=one.name)
            if other.key.fingerprint == one.key.fingerprint:
                hint = "Each recipient needs a key of its own."
                raise ConfigError(f"has the same key as {other.name}", place=one.name, hint=hint)
    return tuple(found)


def check_threshold(recipients: Sequence[NamedRecipient], threshold: int, limits: Limits = DEFAULT_LIMITS) -> None:
    """Refuse a number of recipients that cannot be asked for.

    Raises:
        ConfigError: It is below one, above their number or the limits, or makes too many or too long envelopes.
    """
    number = len(recipients)
    if not 1 <= threshold <= number:
        raise ConfigError(f"the threshold is {threshold}, but there are {number} recipients", place="--threshold")
    if threshold > limits.envelope_depth_max:
        raise ConfigError(f"the threshold is above the limit of {limits.envelope_depth_max}", place="--threshold")
    if comb(number, threshold) > limits.envelopes_max:
        message = f"{threshold} of {number} take {comb(number, threshold)} envelopes, more than {limits.envelopes_max}"
        raise ConfigError(message, place="--threshold", hint="Name fewer recipients.")
    longest = sorted((one.name for one in recipients), key=len)[-threshold:]
    if len(envelope_for(tuple(longest)).file) > _ENVELOPE_PATH_MAX:
        raise ConfigError(
            "the recipients' names are too long together for an envelope's name",
            place=", ".join(longest),
            hint="Give them shorter names.",
        )


def _parse(text: str, limits: Limits) -> Iterator[NamedRecipient]:
    if looks_private(text):
        parse_recipient(text)  # refuses it in its own words
    name, equals, value = text.partition("=")
    if equals and _NAME.fullmatch(name):
        yield NamedRecipient(name=name, key=_key(value, f"recipient {name}", limits))
    elif not equals or Path(text).is_file():
        yield from _lines(_read(Path(text), limits), text)
    else:
        raise _bad_name(name)


def _bad_name(name: str) -> ConfigError:
    hint = "A name has up to 32 characters of a-z, 0-9, - and _, and starts with a letter or digit."
    return ConfigError("this is not a name for a recipient", place=name[:40], hint=hint)


def _key(value: str, place: str, limits: Limits) -> PublicKey:
    if value.startswith(("age1", "ssh-")):
        return parse_recipient(value, place=place)
    content = [line for line in _read(Path(value), limits).splitlines() if line.strip() and not line.startswith("#")]
    if len(content) > 1 and not looks_private("\n".join(content)):
        raise ConfigError("holds more than one key", place=value, hint="Give a file with one public key.")
    return parse_recipient("\n".join(content), place=value)


def _lines(content: str, source: str) -> Iterator[NamedRecipient]:
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        place = f"{source}:{number}"
        name, _, key = line.strip().partition(" ")
        if looks_private(line):
            parse_recipient(line, place=place)
        if not _NAME.fullmatch(name) or not key:
            raise ConfigError("is not a line of a name and a key", place=place, hint="Write: custodian age1…")
        yield NamedRecipient(name=name, key=parse_recipient(key, place=place))


def _read(path: Path, limits: Limits) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(limits.trust_file_bytes_max + 1)
    except OSError as error:
        hint = "Give NAME=age1…, NAME=ssh-ed25519 AAAA…, NAME=key.pub, or a file with a line 'name key' for each."
        raise ConfigError(
            f"the recipient's file cannot be read: {error.strerror}", place=str(path), hint=hint
        ) from error
    return _decoded(content, str(path), limits)


def _decoded(content: bytes, place: str, limits: Limits) -> str:
    if len(content) > limits.trust_file_bytes_max:
        raise ConfigError(f"is larger than the limit of {limits.trust_file_bytes_max} bytes", place=place)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError("is not a file of public keys", place=place) from None
