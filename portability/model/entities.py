"""The canonical model as values: entities, their fields, code lists and legal rules.

These classes only hold what ``portability.model.loading`` has checked; nothing here reads a file. They are immutable,
so one model can be shared by every part of a run.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from portability.errors import FormatError

__all__ = ["PD_CLASSES", "CodeList", "Entity", "Field", "Model", "Rule"]

PD_CLASSES = ("none", "personal", "financial", "special_category", "privileged")
"""Personal-data classes, the least restrictive first."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of an entity.

    ``codes`` names a code list whose values are in ``code_values``; ``ref`` names the entity a reference points to;
    ``ref_by`` names the sibling field that holds the name of the entity this field's value is a key of.
    """

    name: str
    type: str
    pd: str
    doc: str
    required: bool = False
    codes: str | None = None
    code_values: tuple[str, ...] = ()
    ref: str | None = None
    ref_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule on the canonical layer: SQL that selects what breaks it, or a procedure described in words.

    ``sql`` runs as it is; ``sql_as_written``, for readers, still names the shared parts (``Model.sql_parts``) as
    ``{part}``. The first column is ``id``, the key of the broken row of ``entity`` (null when the rule is about the
    whole archive); the others are evidence. ``entity`` is ``*`` when the rule holds for every entity; the second column
    then names it. Rows come in no particular order.
    """

    id: str
    severity: str
    entity: str
    text: str
    sql: str | None = None
    sql_as_written: str | None = None
    procedure: str = ""


@dataclass(frozen=True, kw_only=True)
class CodeList:
    """The values an enumerated field may hold."""

    name: str
    values: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Entity:
    """One table of the canonical layer, common fields included."""

    name: str
    group: str
    purpose: str
    primary_key: tuple[str, ...]
    fields: tuple[Field, ...]
    rules: tuple[Rule, ...] = ()

    def field(self, name: str) -> Field:
        """Return the field of that name.

        Raises:
            FormatError: the entity has no such field.
        """
        for candidate in self.fields:
            if candidate.name == name:
                return candidate
        raise FormatError(f"entity {self.name} has no field {name!r}", place=f"{self.name}.{name}")

    @property
    def field_names(self) -> tuple[str, ...]:
        """Names of the fields, in the order of the columns."""
        return tuple(each.name for each in self.fields)

    @property
    def pd_class(self) -> str:
        """The most restrictive personal-data class among the fields."""
        return max((each.pd for each in self.fields), key=PD_CLASSES.index)


@dataclass(frozen=True, kw_only=True)
class Model:
    """The whole canonical model."""

    format: str
    version: str
    conventions: Mapping[str, object]
    groups: Mapping[str, str]
    common_fields: tuple[Field, ...]
    entities: tuple[Entity, ...]
    code_lists: tuple[CodeList, ...]
    external_code_lists: Mapping[str, str]
    sql_parts: Mapping[str, str]
    rules: tuple[Rule, ...]
    _by_name: dict[str, Entity] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the entities by name."""
        object.__setattr__(self, "_by_name", {each.name: each for each in self.entities})

    def entity(self, name: str) -> Entity:
        """Return the entity of that name.

        Raises:
            FormatError: the model has no such entity.
        """
        if name not in self._by_name:
            raise FormatError(f"the model has no entity {name!r}", place=name)
        return self._by_name[name]

    def code_list(self, name: str) -> tuple[str, ...]:
        """Return the values of a code list.

        Raises:
            FormatError: the model has no such code list.
        """
        for each in self.code_lists:
            if each.name == name:
                return each.values
        raise FormatError(f"the model has no code list {name!r}", place=name)

    def rule(self, rule_id: str) -> Rule:
        """Return the rule of that id.

        Raises:
            FormatError: the model has no such rule.
        """
        for each in self.rules:
            if each.id == rule_id:
                return each
        raise FormatError(f"the model has no rule {rule_id!r}", place=rule_id)

    def in_reference_order(self) -> tuple[Entity, ...]:
        """Return the entities with every entity after those that its required references point to.

        Entities that do not depend on each other stay in the order of the model, so the result is deterministic. A
        required reference of an entity to itself does not count.

        Raises:
            FormatError: required references form a cycle.
        """
        placed: dict[str, Entity] = {}
        waiting = dict(self._by_name)
        while waiting:
            ready = next((each for each in waiting.values() if _required_targets(each) <= placed.keys()), None)
            if ready is None:
                names = ", ".join(sorted(waiting))
                raise FormatError("required references form a cycle", place=names, hint="make one of them optional")
            placed[ready.name] = waiting.pop(ready.name)
        return tuple(placed.values())


def _required_targets(entity: Entity) -> set[str]:
    return {each.ref for each in entity.fields if each.required and each.ref and each.ref != entity.name}
