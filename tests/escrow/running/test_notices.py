"""What happens to a job is told once, on every channel, until it is delivered."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portability.catalogue import Catalogue, moment_text, parse_moment_text
from portability.catalogue.job_runs import list_notices
from portability.errors import ConfigError
from portability.escrow.jobs import Email, Job, Notice, NoticeEvent, Webhook, load_job
from portability.escrow.running.notices import deliver_notices, note_happenings
from portability.escrow.running.runs import begin_run, finish_run, standing_of, waits
from portability.limits import DEFAULT_LIMITS
from tests.escrow.running.conftest import HookSink, MailSink

START = datetime(2026, 11, 20, 2, 30, tzinfo=UTC)
EVERYTHING: frozenset[NoticeEvent] = frozenset({"due", "late", "missed", "failed", "recovered"})


FAILED: frozenset[NoticeEvent] = frozenset({"failed"})


def look(catalogue: Catalogue, job: Job, now: datetime) -> tuple[str, ...]:
    """Look at a job as a runner does."""
    return note_happenings(catalogue, job, standing_of(catalogue, job, now, DEFAULT_LIMITS), now)


def ran(catalogue: Catalogue, job: Job, at: datetime, outcome: str = "done", due: datetime | None = None) -> None:
    """Record a run of ten minutes."""
    run = begin_run(catalogue, job, due_at=due, now=at)
    detail = "" if outcome == "done" else "the depository is full"
    finish_run(catalogue, run, outcome=outcome, now=at + timedelta(minutes=10), sequence=1, detail=detail)


def test_job_through_a_bad_week_is_told_of_each_event_once(catalogue: Catalogue, job: Job) -> None:
    """Due, failed, late, missed and recovered: each once, however often a runner looks."""
    hours = timedelta(hours=1)
    ran(catalogue, job, START, due=START)
    assert look(catalogue, job, START + 2 * hours) == ()
    tomorrow = START + 24 * hours
    assert look(catalogue, job, tomorrow) == ("due",)
    ran(catalogue, job, tomorrow, "failed", due=tomorrow)
    ran(catalogue, job, tomorrow + hours, "failed", due=tomorrow)
    assert look(catalogue, job, tomorrow + 2 * hours) == ("failed",)
    assert look(catalogue, job, tomorrow + 3 * hours) == ()
    assert look(catalogue, job, tomorrow + 7 * hours) == ("late",)
    assert look(catalogue, job, tomorrow + 25 * hours) == ("missed",)
    ran(catalogue, job, tomorrow + 26 * hours, due=tomorrow + 24 * hours)
    assert look(catalogue, job, tomorrow + 27 * hours) == ("recovered",)
    assert look(catalogue, job, tomorrow + 28 * hours) == ()


def test_standing_after_downtime_of_days_is_one_run(catalogue: Catalogue, job: Job) -> None:
    """A runner that was away answers all that was due with one run; the oldest counts for being late."""
    ran(catalogue, job, START, due=START)
    now = START + timedelta(days=5, hours=3)
    standing = standing_of(catalogue, job, now, DEFAULT_LIMITS)
    assert standing.due_at == START + timedelta(days=1)
    assert standing.answers == START + timedelta(days=5)
    assert standing.may_run(now)
    ran(catalogue, job, now, due=standing.answers)
    assert standing_of(catalogue, job, now + timedelta(hours=1), DEFAULT_LIMITS).due_at is None


def test_standing_after_failures_waits_longer_each_time(catalogue: Catalogue, job: Job) -> None:
    """A job that fails is tried again, with pauses that grow to an hour."""
    pauses = []
    now = START
    for _ in range(9):
        ran(catalogue, job, now, "failed", due=START)
        standing = standing_of(catalogue, job, now + timedelta(minutes=10), DEFAULT_LIMITS)
        assert standing.not_before is not None
        pauses.append(int((standing.not_before - now - timedelta(minutes=10)).total_seconds()))
        now = standing.not_before
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_run_that_was_killed_is_noted_by_the_next_one(catalogue: Catalogue, job: Job) -> None:
    """A run that never said how it ended did not end well."""
    begin_run(catalogue, job, due_at=START, now=START)
    begin_run(catalogue, job, due_at=START, now=START + timedelta(minutes=5))
    standing = standing_of(catalogue, job, START + timedelta(minutes=6), DEFAULT_LIMITS)
    assert standing.failing_since is not None
    assert standing.failing_since.outcome == "killed"


def test_notice_by_mail_webhook_and_command_is_delivered_once(
    catalogue: Catalogue, job: Job, mail: MailSink, hook: HookSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each channel gets the event, in words or as the signed document, and gets it once."""
    monkeypatch.setenv("HOOK_SECRET", "between us")
    channels = (
        Email(to=("ops@example.com",), sender="escrow@example.com", server="127.0.0.1", port=mail.port, tls="none"),
        Webhook(url=hook.url, secret_env="HOOK_SECRET"),
        ("sh", "-c", f"cat >> {tmp_path}/told"),
    )
    job = replace(job, notices=tuple(Notice(events=EVERYTHING, channel=each) for each in channels))
    ran(catalogue, job, START, "failed", due=START)
    for minutes in (11, 12):
        now = START + timedelta(minutes=minutes)
        look(catalogue, job, now)
        assert deliver_notices(catalogue, job, now, DEFAULT_LIMITS) == ()
    assert [text.count("a deposit failed") for text in mail.messages if "failed (" in text] == [2]
    assert "the depository is full" in "".join(mail.messages)
    told = [json.loads(body)["event"] for _, body in hook.posts]
    assert sorted(told) == ["due", "failed"]
    for headers, body in hook.posts:
        expected = hmac.digest(b"between us", body, hashlib.sha256).hex()
        assert headers["X-Portability-Signature"] == f"sha256={expected}"
    documents = (tmp_path / "told").read_text(encoding="utf-8").replace("}{", "}\n{").splitlines()
    assert sorted(json.loads(each)["event"] for each in documents) == ["due", "failed"]


