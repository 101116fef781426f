"""The words of the practice: names, places, work types, narratives and codes. All people and companies are invented.

Telephone numbers lie in the ranges reserved for drama, e-mail addresses under example.com, National Insurance numbers
start with the unused QQ.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CODES", "DISBURSEMENTS", "WORK_TYPES", "WorkType"]

TODAY = "2025-06-30"

FIRMS = (
    ("Harlow & Penhaligon LLP", "LLP", ("LDN", "London"), ("CDF", "Caerdydd / Cardiff")),
    ("Okafor Brough Solicitors Ltd", "LTD", ("MCR", "Manchester"), ("LDS", "Leeds")),
    ("Wójcik, Ashdown & Partners", "PAR", ("BHM", "Birmingham"), ("EDN", "Edinburgh")),
    ("Tregarthen Legal", "SOL", ("TRU", "Truro"), ("PLY", "Plymouth")),
)
FORENAMES = tuple(
    (
        "Amelia|Oliver|Siân|Rhys|Agnieszka|Paweł|Priya|Mohammed|Grace|Callum|Niamh|Seán|Chloe|Daniel|Fatima|"
        "George|Hannah|Imran|Jessica|Kwame|Łucja|Margaret|Nathan|Olwen|Peter|Ruth|Samuel|Tomos|Victoria|"
        "William|Zoë|Andrzej"
    ).split("|")
)
SURNAMES = tuple(
    (
        "Smith|Jones|Llewellyn|ap Gwilym|Wójcik|Nowak-Żółty|Patel|Khan|O'Brien|MacDonald|Evans|Taylor|"
        "Adeyemi|Brown|Chowdhury|Davies|Fitzgerald|Green|Hughes|Iqbal|Kowalczyk|Lewis|Murphy|Ní Dhomhnaill|"
        "Okonkwo|Price|Quigley|Roberts|Singh|Thompson|Underhill|Wright"
    ).split("|")
)
COMPANY_WORDS = (
    "Brightwater",
    "Northgate",
    "Dŵr Glas",
    "Kestrel",
    "Silverdale",
    "Ironbridge",
    "Tŷ Newydd",
    "Harbour",
    "Oakfield",
)
COMPANY_TRADES = (
    "Estates Ltd",
    "Logistics plc",
    "Care Homes Ltd",
    "Builders LLP",
    "Trading Ltd",
    "Surveyors LLP",
    "Finance plc",
)
COURTS = (
    "County Court at Cardiff",
    "Central London County Court",
    "Manchester Civil Justice Centre",
    "Employment Tribunal Leeds",
)
STREETS = (
    "High Street",
    "Station Road",
    "Heol y Bont",
    "Church Lane",
    "Victoria Terrace",
    "Mill Lane",
    "Stryd Fawr",
    "Park Avenue",
)
TOWNS = (
    ("London", "SW1A 9ZZ"),
    ("Caerdydd", "CF10 9ZZ"),
    ("Manchester", "M1 9ZZ"),
    ("Leeds", "LS1 9ZZ"),
    ("Birmingham", "B1 9ZZ"),
    ("Caernarfon", "LL55 9ZZ"),
    ("Bristol", "BS1 9ZZ"),
    ("Truro", "TR1 9ZZ"),
)
OCCUPATIONS = (
    "Teacher",
    "Nurse",
    "Plumber",
    "Company director",
    "Retired",
    "Ffermwr / Farmer",
    "Software engineer",
    None,
)


class WorkType(NamedTuple):
    """A kind of matter: its code, its words and whether it is contentious."""

    code: str
    name: str
    department: str
    title: str
    contentious: str
    retain_years: int


WORK_TYPES = (
    WorkType("RCON", "Residential conveyancing", "Property", "Purchase of {number} {street}, {town}", "N", 15),
    WorkType("WILL", "Wills and LPAs", "Private Client", "Will and lasting powers of attorney", "N", 60),
    WorkType("LITI", "Civil litigation", "Dispute Resolution", "Claim against {other}", "Y", 7),
    WorkType("CCON", "Commercial property", "Property", "Lease of Unit {number}, {street} Business Park", "N", 15),
    WorkType("PROB", "Probate", "Private Client", "Estate of {other} deceased", "N", 12),
    WorkType("FAMI", "Family", "Family", "Divorce and finances – {other}", "Y", 7),
    WorkType("EMPL", "Employment", "Dispute Resolution", "Settlement agreement with {other}", "Y", 7),
    WorkType("PINJ", "Personal injury", "Dispute Resolution", "RTA on {street} – {other}", "Y", 7),
)
NARRATIVES = (
    "Attending client on the telephone",
    "Perusing draft contract and replies to enquiries",
    "Drafting letter of advice",
    "Considering client's e-mail of today",
    "Preparing bundle for hearing",
    "Attending on counsel in conference",
    "Drafting witness statement",
    "Reviewing title and Land Registry entries",
    "Llythyr at y cleient / letter to client",
    "Completing SDLT return; fee £20",
    "Long call re: costs – client “not happy”",
)
DISBURSEMENTS = (
    ("LRFEE", "HM Land Registry fee", 4_500, "O"),
    ("SEARCH", "Local authority search", 18_250, "S"),
    ("COUNSL", "Counsel's fee", 75_000, "S"),
    ("COURT", "Court issue fee", 45_500, "O"),
    ("MEDREP", "Medical report", 36_000, "S"),
    ("IDCHK", "Electronic ID check", 650, "S"),
    ("TRAVEL", "Travel to court", 2_340, "S"),
)
NOTE_BODIES = (
    "Client called. Happy to proceed 👍\r\nWill send £500 on account tomorrow.",
    "Attendance note\r\n\r\nMet client and explained the draft lease.\r\nNext step: chase the lender.",
    "Ffoniodd y cleient ynglŷn â'r tŷ.\r\nAngen ateb cyn dydd Gwener.",
    "Klientka prosi o kontakt po 17:00 – ważne!",
    "Left message.",
)
TASKS = (
    "Chase replies to enquiries",
    "Diarise limitation date",
    "Send client care letter",
    "Request final invoice from counsel",
    "File review",
)
EVENTS = (
    ("Client meeting", "M"),
    ("Hearing", "H"),
    ("Conference with counsel", "C"),
    ("Completion", "A"),
    ("Annual leave", "L"),
)
STAGES = ("INSTR", "DRAFT", "EXCHG", "COMPL", "POSTC")
CODES = (
    ("ACTV", "ATTEND", "Attendance"),
    ("ACTV", "PERUSE", "Perusal"),
    ("ACTV", "DRAFT", "Drafting"),
    ("ACTV", "TRAVEL", "Travel"),
    ("DISB", "LRFEE", "Land Registry fee"),
    ("DISB", "SEARCH", "Search fee"),
    ("DISB", "COUNSL", "Counsel"),
    ("DISB", "COURT", "Court fee"),
    ("DISB", "MEDREP", "Medical report"),
    ("DISB", "IDCHK", "ID check"),
    ("DISB", "TRAVEL", "Travel"),
    ("REFS", "WEB", "Web site"),
    ("REFS", "AGENT", "Estate agent"),
    ("REFS", "RECOM", "Recommendation"),
    ("REFS", "BNI", "Networking – BNI"),
    ("STGE", "INSTR", "Instructions taken"),
    ("STGE", "DRAFT", "Drafting"),
    ("STGE", "EXCHG", "Exchange / issue"),
    ("STGE", "COMPL", "Completion / trial"),
    ("STGE", "POSTC", "Post-completion"),
    ("PRTY", "CLI", "Client"),
    ("PRTY", "OSIDE", "Other side"),
    ("PRTY", "OSOL", "Other side's solicitor"),
    ("PRTY", "WITN", "Witness"),
    ("PRTY", "COUNS", "Counsel"),
    ("PRTY", "COURT", "Court"),
    ("PRTY", "LENDR", "Lender"),
)
VAT_CODES = (
    ("S", "2008-12-01", "2009-12-31", "Standard rate", "15.0000"),
    ("S", "2010-01-01", "2011-01-03", "Standard rate", "17.5000"),
    ("S", "2011-01-04", None, "Standard rate", "20.0000"),
    ("R", "1997-09-01", None, "Reduced rate", "5.0000"),
    ("Z", "1973-04-01", None, "Zero rated", "0.0000"),
    ("E", "1973-04-01", None, "Exempt", "0.0000"),
    ("O", "1973-04-01", None, "Outside the scope", "0.0000"),
)
