"""The rows that exist before the first client: shared codes, and each firm with its branches, users and lists."""

from __future__ import annotations

import hashlib

from .scene import Firm, Scene, pounds
from .words import CODES, FIRMS, FORENAMES, SURNAMES, TOWNS, VAT_CODES, WORK_TYPES, WorkType

__all__ = ["CUSTOM_FIELDS", "write_firm", "write_lookups"]

FIRM_IDS_START = 101
ENTRIES_PER_EXTRA_USER = 20_000
EXTRA_USERS_MAX = 150
_GRADES = (("A", "Partner", 30_000), ("B", "Associate", 24_600), ("C", "Solicitor", 19_200), ("D", "Trainee", 13_800))
_ROLES = (("Fee earners", "MTR.READ,MTR.WRITE,TIME.WRITE"), ("Cashiers", "LEDG.READ,LEDG.POST"), ("Partners", "*"))
# Entity, code, label, data type, personal-data class, options.
CUSTOM_FIELDS = (
    ("MT", "PRICE", "Purchase price", "M", "F", None),
    ("MT", "EXCHDATE", "Exchange date", "D", "N", None),
    ("MT", "LEASEHOLD", "Leasehold?", "B", "N", None),
    ("MT", "TENURE", "Tenure", "P", "N", "FREE=Freehold|LEASE=Leasehold|COMMON=Commonhold"),
    ("MT", "ROOMS", "Bedrooms", "N", "N", None),
    ("CT", "MAIDEN", "Mother's maiden name", "S", "P", None),
    ("CT", "ACCESS", "Access needs", "S", "S", None),
)


def write_lookups(scene: Scene) -> None:
    """Write the tables that all firms share."""
    for order, (list_code, code, label) in enumerate(CODES, start=1):
        scene.sink.put("CODE_LKP", LIST_CD=list_code, CODE=code, DESCR=label, SORT_ORD=order, ACTIVE=1)
    for code, start, end, label, rate in VAT_CODES:
        scene.sink.put("VAT_CD", VAT_CODE=code, FROM_DT=start, TO_DT=end, DESCR=label, RATE_PC=rate)
    settings = {"SCHEMA_VERSION": "7.3.11", "SMTP_HOST": "mail.example.com", "SMTP_PASSWORD": "hunter2", "LOGO": ""}
    for name, value in settings.items():
        scene.sink.put("SYS_PARAM", PNAME=name, PVALUE=value)