def test_notice_that_cannot_be_delivered_is_tried_again_and_shown(
    catalogue: Catalogue, job: Job, hook: HookSink
) -> None:
    """A channel that refuses is asked again, later each time; after a week it is given up and still shown."""
    job = replace(job, notices=(Notice(events=FAILED, channel=Webhook(url=hook.url)),))
    ran(catalogue, job, START, "failed", due=START)
    now = START + timedelta(minutes=11)
    look(catalogue, job, now)
    hook.answer = 500
    (waiting,) = deliver_notices(catalogue, job, now, DEFAULT_LIMITS)
    assert (waiting.event, waiting.attempts, waiting.failure) == ("failed", 1, "the webhook answered 500")
    deliver_notices(catalogue, job, now + timedelta(seconds=30), DEFAULT_LIMITS)
    assert len(hook.posts) == 1
    (waiting,) = deliver_notices(catalogue, job, now + timedelta(days=8), DEFAULT_LIMITS)
    assert (waiting.given_up, len(hook.posts)) == (True, 1)
    hook.answer = 204
    assert deliver_notices(catalogue, job, now + timedelta(minutes=2), DEFAULT_LIMITS) == ()
    assert len(hook.posts) == 2


FAULTS: dict[str, tuple[Callable[[MailSink, HookSink], tuple[str, ...] | Email | Webhook], str]] = {
    "redirect": (lambda _, hook: Webhook(url=hook.url), "redirect (302), which is not followed"),
    "no_server": (lambda *_: Webhook(url="http://127.0.0.1:1/"), "the webhook cannot be reached"),
    "no_secret": (lambda _, hook: Webhook(url=hook.url, secret_env="NOT_SET_ANYWHERE"), "NOT_SET_ANYWHERE is not set"),
    "mail_refused": (
        lambda mail, _: Email(to=("a@b.c",), sender="d@e.f", server="127.0.0.1", port=mail.port, tls="none"),
        "the mail server cannot be used: SMTPRecipientsRefused",
    ),
    "mail_without_tls": (
        lambda mail, _: Email(to=("a@b.c",), sender="d@e.f", server="127.0.0.1", port=mail.port, tls="starttls"),
        "the mail server cannot be used: SMTPNotSupportedError",
    ),
    "url_that_slipped_through": (lambda *_: Webhook(url="http://[::1/"), "cannot be sent: ValueError"),
    "address_that_slipped_through": (
        lambda mail, _: Email(to=("a@b.c\nd",), sender="d@e.f", server="127.0.0.1", port=mail.port, tls="none"),
        "cannot be sent: ValueError",
    ),
    "url_that_is_split": (lambda *_: Webhook(url="http://127.0.0.1/\r\nX: y"), "cannot be sent: InvalidURL"),
    "command_fails": (lambda *_: ("false",), "the command ended with 1"),
    "command_missing": (lambda *_: ("/no/such/command",), "the command cannot be started"),
}


