"""The review: a CSV file in which somebody decides of every flagged item whether it is released, redacted or withheld.

One line an item. ``decision`` is empty until somebody decides; ``fields`` names the fields to redact, by blanks (all
texts where it is empty); a document is redacted by a file of ours in its place, ``replacement``. A decision holds for
the content that was looked at: ``fingerprint`` says which that was.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from portability.limits import Limits
    from portability.subject_access.items import Item

__all__ = ["DECISIONS", "HEADER", "Decision", "read_review", "review_csv"]

HEADER = ("item", "fingerprint", "flags", "why", "says", "decision", "reason", "fields", "replacement")
DECISIONS = ("release", "redact", "withhold")
_SAYS_MAX = 160


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What somebody decided of one item."""

    decision: str
    reason: str
    fields: tuple[str, ...] = ()
    replacement: str = ""


def review_csv(items: Iterable[Item]) -> bytes:
    """Return the review of flagged items, nothing decided."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(HEADER)
    for item in items:
        writer.writerow(
            [_cell(c) for c in (item.name, item.fingerprint, " ".join(item.flags), "; ".join(item.why), _says(item))]
            + [""] * (len(HEADER) - 5)
        )
    return ("\ufeff" + text.getvalue()).encode()  # the mark makes spreadsheets read UTF-8


def _says(item: Item) -> str:
    if item.file is not None:
        return f"{item.file_name}, {item.size_bytes} bytes"
    text = "; ".join(f"{v.name}: {' '.join(v.text.split())}" for v in item.values if v.name != "id")
    return text if len(text) <= _SAYS_MAX else f"{text[:_SAYS_MAX]}…"


def _cell(text: str) -> str:
    """A spreadsheet would run what begins like a formula; here it is only shown."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def read_review(path: Path, items: Iterable[Item], *, limits: Limits) -> dict[str, Decision]:
    """Read the decisions on exactly these items.

    Raises:
        ConfigError: An item is undecided, missing, unknown or changed since, or a decision lacks what it needs; the
            message names file and line, the details all that is wrong.
    """
    wanted = {item.name: item for item in items}
    found: dict[str, Decision] = {}
    wrong: list[str] = []
    for line, row in _rows(path, limits):
        name = row["item"].removeprefix("'")
        item = wanted.get(name)
        if item is None or name in found:
            wrong.append(f"line {line}: {'stands twice' if name in found else 'is no item that has to be decided'}")
        elif row["fingerprint"].strip() != item.fingerprint:
            wrong.append(f"line {line}: the item says something else than when it was listed")
        else:
            found[name] = _decision(row)
            wrong += [f"line {line}: {problem}" for problem in _problems(found[name], item, path)]
    wrong += [f"no line decides on {name}" for name in wanted if name not in found]
    if wrong:
        hint = "Write release, redact or withhold into every line; redact and withhold need a reason."
        raise ConfigError(f"{wrong[0]} ({len(wrong)} in all)", place=str(path), hint=hint, details=wrong)
    return found


def _rows(path: Path, limits: Limits) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open("rb") as stream:
            content = stream.read(limits.json_bytes_max + 1)
        if len(content) > limits.json_bytes_max:
            raise ConfigError(f"is larger than the limit of {limits.json_bytes_max} bytes", place=str(path))
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        if tuple(reader.fieldnames or ()) != HEADER:
            raise ConfigError(f"its first line is not {','.join(HEADER)}", place=str(path))
        for row in reader:
            yield reader.line_num, {name: str(row.get(name) or "") for name in HEADER}
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", place=str(path)) from error
    except (UnicodeDecodeError, csv.Error) as error:
        hint = "Save it as CSV in UTF-8, with commas."
        raise ConfigError(f"is no CSV file: {error}", place=str(path), hint=hint) from error


def _decision(row: dict[str, str]) -> Decision:
    return Decision(
        decision=row["decision"].strip().lower(),
        reason=row["reason"].strip(),
        fields=tuple(row["fields"].split()),
        replacement=row["replacement"].strip(),
    )


def _is_beside(path: Path, name: str) -> bool:
    """Whether a plain name is that of a file in the review's own folder: whoever decides may not reach elsewhere."""
    if not name.isprintable() or name in {"", ".", ".."} or {"/", "\\", ":"} & set(name):
        return False
    replacement = path.parent / name
    return replacement.is_file() and not replacement.is_symlink() and not replacement.samefile(path)


def _problems(decision: Decision, item: Item, path: Path) -> Iterator[str]:
    if decision.decision not in DECISIONS:
        yield "is not decided" if not decision.decision else f"{decision.decision!r} is none of {', '.join(DECISIONS)}"
        return
    if decision.decision != "release" and not decision.reason:
        yield f"{decision.decision} needs a reason"
    if decision.decision == "redact":
        known = {value.name for value in item.values}
        unknown = [name for name in decision.fields if name not in known]
        if item.file is not None and not _is_beside(path, decision.replacement):
            yield "a document is redacted by a file in its place: name it under replacement, beside this list"
        elif unknown and item.file is None:
            yield f"the item has no field {unknown[0]}"
