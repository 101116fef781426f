"""The command ``python -m portability.checks.code_list``: writes docs/check_codes.md to standard output."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from portability.checks.codes import FAMILIES, SEALED_FAMILY, SEALED_LEVELS, load_codes
from portability.checks.sealed import SEALED_STEPS
from portability.checks.verifier import STEPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portability.checks.codes import Code

__all__ = ["code_list", "main"]

_INTRODUCTION = """\
<!-- Generated from portability/checks/codes.yaml by `python -m portability.checks.code_list`. Do not edit. -->

# Check codes

`portability verify` looks at an archive in numbered steps and reports every problem under a code. A code means the same
for ever: it is never reused and never renumbered. Levels hold each other: `quick` is C, `full` is C, D and F, `deep` is
all of a plain archive. R is for archives of a scope: see [verify_scope.md](verify_scope.md).
A sealed archive has levels and steps of its own, `v0` to `v3`, whose codes are of family X.

Only an **error** refuses the archive. A **warning** wants a look. A **finding** is about the firm's own data and is for
sign-off. A **note** is to know. A step that finds an error may end the check, because what follows would believe what
it refuted; steps that were not done count as a refusal.

For every code there is an archive that raises it and nothing else: `python -m fixtures.build` makes them all (see
fixtures/README.md). Where there is none, the last column says why.

An export writes further findings to reports/findings.json, which are not recomputed:

| code | what was found while exporting |
|---|---|
| M101 | a value could not be read as its field's type; its text is in `extras` under `$unreadable` |
| M102 | an optional reference names no row; it is empty and stands in `extras` under `$unresolved` |
| M103 | a row does not satisfy the model and is in quarantine; the place names the field and the reason |
| E101 | a document that the database names is not in the documents folder |
| E102 | a document could not be read |
| E103 | documents were left out of the export on purpose |
| E201 | values that no type could hold stand in reports/exceptions.parquet ([exceptions.md](exceptions.md)) |
| E202 | a remark of the connector: what the source has and the archive has not, or how it was read |
| E301 | the archive holds what a scope names, and nothing else ([scoping.md](scoping.md)) |
| E302 | references to rows that are outside the scope |
| E303 | rows that a scope left out because their date or kind says nothing that can be used |
"""
_TITLES = {
    "C": "The container",
    "D": "The description",
    "F": "Documents",
    "S": "The source layer",
    "L": "The rules of the model",
    "R": "What may be released: the scope",
}
_SEALED_TITLES = {
    "v0": "every byte, the signature, the chain; no key",
    "v1": "all that shows without a key",
    "v2": "a recipient's key, and random parts",
    "v3": "everything inside",
}


def code_list() -> str:
    """Return the documentation of all steps and codes as Markdown, ending in a line break."""
    return "\n".join(_sections()).rstrip("\n") + "\n"


def _sections() -> Iterator[str]:
    yield _INTRODUCTION
    yield "## Steps\n"
    for number, (family, step) in enumerate(STEPS, 1):
        yield f"{number}. {family}: {step.title}."
    yield ""
    yield from _sealed_steps()
    codes = load_codes().values()
    for family, level in FAMILIES.items():
        yield from _table(f"{family}: {_TITLES[family]} (level {level})", (c for c in codes if c.code[0] == family))
    for level in SEALED_LEVELS:
        found = (code for code in codes if code.code[0] == SEALED_FAMILY and code.level == level)
        yield from _table(f"{SEALED_FAMILY}, level {level}: {_SEALED_TITLES[level]}", found)


def _sealed_steps() -> Iterator[str]:
    yield "## Steps for a sealed archive\n"
    yield "[verifying_sealed.md](verifying_sealed.md) says who can do which, and what each proves.\n"
    for number, (level, step) in enumerate(SEALED_STEPS, 1):
        yield f"{number}. {level}: {step.title}."
    yield ""


def _table(title: str, codes: Iterable[Code]) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| Code | Severity | What | What mends it | Remarks |\n| --- | --- | --- | --- | --- |"
    yield from map(_row, codes)
    yield ""


def _row(code: Code) -> str:
    remarks = []
    if code.rule:
        remarks.append(f"rule [{code.rule}](data_dictionary.md#{code.rule})")
    if code.implies:
        remarks.append(f"always with {', '.join(code.implies)}")
    if code.reserved:
        remarks.append("reserved: no check raises it yet")
    if code.no_vector:
        remarks.append(f"no bad archive: {code.no_vector}")
    cells = (code.code, code.severity, f"{code.title}.", code.mend, "; ".join(remarks))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main() -> None:
    """Write the list to standard output."""
    sys.stdout.write(code_list())


if __name__ == "__main__":
    main()