@pytest.mark.parametrize(("make", "message"), FAULTS.values(), ids=FAULTS.keys())
@pytest.mark.parametrize("catalogue", ["sqlite"], indirect=True)
def test_notice_channel_fault_is_told_without_secrets(
    catalogue: Catalogue,
    job: Job,
    mail: MailSink,
    hook: HookSink,
    make: Callable[[MailSink, HookSink], tuple[str, ...] | Email | Webhook],
    message: str,
) -> None:
    """Whatever a channel does, the runner goes on and says what was wrong."""
    hook.answer, mail.refuses = 302, True
    job = replace(job, notices=(Notice(events=FAILED, channel=make(mail, hook)),))
    ran(catalogue, job, START, "failed", due=START)
    now = START + timedelta(minutes=11)
    look(catalogue, job, now)
    (waiting,) = deliver_notices(catalogue, job, now, DEFAULT_LIMITS)
    assert message in waiting.failure


def test_run_of_a_clock_that_was_ahead_hides_no_due_deposit(catalogue: Catalogue, job: Job) -> None:
    """A run in the future answers nothing, is told as a failure once, and what was due stays due."""
    ran(catalogue, job, START + timedelta(days=3_000))
    standing = standing_of(catalogue, job, START, DEFAULT_LIMITS)
    assert (standing.due_at, standing.may_run(START)) == (START, True)
    assert look(catalogue, job, START) == ("due", "failed")
    ran(catalogue, job, START, due=START)
    now = START + timedelta(hours=1)
    assert "recovered" not in look(catalogue, job, now)
    assert standing_of(catalogue, job, now, DEFAULT_LIMITS).due_at is None
    assert "due" in look(catalogue, job, START + timedelta(days=1, hours=1))


def test_run_of_another_clock_a_minute_ahead_is_a_run(catalogue: Catalogue, job: Job) -> None:
    """Two machines' clocks never agree."""
    ran(catalogue, job, START, due=START)
    assert standing_of(catalogue, job, START + timedelta(minutes=9), DEFAULT_LIMITS).ahead is None


@pytest.mark.parametrize("outcome", ["done", "waiting"])
def test_run_that_found_what_a_person_must_look_into_is_told_as_failed(
    catalogue: Catalogue, job: Job, outcome: str
) -> None:
    """Whether its deposit has arrived or waits; and once."""
    note = "deposit 3 in shelf was not made with this catalogue"
    run = begin_run(catalogue, job, due_at=START, now=START)
    detail = note if outcome == "done" else waits(4, (note,))
    finish_run(catalogue, run, outcome=outcome, now=START, sequence=4, detail=detail)
    assert "failed" in look(catalogue, job, START + timedelta(minutes=1))
    with catalogue.reading() as transaction:
        (told,) = [each for each in list_notices(transaction) if each.event == "failed"]
    assert json.loads(told.document)["detail"] == note
    assert "failed" not in look(catalogue, job, START + timedelta(minutes=2))


