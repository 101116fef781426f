"""What the commands on keys say: the public half, how to pass it on, and what losing the key means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from portability.signing import NAMESPACES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portability.keys import KeyFacts
    from portability.output import Output

__all__ = ["made", "shown"]

_SIGNING_WARNING = (
    "Whoever has this file can sign in your name. It belongs to the one who signs, on their machine and nowhere else.",
    "Lost: what it signed stays valid; make a new key and hand its line to everyone who verifies.",
    "Stolen: everyone who verifies must remove its line at once; a date is not enough, for a thief can backdate.",
)
_AGE_WARNING = (
    "Whoever has this file can open everything that was sealed for it.",
    "Lost: what was sealed for it alone can never be opened again, by nobody; there is no way round.",
    "It belongs to one custodian, never to the machine that exports, nor to the vendor.",
    "Keep a copy in a second place, offline, and try once a year that it opens something.",
)
_PRINCIPAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9.@_+-]*")  # what needs no quotes in a trust file


def made(output: Output, key: KeyFacts) -> None:
    """Tell of a new key."""
    warning = _SIGNING_WARNING if key.signs else _AGE_WARNING
    output.result(_document(key) | {"warning": " ".join(warning)})
    output.line(f"New {_kind(key)}: {key.path}{' (encrypted with your passphrase)' if key.is_encrypted else ''}")
    _facts(output, key)
    output.line("")
    for line in warning:
        output.line(f"  ! {line}")
    if not key.is_encrypted:
        output.line("  ! The file is not encrypted: only its mode protects it. --passphrase encrypts a new one.")
    output.line("")
    for line in _pass_on(key):
        output.line(line)


def shown(output: Output, keys: Sequence[KeyFacts]) -> None:
    """Tell what may be known of keys."""
    output.result({"keys": [_document(key) for key in keys]})
    for key in keys:
        half = f"private{', encrypted' if key.is_encrypted else ''}" if key.is_private else "public"
        output.line(f"{_kind(key)} ({half}): {key.path}")
        _facts(output, key)


def _facts(output: Output, key: KeyFacts) -> None:
    output.line(f"  public half  {key.public}")
    output.line(f"  fingerprint  {key.fingerprint}")
    if key.public_path:
        output.line(f"  written to   {key.public_path}")
    if key.signs:
        output.line(f"  trust line   {_trust_line(key)}")


def _pass_on(key: KeyFacts) -> tuple[str, ...]:
    if key.signs:
        return (
            "Hand the trust line to whoever verifies, by another way than the archives, and read the fingerprint out:",
            "they keep it in a file:  portability verify ARCHIVE --trust FILE",
        )
    return (
        "Hand the public half to whoever seals, and read the fingerprint out:",
        f"portability seal ARCHIVE SEALED --to NAME={key.public_path or key.public} --sign KEY",
    )


def _document(key: KeyFacts) -> dict[str, Any]:
    document: dict[str, Any] = {
        "file": str(key.path),
        "kind": key.kind,
        "public": key.public,
        "fingerprint": key.fingerprint,
        "private": key.is_private,
        "encrypted": key.is_encrypted,
        "comment": key.comment,
    }
    if key.public_path:
        document["public_file"] = str(key.public_path)
    return document | ({"trust_line": _trust_line(key)} if key.signs else {})


def _trust_line(key: KeyFacts) -> str:
    """Return the key's line of an allowed_signers file; its principal is the comment where that can be one."""
    name = key.comment if _PRINCIPAL.fullmatch(key.comment) else "NAME"
    return f'{name} namespaces="{NAMESPACES}" {key.public}'


def _kind(key: KeyFacts) -> str:
    return {"age-x25519": "age key", "ssh-ed25519": "Ed25519 key"}.get(key.kind, f"{key.kind} key")
