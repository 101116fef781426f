"""What is told of a job, each happening once: due, late, missed, failed, recovered; and what is still to be delivered.

A happening is recorded whether anybody is told of it or not. A notice names the job, the agreement, the moments and the
error's own words; these carry no client's data.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from portability.catalogue import canonical_text, moment_text, parse_moment_text
from portability.catalogue.job_runs import NoticeRow, add_notice, has_notice, list_notices, note_attempt
from portability.errors import PortabilityError
from portability.escrow.running.channels import NoticeDocument, deliver
from portability.escrow.running.runs import note_of

if TYPE_CHECKING:
    from portability.catalogue import Catalogue
    from portability.escrow.jobs import Job, Notice
    from portability.escrow.running.runs import JobStanding
    from portability.limits import Limits

__all__ = ["Undelivered", "deliver_notices", "note_happenings"]

_RECORD = "record"  # the channel of what has happened, told or not
_FIRST = "the first deposit"
_WARNING = "warning:"
_TROUBLE = frozenset({"late", "missed", "failed"})
_DAYS_IN_SECONDS = 86_400


@dataclass(frozen=True, kw_only=True)
class Undelivered:
    """A notice that could not be delivered yet, or was given up."""

    job: str
    event: str
    channel: str
    attempts: int
    failure: str
    given_up: bool


@dataclass(frozen=True, kw_only=True)
class _Happening:
    event: str
    subject: str
    detail: str = ""


def note_happenings(catalogue: Catalogue, job: Job, standing: JobStanding, now: datetime) -> tuple[str, ...]:
    """Record what has happened to a job and who is to be told; return the events that are new."""
    found = []
    with catalogue.transaction() as transaction:
        rows = list_notices(transaction, job=job.name)
        for each in (*_happenings(job, standing, now), *_recovery(standing, rows, now)):
            if has_notice(transaction, job.name, each.event, each.subject, _RECORD):
                continue
            found.append(each.event)
            document = _document(job, standing, each, now)
            add_notice(transaction, _row(job, each, _RECORD, document, now, delivered=True))
            for notice in job.notices:
                if each.event in notice.events:
                    add_notice(transaction, _row(job, each, channel_name(notice), document, now))
    return tuple(found)


def _happenings(job: Job, standing: JobStanding, now: datetime) -> Iterator[_Happening]:
    due = standing.due_at
    if due is not None:
        # A job that never made a deposit is due at once, whenever it is looked at: that is one happening.
        subject = _FIRST if standing.last_done is None else moment_text(due)
        yield _Happening(event="due", subject=subject)
        if now > due + timedelta(seconds=job.schedule.late_after_s):
            yield _Happening(event="late", subject=subject)
        if now > due + timedelta(seconds=job.schedule.missed_after_s):
            yield _Happening(event="missed", subject=subject)
    first = standing.failing_since
    if first is not None:
        yield _Happening(event="failed", subject=first.id, detail=first.detail or f"the run was {first.outcome}")
    ahead = standing.ahead
    if ahead is not None:
        detail = f"a run of {ahead.started_at} is recorded: this machine's clock was ahead then, or is behind now"
        yield _Happening(event="failed", subject=f"{_WARNING}ahead:{ahead.id}", detail=detail)
    for run in {each.id: each for each in (standing.last, standing.last_done) if each is not None}.values():
        if note := note_of(run):  # it found what a person must look into
            yield _Happening(event="failed", subject=f"{_WARNING}{run.id}", detail=note)


def _recovery(standing: JobStanding, rows: tuple[NoticeRow, ...], now: datetime) -> Iterator[_Happening]:
    done = standing.last_done
    if done is None or done.ended_at is None or standing.failing_since is not None:
        return
    recorded = [each for each in rows if each.channel == _RECORD and each.created_at <= done.ended_at]
    trouble = max((each.created_at for each in recorded if _is_trouble(each)), default="")
    told = [each.created_at for each in rows if each.event == "recovered" and each.created_at <= moment_text(now)]
    mended = max(told, default="")
    if trouble > mended:
        yield _Happening(event="recovered", subject=done.id)


def _is_trouble(row: NoticeRow) -> bool:
    return row.event in _TROUBLE and not row.subject.startswith(_WARNING)


def _document(job: Job, standing: JobStanding, happening: _Happening, now: datetime) -> str:
    done = standing.last_done
    plain = {
        "event": happening.event,
        "job": job.name,
        "agreement": job.agreement,
        "at": moment_text(now),
        "due_at": None if standing.due_at is None else moment_text(standing.due_at),
        "failures": standing.failures,
        "last_deposit": None if done is None else done.sequence,
        "last_deposit_at": None if done is None else done.ended_at,
        "detail": happening.detail,
    }
    return canonical_text(plain)


def _row(
    job: Job, happening: _Happening, channel: str, document: str, now: datetime, *, delivered: bool = False
) -> NoticeRow:
    return NoticeRow(
        id=str(uuid.uuid4()),
        job=job.name,
        event=happening.event,
        subject=happening.subject,
        channel=channel,
        document=document,
        created_at=moment_text(now),
        delivered_at=moment_text(now) if delivered else None,
        attempts=0,
        next_attempt_at=moment_text(now),
        failure="",
    )


def channel_name(notice: Notice) -> str:
    """Return a channel's kind and a mark that changes with its address; no address stands in the catalogue."""
    channel = notice.channel
    kind = "command" if isinstance(channel, tuple) else type(channel).__name__.lower()
    return f"{kind}-{hashlib.sha256(msgspec.json.encode(channel)).hexdigest()[:12]}"