def test_run_that_waits_and_found_nothing_is_no_failure(catalogue: Catalogue, job: Job) -> None:
    """Quiet hours are nobody's fault."""
    run = begin_run(catalogue, job, due_at=START, now=START)
    finish_run(catalogue, run, outcome="waiting", now=START, sequence=4, detail=waits(4, ()))
    assert "failed" not in look(catalogue, job, START + timedelta(minutes=1))


EMAIL = {"to": ["a@b.example"], "sender": "c@d.example", "server": "mail.example"}
BAD_CHANNELS = {
    "line_feed_in_an_address": ({"email": EMAIL | {"to": ["a@b.example\nBcc: e@f.example"]}}, "email.to[0]"),
    "two_addresses_in_one": ({"email": EMAIL | {"sender": "a@b.example, c@d.example"}}, "email.sender"),
    "no_address": ({"email": EMAIL | {"to": ["ops"]}}, "email.to[0]"),
    "server_with_a_line_feed": ({"email": EMAIL | {"server": "mail.example\r\nQUIT"}}, "email.server"),
    "url_without_its_bracket": ({"webhook": {"url": "http://[::1/"}}, "webhook.url"),
    "url_with_a_line_feed": ({"webhook": {"url": "http://hook.example/\r\nX: y"}}, "webhook.url"),
    "url_with_a_port_too_great": ({"webhook": {"url": "http://hook.example:99999/"}}, "webhook.url"),
    "url_that_is_not_ascii": ({"webhook": {"url": "http://hook.example/\u00e9"}}, "webhook.url"),
    "command_with_a_nul": ({"command": ["sh", "-c", "a\0b"]}, "command"),
}


@pytest.mark.parametrize(("channel", "field"), BAD_CHANNELS.values(), ids=BAD_CHANNELS.keys())
def test_notice_channel_that_cannot_be_is_refused_at_load(
    write_job: Callable[..., Path], channel: dict[str, object], field: str
) -> None:
    """A typing error in who is told stops the job that it stands in, with its line, before anything runs."""
    path = write_job(notices=[{"on": ["failed"]} | channel])
    with pytest.raises(ConfigError) as caught:
        load_job(path)
    assert field in str(caught.value)


def test_first_run_is_due_once_while_it_goes_on(catalogue: Catalogue, job: Job) -> None:
    """It is due at the moment it was first looked at; that its run begins later changes nothing."""
    assert look(catalogue, job, START) == ("due",)
    assert look(catalogue, job, START + timedelta(seconds=5)) == ()
    began = START + timedelta(seconds=10)
    begin_run(catalogue, job, due_at=START, now=began)
    assert look(catalogue, job, began + timedelta(seconds=10)) == ()


def test_notice_channel_good_ones_are_read(write_job: Callable[..., Path]) -> None:
    """A name before an address, an IPv6 server, a port and a query are nothing odd."""
    email = EMAIL | {"to": ["Ops <ops@example.com>"], "server": "::1"}
    hook = {"url": "https://[::1]:8443/escrow?who=smith&x=%20"}
    path = write_job(notices=[{"on": ["failed"], "email": email}, {"on": ["failed"], "webhook": hook}])
    assert len(load_job(path).notices) == 2


def test_notices_in_the_catalogue_hold_no_address(catalogue: Catalogue, job: Job) -> None:
    """Who is told stands in the job file alone."""
    email = Email(to=("ops@example.com",), sender="x@example.com", server="mail.example.com", port=25, tls="none")
    job = replace(job, notices=(Notice(events=EVERYTHING, channel=email),))
    look(catalogue, job, START)
    with catalogue.reading() as transaction:
        rows = list_notices(transaction)
    assert {each.channel.partition("-")[0] for each in rows} == {"record", "email"}
    assert "example.com" not in "".join(each.channel + each.document for each in rows)
    assert parse_moment_text(rows[0].created_at) == parse_moment_text(moment_text(START))
