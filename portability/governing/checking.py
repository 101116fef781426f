"""Whether the register is what was recorded: every request, its evidence, its numbers, and the audit chain beside it.

The steps prove themselves by their signatures and links; that the last ones were not cut off, only the audit chain can
say: each step is named there by its statement's hash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from portability.auditing import iter_chain, read_silent
from portability.catalogue import moment_text, parse_moment_text
from portability.governing.register import ENTRY, STATEMENT, SUBJECT, BrokenRequest, Register, Request
from portability.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portability.catalogue import Transaction
    from portability.governing.events import Evidence
    from portability.sealing.encryption import Identity

__all__ = ["RegisterReport", "check_register"]

# A person may take their time between signing a step and its being recorded; a clock may differ a little.
_LATE = timedelta(seconds=DEFAULT_LIMITS.step_age_s_max + DEFAULT_LIMITS.catalogue_skew_s)


@dataclass(frozen=True, kw_only=True)
class RegisterReport:
    """What was checked, and what is wrong."""

    requests: int
    steps: int
    evidence: int
    problems: tuple[str, ...]


def check_register(register: Register, *, identities: Sequence[Identity] = ()) -> RegisterReport:
    """Check every request of a register, and that the audit chain knows the same steps.

    Args:
        identities: For the silent register: what opens the sealed chain.
    """
    with register.catalogue.reading() as transaction:
        found = register.load_all(transaction)
        entries = tuple(_recorded(register, transaction, identities))
    recorded = {sha256: (text, at) for sha256, text, at in entries}
    whole = [each for each in found if isinstance(each, Request)]
    problems = [f"{each.text}: {each.problem}" for each in found if isinstance(each, BrokenRequest)]
    numbers = {each.number for each in found}
    problems += [f"{register.text(n)}: is missing" for n in range(1, max(numbers, default=0) + 1) if n not in numbers]
    steps = {signed.sha256: request.text for request in whole for signed in request.signed}
    broken = {each.text for each in found if isinstance(each, BrokenRequest)}
    for sha256, (text, _) in recorded.items():
        if sha256 not in steps and text not in broken:
            problems.append(f"{text}: the audit chain names a step that is not there")
    problems += [
        f"{text}: a step is not in the audit chain" for sha256, text in steps.items() if sha256 not in recorded
    ]
    problems += _untimely(whole, recorded)
    files = sorted({(each.sha256, request.text) for request in whole for each in _evidence(request)})
    for sha256, text in files:
        if problem := register.evidence.problem(sha256):
            problems.append(f"{text}: {problem}: {sha256}")
    return RegisterReport(requests=len(found), steps=len(steps), evidence=len(files), problems=tuple(problems))


def _untimely(requests: Sequence[Request], recorded: Mapping[str, tuple[str, datetime]]) -> Iterator[str]:
    """Find steps that say another time than that of their entries in the audit chain."""
    for request in requests:
        for signed in request.signed:
            if signed.sha256 not in recorded:
                continue
            _, at = recorded[signed.sha256]
            if abs(at - signed.event.at) > _LATE:
                step, said = signed.event.step, moment_text(signed.event.at)
                yield f"{request.text}: the step {step} says {said}, and was recorded at {moment_text(at)}"


def _recorded(
    register: Register, transaction: Transaction, identities: Sequence[Identity]
) -> Iterator[tuple[str, str, datetime]]:
    """Yield the hash of every step that the audit chain names, its request, and when it was recorded; in order."""
    if register.silent:
        found = ((entry.document, entry.at) for entry in read_silent(transaction, identities))
        entries = ((each["subject"], each["details"], at) for each, at in found if each.get("type") == ENTRY)
    else:
        entries = ((entry.subject, entry.details, entry.at) for entry in iter_chain(transaction))
    for subject, details, at in entries:
        if subject.startswith(SUBJECT) and STATEMENT in details:
            yield str(details[STATEMENT]), subject.removeprefix(SUBJECT), parse_moment_text(at)


def _evidence(request: Request) -> Iterator[Evidence]:
    for event in request.course.events:
        yield from event.evidence
