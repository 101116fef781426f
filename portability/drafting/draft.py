"""``draft_profile``: a first profile for a database that nobody has described, every guess marked as one.

Nothing is invented in silence: each field says why it was taken for what it is, values that were not seen go to a
stated code, rows that a draft makes have a source key of ``$profile``, and DRAFT.md lists what a person has to decide.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from portability.drafting.branches import make_branches
from portability.drafting.building import Built, LeftOut, build
from portability.drafting.checking import CheckResult, check_snapshot
from portability.drafting.notes import Guess, list_guesses, render_notes
from portability.drafting.profile_text import render_profile
from portability.drafting.rendering import render_map
from portability.drafting.survey import survey_source
from portability.drafting.typed_views import Planner, column_kinds, lay_out
from portability.drafting.vocabulary import load_vocabulary
from portability.duck import open_engine
from portability.errors import ArchiveExistsError, ConfigError
from portability.exports.choices import apply_profile
from portability.limits import DEFAULT_LIMITS, Limits
from portability.mapping import trace_coverage
from portability.model import load_model
from portability.profiles import bare_profile, load_profile

if TYPE_CHECKING:
    from portability.connectors import Connector, Snapshot
    from portability.drafting.rendering import Branch
    from portability.drafting.typed_views import PlannedSource

__all__ = ["Draft", "draft_profile"]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What was written. ``entities`` names the tables that feed each; ``check`` is the draft against its source."""

    directory: str
    profile: str
    entities: dict[str, tuple[str, ...]]
    guesses: tuple[Guess, ...]
    left_out: tuple[LeftOut, ...]
    check: CheckResult

    @property
    def notes(self) -> str:
        """The path of the list of what a person has to decide."""
        return str(Path(self.directory) / "DRAFT.md")


def draft_profile(
    connector: Connector,
    directory: Path,
    *,
    time_zone: str = "Europe/London",
    currency: str = "GBP",
    limits: Limits = DEFAULT_LIMITS,
) -> Draft:
    """Write a draft profile into a directory that does not exist yet.

    Args:
        connector: The source. It is only read: its catalogue, one measure of each table, and small samples.
        directory: The profile's folder; its name becomes the profile's.
        time_zone: Of the source's local times, as far as anybody knows.
        currency: Of amounts that name none.
        limits: Memory and threads of the SQL engine.

    Raises:
        ArchiveExistsError: The directory exists.
        PortabilityError: The source cannot be read, or the directory not written.
    """
    directory = Path(directory)
    if os.path.lexists(directory):
        hint = "Choose another name, or move the existing one away; nothing is overwritten."
        raise ArchiveExistsError("the directory exists", place=str(directory), hint=hint)
    name = re.sub(r"[^a-z0-9_]+", "_", directory.resolve().name.lower()).strip("_") or "draft"
    try:
        parent = directory.resolve().parent
        with tempfile.TemporaryDirectory(prefix=".draft-", dir=parent) as scratch:
            work = Path(scratch) / directory.name
            (work / "map").mkdir(parents=True)
            with connector.snapshot() as snapshot:
                drafting = _Drafting(snapshot, work, name, time_zone, currency, limits)
                draft = drafting.run(directory)
            work.rename(directory)
    except OSError as error:
        raise ConfigError(f"cannot write it: {error.strerror or error}", place=str(directory)) from error
    return draft


class _Drafting:
    """One run, in the order in which things happen."""

    def __init__(
        self, snapshot: Snapshot, folder: Path, name: str, time_zone: str, currency: str, limits: Limits
    ) -> None:
        self._snapshot = snapshot
        self._folder = folder
        self._name = name
        self._time_zone = time_zone
        self._currency = currency
        self._limits = limits
        self._planner = Planner(snapshot)

    def run(self, directory: Path) -> Draft:
        """Survey, decide, write, and check what was written."""
        source = apply_profile(self._snapshot.discover(), bare_profile())
        planned = self._planner.plan(source, bare_profile())
        built = self._build(planned)
        branches = make_branches(built.context)
        model = built.context.model
        for entity, parts in branches.items():
            text = render_map(entity, model.entity(entity).field_names, parts)
            (self._folder / f"map/{entity}.sql").write_text(text, encoding="utf-8")
        self._write_profile(built, planned)
        check = check_snapshot(self._folder, self._snapshot, planner=self._planner, limits=self._limits)
        guesses = tuple(list_guesses(branches))
        notes = render_notes(built, planned, check, guesses)
        (self._folder / "DRAFT.md").write_text(notes, encoding="utf-8")
        return Draft(
            directory=str(directory),
            profile=self._name,
            entities={entity: _tables(parts) for entity, parts in sorted(branches.items())},
            guesses=guesses,
            left_out=built.left_out,
            check=check,
        )

    def _build(self, planned: PlannedSource) -> Built:
        vocabulary = load_vocabulary()
        with tempfile.TemporaryDirectory(prefix="portability-draft-") as scratch:
            folder = Path(scratch) / "data"
            folder.mkdir()
            with open_engine(self._limits, scratch=Path(scratch), folders=[folder]) as connection:
                lay_out(connection, planned, folder)
                kinds = column_kinds(connection, planned)
        survey = survey_source(self._snapshot, planned, kinds, vocabulary)
        return build(
            survey,
            vocabulary,
            load_model(),
            default_schema=planned.schema.default_schema,
            time_zone=self._time_zone,
            currency=self._currency,
        )

    def _write_profile(self, built: Built, planned: PlannedSource) -> None:
        """Write profile.yaml twice: first without ``carry``, so that the tracer tells which columns need an entry."""
        path = self._folder / "profile.yaml"
        path.write_text(render_profile(self._name, built, planned, ()), encoding="utf-8")
        drafted = load_profile(str(self._folder))
        marked = apply_profile(planned.schema, drafted)
        coverage = trace_coverage(marked, drafted)
        path.write_text(render_profile(self._name, built, planned, coverage.tables), encoding="utf-8")


def _tables(parts: list[Branch]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.table for part in parts if part.table))
