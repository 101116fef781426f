"""Differential deposits beside restic to the same sshd in one run: bytes sent and time, 1 % changed and unchanged.

    python -m bench.incremental [--size-mib 100] [--database-mib N] [--scattered] [--json FILE] [--work DIR]

A practice is made and exported three times: as it is, with 1 % of its rows and of its documents changed, and once
more unchanged. After each export both are given the same archive, in turns who goes first; both are processes of
their own, as cron would start them. Bytes are what lies on the server afterwards, less what lay there before.

What is compared with what:

- **archive to depository**: from the same exported archive on. restic exports nothing, so this is all that both do.
- **whole job**: the export and then that. Whoever owes somebody an archive has to make it first, with restic too; so
  the export's time is added to both alike.
- **the vendor's own files** (``files``): restic over the database file and the documents where they lie, without any
  export. It needs no time for one, skips documents by their time of change, and gives what only the vendor's own
  program can read: no deposit, but what a vendor without us would do, so it is shown.

Deposits are also signed, recorded in a catalogue, read back from the server and sampled; restic reads nothing back.
At 2048 MiB it needs some 13 GiB of disk, all of it removed at the end, and ten minutes on two quiet cores, most of them
for three exports.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.incremental_practice import MIB, Practice, change_practice, make_practice
from bench.incremental_ways import Cost, Deposits, Restic, cost_of, octets
from portability.connectors import open_connector
from portability.exports import ExportRequest, export_archive
from portability.profiles import load_profile
from tests.depositories.sshd import Sshd

STAGES = ("full", "changed", "unchanged")
EXPORT, OURS, THEIRS, FILES = "export", "deposit", "restic", "files"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one way took for one stage."""

    stage: str
    way: str
    cost: Cost


def main() -> None:
    """Run it and print the table."""
    options = _options()
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.work)))
        sshd = stack.enter_context(Sshd(denied=()))  # restic removes its locks
        practice = make_practice(work, size_mib=options.size_mib, database_mib=options.database_mib)
        bench = _Bench(work, sshd, practice)
        _tell(f"practice: {octets(practice.documents) / MIB:.0f} MiB of documents")
        for number, stage in enumerate(STAGES):
            if stage == "changed":
                bench.changed = change_practice(practice, scattered=options.scattered)
                _tell(f"changed: {bench.changed}")
            bench.run(stage, restic_first=number % 2 == 1)
        _report(bench, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size-mib", type=int, default=100, help="of the practice: database and documents")
    parser.add_argument("--database-mib", type=int, help="of it, the database; an eighth when left out")
    parser.add_argument("--scattered", action="store_true", help="change rows all over the tables, not the newest ones")
    parser.add_argument("--work", type=Path, help="where to work; the system's temporary directory when left out")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    options.database_mib = options.database_mib or max(4, options.size_mib // 8)
    return options


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class _Bench:
    """The practice, the ways, and what each took so far."""

    def __init__(self, work: Path, sshd: Sshd, practice: Practice) -> None:
        self._archive, self._sshd, self._practice = work / "archive", sshd, practice
        self._ours = Deposits(work, sshd)
        self._theirs, self._files = Restic(work, sshd, THEIRS), Restic(work, sshd, FILES)
        self.found: dict[tuple[str, str], Measured] = {}
        self.phases: dict[str, object] = {}
        self.archive_bytes = 0
        self.changed = ""

    def run(self, stage: str, *, restic_first: bool) -> None:
        """Export the practice as it stands and have it deposited and backed up."""
        self._note(stage, EXPORT, self._export())
        self.archive_bytes = self.archive_bytes or octets(self._archive)
        for way in sorted((OURS, THEIRS), reverse=restic_first):
            run = self._ours.backup if way == OURS else self._theirs.backup
            self._note(stage, way, cost_of(lambda run=run: run(self._archive), self._sshd))  # type: ignore[misc]
        self.phases[stage] = self._ours.told
        _tell(f"  of which: {self._ours.told}")
        own = (self._practice.database, self._practice.documents)
        self._note(stage, FILES, cost_of(lambda: self._files.backup(*own), self._sshd))
        shutil.rmtree(self._archive)

    def _export(self) -> Cost:
        request = ExportRequest(
            connector=open_connector(self._practice.url),
            destination=self._archive,
            profile=load_profile("practice"),
            documents=str(self._practice.documents),
        )
        started, before = time.monotonic(), _own_seconds()
        export_archive(request)
        return Cost(
            seconds=time.monotonic() - started,
            processor_seconds=_own_seconds() - before,
            sent_bytes=0,
        )

    def _note(self, stage: str, way: str, cost: Cost) -> None:
        self.found[stage, way] = Measured(stage=stage, way=way, cost=cost)
        sent = f"{cost.seconds:.1f} s, {cost.processor_seconds:.1f} s of processors, {cost.sent_bytes / MIB:.2f} MiB"
        _tell(f"{stage} {way}: {sent}")


def _own_seconds() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


# --- the table -------------------------------------------------------------------------------------------------------


def _report(bench: _Bench, options: argparse.Namespace) -> None:
    mib = f"{options.size_mib} MiB (database {options.database_mib}); its archive has {bench.archive_bytes / MIB:.0f}"
    print(f"practice of {mib} MiB; changed: {bench.changed}; load {os.getloadavg()[0]:.1f}")
    print(f"{'':<32} {'deposit':>9} {'restic':>9} {'ratio':>6}   {'files':>9}")
    for stage in STAGES:
        costs = {way: bench.found[stage, way].cost for way in (EXPORT, OURS, THEIRS, FILES)}
        export = costs[EXPORT]
        _line(f"{stage}: archive to depository, s", costs, lambda cost: cost.seconds)
        _line("  of processors, s", costs, lambda cost: cost.processor_seconds)
        _line("  sent, MiB", costs, lambda cost: cost.sent_bytes / MIB)
        print(f"  the export before it, s          {export.seconds:9.1f} {export.seconds:9.1f}")
        whole = {way: export.seconds + costs[way].seconds for way in (OURS, THEIRS)}
        print(f"  whole job, s                     {whole[OURS]:9.1f} {whole[THEIRS]:9.1f} "
              f"{whole[OURS] / whole[THEIRS]:6.2f}")  # fmt: skip
    full, unchanged = (bench.found[stage, OURS].cost.sent_bytes for stage in ("full", "unchanged"))
    print(f"unchanged: {100 * unchanged / full:.2f} % of the full deposit's bytes")
    if options.json:
        document = {
            "size_mib": options.size_mib,
            "database_mib": options.database_mib,
            "archive_bytes": bench.archive_bytes,
            "changed": bench.changed,
            "scattered": options.scattered,
            "load": os.getloadavg()[0],
            "deposits": bench.phases,
            "runs": [asdict(each) for each in bench.found.values()],
        }
        options.json.write_text(json.dumps(document, indent=1), encoding="utf-8")


def _line(label: str, costs: dict[str, Cost], value: Callable[[Cost], float]) -> None:
    ours, theirs, files = (value(costs[way]) for way in (OURS, THEIRS, FILES))
    print(f"{label:<34} {ours:9.2f} {theirs:9.2f} {ours / theirs:6.2f}   {files:9.2f}")


if __name__ == "__main__":
    main()
