"""The registry of codes: what each says, how bad it is and what mends it; one data file, codes.yaml, holds it all.

Codes are forever. Everything that names a code (the checks, the documentation, the bad archives) is tested against this
registry, so that none can be forgotten in one of the three.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources

import msgspec
import yaml

from portability.errors import FormatError
from portability.model import load_model

__all__ = ["FAMILIES", "LEVELS", "SEALED_FAMILY", "SEALED_LEVELS", "SEVERITIES", "Code", "load_codes", "rule_codes"]

SEVERITIES = ("error", "warning", "finding", "note")
"""The worst first. Only an error refuses the archive."""

LEVELS = ("quick", "full", "deep")
"""Each holds the one before."""

FAMILIES = {"C": "quick", "D": "full", "F": "full", "S": "deep", "L": "deep", "R": "full"}
"""The first letter of a code of a plain archive, and the level from which its checks run; R where there is a scope."""

SEALED_FAMILY = "X"
SEALED_LEVELS = ("v0", "v1", "v2", "v3")
"""The levels of a sealed archive; the first digit of a code of family X is its level's place here, counted from 1."""

_RULE_MENDS = {
    "error": "The export or its mapping is wrong: mend the profile's SQL and export again.",
    "finding": "The firm corrects its data in the source, or signs the finding off; it is exported as it stands.",
}


@dataclass(frozen=True, kw_only=True)
class Code:
    """One code.

    ``rule`` is the id of the model's rule that it stands for. ``implies`` are codes that are always raised together
    with this one. ``no_vector`` says why there is no bad archive for it; ``reserved`` that no check raises it yet.
    """

    code: str
    severity: str
    title: str
    mend: str
    rule: str = ""
    implies: tuple[str, ...] = ()
    no_vector: str = ""
    reserved: bool = False

    @property
    def level(self) -> str:
        """The lowest level at which it can be raised."""
        return SEALED_LEVELS[int(self.code[1]) - 1] if self.code[0] == SEALED_FAMILY else FAMILIES[self.code[0]]


class _Entry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    code: str
    severity: str = ""
    title: str = ""
    mend: str = ""
    rule: str = ""
    implies: tuple[str, ...] = ()
    no_vector: str = ""
    reserved: bool = False


@functools.cache
def load_codes() -> dict[str, Code]:
    """Return every code by its name, in order.

    Raises:
        FormatError: The packaged registry is faulty.
    """
    text = resources.files("portability.checks").joinpath("codes.yaml").read_text(encoding="utf-8")
    try:
        # The C loader, where it is built in, takes a tenth of the time; both are safe loaders.
        plain = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        entries = msgspec.convert(plain, type=list[_Entry])
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise FormatError(f"is not a registry of codes: {error}", place="codes.yaml") from error
    codes = {entry.code: _code(entry) for entry in entries}
    if len(codes) != len(entries):
        raise FormatError("a code stands twice", place="codes.yaml")
    return codes


@functools.cache
def rule_codes() -> dict[str, Code]:
    """Return the code of each rule of the canonical model, by the rule's id."""
    return {code.rule: code for code in load_codes().values() if code.rule}


def _code(entry: _Entry) -> Code:
    severity, title, mend = entry.severity, entry.title, entry.mend
    if entry.rule:
        rule = load_model().rule(entry.rule)
        severity, title, mend = rule.severity, rule.text.rstrip("."), _RULE_MENDS[rule.severity]
    if severity not in SEVERITIES or entry.code[0] not in (*FAMILIES, SEALED_FAMILY) or not title or not mend:
        raise FormatError("the entry is incomplete", place=f"codes.yaml {entry.code}")
    return Code(
        code=entry.code,
        severity=severity,
        title=title,
        mend=mend,
        rule=entry.rule,
        implies=entry.implies,
        no_vector=entry.no_vector,
        reserved=entry.reserved,
    )
