"""Opening the silent register, for who has an identity of a silent recipient.

The name of a sealed file of evidence is a keyed hash; the key is drawn at the first use and kept in the sealed chain.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from portability.auditing import SealedRun, read_silent
from portability.errors import ConfigError
from portability.governing.evidence import SealedStore
from portability.governing.register import SilentRegister

if TYPE_CHECKING:
    from portability.catalogue import Catalogue, Transaction
    from portability.sealing.encryption import Identity

__all__ = ["open_silent_register"]

_NAME_KEY = "evidence-names"
_KEY_BYTES = 32


def open_silent_register(
    catalogue: Catalogue, *, run: SealedRun, identities: Sequence[Identity], folder: Path | None
) -> SilentRegister:
    """Return the silent register.

    Raises:
        ConfigError: There is no folder for its evidence, or there are no silent recipients.
        DecryptionError: The identities open nothing.
    """
    if not run.recipients:
        hint = "Name those who may read them in portability.yaml: silent_recipients."
        raise ConfigError("there is nobody for whom a silent request could be sealed", hint=hint)
    if folder is None:
        hint = "Write into portability.yaml: silent_evidence: FOLDER, on a disk of the nominated officer's own."
        raise ConfigError("there is no folder for the evidence of silent requests", hint=hint)
    with catalogue.reading() as transaction:
        key = _name_key(transaction, identities)
    if key is None:
        with catalogue.transaction() as transaction:
            transaction.lock("sealed chain")
            key = _name_key(transaction, identities)
            if key is None:
                key = secrets.token_bytes(_KEY_BYTES)
                run.append({"type": _NAME_KEY, "key": key.hex()}, transaction=transaction)
    store = SealedStore(folder, recipients=run.recipients, identities=identities, name_key=key)
    return SilentRegister(catalogue, store, run=run, identities=identities)


def _name_key(transaction: Transaction, identities: Sequence[Identity]) -> bytes | None:
    # Read to the end: a cursor of PostgreSQL's that is left halfway stays open.
    documents = [entry.document for entry in read_silent(transaction, identities)]
    keys = [bytes.fromhex(str(each["key"])) for each in documents if each.get("type") == _NAME_KEY]
    return keys[0] if keys else None
