"""What the page is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from portability.formats.exceptions import ExceptedGroup
from portability.formats.summary import Count, Summary
from portability.manifest import ControlTotals, Finding, SourceSchema

__all__ = ["Columns", "ReadmeFacts"]


_ANY_KIND = "A database"
_KINDS = {
    "csv": "Delimited text files",
    "mariadb": "A MariaDB database",
    "mysql": "A MySQL database",
    "parquet": "Parquet files",
    "postgresql": "A PostgreSQL database",
    "sqlite": "An SQLite database",
    "sqlserver": "An SQL Server database",
}


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Where the source's columns went (reports/coverage.json)."""

    total: int
    mapped: int
    carried: int
    excluded: int


@dataclass(frozen=True, kw_only=True)
class ReadmeFacts:
    """Everything the page says, and nothing of when it was made.

    Args:
        system: The system exported from, for people (the profile's title); not said when there was no mapping.
        summary: As in reports/summary.json.
        source: As in schema/source.json; its snapshot says how consistent the export is.
        totals: As in reports/control_totals.json.
        findings: As in reports/findings.json.
        exceptions: reports/exceptions.parquet, in groups.
        columns: None when there was no mapping: nobody has described the system.
        disagreements: Control totals that the files do not meet; an export with any does not come this far.
        advice: What to do about a finding, by its code; ours where it has none.
    """

    system: str
    summary: Summary
    source: SourceSchema
    totals: ControlTotals
    findings: tuple[Finding, ...] = ()
    exceptions: tuple[ExceptedGroup, ...] = ()
    columns: Columns | None = None
    disagreements: tuple[str, ...] = ()
    advice: Mapping[str, str] = field(default_factory=dict)

    @property
    def heading(self) -> str:
        """Whose data this is."""
        firms = self.summary.firms
        if len(firms) > 2:  # noqa: PLR2004 -- two names still read as a heading
            return f"{firms[0]} and {len(firms) - 1} others"
        return " and ".join(firms) or self.kept_in

    @property
    def is_mapped(self) -> bool:
        """Whether there is a canonical layer: somebody has said which tables are clients, matters and books."""
        return self.columns is not None

    @property
    def kept_in(self) -> str:
        """What the data was kept in: the system, or, where nobody has described it, the kind of database."""
        return self.system if self.is_mapped else _KINDS.get(self.source.dbms, _ANY_KIND)

    def shown_findings(self) -> tuple[Finding, ...]:
        """Return the findings without those that say of the same rows what another says better."""
        told_by_mapping = any(each.code == "M103" for each in self.findings)
        return tuple(each for each in self.findings if not (told_by_mapping and each.code == "L490"))

    def count(self, entity: str) -> Count | None:
        """Return the count of an entity; None when the archive has none."""
        return next((each for each in self.summary.counts if each.entity == entity), None)
