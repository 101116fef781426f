"""The diary, key dates and tasks as one iCalendar file (RFC 5545).

Canonical times are instants, written in UTC with a Z; a repeating event is written in its own time zone, because its
rule means local time. UIDs come from the source system and the row's id, so that a second import updates and does not
double.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from portability.archive import EXPORT_JSON
from portability.converting.contract import Form, Material, Report
from portability.converting.engine import open_canonical
from portability.errors import FormatError
from portability.manifest import ExportRecord, read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from icalendar import Component

    from portability.converting.engine import Canonical

__all__ = ["FORM"]

FILE = "diary.ics"
_MATTER = "LEFT JOIN matter AS m ON m.id = r.matter_id"
_EVENTS = f"""
SELECT r.*, m.matter_number, m.title AS matter_title, o.email AS organiser_email, o.display_name AS organiser_name
FROM calendar_event AS r {_MATTER} LEFT JOIN "user" AS o ON o.id = r.organiser_id ORDER BY r.id"""
_KEY_DATES = f"""
SELECT r.*, m.matter_number, m.title AS matter_title, u.display_name AS responsible
FROM key_date AS r {_MATTER} LEFT JOIN "user" AS u ON u.id = r.responsible_user_id ORDER BY r.id"""
_TASKS = f"""
SELECT r.*, m.matter_number, m.title AS matter_title, u.display_name AS responsible
FROM task AS r {_MATTER} LEFT JOIN "user" AS u ON u.id = r.assignee_id ORDER BY r.id"""
_REPEATING = """
SELECT time_zone, min(starts_at) AS first FROM calendar_event
WHERE recurrence_rule IS NOT NULL AND NOT all_day AND time_zone IS NOT NULL AND NOT is_deleted GROUP BY 1 ORDER BY 1"""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_EVENT_STATUS = {"tentative": "TENTATIVE", "confirmed": "CONFIRMED", "cancelled": "CANCELLED", "done": "CONFIRMED"}
_DATE_STATUS = {"vacated": "CANCELLED"}
_TASK_STATUS = {
    "not_started": "NEEDS-ACTION", "in_progress": "IN-PROCESS", "done": "COMPLETED", "cancelled": "CANCELLED",
}  # fmt: skip
_PRIORITY = {"urgent": 1, "high": 2, "normal": 5, "low": 8}


def _write(material: Material, folder: Path, report: Report) -> None:
    record = read_json(material.archive.root / EXPORT_JSON, ExportRecord)
    stamp = datetime.fromisoformat(record.snapshot_at).astimezone(UTC)
    written = _Components(stamp, report)
    with open_canonical(material, folder) as canonical, (folder / FILE).open("xb") as stream:
        head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//portability//archive//EN", "CALSCALE:GREGORIAN", ""]
        stream.write("\r\n".join(head).encode())
        for zone in _zones(canonical):
            stream.write(zone)
        sources: tuple[tuple[str, str, Callable[[dict[str, Any]], Component]], ...] = (
            ("calendar_event", _EVENTS, written.event),
            ("key_date", _KEY_DATES, written.key_date),
            ("task", _TASKS, written.task),
        )
        for entity, sql, make in sources:
            material.progress(f"ics {entity}")
            for row in canonical.rows(sql):
                if row["is_deleted"]:
                    report.remark("rows marked as deleted, left out", entity)
                    continue
                stream.write(make(row).to_ical())
                report.count(entity)
        stream.write(b"END:VCALENDAR\r\n")
    _check(folder / FILE, report)


def _zones(canonical: Canonical) -> Iterator[bytes]:
    """Write the definition of each time zone that a repeating event needs."""
    from icalendar import Timezone  # noqa: PLC0415 -- an extra: asked for only where it is used

    for row in canonical.rows(_REPEATING):
        if _zone(row["time_zone"]) is not None:
            first = row["first"].date() - timedelta(days=400)
            yield Timezone.from_tzid(row["time_zone"], first_date=first, last_date=date(2038, 1, 1)).to_ical()


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


class _Components:
    """Makes components; remembers which UIDs are taken."""

    def __init__(self, stamp: datetime, report: Report) -> None:
        self._stamp = stamp
        self._report = report
        self._uids: set[str] = set()

    def event(self, row: dict[str, Any]) -> Component:
        """Make a diary entry."""
        from icalendar import Event  # noqa: PLC0415

        event = self._new(Event(), "calendar_event", row, row["summary"])
        self._place_in_time(event, row)
        self._text(event, "DESCRIPTION", row["description"])
        self._text(event, "LOCATION", row["location"])
        event.add("status", _EVENT_STATUS[row["status"]])
        event.add("categories", [row["event_type"] or "other"])
        if row["organiser_email"]:
            name = " ".join(self._clean(row["organiser_name"]).split())  # a parameter holds one line
            event.add("organizer", f"mailto:{row['organiser_email']}", parameters={"CN": name})
        self._attendees(event, row["attendees"], row["id"])
        if row["reminder_minutes"] is not None:
            event.add_component(_alarm(timedelta(minutes=-row["reminder_minutes"]), self._clean(row["summary"])))
        return event

    def key_date(self, row: dict[str, Any]) -> Component:
        """Make an entry of a date with legal effect: all day, or at its time where it has one."""
        from icalendar import Event  # noqa: PLC0415

        kind = row["date_type"].replace("_", " ").capitalize()
        mark = "CRITICAL " if row["is_critical"] else ""
        event = self._new(Event(), "key_date", row, f"{mark}{kind}: {row['description']}")
        event.add("dtstart", row["due_at"] or row["due_on"])
        event.add("status", _DATE_STATUS.get(row["status"], "CONFIRMED"))
        event.add("categories", ["key date", row["date_type"]])
        event.add("transp", "TRANSPARENT")
        words = [f"Status: {row['status']}", f"Responsible: {row['responsible']}" if row["responsible"] else ""]
        self._text(event, "DESCRIPTION", "\n".join(word for word in words if word))
        if row["reminder_days"] is not None and row["status"] == "pending":
            event.add_component(_alarm(timedelta(days=-row["reminder_days"]), self._clean(row["description"])))
        return event

    def task(self, row: dict[str, Any]) -> Component:
        """Make a to-do."""
        from icalendar import Todo  # noqa: PLC0415

        todo = self._new(Todo(), "task", row, row["title"])
        for name, value in (("due", row["due_at"]), ("completed", row["completed_at"])):
            if value is not None:
                todo.add(name, value)
        todo.add("status", _TASK_STATUS[row["status"]])
        if row["priority"] in _PRIORITY:
            todo.add("priority", _PRIORITY[row["priority"]])
        responsible = f"\nAssigned to: {row['responsible']}" if row["responsible"] else ""
        self._text(todo, "DESCRIPTION", f"{row['description'] or ''}{responsible}".strip())
        return todo

    def _new(self, component: Component, entity: str, row: dict[str, Any], summary: str) -> Component:
        component.add("uid", self._uid(entity, row))
        component.add("dtstamp", self._stamp)
        matter = f" [{row['matter_number']} {row['matter_title']}]" if row["matter_number"] else ""
        self._text(component, "SUMMARY", f"{summary}{matter}")
        return component

    def _uid(self, entity: str, row: dict[str, Any]) -> str:
        given = row.get("uid")
        if given and given not in self._uids and not _CONTROL.search(given):
            self._uids.add(given)
            return str(given)
        if given:
            self._report.remark("UIDs that the source has twice or that cannot be written, made anew", entity)
        name = f"urn:legal-portability:{row['source_system']}:{entity}:{row['id']}"
        return str(uuid5(NAMESPACE_URL, name))

    def _place_in_time(self, event: Component, row: dict[str, Any]) -> None:
        start, end = row["starts_at"], row["ends_at"]
        if row["all_day"]:
            first = row["start_date"] or start.date()
            event.add("dtstart", first)
            if row["end_date"] and row["end_date"] >= first:
                event.add("dtend", row["end_date"] + timedelta(days=1))  # ours is inclusive, theirs is not
        else:
            zone = _zone(row["time_zone"]) if row["recurrence_rule"] else None
            event.add("dtstart", start.astimezone(zone or UTC))
            if end is not None and end >= start:
                event.add("dtend", end.astimezone(zone or UTC))
            elif end is not None:
                self._report.remark("ends before their start, left out", f"calendar_event {row['id']}")
        if row["recurrence_rule"]:
            self._repeat(event, row)

    def _repeat(self, event: Component, row: dict[str, Any]) -> None:
        from icalendar import vRecur  # noqa: PLC0415

        rule = row["recurrence_rule"].removeprefix("RRULE:").strip()
        try:
            parsed = vRecur.from_ical(rule)
        except ValueError:
            parsed = vRecur()
        if parsed.get("FREQ"):
            event.add("rrule", parsed)
        else:
            self._report.remark(
                "recurrence rules that RFC 5545 does not know, kept as X-RECURRENCE", f"calendar_event {row['id']}"
            )
            self._text(event, "X-RECURRENCE", rule)

    def _attendees(self, event: Component, text: str | None, key: str) -> None:
        try:
            people = json.loads(text) if text else []
            addresses = [person.get("email") for person in people]
        except (ValueError, AttributeError, TypeError):
            people, addresses = [None], [None]
        for address in addresses:
            if address and not _CONTROL.search(address):
                event.add("attendee", f"mailto:{address}")
        without = sum(not address for address in addresses)
        self._report.remark("attendees without an e-mail address, left out", f"calendar_event {key}", without)

    def _text(self, component: Component, name: str, text: str | None) -> None:
        if text:
            component.add(name, self._clean(text))

    def _clean(self, text: str | None) -> str:
        if text and _CONTROL.search(text.replace("\r\n", "\n")):
            self._report.remark("control characters, left out of texts", FILE)
        return _CONTROL.sub("", (text or "").replace("\r\n", "\n"))


def _alarm(before: timedelta, words: str) -> Component:
    from icalendar import Alarm  # noqa: PLC0415

    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", before)
    alarm.add("description", words)
    return alarm


def _check(path: Path, report: Report) -> None:
    """Count the components in the file: what was made is what stands there."""
    found = {"VEVENT": 0, "VTODO": 0}
    with path.open("rb") as stream:
        for line in stream:
            name = line.strip().removeprefix(b"BEGIN:").decode("utf-8", "replace")
            if line.startswith(b"BEGIN:") and name in found:
                found[name] += 1
    events = report.counts.get("calendar_event", 0) + report.counts.get("key_date", 0)
    if found != {"VEVENT": events, "VTODO": report.counts.get("task", 0)}:
        raise FormatError("entries were lost on the way", place=path.name)


FORM = Form(
    name="ics",
    title="The diary, key dates and tasks as iCalendar (RFC 5545)",
    write=_write,
    entities=("calendar_event", "key_date", "task"),
    module="icalendar",
    cannot_hold=(
        "Times are instants in UTC; repeating events stand in their own time zone. The archive has no floating times.",
        "Who may see an entry, its history and its links are not in it; the matter is named in the summary.",
        "Attendees are those with an e-mail address.",
        "Key dates are all-day entries of the category 'key date'; whether one was met stands in its description.",
        "Rows marked as deleted are left out.",
    ),
)
