"""``agreements.yaml``: what an agent agreed, and checks what arrives against. The vendor has no hand in this file.

A stolen signing key can sign any promise; what it signs is therefore compared with this file: who can open a deposit,
how many it takes, of what class it is, and how long a silence may be.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from portability.errors import ConfigError
from portability.limits import DEFAULT_LIMITS
from portability.sealing.encryption import PublicKey, parse_recipient
from portability.signing import PublicKey as SignersKey
from portability.signing import parse_public_line
from portability.yaml_files import YamlDocument, check_schema, parse_yaml

__all__ = ["Agreement", "Agreements", "Duration", "Keep", "agreements_schema", "load_agreements"]

SCHEMA = "agreements.schema.json"
_MONTHS = {"m": 1, "y": 12}
_HOURS = {"h": 1, "d": 24, "w": 7 * 24}


@dataclass(frozen=True, kw_only=True)
class Duration:
    """A span as people agree on it; a month is the calendar's month, not thirty days."""

    number: int
    unit: str

    def before(self, moment: datetime) -> datetime:
        """Return the moment this long before; the 31st less one month is the last day of the month before."""
        return self._moved(moment, -self.number)

    def after(self, moment: datetime) -> datetime:
        """Return the moment this long after."""
        return self._moved(moment, self.number)

    def __str__(self) -> str:
        return f"{self.number}{self.unit}"

    def _moved(self, moment: datetime, number: int) -> datetime:
        if self.unit in _HOURS:
            return moment + timedelta(hours=number * _HOURS[self.unit])
        months = moment.year * 12 + moment.month - 1 + number * _MONTHS[self.unit]
        year, month = months // 12, months % 12 + 1
        for day in (moment.day, 30, 29, 28):
            try:
                return moment.replace(year=max(year, 1), month=month, day=min(day, moment.day))
            except ValueError:
                continue
        raise AssertionError("every month has a 28th")


@dataclass(frozen=True, kw_only=True)
class Keep:
    """Windows of retention: every deposit ``within``, the last of each day, week, month and year of the others."""

    within: Duration
    daily: Duration | None = None
    weekly: Duration | None = None
    monthly: Duration | None = None
    yearly: Duration | None = None


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """One agreement: a chain of deposits of one class."""

    name: str
    customer: str
    deposit_class: Literal["data", "source", "access"]
    threshold: int
    recipients: dict[str, PublicKey]
    deposit_within: Duration
    keep: Keep
    signer: str


@dataclass(frozen=True, kw_only=True)
class Agreements:
    """All agreements of an agent, and the hash of the file that says so.

    Attributes:
        officers: Who of the agent's people places and lifts legal holds, each with the key that they sign with.
    """

    by_name: dict[str, Agreement]
    sha256: str
    officers: dict[str, SignersKey] = field(default_factory=dict)
    place: str = field(default="", compare=False)

    def get(self, name: str) -> Agreement | None:
        """Return an agreement by its name."""
        return self.by_name.get(name)


def agreements_schema() -> dict[str, Any]:
    """Return the JSON Schema, as it is shipped."""
    content = resources.files(__package__).joinpath(SCHEMA).read_bytes()
    schema: dict[str, Any] = json.loads(content)
    return schema


def load_agreements(path: Path) -> Agreements:
    """Read the file.

    Raises:
        ConfigError: It cannot be read or says something that cannot be; with line, field and mend.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(DEFAULT_LIMITS.agreements_bytes_max + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", place=str(path)) from error
    if len(content) > DEFAULT_LIMITS.agreements_bytes_max:
        raise ConfigError(f"is larger than the limit of {DEFAULT_LIMITS.agreements_bytes_max} bytes", place=str(path))
    document = parse_yaml(content, place=str(path))
    check_schema(document, agreements_schema())
    by_name = {name: _agreement(document, name) for name in document.content["agreements"]}
    return Agreements(
        by_name=by_name, sha256=hashlib.sha256(content).hexdigest(), officers=_officers(document), place=str(path)
    )


def _officers(document: YamlDocument) -> dict[str, SignersKey]:
    found: dict[str, SignersKey] = {}
    for name, line in document.content.get("officers", {}).items():
        try:
            found[name] = parse_public_line(line)
        except ValueError as error:
            raise document.fault(("officers", name), f"is no public key: {error}") from None
    if len({key.blob for key in found.values()}) < len(found):
        hint = "Each officer needs a key of their own."
        raise document.fault(("officers",), "one key stands under two names", hint=hint)
    return found


def _agreement(document: YamlDocument, name: str) -> Agreement:
    path = ("agreements", name)
    plain = document.content["agreements"][name]
    recipients = {
        each: parse_recipient(text, place=document.where((*path, "recipients", each)))
        for each, text in plain["recipients"].items()
    }
    if len({key.fingerprint for key in recipients.values()}) < len(recipients):
        hint = "Each recipient needs a key of its own."
        raise document.fault((*path, "recipients"), "one key stands under two names", hint=hint)
    if plain["threshold"] > len(recipients):
        hint = "Name more recipients, or ask for fewer of them."
        raise document.fault((*path, "threshold"), f"is more than the {len(recipients)} recipients", hint=hint)
    return Agreement(
        name=name,
        customer=plain["customer"],
        deposit_class=plain["class"],
        threshold=plain["threshold"],
        recipients=recipients,
        deposit_within=_duration(plain["deposit_within"]),
        keep=Keep(**{window: _duration(text) for window, text in plain["keep"].items()}),
        signer=plain["signer"],
    )


def _duration(text: str) -> Duration:
    return Duration(number=int(text[:-1]), unit=text[-1])
