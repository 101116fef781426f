"""Where every canonical field goes in an import, read by column lineage from the load SQL itself.

A field is *loaded* (some load SQL uses it: in a column, a join or a condition) or *declared* (``load.without`` says
why it is not). Anything else is unclassified, and an import refuses it: nothing is left behind in silence.

``without`` names an entity (``audit_event``), fields of one (``contact.gender, religion_or_belief``) or a field of
every entity (``*.source_key``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.errors import MappingError
from portability.mapping.lineage import DOCUMENT_COLUMNS, trace_queries
from portability.model import load_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portability.model import Model
    from portability.profiles import Profile

__all__ = ["FieldFate", "ImportCoverage", "import_coverage"]

# The engine's own entities: figures about the export, and where its files are.
_ABOUT_THE_ARCHIVE = {"control_total": "figures about the export, not of the firm"}


@dataclass(frozen=True, kw_only=True)
class FieldFate:
    """One canonical field: ``loaded`` into ``targets``, ``declared`` with a reason, or ``unclassified``."""

    entity: str
    field: str
    fate: str
    targets: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class ImportCoverage:
    """All fields of the model, in its order."""

    fields: tuple[FieldFate, ...]

    @property
    def unclassified(self) -> tuple[str, ...]:
        """``entity.field`` of everything that nobody has decided about."""
        return tuple(f"{f.entity}.{f.field}" for f in self.fields if f.fate == "unclassified")


def import_coverage(profile: Profile) -> ImportCoverage:
    """Trace every canonical field through the profile's load SQL and ``without``.

    Raises:
        MappingError: SQL that cannot be traced, or an entry of ``without`` that names nothing.
    """
    model = load_model()
    tables = {entity.name: [f.name for f in entity.fields] for entity in model.entities}
    targets = trace_queries(profile.loads, {**tables, "documents": DOCUMENT_COLUMNS}, folder="load")
    reasons = _reasons(profile.load.without if profile.load else {}, model)
    return ImportCoverage(
        fields=tuple(
            _fate(entity.name, f.name, targets.get((entity.name, f.name), set()), reasons)
            for entity in model.entities
            for f in entity.fields
        )
    )


def _fate(entity: str, field: str, targets: set[str], reasons: Mapping[tuple[str, str], str]) -> FieldFate:
    if targets:
        return FieldFate(entity=entity, field=field, fate="loaded", targets=tuple(sorted(targets)))
    places = ((entity, field), (entity, "*"), ("*", field))
    reason = next((reasons[place] for place in places if place in reasons), _ABOUT_THE_ARCHIVE.get(entity))
    return FieldFate(entity=entity, field=field, fate="unclassified" if reason is None else "declared", reason=reason)


def _reasons(without: Mapping[str, str], model: Model) -> dict[tuple[str, str], str]:
    """(entity, field) -> reason; ``*`` stands for all."""
    known = {(entity.name, f.name) for entity in model.entities for f in entity.fields}
    known |= {(entity.name, "*") for entity in model.entities} | {("*", field) for _, field in known}
    reasons: dict[tuple[str, str], str] = {}
    for entry, reason in without.items():
        entity, _, names = entry.partition(".")
        for name in names.split(",") if names else ["*"]:
            place = (entity.strip(), name.strip())
            if place not in known:
                hint = "docs/data_dictionary.md lists the entities and their fields."
                raise MappingError("the model has no such entity or field", place=f"load.without.{entry}", hint=hint)
            if not reason:
                raise MappingError("a reason is missing", place=f"load.without.{entry}")
            reasons[place] = reason
    return reasons
