"""Plain English for what the archive calls by name: entities, codes, amounts, sizes."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

__all__ = ["amount", "code_words", "date_words", "entity_words", "hours", "number", "size_words"]

_ENTITIES = {
    "access_grant": "Access rights and information barriers",
    "archive_record": "Archive and retention records",
    "audit_event": "Audit trail entries",
    "bank_account": "Bank accounts",
    "bank_reconciliation": "Bank reconciliations",
    "calendar_event": "Diary entries",
    "cdd_check": "Client due diligence checks",
    "code_value": "Entries of the firm's own lists",
    "consent": "Consents",
    "control_total": "Control totals",
    "contact_point": "Phone numbers and e-mail addresses",
    "custom_field_definition": "Custom fields",
    "custom_field_value": "Custom field values",
    "data_subject_request": "Data subject requests",
    "deed_item": "Deeds and wills in custody",
    "email": "E-mails",
    "file_object": "Files",
    "ledger_entry": "Ledger entries",
    "ledger_transaction": "Postings",
    "matter_party": "Parties to matters",
    "matter_stage_history": "Matter stages",
    "matter_team_member": "Team members of matters",
    "rate_card": "Charge-out rates",
    "source_link": "Links to source rows",
    "time_entry": "Time entries",
    "user": "People of the firm",
    "vat_code": "VAT codes",
}
_CODES = {
    "bank_client": "Client bank accounts",
    "bank_office": "Office bank accounts",
    "control": "Control accounts",
    "matter_client": "Client ledgers of matters",
    "matter_designated_deposit": "Designated deposit ledgers",
    "matter_office": "Office ledgers of matters",
    "nominal_asset": "Assets",
    "nominal_equity": "Capital",
    "nominal_expense": "Expenses",
    "nominal_income": "Income",
    "nominal_liability": "Liabilities",
    "vat": "VAT",
    "id_evidence": "Identity evidence",
    "missing_in_source": "Named by the database, but not found",
    "present": "In this archive",
    "unreadable": "Found, but could not be read",
    "encrypted_in_source": "Encrypted in the source",
    "external_link": "Links to other places, not fetched",
    "excluded": "Left out of this export on purpose",
}
_SIGNS = {"GBP": "£", "EUR": "€", "USD": "$"}
_MONTHS = "January February March April May June July August September October November December".split()
_MINUS = "\N{MINUS SIGN}"
_THOUSAND = 1000


def entity_words(name: str) -> str:
    """Name an entity's rows: ``ledger_entry`` is ``Ledger entries``."""
    if name in _ENTITIES:
        return _ENTITIES[name]
    words = name.replace("_", " ").capitalize()
    if words.endswith("y"):
        return f"{words[:-1]}ies"
    return words + ("es" if words.endswith(("s", "x", "ch")) else "s")


def code_words(code: str) -> str:
    """Name a code: ``letter_in`` is ``Letter in``."""
    return _CODES.get(code, code.replace("_", " ").capitalize())


def number(value: int | str) -> str:
    """Write a whole or decimal number with commas."""
    return f"{Decimal(value):,}"


def amount(text: str, currency: str) -> str:
    """Write money as an accountant does: sign or code of the currency, commas, a true minus."""
    value = Decimal(text)
    sign = _SIGNS.get(currency, f"{currency} ")
    return f"{_MINUS if value < 0 else ''}{sign}{abs(value):,}"


def hours(minutes: str) -> str:
    """Write minutes as hours with one decimal, for a picture."""
    return f"{(Decimal(minutes) / 60).quantize(Decimal('0.1'), ROUND_HALF_EVEN):,}"


def date_words(iso: str) -> str:
    """Write an ISO date as people do; what is no plain date stays as it is."""
    parts = iso.split("-")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):  # noqa: PLR2004 -- year, month, day
        return iso
    return f"{int(parts[2])} {_MONTHS[int(parts[1]) - 1]} {int(parts[0])}"


def size_words(size_bytes: int) -> str:
    """Write a size to three digits or so."""
    value, units = Decimal(size_bytes), iter(("bytes", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while value >= _THOUSAND and unit != "TB":
        value, unit = value / _THOUSAND, next(units)
    return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"
