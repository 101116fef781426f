"""Which columns hold credentials, by name and type: they never travel.

The list errs on the side of leaving out: a column that is wrongly held for a credential is listed in the coverage
report, and ``not_credentials`` in the profile brings it back, with a reason.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portability.manifest import Column

__all__ = ["credential_reason"]

# Words of a column name, after camelCase and snake_case are split. "key" alone is too common to mean a secret.
_WORDS = re.compile(
    r"(^| )("
    r"passwort|kennwort|wachtwoord|mot de passe|senha|contrasena|"
    r"password|passwd|passcode|passphrase|pwd|pword|pass|pw|pass hash|hash|salt|secret|token|"
    r"api ?key|private ?key|secret ?key|access ?key|encryption ?key|"
    r"otp|totp|mfa seed|pin code|pin|credential|credentials|security answer|password ?answer|cookie|session ?data"
    r")( |$)"
)
_NOT_SECRET_TYPES = re.compile(r"date|time|bool|^bit$|^year", re.IGNORECASE)
# Numbers, and names that say something about a credential without being one.
_ABOUT = re.compile(
    r"(^| )("
    r"count|attempts?|changed|expires?|expiry|expired|question|policy|length|hint|age|at|on|date|sent|created|"
    r"required|must|reset"
    r")( |$)"
)
_NUMBERS = re.compile(r"int|serial|numeric|decimal|number|float|double|real", re.IGNORECASE)
# A fixity hash of a document is no secret.
_FIXITY = re.compile(r"(^| )(md5|sha1|sha256|sha512|sha|crc|file|content|document|row|check ?sum|body|image)( |$)")


def credential_reason(column: Column) -> str | None:
    """Return why a column is held for a credential, or None."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", " ", column.name).lower().strip()
    spaced = re.sub(r"(password|passwd|pwd)(hash|salt|answer|token)?", r"\1 \2", spaced).strip()
    found = _WORDS.search(spaced)
    if not found or _NOT_SECRET_TYPES.search(column.native_type) or _NUMBERS.search(column.native_type):
        return None
    if _ABOUT.search(spaced) and "token" not in spaced and "answer" not in spaced:
        return None
    if found.group(2) in ("hash", "pass", "pin") and _FIXITY.search(spaced):
        return None
    return f"credential, by its name ({found.group(2)})"