def write_firm(scene: Scene, number: int, *, entries: int) -> Firm:
    """Write one firm with everything it needs to open its first matter."""
    name, form, *branches = FIRMS[number % len(FIRMS)]
    round_number = number // len(FIRMS)
    if round_number:
        name = f"{name} ({round_number + 1})"
    suffix = str(round_number) if round_number else ""
    codes = (branches[0][0][: 3 - len(suffix)] + suffix, branches[1][0][: 3 - len(suffix)] + suffix)
    firm = Firm(
        firm_id=FIRM_IDS_START + number, number=number, name=name, branches=codes, fee_earners=[], cashier=0, partner=0
    )
    _write_firm_row(scene, firm, form)
    for code, (_, town) in zip(codes, branches, strict=True):
        _write_branch(scene, firm, code, town)
    roles = [_write_role(scene, firm, role_name, permissions) for role_name, permissions in _ROLES]
    _write_users(scene, firm, roles, extra=min(EXTRA_USERS_MAX, entries // ENTRIES_PER_EXTRA_USER))
    _write_work_types(scene, firm)
    _write_custom_fields(scene, firm)
    return firm


def _write_firm_row(scene: Scene, firm: Firm, form: str) -> None:
    scene.sink.put(
        "FIRM_MAST",
        FIRM_ID=firm.firm_id,
        NAME=firm.name,
        LEGAL_FORM=form,
        SRA_NO=f"{990_000 + firm.firm_id}",
        CO_NO=f"OC{990_000 + firm.firm_id}" if form != "SOL" else None,
        VAT_NO=f"GB 999 {firm.firm_id:04d} 00",
        VAT_SCHEME="S",
        YEAR_END="0331",
        TIME_UNIT=6,
    )
    state = scene.dice.randbytes(48)
    scene.sink.put(
        "APP_SESS", SESS_TOKEN=_secret(scene), USER_ID=firm.number, LAST_SEEN="2025-06-30 09:15:00", STATE=state
    )


def _write_branch(scene: Scene, firm: Firm, code: str, town: str) -> None:
    scene.sink.put(
        "BRANCH",
        FIRM_ID=firm.firm_id,
        BR_CODE=code,
        NAME=town,
        ADDR1=f"{scene.dice.between(1, 90)} High Street",
        ADDR2="",
        TOWN=town.split(" / ")[0],
        PCODE=scene.dice.pick(TOWNS)[1],
        TEL=f"01632 960{scene.dice.between(100, 999)}",
        DX=f"DX {scene.dice.between(1000, 9999)} {town.split(' / ')[-1]}",
        LAA_NO=f"0Z{scene.dice.between(100, 999)}A",
        OPEN_YN="Y",
    )


def _write_role(scene: Scene, firm: Firm, name: str, permissions: str) -> int:
    role_id = scene.next_id("ROLE_MAST")
    scene.sink.put(
        "ROLE_MAST", ROLE_ID=role_id, FIRM_ID=firm.firm_id, NAME=name, DESCR=None, PERMS=permissions, ACTIVE=True
    )
    return role_id


def _write_users(scene: Scene, firm: Firm, roles: list[int], *, extra: int) -> None:
    fee_earner_role, cashier_role, partner_role = roles
    for number in range(6 + extra):
        grade, job, rate = _GRADES[min(number, 3) if number < len(_GRADES) else scene.dice.between(1, 3)]
        user_id = _write_user(scene, firm, job=job, grade=grade, rate=rate, status=2 if number == 5 else 1)
        firm.fee_earners.append((user_id, rate))
        firm.partner = firm.partner or user_id
        _grant(scene, firm, user_id, partner_role if grade == "A" else fee_earner_role)
    firm.cashier = _write_user(scene, firm, job="Legal cashier", grade=None, rate=0, status=1)
    _grant(scene, firm, firm.cashier, cashier_role)
    _write_user(scene, firm, job="Nightly import", grade=None, rate=0, status=9)


def _grant(scene: Scene, firm: Firm, user_id: int, role_id: int) -> None:
    scene.sink.put("USR_ROLE", USER_ID=user_id, ROLE_ID=role_id, FIRM_ID=firm.firm_id)


def _write_user(scene: Scene, firm: Firm, *, job: str, grade: str | None, rate: int, status: int) -> int:
    user_id = scene.next_id("USR_MAST")
    forename, surname = scene.dice.pick(FORENAMES), scene.dice.pick(SURNAMES)
    initials = forename[0] + surname[0].upper()
    scene.sink.put(
        "USR_MAST",
        USER_ID=user_id,
        FIRM_ID=firm.firm_id,
        BR_CODE=scene.dice.pick(firm.branches),
        LOGIN=f"{initials.lower()}{user_id}",
        FULL_NAME=f"{forename} {surname}",
        FORENAME=forename,
        SURNAME=surname,
        INITS=initials,
        EMAIL=f"user{user_id}@firm{firm.number}.example.com",
        DDI=f"020 7946 0{user_id % 1000:03d}" if scene.dice.chance(0.8) else "",
        PWD_HASH=_secret(scene),
        PWD_SALT=_secret(scene)[:32],
        API_TOKEN=_secret(scene) if grade == "A" else None,
        PWD_CHANGED="2025-02-03",
        FE_FLAG="Y" if grade else "N",
        FE_CODE=f"{initials}{user_id % 100:02d}" if grade else None,
        GRADE=grade,
        SRA_ID=f"{700_000 + user_id}" if grade in {"A", "B", "C"} else None,
        JOB=job,
        SUPER_ID=firm.partner or None,
        RATE=pounds(rate),
        STATUS=status,
        START_DT=f"{scene.dice.between(2005, 2017)}-09-01",
        LEFT_DT="31/12/2024" if status == 2 else None,
    )
    return user_id


def _write_work_types(scene: Scene, firm: Firm) -> None:
    for kind in WORK_TYPES:
        scene.sink.put(
            "MTR_TYPE",
            FIRM_ID=firm.firm_id,
            TYPE_CODE=kind.code,
            DESCR=kind.name,
            DEPT=kind.department,
            CONTENT_YN=kind.contentious,
            RESERVED=1 if kind.department == "Property" else 0,
            RETAIN_YRS=kind.retain_years,
            ACTIVE=1,
        )
        _write_precedent(scene, firm, kind)
    for line, (grade, _, rate) in enumerate(_GRADES, start=1):
        scene.sink.put(
            "RATE_CARD",
            FIRM_ID=firm.firm_id,
            CARD_CODE="STD",
            LINE_NO=line,
            NAME="Standard rates",
            GRADE=grade,
            RATE=pounds(rate),
            FROM_DT="2018-01-01",
        )


def _write_precedent(scene: Scene, firm: Firm, kind: WorkType) -> None:
    scene.sink.put(
        "PRECEDENT",
        PREC_ID=scene.next_id("PRECEDENT"),
        FIRM_ID=firm.firm_id,
        NAME=f"Client care letter – {kind.name}",
        KIND="L",
        FOLDER=f"Precedents\\{kind.department}",
        TYPE_CODE=kind.code,
        BODY="Dear [CT_MAST.SALUT],\r\n\r\nThank you for your instructions…\r\n",
        VER="3.1",
        ACTIVE=1,
        OWNER_ID=scene.dice.pick(firm.fee_earners)[0],
    )


def _write_custom_fields(scene: Scene, firm: Firm) -> None:
    for order, (entity, code, label, kind, privacy, options) in enumerate(CUSTOM_FIELDS, start=1):
        firm.custom_fields[code] = scene.next_id("CUST_DEF")
        scene.sink.put(
            "CUST_DEF",
            FLD_ID=firm.custom_fields[code],
            FIRM_ID=firm.firm_id,
            ENTITY=entity,
            FLD_CODE=code,
            LABEL=label,
            SCREEN="Property" if entity == "MT" else "Personal",
            DTYPE=kind,
            OPTIONS=options,
            PD_CLASS=privacy,
            SORT_ORD=order,
            ACTIVE=1,
        )


def _secret(scene: Scene) -> str:
    return hashlib.sha256(scene.dice.randbytes(16)).hexdigest()
