"""The matters of the invented OpenLawOffice database, with everything that hangs on one, bills apart."""

from __future__ import annotations

import hashlib
import os
from datetime import timedelta
from functools import cache
from pathlib import Path
from uuid import UUID

from tests.real.openlawoffice_firm import SURNAMES
from tests.real.openlawoffice_rows import Row, Rows

__all__ = ["add_charge", "add_matter", "add_version"]

_WORK = ("Attendance on client", "Drafting", "Perusing disclosure\r\n(bundle 2, pp. 14–97)", "Telephone: court", "")


def add_matter(rows: Rows, number: int) -> None:
    """One matter: its people, custom fields, tasks, work, diary, notes and documents."""
    matter = rows.add("matter", _matter(rows, number), disabled=number % 13 == 12)
    _add_people(rows, number, matter)
    _add_fields(rows, number, matter["id"])
    tasks = [_add_task(rows, matter["id"], step) for step in range(1 + number % 3)]
    _add_time(rows, tasks)
    for kind in ("expense", "fee"):
        for _ in range(rows.rng.randint(0, 2)):
            charge = add_charge(rows, kind)
            rows.add(f"{kind}_matter", {"matter_id": matter["id"], f"{kind}_id": charge["id"]})
    _add_event(rows, number, matter["id"], tasks[0]["id"])
    _add_note(rows, number, matter["id"], tasks[0]["id"])
    _add_document(rows, number, matter["id"], tasks[0]["id"])


