"""What subject access says: what was found, what has to be decided, what was made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portability.plurals import counted
from portability.subject_access.items import FLAGS

if TYPE_CHECKING:
    from portability.output import Output
    from portability.subject_access import Bundle

__all__ = ["bundle", "draft"]


def draft(output: Output, made: Bundle) -> None:
    """Tell what has to be decided before there is a bundle."""
    output.result(_document(made))
    output.line(
        f"{counted(made.items, 'item was', 'items were')} found. No bundle was made: some have to be decided on first."
    )
    output.table("", ["why", "items#"], [(FLAGS[flag], count) for flag, count in made.flagged.items() if count])
    output.line(
        f"Decide in {made.folder}/review.csv (release, redact or withhold), looking at {made.folder}/draft.html."
    )
    output.line(f"Then run again with --review {made.folder}/review.csv and another folder.")


def bundle(output: Output, made: Bundle) -> None:
    """Tell what was made."""
    output.result(_document(made))
    output.table("", ["entity", "items#"], list(made.entities.items()))
    decided = ", ".join(f"{count} {decision}" for decision, count in made.decided.items())
    output.line(f"{counted(made.documents, 'document')}." + (f" Decided: {decided}." if decided else ""))
    output.line(f"For the person: {made.folder}/bundle   For the firm's file: {made.folder}/record")


def _document(made: Bundle) -> dict[str, Any]:
    return vars(made).copy() | {"folder": str(made.folder)}
