"""Facts for the page of a small archive."""

from __future__ import annotations

from portability.formats.exceptions import ExceptedGroup
from portability.formats.readme import Columns, ReadmeFacts
from portability.formats.summary import (
    Bar,
    ClassBalance,
    ControlFigure,
    Count,
    DateRange,
    DocumentGroup,
    Figure,
    Ledgers,
    MissingDocument,
    Series,
    Summary,
)
from portability.manifest import (
    Column,
    ColumnTotals,
    ControlTotals,
    Finding,
    SnapshotRecord,
    SourceSchema,
    Table,
    TableTotals,
)

__all__ = ["FACTS", "LEDGERS", "SOURCE", "SUMMARY", "TOTALS"]

LEDGERS = Ledgers(
    currency="GBP",
    client_ledgers="1234567.89",
    client_cash_books="1234567.89",
    difference="0.00",
    debits="2000000.00",
    credits="2000000.00",
    trial_difference="0.00",
    overdrawn_client_ledgers=0,
    stated_balances=40,
    wrong_balances=0,
    classes=(
        ClassBalance(
            account_class="bank_client", side="client", accounts=2, debits="1.00", credits="0.00", balance="1.00"
        ),
        ClassBalance(
            account_class="matter_client", side="client", accounts=40, debits="0.00", credits="1.00", balance="-1.00"
        ),
    ),
)
SUMMARY = Summary(
    firms=("Marsh & Field LLP",),
    counts=(
        Count(entity="client", rows=527),
        Count(entity="document", rows=2),
        Count(entity="document_version", rows=2),
        Count(entity="matter", rows=1911, deleted=3, quarantined=4),
    ),
    dates=(DateRange(entity="matter", field="opened_on", first="2018-01-16", last="2025-06-30"),),
    ledgers=(LEDGERS,),
    figures=(Figure(name="bills_unpaid", currency="GBP", count=133, amount="166581.98"),),
    control_totals=(
        ControlFigure(name="matters", unit="count", currency=None, source="1915", package="1911", status="explained"),
    ),
    documents=(
        DocumentGroup(availability="missing_in_source", count=17, size_bytes=0),
        DocumentGroup(availability="present", count=2164, size_bytes=1_800_000),
    ),
    missing_documents=(
        MissingDocument(source="letters", locator="P:\\DOCS\\1.pdf", availability="missing_in_source", problem=None),
    ),
    series=(
        Series(
            name="matters_opened", unit="count", bars=(Bar(label="2023", value="10"), Bar(label="2024", value="20"))
        ),
        Series(
            name="documents_by_type",
            unit="count",
            bars=(Bar(label="letter_in", value="1"), Bar(label="scan", value="2")),
        ),
    ),
)
SOURCE = SourceSchema(
    dbms="postgresql",
    dbms_version="15",
    default_schema="public",
    snapshot=SnapshotRecord(method="exported snapshot", level="exact"),
    tables=(
        Table(
            schema="public",
            name="users",
            file="source/public.users.parquet",
            columns=(
                Column(name="id", position=1, native_type="integer"),
                Column(
                    name="hash", position=2, native_type="text", carried="excluded", reason="credential, by its name"
                ),
            ),
        ),
        Table(schema="public", name="sessions", columns=(), excluded="session state"),
    ),
)
TOTALS = ControlTotals(
    tables=(
        TableTotals(
            schema="public", name="users", rows=12, columns=(ColumnTotals(name="id", non_null=12, excepted=5),)
        ),
    )
)
FINDINGS = (
    Finding(
        code="L413", severity="finding", place="client", text="Client numbers are unique.", count=6, examples=("7",)
    ),
    Finding(code="M103", severity="finding", place="matter required:title", text="row is in quarantine", count=4),
    Finding(code="L490", severity="finding", place="matter", text="Rows are in quarantine", count=4),
)
EXCEPTIONS = (
    ExceptedGroup(
        schema="public",
        table="users",
        column="born",
        reason="not a date of the calendar",
        native_type="date",
        count=5,
        keys=('["3"]', '["4"]', '["5"]', '["6"]'),
    ),
)
FACTS = ReadmeFacts(
    system="Practice 6",
    summary=SUMMARY,
    source=SOURCE,
    totals=TOTALS,
    findings=FINDINGS,
    exceptions=EXCEPTIONS,
    columns=Columns(total=20, mapped=15, carried=4, excluded=1),
)
