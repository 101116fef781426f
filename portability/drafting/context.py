"""What every step of a draft looks things up in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.drafting.matching import column_score
from portability.drafting.survey import identifier
from portability.duck import text_literal

if TYPE_CHECKING:
    from portability.drafting.feeds import Feeds
    from portability.drafting.recognition import Role
    from portability.drafting.references import References
    from portability.drafting.survey import Survey, SurveyedColumn, SurveyedTable
    from portability.drafting.vocabulary import Vocabulary
    from portability.model import Model

__all__ = ["Context", "Label"]


@dataclass(frozen=True, kw_only=True)
class Label:
    """A code's wording, found in a list of codes that a column points at. ``sql`` is its text for the row ``t``."""

    sql: str
    samples: tuple[str, ...]
    reason: str


@dataclass(frozen=True, kw_only=True)
class Context:
    """The source as surveyed, what its tables are taken for, and the settings of the profile."""

    survey: Survey
    vocabulary: Vocabulary
    model: Model
    roles: dict[tuple[str, str], Role]
    feeds: Feeds
    references: References
    default_schema: str
    time_zone: str
    currency: str

    @property
    def zone_sql(self) -> str:
        """SQL of the profile's time zone."""
        return text_literal(self.time_zone)

    @property
    def currency_sql(self) -> str:
        """SQL of the profile's currency."""
        return text_literal(self.currency)

    def label(self, table: SurveyedTable, column: SurveyedColumn) -> Label | None:
        """Return the wording that a column points at, when it points at a list of codes."""
        target = self.references.declared(table, column.name)
        if target is None:
            lists = [feed.table for name in ("code_value", "matter_type", "role") for feed in self.feeds.of(name)]
            shown = set(column.words) - {"id", "code", "number"}
            named = [
                each
                for each in lists
                if shown and (shown == set(each.words) or shown == set(each.words) - set(table.words))
            ]
            target = self.references.find(table, column, named)
        if target is None or len(target.ours) != 1:
            return None
        wording = self.label_column(target.table)
        if wording is None or wording.name in target.theirs:
            return None
        theirs, ours = identifier(target.theirs[0]), identifier(column.name)
        sql = f"(SELECT min(c.{identifier(wording.name)}) FROM {target.table.view} AS c WHERE c.{theirs} = t.{ours})"
        samples = self.survey.samples(target.table, wording)
        return Label(sql=sql, samples=samples, reason=f"its wording in {target.table.name}")

    def label_column(self, table: SurveyedTable) -> SurveyedColumn | None:
        """Return the column of a list of codes that says what a code means."""
        phrases = self.vocabulary.entities["code_value"].fields["label"]
        texts = [column for column in table.columns.values() if column.kind == "VARCHAR"]
        scored = [
            (column_score(phrases, column, table.own, points=False), -column.column.position, column)
            for column in texts
        ]
        best = max(scored, key=lambda entry: entry[:2], default=None)
        if best is not None and best[0] > 0:
            return best[2]
        # "courts.court": the column repeats the table's own name.
        return next((column for column in texts if set(column.words) <= table.own), None)
