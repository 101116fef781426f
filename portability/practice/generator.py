"""The whole practice: firm after firm, matter after matter, streamed into the database until the ledger is long enough.

Memory does not grow with the size: a matter is forgotten when its rows are written, a firm keeps its last few clients
and its bank accounts' monthly totals.
"""

from __future__ import annotations

from pathlib import Path

from portability.errors import ConfigError

from .documents import Documents
from .faults import LINES_PER_FIRM, plant_faults
from .ledger import Ledger
from .matters import LINES_PER_MATTER_MAX, run_matter
from .paper import Paper
from .people import write_courts
from .planted import Planted, planted_from
from .scene import LAST_DAY, Dice, Firm, Scene
from .setup import write_firm, write_lookups
from .tables import TABLES
from .writing import Sink, open_target

__all__ = ["ENTRIES_PER_FIRM_MIN", "generate"]

ENTRIES_PER_FIRM_MIN = 150  # below this a firm would have its faults and hardly a matter
_TAIL_LINES = LINES_PER_MATTER_MAX + LINES_PER_FIRM + 3


def generate(
    target_url_or_path: str | Path,
    documents_dir: str | Path,
    *,
    entries: int = 2000,
    firms: int = 3,
    seed: int = 1,
    markers: bool = False,
) -> Planted:
    """Fill an empty database and a directory with a made-up practice, and return what it holds.

    The same sizes and seed give the same content in every kind of database.

    Args:
        target_url_or_path: `sqlite:///file` or a file name, `postgresql://…` or `mysql://…`; it must be empty.
        documents_dir: Where the document share is built; made if it is not there.
        entries: Lines in the ledgers of all firms together; the rest grows with it.
        firms: Firms (tenants) sharing the database.
        seed: Of all chance.
        markers: Whether every text and document of a firm carries its own marker (``markers.firm_marker``).

    Raises:
        ConfigError: The sizes are too small, the URL is of another kind, or the documents cannot be written.
        ConnectorError: The database is not empty, not reachable, or its driver is missing.
    """
    if firms < 1 or entries < firms * ENTRIES_PER_FIRM_MIN:
        raise ConfigError(f"a practice needs one firm and {ENTRIES_PER_FIRM_MIN} ledger entries for each firm")
    with open_target(str(target_url_or_path)) as target:
        target.create(TABLES)
        scene = Scene(dice=Dice(seed), sink=Sink(target, TABLES, markers=markers))
        try:
            _run_firms(scene, Path(documents_dir), entries=entries, firms=firms)
        except OSError as error:
            raise ConfigError(f"documents cannot be written: {error.strerror}", place=str(documents_dir)) from error
        scene.sink.flush(rows_min=1)
        target.finish(TABLES)
        return planted_from(scene.tally, rows=scene.sink.counts, has_zero_dates=target.zero_date is not None)


def _run_firms(scene: Scene, documents_dir: Path, *, entries: int, firms: int) -> None:
    documents_dir.mkdir(parents=True, exist_ok=True)
    paper, documents = Paper(scene), Documents(scene, documents_dir)
    write_lookups(scene)
    for number in range(firms):
        share = entries // firms + (1 if number < entries % firms else 0)
        _run_firm(scene, write_firm(scene, number, entries=share), share, paper, documents)


def _run_firm(scene: Scene, firm: Firm, share: int, paper: Paper, documents: Documents) -> None:
    """Write a firm with exactly `share` ledger lines; its years pass as the ledger fills."""
    ledger = Ledger(scene, firm)
    write_courts(scene, firm)
    while ledger.lines < share - _TAIL_LINES:
        day = min(ledger.lines * LAST_DAY // share + scene.dice.between(0, 60), LAST_DAY)
        matter = run_matter(scene, firm, ledger, day)
        paper.write_all(firm, matter)
        documents.write_all(firm, matter)
        scene.sink.flush()
    plant_faults(scene, firm, ledger)
    while ledger.lines < share:
        _charge_by_bank(ledger, legs=3 if share - ledger.lines == 3 else 2)
    ledger.finish()


def _charge_by_bank(ledger: Ledger, *, legs: int) -> None:
    fees = ((ledger.charges, "D", 650),) if legs == 2 else ((ledger.charges, "D", 600), (ledger.charges, "D", 50))
    ledger.post("JNL", LAST_DAY, (*fees, (ledger.office_bank, "C", 650)), narrative="Bank charges")
