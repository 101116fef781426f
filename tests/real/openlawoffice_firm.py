"""The firm of the invented OpenLawOffice database: accounts, rates, lists, forms, and everybody it knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from tests.real.openlawoffice_rows import LONDON, Row, Rows, naive_utc

__all__ = ["FILE_ROOT", "GIVEN_NAMES", "SURNAMES", "add_accounts", "add_contacts", "add_lists"]

FILE_ROOT = "E:\\OpenLawOffice\\"
GIVEN_NAMES = ("Amelia", "Zoë", "Seán", "Nguyễn", "Jürgen", "محمد", "Eilidh", "Björk", "Łucja", "José", "美咲", "Chloe")
SURNAMES = ("O’Connor", "Łukasiewicz", "Ó Briain", "Größer", "Ap Rhys", "الفارسي", "MacLeod", "", "D'Arcy", "Thị Hương")
_FIRMS = (
    "Brâncuși & Daughters Ltd",
    "Müller–Höß GmbH",
    "The “Red Lion” (Leeds) LLP",
    "Cwmni Glân Cyf",
    "株式会社さくら",
)
_STAFF = ("Margaret Ashworth", "Donal O'Shea", "Rhiannon Pugh", "Kwame Mensah", "Ingrid Sorensen", "Tom Bright")
_APPLICATION = {"ApplicationName": "Website"}
_NEVER = datetime(1, 1, 1, tzinfo=UTC)  # .NET's DateTime.MinValue


def add_accounts(rows: Rows) -> None:
    """Users with their credentials, profiles with tokens, roles, sessions, the error log."""
    for name in ("Admin", "Login", "User", "Client"):
        rows.add("Roles", {"Rolename": name, **_APPLICATION})
    names = [name.lower().replace(" ", ".").replace("'", "") for name in _STAFF[:5]]
    for number, username in enumerate(["admin", *names, "leaver", "portal.client"]):
        _add_user(rows, number, username)
        _add_profile(rows, number, username)
        for role in ("Login", "User" if number else "Admin"):
            rows.add("UsersInRoles", {"Username": username, "Rolename": role, **_APPLICATION})
    for user in rows.users[:3]:
        _add_sessions(rows, user)
    for number in range(4):
        _add_error(rows, number)


def _add_user(rows: Rows, number: int, username: str) -> None:
    created = rows.moment().replace(tzinfo=UTC)
    rows.users.append(rows.new_id())
    values = {
        "pId": rows.users[-1],
        "Username": username,
        **_APPLICATION,
        "Email": f"{username}@ashworth-pugh.example",
        "Comment": "Zustimmung erteilt\r\n✓" if number == 2 else None,
        "Password": rows.new_secret("hash"),
        "PasswordQuestion": "First pet?",
        "PasswordAnswer": rows.new_secret("answer"),
        "IsApproved": username != "leaver",
        "IsOnLine": number == 1,
        "IsLockedOut": number == 5,
        "CreationDate": created,
        "LastLoginDate": created + timedelta(days=800, microseconds=123),
        "LastActivityDate": created + timedelta(days=801),
        "LastLockedOutDate": created + timedelta(days=700) if number == 5 else _NEVER,
        "LastPasswordChangedDate": created,
        "FailedPasswordAttemptCount": number % 3,
    }
    rows.add("Users", values)


def _add_profile(rows: Rows, number: int, username: str) -> None:
    """A profile ties an account to its contact, and keeps tokens in the same column."""
    profile = rows.new_id()
    activity = rows.moment().replace(tzinfo=UTC)
    values = {"pId": profile, "Username": username, **_APPLICATION, "IsAnonymous": False, "LastActivityDate": activity}
    rows.add("Profiles", values)
    data = {"ContactId": str(number)} if 1 <= number <= 5 else {}
    if number in (1, 2):
        data["Office365AccessToken"] = rows.new_secret("token")
        data["Office365RefreshToken"] = rows.new_secret("refresh")
    data["ExternalAppKey"] = rows.new_secret("appkey")
    for name, text in data.items():
        rows.add("ProfileData", {"pId": rows.new_id(), "Profile": profile, "Name": name, "ValueString": text})


def _add_sessions(rows: Rows, user: UUID) -> None:
    start = rows.moment()
    aware = start.replace(tzinfo=UTC)
    times = {"Created": aware, "Expires": aware + timedelta(hours=1), "LockDate": aware, "Timeout": 20}
    state = {"SessionId": rows.new_secret("session"), "Locked": False, "LockId": 0, "Flags": 0}
    rows.add("Sessions", {**state, **_APPLICATION, **times, "Data": rows.new_secret("state")})
    times = {"utc_created": start, "utc_expires": start + timedelta(hours=1), "timeout": 15}
    machine = {"app_name": "Outlook", "machine_id": rows.new_id()}
    rows.add("external_session", {"id": rows.new_id(), "user_pid": user, **machine, **times})


def _add_error(rows: Rows, number: int) -> None:
    posted = f'<form><item name="Password"><value string="{rows.new_secret("posted")}"/></item></form>'
    where = {"application": "/LM/W3SVC/1", "host": "OLO-WEB", "source": "OpenLawOffice.WebClient"}
    what = {"type": "System.NullReferenceException", "message": "Object reference not set", "statuscode": 500}
    when = {"errorid": str(rows.new_id()), "timeutc": rows.moment(), "sequence": number + 1}
    rows.add("elmah_error", {**when, **where, **what, "User": "admin", "allxml": posted})


def add_lists(rows: Rows) -> None:
    """Rates, matter types, tag categories, forms with their files, task templates."""
    for title, rate in (("Partner", "310.00"), ("Associate", "217.55"), ("Trainee", "118.00"), ("Pro bono", "0.00")):
        rows.add("billing_rate", {"title": title, "price_per_unit": Decimal(rate)})
    for title in ("Conveyancing", "Family – Kinder", "Probate", "Litigation", "Legacy type"):
        rows.add("matter_type", {"title": title}, disabled=title == "Legacy type")
    for name in ("Status", "Priority", "Court", "Größe"):
        rows.add("tag_category", {"name": name})
    for user in rows.users[1:4]:
        rows.add("tag_filter", {"user_pid": user, "category": "Status", "tag": "Active"})
    for number, title in enumerate(("Client care letter", "Form E", "Lost form"), start=1):
        rows.add("form", {"title": title, "matter_type_id": number, "path": f"{FILE_ROOT}Forms\\{number}.docx"})
        rows.file(f"Forms/{number}.docx", f"{title} for «client»".encode(), missing=title == "Lost form")
    for title in ("Court", "Next hearing", "Property value", "Unused field"):
        rows.add("form_field", {"title": title, "description": f"{title} for the forms\n(merge field)"})
    for title, due in (("Open file", "+3d"), ("Close file", "+14d")):
        texts = {"task_template_title": title, "title": title, "description": "", "active": due == "+3d"}
        rows.add("task_template", {**texts, "projected_start": "+0d", "due_date": due, "projected_end": due})


def add_contacts(rows: Rows, matters: int) -> None:
    """Staff first (ids 1 to 6), then clients, then everybody else, then the groups billed together."""
    for number, name in enumerate(_STAFF):
        rows.staff.append(_add_colleague(rows, number, name))
    count = max(8, matters * 2 // 3)
    rows.clients = [_add_person(rows, number) if number % 4 else _add_company(rows, number) for number in range(count)]
    rows.others = [_add_person(rows, number) for number in range(count, count * 2)]
    payers = (("Monthly retainer", "750.00", rows.clients[0]), ("Insurer's account", "0.00", rows.others[0]))
    for title, amount, payer in payers:
        terms = {"amount": Decimal(amount), "bill_to_contact_id": payer}
        rows.add("billing_group", {"title": title, **terms, "last_run": rows.moment(), "next_run": rows.moment()})


def _add_contact(rows: Rows, values: Row, *, disabled: bool = False) -> int:
    defaults = {"is_organization": False, "is_our_employee": False, "nickname": ""}
    return int(rows.add("contact", defaults | values, disabled=disabled)["id"])


def _add_colleague(rows: Rows, number: int, name: str) -> int:
    """The first five have an account; the fourth's e-mail address differs from the account's, the last has none."""
    given, _, surname = name.partition(" ")
    account = rows["Users"][number + 1]
    email = account["Email"].upper() if number in (0, 1, 2, 4) else f"{given.lower()}@home.example"
    values = {
        "is_our_employee": True,
        "given_name": given,
        "surname": surname,
        "initials": given[0] + surname[0],
        "display_name": name,
        "company_name": "Ashworth Pugh LLP",
        "office_location": "York",
        "manager_name": _STAFF[0] if number else None,
        "email1_email_address": email,
        "billing_rate_id": None if number == 4 else number % 4 + 1,
    }
    return _add_contact(rows, values)


def _add_person(rows: Rows, number: int) -> int:
    given, surname = GIVEN_NAMES[number % len(GIVEN_NAMES)], SURNAMES[number % len(SURNAMES)]
    born = datetime(1930 + number % 70, 1 + number % 12, 1 + number % 28, tzinfo=LONDON)
    personal = {"spouse_name": "Pat", "language": "Cymraeg", "gender": "", "referred_by_name": "Law Society"}
    values = {
        "given_name": given,
        "surname": surname,
        "display_name": f"{given} {surname}".strip(),
        "display_name_prefix": "Dr" if number % 5 == 0 else None,
        "generation": "III" if number == 7 else None,
        "birthday": naive_utc(born) if number % 2 else None,
        "email1_email_address": f"person{number}@example.org" if number % 4 else "",
        "email1_display_name": "home",
        "fax1_fax_number": "01632 960000" if number % 6 == 0 else None,
    }
    values |= personal if number % 3 == 0 else {}
    for slot in range(1, 11 if number == 1 else 3):
        values[f"telephone{slot}_telephone_number"] = f"+44 20 7946 {slot:02}{number % 100:02}"
        values[f"telephone{slot}_display_name"] = "Mobile" if slot == 2 else f"Line {slot}"
    return _add_contact(rows, values | _address(1, number), disabled=number % 17 == 16)


def _add_company(rows: Rows, number: int) -> int:
    name = _FIRMS[number // 4 % len(_FIRMS)]
    values = {"is_organization": True, "display_name": name, "company_name": name}
    web = {"business_home_page": "https://example.com/", "instant_messaging_address": "sip:desk@example.com"}
    addresses = _address(1, number) | _address(2, number + 50) | _address(3, number + 90)
    return _add_contact(rows, values | web | addresses)


def _address(slot: int, number: int) -> Row:
    parts = {
        "display_name": ("Home", "Office", "Registered office")[slot - 1],
        "address_street": f"{number} Stryd y Bont\r\nFlat {slot}",
        "address_city": "Aberystwyth",
        "address_state_or_province": "Ceredigion",
        "address_postal_code": f"SY23 {number % 9}AA",
        "address_country": "Wales",
        "address_country_code": "GB",
        "address_post_office_box": "42" if slot == 3 else None,
    }
    return {f"address{slot}_{name}": text for name, text in parts.items()}