def _matter(rows: Rows, number: int) -> Row:
    charge = rows.money(100_000, 9_000_000) if rows.chance(0.5) else None
    payer = rows.others[number % len(rows.others)] if number % 4 == 1 else _client(rows, number)
    return {
        "title": f"{SURNAMES[number % 10]} – re № {number}",
        "active": number % 5 != 4,
        "parent_id": rows["matter"][number // 2]["id"] if number % 8 == 7 else None,
        "synopsis": "" if number % 6 == 0 else "Line one\r\nLine two\ttabbed — “quoted”",
        "jurisdiction": "England & Wales" if number % 2 else None,
        "case_number": f"HQ{number:02}X0{number:03}" if number % 3 == 0 else "",
        "lead_attorney_contact_id": rows.staff[number % 4] if number % 9 else None,
        "bill_to_contact_id": payer,
        "minimum_charge": charge and charge / 2,
        "estimated_charge": charge,
        "maximum_charge": charge and charge * 2,
        "default_billing_rate_id": number % 3 + 1 if number % 7 else None,
        "billing_group_id": number % 10 + 1 if number % 10 < 2 else None,
        "override_matter_rate_with_employee_rate": number % 4 == 2,
        "matter_type_id": number % 5 + 1 if number % 11 else None,
    }


def _client(rows: Rows, number: int) -> int:
    return rows.clients[number % len(rows.clients)]


def _add_people(rows: Rows, number: int, matter: Row) -> None:
    """Every twentieth matter names no client; its role is a word in a text column, not always spelled the same."""
    people = [("Opposing Party", rows.others[number % len(rows.others)])]
    if matter["lead_attorney_contact_id"]:
        people.append(("Lead Attorney", matter["lead_attorney_contact_id"]))
    if number % 20 == 19:
        rows.planted["matters_without_client"] += 1
    else:
        people.append(("Appointed Client" if number % 10 == 5 else "Client", _client(rows, number)))
    if number % 6 == 0:
        people += [("client ", _client(rows, number + 1)), ("Opposing Attorney", rows.others[-1])]
        people += [("Judge", rows.others[-2]), ("Attorney", rows.staff[4])]
    if number % 8 == 1:
        people.append(("Third-Party Payor", matter["bill_to_contact_id"]))
    for role, contact in people:
        rows.add("matter_contact", {"matter_id": matter["id"], "contact_id": contact, "role": role})
    if number % 7 == 0:
        witness = {"matter_id": matter["id"], "contact_id": rows.others[1], "role": "Witness"}
        rows.add("matter_contact", witness, disabled=True)
    for user, part in zip(rows.rng.sample(rows.users[1:6], 2), ("Partner", "Paralegal – diary"), strict=True):
        rows.add("responsible_user", {"matter_id": matter["id"], "user_pid": user, "responsibility": part})


def _add_fields(rows: Rows, number: int, matter: UUID) -> None:
    """Values of custom fields, one field twice on the same matter, and a tag with or without a category."""
    for field, value in ((1, "Cardiff / Caerdydd"), (2, "2024-02-30"), (3, "£350,000"), (1, None)):
        if (number + field) % 3 == 0:
            rows.add("form_field_matter", {"matter_id": matter, "form_field_id": field, "value": value})
    category = None if number % 3 == 0 else 1 + number % 4
    rows.add("matter_tag", {"matter_id": matter, "tag_category_id": category, "tag": f"tag {number % 5}"})


def _add_task(rows: Rows, matter: UUID, step: int) -> Row:
    done, due = rows.chance(0.4), rows.moment()
    before = rows["task"][-1]["id"] if step else None
    values = {
        "title": f"Step {step}: прове́рка",
        "description": rows.rng.choice(_WORK),
        "projected_start": rows.moment(),
        "due_date": due if step else None,
        "projected_end": due,
        "actual_end": due if done else None,
        "parent_id": before if step == 1 else None,
        "is_grouping_task": step == 0,
        "sequential_predecessor_id": before if step > 1 else None,
        "active": not done and rows.chance(0.9),
    }
    task = rows.add("task", values)
    link = {"task_id": task["id"]}
    rows.add("task_matter", {**link, "matter_id": matter})
    for contact, assignment in ((rows.rng.choice(rows.staff), 1), (rows.rng.choice(rows.others), 2)):
        rows.add("task_assigned_contact", {**link, "contact_id": contact, "assignment_type": assignment})
    owner = {"user_pid": rows.rng.choice(rows.users[1:6]), "responsibility": "Owner"}
    rows.add("task_responsible_user", link | owner)
    rows.add("task_tag", {**link, "tag_category_id": 2, "tag": "High"}, disabled=step > 1)
    return task


def _add_time(rows: Rows, tasks: list[Row]) -> None:
    """Time knows a worker and, by way of a task, its matters; a few timers still run."""
    for _ in range(rows.rng.randint(2, 5)):
        start = rows.moment()
        stop = start + timedelta(seconds=rows.rng.choice([360, 1200, 1234, 5400, 93_600]))
        values = {
            "start": start,
            "stop": stop if rows.chance(0.95) else None,
            "worker_contact_id": rows.rng.choice(rows.staff),
            "details": rows.rng.choice([*_WORK, None]),
            "billable": rows.chance(0.8),
        }
        time = rows.add("time", values)
        rows.add("task_time", {"task_id": rows.rng.choice(tasks)["id"], "time_id": time["id"]})


def add_charge(rows: Rows, kind: str) -> Row:
    """An expense or a fee, now and then a refund."""
    amount, incurred = rows.money(500, 150_000), rows.midnight()
    values = {"incurred": incurred, "amount": -amount if rows.chance(0.15) else amount, "details": "Search – 2 × £3"}
    if kind == "expense":
        values |= {"vendor": "HM Land Registry", "paid": incurred + timedelta(days=20) if rows.chance(0.5) else None}
    return rows.add(kind, values)


def _add_event(rows: Rows, number: int, matter: UUID, task: int) -> None:
    allday = number % 4 == 0
    start = rows.midnight() if allday else rows.moment()
    end = None if number % 5 == 0 else start + timedelta(hours=24 if allday else 2)
    texts = {"title": f"Hearing {number} ⚖️", "location": "Court 5", "description": "Bring:\n- bundle\n- тёплый шарф"}
    event = rows.add("event", {"allday": allday, "start": start, "end": end, **texts}, disabled=number % 15 == 14)
    link = {"event_id": event["id"]}
    if number % 3:
        rows.add("event_matter", {**link, "matter_id": matter})
    else:
        rows.add("event_task", {**link, "task_id": task})
    rows.add("event_assigned_contact", {**link, "contact_id": _client(rows, number), "role": "Attendee"})
    driver = {"user_pid": rows.rng.choice(rows.users[1:6]), "responsibility": "Driver"}
    rows.add("event_responsible_user", link | driver)
    rows.add("event_tag", {**link, "tag_category_id": 3, "tag": "Listed"})
    if number % 4 == 1:
        note = rows.add("note", {"title": "After the hearing", "body": "Adjourned.", "timestamp": rows.moment()})
        rows.add("event_note", {**link, "note_id": note["id"]})


def _add_note(rows: Rows, number: int, matter: UUID, task: int) -> None:
    html, plain = "<p>Rang <b>client</b>&nbsp;– 👩🏽‍⚖️ ready</p>", "Plain note\r\nwith a < b and 3 > 2"
    body = "" if number == 3 else html if number % 2 else plain
    note = rows.add("note", {"title": f"Call {number}", "body": body, "timestamp": rows.moment()})
    if number % 3 == 2:
        rows.add("note_task", {"note_id": note["id"], "task_id": task})
    else:
        rows.add("note_matter", {"note_id": note["id"], "matter_id": matter})
    cleared = rows.moment() if number % 2 else None
    reader = {"contact_id": rows.staff[number % 6], "cleared": cleared}
    rows.add("note_notification", {"note_id": note["id"], **reader})


def _add_document(rows: Rows, number: int, matter: UUID, task: int) -> None:
    values = {"title": f"Letter {number} – Brief", "date": rows.midnight() if number % 2 else None}
    document = rows.add("document", values)["id"]
    if number % 5 == 3:
        rows.add("document_task", {"document_id": document, "task_id": task})
    else:
        rows.add("document_matter", {"document_id": document, "matter_id": matter})
    last = 1 + number % 3
    for version in range(1, last + 1):
        add_version(rows, document, version, _content(number + version), current=version == last)


def add_version(
    rows: Rows, document: UUID, number: int, content: bytes, *, current: bool, disabled: bool = False
) -> None:
    """A version and its file: the newest lies in Current/, the others in Previous/. The fifth's MD5 is wrong."""
    serial, identifier = len(rows["version"]), rows.new_id()
    pdf = content.startswith(b"%PDF")
    extension = "pdf" if pdf else "txt"
    values = {
        "id": identifier,
        "document_id": document,
        "version_number": number,
        "mime": "application/pdf" if pdf else "text/plain",
        "filename": f"Schreiben {number} (endgültig)",
        "extension": extension,
        "size": len(content),
        "md5": "F" * 32 if serial == 4 else hashlib.md5(content, usedforsecurity=False).hexdigest().upper(),
    }
    rows.add("version", values, disabled=disabled)
    rows.planted["files_wrong_md5"] += serial == 4
    folder = "Current" if current else "Previous"
    rows.file(f"{folder}/{identifier}.{extension}", content, missing=serial % 15 == 9)


def _content(number: int) -> bytes:
    samples = _samples()
    if number % 4 < len(samples):
        return samples[number % 4]
    return b"" if number % 11 == 0 else f"Vertrag Nr. {number}\r\n§ 1 …\n".encode() * (1 + number % 50)


@cache
def _samples() -> tuple[bytes, ...]:
    """The two PDF files that come with the install script, where they are at hand."""
    root = Path(os.environ.get("PORTABILITY_REAL") or Path(__file__).parents[3] / "shared" / "real")
    paths = [root / "openlawoffice" / name for name in ("fw4.pdf", "bitcoin.pdf")]
    return tuple(path.read_bytes() for path in paths if path.is_file())
