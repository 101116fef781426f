"""Fills a database that holds ClinicCases' definition with the seeded life of a law school clinic.

Call `fill` once on a database freshly loaded from the system's own script. What the application writes is written as
the application writes it: PHP-serialised columns, user names as foreign keys, dates in text, zero dates, lists of
names with a trailing comma, folders as rows of the documents table. Every table gets rows. Beside the usual life there
are the sights of an old installation: users deleted while their work stayed, rows of cases that are gone, a case
blanked by "delete", non-case time, dates in two notations and in words, files missing or empty on disk.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import pymysql

from tests.real.cliniccases_rows import FIRST_DAY, Documents, Rows, php_array, php_object

__all__ = ["Filled", "fill"]

T = TypeVar("T")

ZERO = "0000-00-00 00:00:00"
GONE_USER = "gwendolyn.gone"  # did work, was deleted from cm_users
GONE_CASE = "99999"
GIVEN = ["Zoë", "José", "Renée", "Thanh", "Ámbar", "Delphine", "Earl", "Lakeisha", "Björn", "Oluwaseun", "Mary-Kate"]
FAMILY = ["Boudreaux", "O'Malley", "Façonnier", "Thibodeaux", "Smith", "García"]
STREETS = ["Magazine St.", "Esplanade Ave", "S. Carrollton Ave", "Rue Dauphine"]
CASE_TYPES = ["CRM", "ADO", "SSI", "DIV", "OLD"]  # OLD is in no list any more
CLINICS = ["FAM", "CON", "HLT", "CRM"]
CONTACT_TYPES = ["Witness", "Opposing Counsel", "Opposing Party", "Client Relative/Friend", "Expert", "Bailiff"]


@dataclass(frozen=True, kw_only=True)
class Filled:
    """What the database and the documents directory hold now, counted by the server and by the writer of files."""

    rows: dict[str, int]
    zero_dates: int  # values of date and time columns with a zero day, which no calendar type can hold
    seconds: int  # all time recorded in case notes
    files: int  # written to the documents directory
    missing_documents: int  # rows that name a file which is not there
    urls: int
    html_documents: int


def fill(connection_url: str, documents_dir: Path, *, seed: int = 1, cases: int = 40) -> Filled:
    """Insert the generated rows and write the documents' files.

    Args:
        connection_url: ``mysql://user@host:port/database`` with ClinicCases' definition loaded.
        documents_dir: What the application calls CC_DOC_PATH; created when absent.
        seed: The same seed gives the same rows and files.
        cases: Number of cases; all else grows with it.
    """
    url = urlsplit(connection_url)
    documents_dir.mkdir(parents=True, exist_ok=True)
    connection = pymysql.connect(
        host=url.hostname or "127.0.0.1",
        port=url.port or 3306,
        user=url.username or "root",
        password=url.password or "",
        database=url.path.lstrip("/"),
        charset="utf8mb4",
        autocommit=True,
    )
    with connection, connection.cursor() as cursor:
        clinic = _Clinic(Rows(cursor), documents_dir, random.Random(seed))
        clinic.live(cases)
        return clinic.filled()


class _Clinic:
    """Writes one clinic's rows; each method fills a few tables and expects those called before it in `live`."""

    def __init__(self, rows: Rows, directory: Path, rng: random.Random) -> None:
        self._rows = rows
        self._documents = Documents(rows, directory, rng)
        self._rng = rng
        self._staff = ["prof.day", "prof.dumas"]
        self._students: list[str] = []

    def live(self, cases: int) -> None:
        """Fill every table."""
        self._users(max(6, cases // 4))
        for number in range(1, cases + 1):
            case = self._case(number)
            self._parties(case, number)
            self._team(case, number)
            self._notes(case, number)
            self._events(case, number)
            self._documents.of_case(case, number, self._pick(self._students))
            self._messages(case, number)
        self._journals(cases)
        self._board(max(4, cases // 6))
        self._logs(cases)
        self._oddities()

    def filled(self) -> Filled:
        """Count what is there now."""
        return Filled(
            rows=self._rows.counts(),
            zero_dates=self._rows.zero_dates(),
            seconds=self._rows.number("SELECT CAST(sum(`time`) AS SIGNED) FROM cm_case_notes"),
            files=self._documents.files,
            missing_documents=self._documents.missing,
            urls=self._rows.number("SELECT count(*) FROM cm_documents WHERE extension = 'url'"),
            html_documents=self._rows.number("SELECT count(*) FROM cm_documents WHERE extension = 'ccd'"),
        )

    # -- people ---------------------------------------------------------------------------------------------------

    def _users(self, students: int) -> None:
        for login, given in zip(self._staff, ["Antoinette", "André"], strict=True):
            self._user(login, given, "prof", status="active")
        self._user("clerk", "Odile", "admin", status="active")
        for number in range(students):
            login = f"student{number:02d}"
            self._students.append(login)
            status = "inactive" if number % 5 == 4 else "active"
            self._user(login, self._pick(GIVEN), "student", status=status, supervisors="prof.day,prof.dumas,")
        self._user("applicant", "Nadège", "student", status="inactive", new="yes", supervisors="prof.gone,")

    def _user(self, login: str, given: str, group: str, **more: object) -> None:
        secret = hashlib.pbkdf2_hmac("sha256", login.encode(), b"clinic", 1000)
        self._rows.add(
            "cm_users",
            first_name=given,
            last_name=self._pick(FAMILY),
            email=f"{login}@clinic.example",
            mobile_phone=self._phone(),
            office_phone=self._phone() if group == "prof" else "",
            grp=group,
            username=login,
            password=base64.b64encode(secret).decode(),
            private_key=hashlib.md5(login.encode(), usedforsecurity=False).hexdigest(),
            timezone_offset="-6",
            date_created=FIRST_DAY,
            pref_journal="on",
            evals="Writes well; must learn to close files." if group == "student" else "",
            **more,
        )

    # -- cases ----------------------------------------------------------------------------------------------------

    def _case(self, number: int) -> str:
        opened = FIRST_DAY + timedelta(days=number * 11)
        closed = opened + timedelta(days=200) if number % 2 == 0 else None
        identity = self._rows.add(
            "cm",
            clinic_id=f"{opened:%Y}-{number:05d}",
            date_open=_date_text(opened, number),
            date_close=_date_text(closed, number) if closed else "",
            time_opened=opened if number % 6 else ZERO,
            time_closed=closed or ZERO,
            opened_by="clerk",
            closed_by="prof.day" if closed else "",
            case_type=self._pick(CASE_TYPES),
            clinic_type=self._pick(CLINICS),
            professor=self._staff[number % 2] if number % 4 else "Prof. Day (visiting)",
            dispo="Advice Only" if closed else "",
            close_notes="Client thanked us — file destroyed in 7 years." if closed else "",
            referral=self._pick(["Legal Aid Bureau", "LSC", ""]),
            **self._client(number),
            **self._proceedings(number),
        )
        return str(identity)

    def _client(self, number: int) -> dict[str, object]:
        if number % 13 == 0:
            return {}  # nobody named: the screen allows it
        street = {"address1": f"{number} {self._pick(STREETS)}", "city": "New Orleans", "state": "LA", "zip": "70118"}
        if number % 7 == 0:
            return {"organization": f"Krewe of Numéro {number}", "phone": self._phone(), **street}
        given, family = self._pick(GIVEN), self._pick(FAMILY)
        return {
            "first_name": given,
            "middle_name": self._pick(["", "", "Marie"]),
            "last_name": family,
            "phone": php_object({self._phone(): "mobile", self._phone(): "home"}),
            "email": php_object({f"client{number}@mail.example": "Home"}) if number % 3 else "",
            "ssn": f"900-{number % 90 + 10}-{number:04d}" if number % 3 else "",
            "dob": ["1971-02-28", "11/05/1983", "about 1960", "", "1990-13-45"][number % 5],
            "age": str(20 + number),
            "gender": self._pick(["M", "F", ""]),
            "race": self._pick(["AA", "W", "H", ""]),
            "income": number * 950 if number % 4 else None,
            "per": "month" if number % 4 else "",
            **street,
        }

    def _proceedings(self, number: int) -> dict[str, object]:
        if number % 3 == 0:
            return {}
        return {
            "judge": "Hon. Évangéline Broussard",
            "pl_or_def": self._pick(["plaintiff", "defendant"]),
            "court": "Superior Court ",
            "section": self._pick("ABC"),
            "ct_case_no": f"{2011 + number // 20}-CV-{number:05d}",
            "case_name": f"Succession of No. {number} v. City",
            "notes": "Ring before 5 pm.\r\nSpeaks French at home. Costs “capped” at €0.",
        }

    def _parties(self, case: str, number: int) -> None:
        names = [f"Landlord {number} & Sons", "The State"][: number % 3]
        for name in names:
            self._rows.add("cm_adverse_parties", case_id=case, name=name)
        text = php_object(dict.fromkeys(names, "")) if names else ""
        self._rows.set("cm", case, adverse_parties=text)
        self._rows.add(
            "cm_contacts",
            first_name=self._pick(GIVEN) if number % 5 else "",
            last_name=self._pick(FAMILY) if number % 5 else "",
            organization="" if number % 5 else "Tulane Récords Office",
            type=CONTACT_TYPES[number % len(CONTACT_TYPES)],
            address=f"{number} Rampart St\nSuite {number}",
            city="Métairie",
            state="LA",
            zip="70001",
            phone=json.dumps({"mobile": self._phone(), "fax": ""}) if number % 4 else "504 555 0100 ask for Al",
            email=json.dumps({"work": f"contact{number}@office.example"}),
            url="https://office.example/" if number % 2 else "",
            notes="Prefers letters." if number % 2 else "",
            assoc_case=case,
        )

    def _team(self, case: str, number: int) -> None:
        begin = FIRST_DAY + timedelta(days=number * 11, hours=1)
        names: dict[str, str] = {}
        for turn, login in enumerate([*self._some_students(2), "prof.day"]):
            gone = turn == 0 and number % 3 == 0
            status, removed = ("inactive", begin + timedelta(days=90)) if gone else ("active", ZERO)
            values = {"username": login, "case_id": case, "status": status}
            self._rows.add("cm_case_assignees", date_assigned=begin, date_removed=removed, **values)
            if not gone:
                names[f"{login} Somebody"] = ""
        self._rows.set("cm", case, assigned_users=php_array(names))

    # -- work -----------------------------------------------------------------------------------------------------

    def _notes(self, case: str, number: int) -> None:
        for turn in range(4):
            moment = FIRST_DAY + timedelta(days=number * 11 + turn * 3, hours=turn)
            self._rows.add(
                "cm_case_notes",
                case_id=case,
                date=ZERO if (number, turn) == (3, 0) else moment,
                time=self._pick([300, 900, 5400, 7200, 437]),  # 437: the screen's stop watch
                description=f"Telephoned the client re § {turn}: “we will appeal”…" if turn != 3 else "",
                username=self._pick(self._students) if turn else "prof.day",
                datestamp=moment + timedelta(hours=6),  # keyed an hour later; the server counts in UTC
            )

    def _events(self, case: str, number: int) -> None:
        start = FIRST_DAY + timedelta(days=number * 11 + 20, hours=number % 5)
        event = self._rows.add(
            "cm_events",
            case_id=case,
            set_by=self._pick(self._students),
            task="Hearing: rule to show cause" if number % 2 else "Client meeting",
            date_set="2013-11-00" if number == 5 else start.date(),
            start=ZERO if number % 10 == 0 else start,
            start_text=f"{start:%m/%d/%Y %I:%M %p}".lower(),
            end_text=f"{start + timedelta(hours=1):%m/%d/%Y %I:%M %p}".lower(),
            end=start + timedelta(hours=1) if number % 4 else None,
            all_day=2 if number == 7 else int(number % 6 == 0),  # 2: an import once wrote it
            status=["pending", "done"][number % 2],
            notes="Bring the lease.",
            location="Orleans Parish Civil Court, Room 421",
            time_added=start - timedelta(days=10),
        )
        for login in self._some_students(2):
            self._rows.add(
                "cm_events_responsibles", event_id=event, username=login, time_added=start - timedelta(days=10)
            )

    def _messages(self, case: str, number: int) -> None:
        sent = FIRST_DAY + timedelta(days=number * 11 + 2)
        sender, *others = self._some_students(3)
        first = self._rows.add(
            "cm_messages",
            **{"to": ",".join([*others, "prof.day"]), "from": sender, "ccs": "prof.dumas" if number % 2 else None},
            subject="Ready for review?",
            body="Draft petition is in the documents — très pressé.",
            assoc_case=case if number % 3 else "",
            time_sent=sent,
            read=f"{sender},prof.day,",
            starred="prof.day," if number % 4 == 0 else "",
        )
        self._rows.set("cm_messages", first, thread_id=str(first))
        reply = {"thread_id": str(first), "to": f"{sender},{','.join(others)}", "from": "prof.day"}
        self._rows.add(
            "cm_messages", **reply, subject="", body="Yes.", assoc_case=case, time_sent=sent + timedelta(hours=3)
        )

    # -- the rest -------------------------------------------------------------------------------------------------

    def _journals(self, cases: int) -> None:
        for number in range(cases // 2):
            comment = {"by": "prof.day", "text": "Très bien.<br />", "time": "2012-02-01 10:00:00"}
            commented = number % 2 == 0
            self._rows.add(
                "cm_journals",
                username=self._pick(self._students),
                reader="prof.day,",
                text="" if number == 3 else f"<p>Week {number}: I learned to <i>listen</i>.</p>",
                date_added=ZERO if number == 4 else FIRST_DAY + timedelta(days=number),
                archived="prof.day," if number % 3 == 0 else "",
                read="prof.day," if commented else "",
                commented="yes" if commented else "",
                comments=f"a:1:{{i:0;{php_array(comment)}}}" if commented else "",
            )

    def _board(self, posts: int) -> None:
        for number in range(posts):
            moment = FIRST_DAY + timedelta(days=number * 5)
            post = self._rows.add(
                "cm_board",
                title=f"Élection day closing {number}",
                body="<p>No court on Tuesday.</p>",
                color="#ffcc00",
                author="clerk" if number else GONE_USER,
                time_added=moment,
                time_edited=moment if number % 2 else ZERO,
            )
            for viewer in ["_all_users_", "_grp_student", "prof.day"][: 1 + number % 3]:
                self._rows.add("cm_board_viewers", post_id=post, viewer=viewer)
            common = {"post_id": post, "username": "clerk", "time_added": moment}
            attachment = self._rows.add("cm_board_attachments", name=f"Notice {number}.pdf", extension="pdf", **common)
            self._documents.store("cm_board_attachments", attachment, f"board_{attachment}.pdf", present=number != 1)

    def _logs(self, cases: int) -> None:
        for number in range(cases * 2):
            session = hashlib.sha256(str(number).encode()).hexdigest()[:32]
            values = {"ip": f"198.51.100.{number % 250}", "session_id": session, "type": ["in", "out"][number % 2]}
            moment = FIRST_DAY + timedelta(hours=number * 7)
            self._rows.add(
                "cm_logs", username=self._pick(self._students), timestamp=moment, last_msg_check=ZERO, **values
            )

    def _oddities(self) -> None:
        """Plant what only years of use bring about, once each."""
        work = {"date": FIRST_DAY, "datestamp": FIRST_DAY, "description": "Moot court"}
        self._rows.add("cm_case_notes", case_id="NC", time=3600, username="student00", **work)
        self._rows.add("cm_case_notes", case_id="1", time=1800, username=GONE_USER, **work)
        self._rows.add("cm_case_notes", case_id="1", time=600, username="Student01 ", **work)  # the server compares so
        self._rows.add("cm_case_notes", case_id=GONE_CASE, time=60, username="student00", **work)
        values = {"first_name": "DELETED", "last_name": "DELETED", "organization": "DELETED"}
        self._rows.add("cm", clinic_id="2011-00000", date_open="2011-08-22", date_close="2011-09-01", **values)
        self._rows.add("cm", clinic_id="", first_name="Ghost", date_open="Fall 2010", date_close="0000-00-00")
        self._rows.add("cm_contacts", first_name="Stray", type="Other", assoc_case=GONE_CASE)
        self._rows.add("cm_adverse_parties", case_id="1", name='Ann "The Gavel" Lee; s:4:"x"')

    def _some_students(self, count: int) -> list[str]:
        return self._rng.sample(self._students, count)

    def _phone(self) -> str:
        return f"504-555-{self._rng.randrange(10_000):04d}"

    def _pick(self, choices: Sequence[T]) -> T:
        return self._rng.choice(choices)


def _date_text(moment: datetime | date, number: int) -> str:
    """Return a date as the screens of one release or another left it."""
    if number == 9:
        return "Mardi Gras 2012"
    return f"{moment:%m/%d/%Y}" if number % 8 == 0 else f"{moment:%Y-%m-%d}"