# --- delivery --------------------------------------------------------------------------------------------------------


def deliver_notices(catalogue: Catalogue, job: Job, now: datetime, limits: Limits) -> tuple[Undelivered, ...]:
    """Deliver a job's notices that wait; what fails is tried again later, for a week. Return what is not delivered."""
    with catalogue.reading() as transaction:
        waiting = list_notices(transaction, job=job.name, waiting_until=moment_text(now))
    channels = {channel_name(each): each for each in job.notices}
    for row in waiting:
        if _is_old(row, now, limits):
            continue
        failure = _attempt(channels.get(row.channel), row, limits)
        pause = min(limits.notice_pause_first_s * 2 ** min(row.attempts, 10), limits.notice_pause_max_s)
        with catalogue.transaction() as transaction:
            note_attempt(
                transaction,
                row.id,
                delivered_at=None if failure else moment_text(now),
                next_attempt_at=moment_text(now + timedelta(seconds=pause)),
                failure=failure[: limits.detail_characters_max],
            )
    return _undelivered(catalogue, job, now, limits)


def _attempt(notice: Notice | None, row: NoticeRow, limits: Limits) -> str:
    """Try once; return what went wrong, nothing when it was delivered."""
    if notice is None:
        return "the job file has no such channel any more"
    try:
        deliver(notice.channel, msgspec.json.decode(row.document, type=NoticeDocument), row.document, limits)
    except PortabilityError as error:
        return str(error)
    return ""


def _undelivered(catalogue: Catalogue, job: Job, now: datetime, limits: Limits) -> tuple[Undelivered, ...]:
    with catalogue.reading() as transaction:
        rows = [each for each in list_notices(transaction, job=job.name) if each.delivered_at is None]
    return tuple(
        Undelivered(
            job=each.job,
            event=each.event,
            channel=each.channel,
            attempts=each.attempts,
            failure=each.failure,
            given_up=_is_old(each, now, limits),
        )
        for each in rows
    )


def _is_old(row: NoticeRow, now: datetime, limits: Limits) -> bool:
    age = now - parse_moment_text(row.created_at)
    return age > timedelta(seconds=limits.notice_days_max * _DAYS_IN_SECONDS)
