"""What the profile commands say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portability.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portability.drafting import CheckResult, Draft
    from portability.output import Output
    from portability.profiles import Profile

__all__ = ["draft", "profile_check", "profiles"]


def profiles(output: Output, known: Sequence[Profile]) -> None:
    """List profiles."""
    output.result([{"profile": p.profile, "title": p.title, "entities": len(p.maps)} for p in known])
    output.table("", ["profile", "title", "entities#"], [(p.profile, p.title, len(p.maps)) for p in known])


def draft(output: Output, made: Draft) -> None:
    """Tell what was drafted, what it lacks, and where to go on."""
    output.result(made)
    guesses = counted(len(made.guesses), "guess", "guesses")
    output.line(
        f"Draft profile {made.profile} in {made.directory}: {guesses} in its maps to look at, besides profile.yaml's"
    )
    output.table("", ["entity", "from"], [(name, ", ".join(tables)) for name, tables in sorted(made.entities.items())])
    if made.left_out:
        output.table(
            "\nLeft out", ["table", "entity", "reason"], [(x.table, x.entity, x.reason) for x in made.left_out]
        )
    _problems(output, made.check)
    output.line("")
    output.line(f"Read {made.notes} first. Then:  portability profile check {made.directory} SOURCE")


def profile_check(output: Output, result: CheckResult) -> None:
    """Tell everything that is wrong with a profile, and how much of the source it covers."""
    output.result(result)
    _problems(output, result)
    rows = [(t.table, t.mapped, t.carried, t.excluded, t.unclassified) for t in result.tables]
    if rows:
        output.table("\nColumns", ["table", "mapped#", "carried#", "excluded#", "unclassified#"], rows)
    output.line(f"{counted(len(result.errors), 'error')}, {counted(len(result.problems) - len(result.errors), 'note')}")


def _problems(output: Output, result: CheckResult) -> None:
    if result.problems:
        output.table(
            "", ["kind", "where", "what", "mend"], [(p.severity, p.place, p.text, p.mend) for p in result.problems]
        )
