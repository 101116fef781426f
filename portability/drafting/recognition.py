"""What each table is: an entity's, a list of codes, a link between two others, a log, the machine's own, or unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.drafting.matching import ENOUGH, evidence, table_score

if TYPE_CHECKING:
    from portability.drafting.survey import Survey, SurveyedColumn, SurveyedTable
    from portability.drafting.vocabulary import Vocabulary
    from portability.model import Model

__all__ = ["Role", "recognise"]

# Kinds of tables.
ENTITY, LOOKUP, LINK, LOG, MACHINE, UNKNOWN = "entity", "lookup", "link", "log", "machine", "unknown"
_LOOKUP_COLUMNS_MAX = 7
_LOOKUP_ROWS_MAX = 2000
_LINK_COLUMNS_MAX = 1
# Fields that must fit before a table is taken for an entity that its name does not tell.
_NAMELESS_FIELDS_MIN = 6
_FIELDS_WEIGHT = 0.04
_LABELS = {"name", "title", "description", "kind", "text", "value", "status", "role"}
_BOOKKEEPING = {"created", "updated", "deleted", "active", "inactive", "id", "uuid", "sequence"}
_LOGS = {"log", "history"}
# What a name says first counts most: "invoice status" is a list of codes, whatever an invoice is.
_CODE_WORDS = {"kind", "status", "code", "group", "stage", "method", "grade", "reason"}


@dataclass(frozen=True, kw_only=True)
class Role:
    """What a table is taken for. ``score`` orders tables of one entity, the best first."""

    kind: str
    entity: str = ""
    score: float = 0.0
    reason: str = ""

    @property
    def confidence(self) -> str:
        """In a word."""
        return "high" if self.score >= 1.0 else "medium" if self.score >= 0.8 else "low"  # noqa: PLR2004


def recognise(survey: Survey, vocabulary: Vocabulary, model: Model) -> dict[tuple[str, str], Role]:
    """Take each table for something, by its name first and its columns second."""
    return {table.place: _Recogniser(survey, vocabulary, model, table).role() for table in survey.tables}


class _Recogniser:
    def __init__(self, survey: Survey, vocabulary: Vocabulary, model: Model, table: SurveyedTable) -> None:
        self._survey = survey
        self._vocabulary = vocabulary
        self._model = model
        self._table = table

    def role(self) -> Role:
        words, name = self._table.words, self._table.table.name
        if "machine" in words or "session" in words:
            return Role(kind=MACHINE, reason=f"{name} is the application's own by its name")
        entity, score, fields = self._best()
        reason = f"name; {fields} fields fit"
        if self._is_link() and not (score >= 1.0 and fields > 2):  # noqa: PLR2004
            return Role(kind=LINK, entity=entity, score=score, reason="links two other tables")
        if words[-1] in _LOGS and score < ENOUGH:
            return Role(kind=LOG, reason=f"{name} is a log by its name")
        if score >= ENOUGH and not (words[-1] in _CODE_WORDS and score < 1.0):
            return Role(kind=ENTITY, entity=entity, score=score, reason=reason)
        if self._is_lookup():
            return Role(kind=LOOKUP, entity="code_value", score=0.8, reason="few columns, one of them a name")
        if score == 0 and fields >= _NAMELESS_FIELDS_MIN:
            return Role(kind=ENTITY, entity=entity, score=ENOUGH, reason=f"its columns only: {fields} fields fit")
        return Role(kind=LOG if words[-1] in _LOGS else UNKNOWN, reason="nothing in its name or columns is known")

    def _best(self) -> tuple[str, float, int]:
        """The entity that fits best, how well by name, and how many of its fields by columns."""
        ranked = []
        for name, words in self._vocabulary.entities.items():
            references = {field.name for field in self._model.entity(name).fields if field.ref}
            fields = evidence(words, self._table.columns.values(), self._table.words, references)
            score = table_score(words.tables, self._table.words)
            ranked.append((score + _FIELDS_WEIGHT * fields if score else 0.001 * fields, name, score, fields))
        _, entity, score, fields = max(ranked, key=lambda entry: (entry[0], entry[3]))
        return entity, score, fields

    def _is_link(self) -> bool:
        """Two references to different tables, and hardly anything besides."""
        columns = self._contents()
        pointing = [column for column in columns if self._points(column)]
        targets = {_target_word(column) for column in pointing}
        return len(targets) == 2 and len(columns) - len(pointing) <= _LINK_COLUMNS_MAX  # noqa: PLR2004

    def _points(self, column: SurveyedColumn) -> bool:
        declared = any(column.name in key.columns for key in self._table.table.foreign_keys)
        known = {"matter", "client", "contact", "user", "role", "task", "event", "note", "document", "time", "time_entry", "bill",
                 "disbursement", "login", "fee", "party", "group", "payment"}
        return declared or (bool(known & set(column.words)) and len(set(column.words) - {"id", "code", "number", "name"}) == 1)

    def _contents(self) -> list[SurveyedColumn]:
        """The columns that say something: neither the table's own key nor when and by whom a row was written."""
        key = self._table.key if len(self._table.key) == 1 else ()
        foreign = {name for fk in self._table.table.foreign_keys for name in fk.columns}
        return [
            column
            for column in self._table.columns.values()
            if (column.name not in key or column.name in foreign) and not _BOOKKEEPING & set(column.words) - {"id"} and column.words != ("id",)
        ]

    def _is_lookup(self) -> bool:
        columns = self._contents()
        labels = [column for column in columns if _LABELS & set(column.words) or set(column.words) <= set(self._table.words)]
        texts = [column for column in labels if column.kind == "VARCHAR"]
        return bool(texts) and len(columns) <= _LOOKUP_COLUMNS_MAX and self._table.rows <= _LOOKUP_ROWS_MAX


def _target_word(column: SurveyedColumn) -> str:
    words = [word for word in column.words if word not in ("id", "code", "number", "name")]
    word = words[-1] if words else column.name
    return "user" if word == "login" else word
