"""What each table is: an entity's, a list of codes, a link between two others, a log, the machine's own, or unknown.

Names come first, columns second. A table whose name says nothing is known by what others call it: where many tables
have a ``case_id`` and its values are one table's keys, that table holds the cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.drafting.matching import ENOUGH, POINTING, Evidence, evidence, table_score

if TYPE_CHECKING:
    from portability.drafting.survey import Survey, SurveyedColumn, SurveyedTable
    from portability.drafting.vocabulary import Vocabulary
    from portability.model import Model

__all__ = ["Role", "recognise"]

# Kinds of tables.
ENTITY, LOOKUP, LINK, LOG, MACHINE, UNKNOWN = "entity", "lookup", "link", "log", "machine", "unknown"
SURE, LIKELY = 0.97, 0.8
_LOOKUP_COLUMNS_MAX = 7
_LOOKUP_ROWS_MAX = 2000
_LINK_TARGETS = 2
_LINK_COLUMNS_MAX = 1
_LINK_FIELDS_MAX = 2
# What a table must show before it is taken for an entity that its name does not tell.
_NAMELESS_FIELDS_MIN = 6
_NAMELESS_WEIGHT_MIN = 3.0
_FIELDS_WEIGHT = 0.04
_CALLED_FIELDS_MIN = 3
_CALLERS_MIN = 2
_CALLED_SHARE_MIN = 0.8
_LABELS = {"name", "title", "description", "kind", "text", "value", "status"}
_BOOKKEEPING = {"created", "updated", "deleted", "active", "inactive", "uuid", "sequence"}
_LOGS = {"log", "history"}
# A name that ends so is a list of codes, whatever comes before: "invoice status".
_CODE_WORDS = {"kind", "status", "code", "group", "stage", "method", "grade", "reason"}
_CALLABLE = ("matter", "client", "user", "contact", "bill")
_TARGET_WORDS = set(
    "matter claim file client contact party user login task event note document time time_entry bill disbursement fee "
    "payment".split()
)
_CODED_TARGETS = {"role", "group"}


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
        return "high" if self.score >= SURE else "medium" if self.score >= LIKELY else "low"


def recognise(survey: Survey, vocabulary: Vocabulary, model: Model) -> dict[tuple[str, str], Role]:
    """Take each table for something."""
    recogniser = _Recogniser(survey, vocabulary, model)
    roles = {table.place: recogniser.role(table) for table in survey.tables}
    roles |= recogniser.parts_of_others(roles)
    return roles | recogniser.called_by_others(roles)


class _Recogniser:
    def __init__(self, survey: Survey, vocabulary: Vocabulary, model: Model) -> None:
        self._survey = survey
        self._vocabulary = vocabulary
        self._references = {
            name: {field.name for field in model.entity(name).fields if field.ref} for name in vocabulary.entities
        }

    def role(self, table: SurveyedTable) -> Role:
        """Take one table by itself for something."""
        words, name = table.words, table.name
        if "machine" in words or "session" in words:
            return Role(kind=MACHINE, reason=f"{name} is the application's own by its name")
        entity, score, found = self._best(table)
        reason = f"name; {found.fields} fields fit"
        if _is_link(table) and not (score >= SURE and found.fields > _LINK_FIELDS_MAX):
            return Role(kind=LINK, entity=entity, score=score, reason="links two other tables")
        if _LOGS & set(words) and score < ENOUGH:
            return Role(kind=LOG, reason=f"{name} is a log by its name")
        if score >= ENOUGH and not (len(words) > 1 and words[-1] in _CODE_WORDS and score < 1):
            return Role(kind=ENTITY, entity=entity, score=score, reason=reason)
        if _is_lookup(table):
            return Role(kind=LOOKUP, entity="code_value", score=LIKELY, reason="few columns, one of them a name")
        if score == 0 and found.fields >= _NAMELESS_FIELDS_MIN and found.weight >= _NAMELESS_WEIGHT_MIN:
            return Role(kind=ENTITY, entity=entity, score=ENOUGH, reason=f"its columns only: {found.fields} fields fit")
        return Role(kind=UNKNOWN, reason="nothing in its name or columns is known")

    def _best(self, table: SurveyedTable) -> tuple[str, float, Evidence]:
        """The entity that fits best, how well by name, and what its columns say for it."""
        ranked = []
        for name, words in self._vocabulary.entities.items():
            found = self._evidence(table, name)
            score = table_score(words.tables, table.words)
            total = score + _FIELDS_WEIGHT * found.fields if score else 0.001 * found.weight
            ranked.append((total, found.weight, name, score, found))
        _, _, entity, score, found = max(ranked, key=lambda entry: entry[:3])
        return entity, score, found

    def _evidence(self, table: SurveyedTable, entity: str) -> Evidence:
        words = self._vocabulary.entities[entity]
        return evidence(words, table.columns.values(), table.own, self._references[entity], self._vocabulary.telling)

    def parts_of_others(self, roles: dict[tuple[str, str], Role]) -> dict[tuple[str, str], Role]:
        """Tables that sound like an entity and point at the table that is it: "interim_claim_info" has a claim_id."""
        sure = {role.entity for role in roles.values() if role.kind == ENTITY and role.score >= SURE}
        changed = {}
        for table in self._survey.tables:
            role = roles[table.place]
            names = (
                self._names_of(role.entity)
                if role.kind == ENTITY and role.score < SURE and role.entity in sure
                else set()
            )
            if any(_target(column) in names and POINTING & set(column.words) for column in _contents(table)):
                changed[table.place] = Role(kind=UNKNOWN, reason=f"more about a {role.entity} that is in another table")
        return changed

    def _names_of(self, entity: str) -> set[str]:
        """The single words that name an entity."""
        return (
            {phrase.words[0] for phrase in self._vocabulary.entities[entity].tables if len(phrase.words) == 1}
            if entity
            else set()
        )

    def called_by_others(self, roles: dict[tuple[str, str], Role]) -> dict[tuple[str, str], Role]:
        """Find the tables of the main entities by the columns that point at them, where no name tells them."""
        changed: dict[tuple[str, str], Role] = {}
        named = {role.entity for role in roles.values() if role.kind == ENTITY and role.score > ENOUGH}
        for entity in _CALLABLE:
            if entity in named:
                continue
            names = self._names_of(entity)
            callers = [
                (table, column)
                for table in self._survey.tables
                for column in table.columns.values()
                if _target(column) in names and "id" in column.words
            ]
            for table in self._survey.tables:
                free = roles[table.place].kind == UNKNOWN or roles[table.place].score == ENOUGH
                if (
                    free
                    and table.place not in changed
                    and len(table.key) == 1
                    and self._is_called(table, entity, callers)
                ):
                    reason = f"{len(callers)} columns of other tables point at it"
                    changed[table.place] = Role(kind=ENTITY, entity=entity, score=LIKELY, reason=reason)
        return changed

    def _is_called(
        self, table: SurveyedTable, entity: str, callers: list[tuple[SurveyedTable, SurveyedColumn]]
    ) -> bool:
        if len(callers) < _CALLERS_MIN or self._evidence(table, entity).fields < _CALLED_FIELDS_MIN:
            return False
        shares = [
            self._survey.contained(caller, column.name, table, table.key[0])
            for caller, column in callers
            if caller.place != table.place
        ]
        known = [share for share in shares if share is not None]
        return bool(known) and sum(known) / len(known) >= _CALLED_SHARE_MIN


def _is_link(table: SurveyedTable) -> bool:
    """Two references to different tables, and hardly anything besides."""
    columns = _contents(table)
    pointing = [column for column in columns if _points(table, column)]
    targets = {_target(column) for column in pointing}
    return len(targets) == _LINK_TARGETS and len(columns) - len(pointing) <= _LINK_COLUMNS_MAX


def _points(table: SurveyedTable, column: SurveyedColumn) -> bool:
    """Whether a column points at a row of another table, by a declared key or by its name."""
    if any(column.name in key.columns for key in table.table.foreign_keys):
        return True
    words = set(column.words) - POINTING
    known = _TARGET_WORDS | _CODED_TARGETS if POINTING & set(column.words) else _TARGET_WORDS
    return len(words) == 1 and bool(known & words) and words != set(table.words)


def _target(column: SurveyedColumn) -> str:
    """What a column points at, in a word."""
    words = [word for word in column.words if word not in POINTING]
    word = words[-1] if words else column.name
    return "user" if word == "login" else word


def _contents(table: SurveyedTable) -> list[SurveyedColumn]:
    """The columns that say something: neither the table's own key nor when and by whom a row was written."""
    key = table.key if len(table.key) == 1 else ()
    foreign = {name for fk in table.table.foreign_keys for name in fk.columns}
    return [
        column
        for column in table.columns.values()
        if (column.name not in key or column.name in foreign)
        and not _BOOKKEEPING & set(column.words)
        and column.words != ("id",)
    ]


def _is_lookup(table: SurveyedTable) -> bool:
    """Few rows of few columns, one of them a name, none of them about a client or matter."""
    columns = _contents(table)
    labels = [column for column in columns if set(column.words) - table.own <= _LABELS and column.kind == "VARCHAR"]
    points = any(_points(table, column) and _target(column) in _TARGET_WORDS for column in columns)
    return bool(labels) and not points and len(columns) <= _LOOKUP_COLUMNS_MAX and table.rows <= _LOOKUP_ROWS_MAX
