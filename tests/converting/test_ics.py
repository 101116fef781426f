"""The diary parsed back by icalendar."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pyarrow.parquet as pq

from tests.converting.canonical import write_form
from tests.converting.conftest import Convert

TEN = dt.datetime(2024, 7, 1, 9, tzinfo=dt.UTC)
EVENT = {"id": "e1", "summary": "Hearing", "starts_at": TEN, "status": "confirmed"}


def parsed(path: Path) -> Any:  # noqa: ANN401 -- a property's type depends on its name
    """Parse the file as a whole."""
    return icalendar.Calendar.from_ical((path / "diary.ics").read_bytes())


def one(tmp_path: Path, entity: str, row: dict[str, Any]) -> Any:  # noqa: ANN401 -- an event or a to-do
    """Convert one row and return its component."""
    folder, _ = write_form(tmp_path, "ics", {entity: [row]})
    (component,) = [c for c in parsed(folder).subcomponents if c.name in {"VEVENT", "VTODO"}]
    return component


def test_ics_practice_has_every_entry_at_its_time(converted: Convert, practice: Path) -> None:
    """Each diary entry, key date and task that is not deleted is there once, at its instant or on its day."""
    calendar = parsed(converted("ics").out)
    rows: dict[str, list[dict[str, Any]]] = {}
    for name in ("calendar_event", "key_date", "task"):
        table = pq.read_table(practice / f"data/tables/{name}.parquet").to_pylist()
        rows[name] = [row for row in table if not row["is_deleted"]]
    events = calendar.walk("VEVENT")
    assert len(events) == len(rows["calendar_event"]) + len(rows["key_date"])
    starts = sorted(str(event["dtstart"].dt) for event in events)
    expected = [str(r["start_date"] if r["all_day"] else r["starts_at"]) for r in rows["calendar_event"]]
    assert starts == sorted([*expected, *(str(r["due_at"] or r["due_on"]) for r in rows["key_date"])])
    assert len(calendar.walk("VTODO")) == len(rows["task"])
    assert len({str(c["uid"]) for c in calendar.walk() if "uid" in c}) == len(events) + len(rows["task"])


def test_ics_is_the_same_each_time(converted: Convert, practice: Path, tmp_path: Path) -> None:
    """No clock and no chance in it: a second conversion gives the same bytes, so a second import doubles nothing."""
    from portability.converting import Request, convert  # noqa: PLC0415

    first = (converted("ics").out / "diary.ics").read_bytes()
    second = convert(Request(archive=practice, form="ics", out=tmp_path / "again", unverified=True))
    assert (second.out / "diary.ics").read_bytes() == first


def test_ics_instant_is_utc_and_all_day_ends_the_day_after(tmp_path: Path) -> None:
    """An instant has a Z; our last day is inclusive and iCalendar's is not."""
    event = one(tmp_path / "1", "calendar_event", {**EVENT, "ends_at": TEN + dt.timedelta(hours=1)})
    assert event["dtstart"].to_ical() == b"20240701T090000Z"
    days = {"all_day": True, "start_date": dt.date(2024, 7, 1), "end_date": dt.date(2024, 7, 2)}
    event = one(tmp_path / "2", "calendar_event", {**EVENT, **days})
    assert (event["dtstart"].dt, event["dtend"].dt) == (dt.date(2024, 7, 1), dt.date(2024, 7, 3))


def test_ics_repeating_event_keeps_its_local_time(tmp_path: Path) -> None:
    """Every Monday at ten in London is at ten in winter too: the event names its zone, and the zone is defined."""
    row = {**EVENT, "time_zone": "Europe/London", "recurrence_rule": "FREQ=WEEKLY;BYDAY=MO"}
    folder, _ = write_form(tmp_path, "ics", {"calendar_event": [row]})
    calendar = parsed(folder)
    (event,) = calendar.walk("VEVENT")
    assert event["dtstart"].dt == dt.datetime(2024, 7, 1, 10, tzinfo=ZoneInfo("Europe/London"))
    assert event["rrule"].to_ical() == b"FREQ=WEEKLY;BYDAY=MO"
    assert [str(zone["tzid"]) for zone in calendar.walk("VTIMEZONE")] == ["Europe/London"]


def test_ics_awkward_texts_survive(tmp_path: Path) -> None:
    """Commas, semicolons, line ends, long lines and other alphabets come back as they were."""
    words = "Bring: deeds; keys, 50 £\nand a pen " + "długi opis 😀 " * 30
    event = one(tmp_path, "calendar_event", {**EVENT, "description": words, "location": "Court 1; Cardiff"})
    assert str(event["description"]) == words
    assert str(event["location"]) == "Court 1; Cardiff"


def test_ics_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A rule that is none, an end before the start, no address, a UID given twice, a deleted row: each is counted."""
    rows = [
        {**EVENT, "recurrence_rule": "every other Tuesday", "ends_at": TEN - dt.timedelta(hours=1), "uid": "same@x"},
        {**EVENT, "id": "e2", "attendees": '[{"user_id": "7"}, {"email": "a@example.com"}]', "uid": "same@x"},
        {**EVENT, "id": "e3", "is_deleted": True, "description": "x\x07"},
        {**EVENT, "id": "e4", "description": "bell\x07"},
    ]
    folder, report = write_form(tmp_path, "ics", {"calendar_event": rows})
    events = parsed(folder).walk("VEVENT")
    assert len(events) == 3
    assert str(events[0]["uid"]) == "same@x" != str(events[1]["uid"])
    assert "rrule" not in events[0]
    assert str(events[0]["x-recurrence"]) == "every other Tuesday"
    said = "; ".join(what for what, _ in report.remarks)
    for word in (
        "recurrence rules",
        "before their start",
        "attendees without",
        "UIDs",
        "deleted",
        "control characters",
    ):
        assert word in said


def test_ics_key_date_and_task_say_what_they_are(tmp_path: Path) -> None:
    """A limitation date is all day, marked and in its category; a finished task is completed."""
    date = {"id": "k1", "date_type": "limitation", "due_on": dt.date(2025, 1, 2), "description": "Issue claim"}
    date |= {"status": "pending", "is_critical": True, "reminder_days": 30}
    event = one(tmp_path / "1", "key_date", date)
    assert (event["dtstart"].dt, str(event["summary"])) == (dt.date(2025, 1, 2), "CRITICAL Limitation: Issue claim")
    assert event["categories"].to_ical() == b"key date,limitation"
    assert event.walk("VALARM")[0]["trigger"].dt == dt.timedelta(days=-30)
    todo = one(tmp_path / "2", "task", {"id": "t1", "title": "Ring court", "status": "done", "completed_at": TEN})
    assert (str(todo["status"]), todo["completed"].dt) == ("COMPLETED", TEN)
