"""The built-in practice, exported and moved: what the tests of the target profiles share."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from portability.archive import Archive
from portability.checks import require, verify
from portability.connectors import open_connector
from portability.exports import ExportRequest, export_archive
from portability.importing import ImportRequest, ImportResult, import_archive
from portability.limits import DEFAULT_LIMITS
from portability.practice import generate
from portability.profiles import load_profile
from portability.querying import open_archive_engine, query_archive
from portability.reconciling import Certificate, ReconcileRequest, reconcile
from portability.targets import open_target

__all__ = ["MONEY", "ask", "certify", "export", "export_practice", "figures", "move", "require_sound"]

# Figures that no move may change, whatever keys the rows have afterwards.
MONEY = {
    "client ledgers": (
        "SELECT sum(e.credit - e.debit) FROM ledger_entry AS e JOIN ledger_account AS a ON a.id = e.ledger_account_id "
        "WHERE a.account_class = 'matter_client'"
    ),
    "client ledger of each matter": (
        "SELECT m.title, a.name, sum(e.credit - e.debit) AS balance FROM ledger_entry AS e "
        "JOIN ledger_account AS a ON a.id = e.ledger_account_id JOIN matter AS m ON m.id = a.matter_id "
        "WHERE a.account_class = 'matter_client' GROUP BY m.id, m.title, a.name ORDER BY 1, 2, 3"
    ),
    "trial balance": (
        "SELECT a.side, a.account_class, a.code, sum(e.debit), sum(e.credit) FROM ledger_entry AS e "
        "JOIN ledger_account AS a ON a.id = e.ledger_account_id GROUP BY ALL ORDER BY ALL"
    ),
    "running balances": (
        "SELECT posting_date, sequence, source_running_balance FROM ledger_entry "
        "WHERE source_running_balance IS NOT NULL ORDER BY ALL"
    ),
    "time": "SELECT status, sum(duration_minutes), sum(value), sum(rate) FROM time_entry GROUP BY 1 ORDER BY 1",
    "disbursements": "SELECT status, sum(net_amount), sum(gross_amount) FROM disbursement GROUP BY 1 ORDER BY 1",
    "payments": "SELECT method, status, sum(amount) FROM payment GROUP BY 1, 2 ORDER BY 1, 2",
    "reconciliations": "SELECT sum(statement_balance), sum(cash_book_balance) FROM bank_reconciliation",
    "custom fields": (
        "SELECT d.code, v.record_number, v.value_string, v.value_decimal, v.value_date, v.value_bool "
        "FROM custom_field_value AS v JOIN custom_field_definition AS d ON d.id = v.definition_id ORDER BY ALL"
    ),
    "tags": "SELECT label, count(*) FROM tag GROUP BY 1 ORDER BY 1",
    "files": "SELECT sha256, size_bytes FROM file_object ORDER BY 1",
    "addresses": (
        "SELECT a.line1, a.line2, a.line3, a.town, a.postcode, a.country_code, c.display_name "
        "FROM contact_address AS a JOIN contact AS c ON c.id = a.contact_id ORDER BY ALL"
    ),
    "times": "SELECT noted_at, body FROM note ORDER BY ALL",
}


def export_practice(folder: Path, *, entries: int, firms: int) -> Archive:
    """Make a practice in SQLite and export it."""
    url = f"sqlite:///{folder / 'practice.db'}"
    generate(url, folder / "files", entries=entries, firms=firms)
    return export(url, folder / "files", folder / "archive")


def export(url: str, documents: Path, destination: Path) -> Archive:
    """Export with the profile that is found by itself."""
    request = ExportRequest(connector=open_connector(url), destination=destination, documents=str(documents))
    return export_archive(request).archive


def move(archive: Archive, url: str, profile: str, documents: Path, **changes: Any) -> ImportResult:  # noqa: ANN401
    """Import into a target; the archive was verified where it was made."""
    request = ImportRequest(
        archive=archive,
        target=url,
        profile=load_profile(profile),
        documents=str(documents),
        unverified=True,
        **changes,
    )
    return import_archive(request)


def certify(archive: Archive, url: str, profile: str, destination: Path) -> Certificate:
    """Compare archive and target by the profile's totals."""
    with open_target(url, limits=DEFAULT_LIMITS) as target:
        return reconcile(
            ReconcileRequest(archive=archive, target=target, profile=load_profile(profile), destination=destination)
        )


def ask(archive: Archive, sql: str) -> list[tuple[Any, ...]]:
    """Run SQL over an archive."""
    return list(query_archive(archive, sql, DEFAULT_LIMITS, rows_max=100_000).rows)


def figures(archive: Archive) -> dict[str, list[tuple[Any, ...]]]:
    """All of ``MONEY``; decimals are compared by value, moments in UTC."""
    with open_archive_engine(archive, DEFAULT_LIMITS) as engine:
        found = {name: engine.sql(sql).to_arrow_table().to_pylist() for name, sql in MONEY.items()}
    return {name: [tuple(map(_plain, row.values())) for row in rows] for name, rows in found.items()}


def _plain(value: object) -> object:
    return value.normalize() if isinstance(value, Decimal) else value


def require_sound(archive: Archive) -> None:
    """Verify at the deepest level."""
    require(verify(archive.root, level="deep"))
