"""``portability.yaml``: named sources, limits, and what the service needs: its catalogue, operator and evidence.

Looked for in ``$PORTABILITY_CONFIG``, else in the working directory; may be absent.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

import msgspec
import yaml

from portability.connectors import folder_scheme
from portability.errors import ConfigError
from portability.limits import DEFAULT_LIMITS, Limits

__all__ = ["Config", "OperatorDays", "load_config"]

FILE_NAME = "portability.yaml"
_SQLITE = "sqlite:///"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A source by name: its address (``${VARIABLE}`` for secrets) and where its documents are."""

    url: str
    documents: str | None = None
    profile: str | None = None


@dataclass(frozen=True, kw_only=True)
class OperatorDays:
    """For how many days a confidentiality agreement and a training count; None: they bar nobody from a release."""

    agreement_days: int | None = None
    training_days: int | None = None


@dataclass(frozen=True, kw_only=True)
class Config:
    """The configuration as used.

    Attributes:
        catalogue: The catalogue's address; None where nothing is governed (docs/catalogue.md).
        operator: Who acts; ``$PORTABILITY_OPERATOR`` goes before it.
        operator_key: The key with which they sign: a file, as ``--sign`` takes it.
        evidence: The folder of evidence files.
        request_kinds: A folder of kinds of request, beside ours or in their place (docs/requests.md).
        silent_evidence: Where sealed evidence of silent requests lies: a disk of the nominated officer's own.
        silent_recipients: Who may read the sealed chain, as ``--to`` takes them.
    """

    sources: dict[str, Source] = field(default_factory=dict)
    limits: Limits = DEFAULT_LIMITS
    catalogue: str | None = None
    operator: str | None = None
    operator_key: str | None = None
    evidence: str | None = None
    request_kinds: str | None = None
    silent_recipients: tuple[str, ...] = ()
    silent_evidence: str | None = None
    operator_rules: OperatorDays = field(default_factory=OperatorDays)

    def source(self, text: str) -> Source:
        """Resolve a command's SOURCE: an address, a name from the file, or a folder of files of one kind.

        Raises:
            ConfigError: Neither.
        """
        if "://" in text:
            return Source(url=text)
        if text in self.sources:
            return self.sources[text]
        known = ", ".join(sorted(self.sources)) or "none"
        if Path(text).is_dir() and (scheme := folder_scheme(Path(text))):
            return Source(url=f"{scheme}:///{quote(text)}")
        if Path(text).is_dir():
            hint = f"If it is right, say what they are: csv:///{quote(text)} or parquet:///{quote(text)}."
            raise ConfigError("is a folder, but not of tables of one kind", place=text, hint=hint)
        if Path(text).is_file():
            hint = f"Did you mean sqlite:///{text} ? Or, where it is a dump: dump:///{text}"
            raise ConfigError("is a file, not an address", place=text, hint=hint)
        hint = f"An address is such as sqlite:///practice.db (docs/sources.md). Configured in {FILE_NAME}: {known}."
        raise ConfigError("is neither an address nor a configured source", place=text, hint=hint)


@dataclass(frozen=True, kw_only=True)
class _ConfigFile:
    sources: dict[str, Source] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    catalogue: str | None = None
    operator: str | None = None
    operator_key: str | None = None
    evidence: str | None = None
    request_kinds: str | None = None
    silent_recipients: tuple[str, ...] = ()
    silent_evidence: str | None = None
    operator_rules: dict[str, int] = field(default_factory=dict)


def load_config() -> Config:
    """Read the configuration.

    Raises:
        ConfigError: It is not valid; the message names the field.
    """
    named = os.environ.get("PORTABILITY_CONFIG")
    path = Path(named or FILE_NAME)
    if not path.is_file():
        if named:
            raise ConfigError("there is no such file", place=named, hint="PORTABILITY_CONFIG names it.")
        return Config()
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        content = msgspec.convert(document, _ConfigFile)
    except RecursionError:
        raise ConfigError("is nested too deeply", place=str(path)) from None
    # A date that the calendar does not have is a ValueError of the YAML library.
    except (OSError, ValueError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise ConfigError(str(error).replace("\n", " "), place=str(path)) from error
    unknown = (
        sorted({*document} - {*_ConfigFile.__dataclass_fields__})
        + sorted({*content.limits} - {*Limits.__dataclass_fields__})
        + sorted({*content.operator_rules} - {*OperatorDays.__dataclass_fields__})
    )
    if unknown:
        raise ConfigError(f"unknown field {unknown[0]!r}", place=str(path))
    for name in ("limits", "operator_rules"):
        below = sorted(key for key, value in getattr(content, name).items() if value < 0)
        if below:
            raise ConfigError("a limit is below zero", place=f"{path}: {name}.{below[0]}")
    return _as_used(content, path.parent)


def _as_used(content: _ConfigFile, folder: Path) -> Config:
    plain = {name: getattr(content, name) for name in content.__dataclass_fields__}
    # Whoever runs a command elsewhere means the same files: an operator's catalogue is not another one in each folder.
    for name in ("operator_key", "evidence", "request_kinds", "silent_evidence"):
        plain[name] = str(folder / plain[name]) if plain[name] else None
    if content.catalogue and content.catalogue.startswith(_SQLITE):
        plain["catalogue"] = f"{_SQLITE}{folder / content.catalogue.removeprefix(_SQLITE)}"
    plain["limits"] = replace(DEFAULT_LIMITS, **content.limits)
    plain["operator_rules"] = OperatorDays(**content.operator_rules)
    plain["operator"] = os.environ.get("PORTABILITY_OPERATOR") or content.operator
    return Config(**plain)
