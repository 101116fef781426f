"""Which columns are held for credentials, by name and type."""

from __future__ import annotations

import pytest

from portability.manifest import Column
from portability.profiles.credentials import credential_reason


@pytest.mark.parametrize(
    ("name", "native"),
    [
        ("Password", "varchar"),
        ("encrypted_password", "varchar(255)"),
        ("USR_PWD_HASH", "text"),
        ("PwdSalt", "text"),
        ("reset_password_token", "varchar"),
        ("api_key", "uuid"),
        ("PasswordAnswer", "varchar"),
        ("PIN", "char(4)"),
        ("private_key", "text"),
        ("otp_secret", "text"),
        ("wachtwoord", "text"),
        ("mot_de_passe", "text"),
    ],
)
def test_column_of_a_credential_is_recognised(name: str, native: str) -> None:
    """However the vendor spelt it."""
    assert credential_reason(Column(name=name, position=1, native_type=native)) is not None


@pytest.mark.parametrize(
    ("name", "native"),
    [
        ("LastPasswordChangedDate", "timestamp"),
        ("FailedPasswordAttemptCount", "integer"),
        ("FILE_HASH", "text"),
        ("PasswordQuestion", "varchar"),
        ("reset_password_sent_at", "timestamp"),
        ("shipping", "text"),
        ("compass", "text"),
        ("passport_no", "varchar"),
        ("KEY", "varchar"),
        ("pinned", "boolean"),
        ("content_hash", "char(64)"),
        ("md5", "text"),
    ],
)
def test_column_that_only_sounds_like_one_is_carried(name: str, native: str) -> None:
    """What says something about a credential, and fixity hashes, are data."""
    assert credential_reason(Column(name=name, position=1, native_type=native)) is None
