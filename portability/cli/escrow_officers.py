"""Who acts for an escrow agent on the command line: an officer of the agreements, known by a key of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from portability.cli.signers import open_key
from portability.errors import ConfigError, ProcedureError
from portability.escrow.receiving.agreements import Agreements
from portability.escrow.retention.holds import Officer
from portability.signing import parse_public_line

__all__ = ["officer_by_key"]


def officer_by_key(sign: Any, passphrase_file: Path | None, agreements: Agreements) -> Officer:  # noqa: ANN401 -- a key's place
    """Return the officer whose key was given.

    Raises:
        ConfigError: None was given.
        ProcedureError: It is nobody's who may.
    """
    if sign is None:
        raise ConfigError("this is signed by whoever does it", hint="Add --sign with your own key.")
    key = open_key(sign, passphrase_file)
    public = parse_public_line(key.public_line)
    name = next((name for name, each in agreements.officers.items() if each.blob == public.blob), None)
    if name is None:
        hint = "Name them under officers in agreements.yaml, each with the public half of a key of their own."
        raise ProcedureError(f"the key {key.fingerprint} is no officer's", place=agreements.place, hint=hint)
    return Officer(name=name, key=key)
