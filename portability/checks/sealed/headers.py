"""Level v1, without any key: what the age files show in the clear fits the manifest, to the byte.

A segment or the catalog has one X25519 stanza, an envelope one of its outermost recipient's kind, which for an SSH key
holds the key's tag. Stanzas whose type ends in ``-grease`` are noise by the age format and open nothing.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from portability.checks.sealed.case import SealedStep
from portability.errors import FormatError
from portability.sealing.encryption import ciphertext_length, read_header
from portability.sealing.manifest import KEYS, OPEN_MD, OPEN_SH
from portability.sealing.opening_notes import open_md, open_sh

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portability.checks.sealed.case import SealedCase
    from portability.sealing.encryption import AgeHeader, Stanza
    from portability.sealing.manifest import Recipient, SealedFile

__all__ = ["STEPS"]

_STANZAS = {"age-x25519": "X25519", "ssh-ed25519": "ssh-ed25519", "ssh-rsa": "ssh-rsa"}
_GREASE = "-grease"
_TAG_BYTES = 4
# AGE-SECRET-KEY-1, 52 characters of key and 6 of check, a line end.
KEY_BYTES = 75


def _check_headers(case: SealedCase) -> None:
    case.headers = {}
    for each in _age_files(case):
        case.progress(each.path)
        try:
            with case.container.open(each.path) as stream:
                case.headers[each.path] = read_header(stream)
        except FormatError as error:
            case.log.add("X221", each.path, [error.message])


def _age_files(case: SealedCase) -> Iterable[SealedFile]:
    return (each for each in case.manifest.files if each.path not in (OPEN_MD, OPEN_SH))


def _check_stanzas(case: SealedCase) -> None:
    people = {each.name: each for each in case.manifest.recipients}
    outermost = {each.file: people[each.recipients[0]] for each in case.manifest.envelopes}
    for path, header in case.headers.items():
        stanzas = [each for each in header.stanzas if not each.type.endswith(_GREASE)]
        recipient = outermost.get(path)
        allowed = {_STANZAS[recipient.kind]} if recipient else {"X25519"}
        foreign = sorted({each.type for each in stanzas} - set(_STANZAS.values()))
        if foreign:
            case.log.add("X222", path, foreign)
        elif len(stanzas) != 1:
            case.log.add("X224", path, [f"{len(stanzas)} recipients"])
        elif stanzas[0].type not in allowed:
            case.log.add("X223" if recipient else "X222", path, [stanzas[0].type])
        elif recipient and not _is_for(stanzas[0], recipient):
            case.log.add("X223", path, ["the tag is another key's"])


def _is_for(stanza: Stanza, recipient: Recipient) -> bool:
    """An SSH stanza names the first bytes of its key's hash, which the fingerprint holds too; X25519 names nobody."""
    if stanza.type == "X25519":
        return True
    encoded = recipient.fingerprint.removeprefix("SHA256:")
    tag = base64.b64decode(encoded + "=" * (-len(encoded) % 4))[:_TAG_BYTES]
    return stanza.arguments[:1] == (base64.b64encode(tag).decode().rstrip("="),)


def _check_lengths(case: SealedCase) -> None:
    for each in _age_files(case):
        header = case.headers[each.path]
        if each.plain_bytes is not None:
            wanted = ciphertext_length(header.length_bytes, each.plain_bytes)
            if each.size_bytes != wanted:
                case.log.add("X225", each.path, [f"{each.size_bytes} bytes instead of {wanted}"])
        elif each.path.startswith(f"{KEYS}/"):
            _check_envelope(case, each, header)


def _check_envelope(case: SealedCase, envelope: SealedFile, header: AgeHeader) -> None:
    """A single envelope holds the key alone; a nested one holds an age file, which is longer."""
    least = ciphertext_length(header.length_bytes, KEY_BYTES)
    fits = envelope.size_bytes == least if case.manifest.threshold == 1 else envelope.size_bytes > least
    if not fits or envelope.size_bytes > case.limits.envelope_bytes_max:
        case.log.add("X226", envelope.path, [f"{envelope.size_bytes} bytes"])


def _check_notes(case: SealedCase) -> None:
    """A sender's open.sh is a program that recipients run: another one than ours wants reading first.

    The manifest lists both, so whoever signed it answers for them: that it is one who is trusted (an older version of
    the program wrote them, as a rule) is a note.
    """
    code = "X231" if case.signer is None else "X232"
    wanted = {OPEN_MD: open_md(case.manifest), OPEN_SH: open_sh()}
    for each in case.manifest.files:
        if each.path in wanted and hashlib.sha256(wanted[each.path]).hexdigest() != each.sha256:
            case.log.add(code, each.path)


STEPS = (
    SealedStep(title="Segments, catalog and envelopes are age files", check=_check_headers),
    SealedStep(title="Each is encrypted to the one recipient that it is for", check=_check_stanzas),
    SealedStep(title="Each has the exact length that its content gives", check=_check_lengths),
    SealedStep(title="OPEN.md and open.sh are those that this version writes", check=_check_notes),
)
