"""The lines of an OpenSSH ``allowed_signers`` file (ssh-keygen(1), ALLOWED SIGNERS), read strictly and bounded.

A line that cannot be read refuses the whole file, with its number: a typing error must not quietly distrust, or trust.
Patterns know ``*``, ``?`` and a leading ``!``, as OpenSSH has them; times without ``Z`` are local, as there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from portability.signing.public_keys import PublicKey, parse_public_line

__all__ = ["AllowedSigner", "matches_patterns", "parse_line", "parse_moment"]

_TIMES = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_PRINCIPALS = re.compile(r'[ \t]*(?:"([^"]+)"|([^"\s]\S*))[ \t]+(.*)')
# An option: its name, and a quoted value in which \" is a quotation mark.
_OPTION = re.compile(r'([A-Za-z-]+)(?:="((?:[^"\\]|\\.)*)")?(,|[ \t]+)')
_KEY = re.compile(r"(?:ssh-|sk-|ecdsa-)\S+[ \t]+\S+")


@dataclass(frozen=True, kw_only=True)
class AllowedSigner:
    """One line: who may sign with a key, for what, and when."""

    principals: str
    key: PublicKey
    line: int
    namespaces: str | None = None
    valid_after: datetime | None = None
    valid_before: datetime | None = None


def parse_line(text: str, number: int) -> AllowedSigner | None:
    """Read one line; None when it is empty or a comment.

    Raises:
        ValueError: It cannot be read; the message says why.
    """
    if not text.strip() or text.lstrip().startswith("#"):
        return None
    found = _PRINCIPALS.fullmatch(text)
    if found is None:
        raise ValueError("needs principals, then a key")
    if not (found[1] or found[2]).isprintable():
        raise ValueError("has an invisible character in its principals")
    options, rest = _options(found[3])
    signer = AllowedSigner(
        principals=found[1] or found[2],
        key=parse_public_line(rest),
        line=number,
        namespaces=options.get("namespaces"),
        valid_after=parse_moment(options["valid-after"]) if "valid-after" in options else None,
        valid_before=parse_moment(options["valid-before"]) if "valid-before" in options else None,
    )
    if signer.valid_after and signer.valid_before and signer.valid_after >= signer.valid_before:
        raise ValueError("ends to be valid before it begins")
    return signer


def _options(text: str) -> tuple[dict[str, str], str]:
    """Return the options and what follows them, which is the key."""
    options: dict[str, str] = {}
    more = not _KEY.match(text)
    while more:
        found = _OPTION.match(text)
        if found is None:
            raise ValueError('has an option that cannot be read; values stand in "quotation marks"')
        name, value, more = found[1].lower(), found[2], found[3] == ","
        text = text[found.end() :]
        if name == "cert-authority":
            raise ValueError("names a certificate authority; certificates are not supported, name each signer's key")
        if name not in ("namespaces", "valid-after", "valid-before") or value is None:
            raise ValueError(f"has an option that is not known: {name[:32]}")
        if name in options:
            raise ValueError(f"gives {name} twice")
        options[name] = value.replace('\\"', '"')
    return options, text


def parse_moment(text: str) -> datetime:
    """Read a time as OpenSSH writes it: ``YYYYMMDD[HHMM[SS]]``, local unless ``Z`` or ``UTC`` follows.

    Raises:
        ValueError: It is no such time.
    """
    digits = text.removesuffix("Z").removesuffix("UTC")
    if len(digits) not in _TIMES or not digits.isascii() or not digits.isdigit():
        raise ValueError("has a time that is not YYYYMMDD or YYYYMMDDHHMM[SS], with Z for UTC")
    try:
        moment = datetime.strptime(digits, _TIMES[len(digits)])  # noqa: DTZ007 -- its zone follows
        return moment.replace(tzinfo=UTC) if digits != text else moment.astimezone()
    except (ValueError, OverflowError):
        raise ValueError("has a time that does not exist") from None


def matches_patterns(text: str, patterns: str) -> bool:
    """Return whether a text matches a list of patterns: one of them, and none that begins with ``!``."""
    matched = False
    for pattern in patterns.split(","):
        if _matches(text, pattern.removeprefix("!")):
            if pattern.startswith("!"):
                return False
            matched = True
    return matched


def _matches(text: str, pattern: str) -> bool:
    """Match ``*`` and ``?`` in time that is bounded by the product of the lengths, whatever the pattern."""
    at = star = mark = 0
    last_star = -1
    while at < len(text):
        if star < len(pattern) and pattern[star] == "*":
            last_star, mark = star, at
            star += 1
        elif star < len(pattern) and pattern[star] in ("?", text[at]):
            at += 1
            star += 1
        elif last_star >= 0:
            mark += 1
            at, star = mark, last_star + 1
        else:
            return False
    return not pattern[star:].strip("*")
