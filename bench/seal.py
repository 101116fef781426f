"""Seal and open beside `tar | zstd | age`, on the same data, interleaved in one run: ratios, throughput, memory.

    python -m bench.seal --size-mib 4096 --repeat 3 [--workers 2] [--tree DIR] [--json FILE]

What is compared is what a person would type. Ours hashes every file and every ciphertext, compares the files with the
archive's manifest, signs, and flushes to disk; the peers do none of this, but for those marked sync, which flush as
well. The page cache is warm for all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.archive_tree import MIB, make_tree
from bench.memory import PeakMemory

_PORTABILITY = [sys.executable, "-c", "from portability.cli import main; main()"]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One timed run of one way."""

    seconds: float
    cpu_seconds: float  # of all its processes: what a busy machine disturbs least
    peak_mib: float


def main() -> None:
    """Run it and print the table."""
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        bench = Bench(Path(folder), options.tree, options.size_mib, options.workers)
        ways = {
            "seal": bench.seal,
            "tar | zstd -3 | age": bench.peer_seal,
            "tar | zstd -3 -T2 | age": bench.peer_seal_threads,
            "tar | zstd -3 -T2 | age, sync": bench.peer_seal_flushed,
            "open": bench.open,
            "age -d | zstd -d | tar x": bench.peer_open,
            "age -d | zstd -d | tar x, sync": bench.peer_open_flushed,
        }
        runs: dict[str, list[Run]] = {name: [] for name in ways}
        for number in range(options.repeat):
            for name, way in ways.items():
                runs[name].append(way())
                print(f"{number + 1}/{options.repeat} {name}: {runs[name][-1].seconds:.2f} s", file=sys.stderr)
        _report(runs, bench, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size-mib", type=int, default=1024)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--tree", type=Path, help="where the archive-like tree is, or is made and kept")
    parser.add_argument("--work", type=Path, help="where to work; the system's temporary directory when left out")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


class Bench:
    """The tree, the keys and the ways."""

    def __init__(self, folder: Path, tree: Path | None, size_mib: int, workers: int) -> None:
        self.folder = folder
        self.tree = tree or folder / "tree"
        self.workers = str(workers)
        if not self.tree.exists():
            make_tree(self.tree, size_mib * MIB)
        self.tree_bytes = sum(path.stat().st_size for path in self.tree.rglob("*") if path.is_file())
        self.identity, self.signer = folder / "identity", folder / "signer"
        subprocess.run(["age-keygen", "-o", self.identity], check=True, capture_output=True)
        self.recipient = subprocess.run(
            ["age-keygen", "-y", self.identity], check=True, capture_output=True, text=True
        ).stdout.strip()
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.signer], check=True)

    def seal(self) -> Run:
        """Ours; what it makes is opened next."""
        shutil.rmtree(self.folder / "sealed", ignore_errors=True)
        to, sign = ["--to", f"me={self.recipient}"], ["--sign", str(self.signer)]
        command = ["seal", str(self.tree), "sealed", *to, *sign, "--workers", self.workers]
        return self._timed([*_PORTABILITY, *command])

    def open(self) -> Run:
        """Ours."""
        shutil.rmtree(self.folder / "opened", ignore_errors=True)
        command = ["open", "sealed", "opened", "--identity", str(self.identity), "--workers", self.workers]
        run = self._timed([*_PORTABILITY, *command])
        shutil.rmtree(self.folder / "opened")
        return run

    def peer_seal(self) -> Run:
        """Stock tools as anyone types them."""
        return self._peer("zstd -3 -q")

    def peer_seal_threads(self) -> Run:
        """Stock tools, zstd with two threads."""
        return self._peer("zstd -3 -q -T2")

    def peer_seal_flushed(self) -> Run:
        """Stock tools, and what they wrote is on disk as ours is."""
        return self._peer("zstd -3 -q -T2", " && sync peer.age")

    def _peer(self, zstd: str, after: str = "") -> Run:
        (self.folder / "peer.age").unlink(missing_ok=True)
        tar = f"tar cf - -C '{self.tree.parent}' '{self.tree.name}'"
        return self._timed(["sh", "-c", f"{tar} | {zstd} | age -r {self.recipient} > peer.age{after}"])

    def peer_open(self) -> Run:
        """Stock tools."""
        return self._peer_open()

    def peer_open_flushed(self) -> Run:
        """Stock tools, and what they wrote is on disk as ours is."""
        return self._peer_open(" && sync -f out")

    def _peer_open(self, after: str = "") -> Run:
        (self.folder / "out").mkdir()
        run = self._timed(["sh", "-c", f"age -d -i '{self.identity}' peer.age | zstd -dq | tar xf - -C out{after}"])
        shutil.rmtree(self.folder / "out")
        return run

    def _timed(self, command: list[str]) -> Run:
        os.sync()  # nobody pays for what the one before left to be written
        with tempfile.TemporaryFile() as said:
            start = time.perf_counter()
            process = subprocess.Popen(command, cwd=self.folder, stdout=said, stderr=said)
            with PeakMemory(process.pid) as peak:
                _, status, used = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                said.seek(0)
                sys.exit(f"{command}: {said.read().decode()}")
        return Run(seconds=seconds, cpu_seconds=used.ru_utime + used.ru_stime, peak_mib=peak.bytes / MIB)


def _report(runs: dict[str, list[Run]], bench: Bench, options: argparse.Namespace) -> None:
    rows = {
        name: {
            "seconds": [round(run.seconds, 2) for run in made],
            "median": round(statistics.median(run.seconds for run in made), 2),
            "cpu": round(statistics.median(run.cpu_seconds for run in made), 2),
            "mb_per_second": round(bench.tree_bytes / statistics.median(run.seconds for run in made) / 1e6),
            "peak_mib": round(max(run.peak_mib for run in made)),
        }
        for name, made in runs.items()
    }
    ratios = {
        f"seal / {peer}": _ratio(runs["seal"], runs[peer])
        for peer in ("tar | zstd -3 | age", "tar | zstd -3 -T2 | age", "tar | zstd -3 -T2 | age, sync")
    } | {
        f"open / {peer}": _ratio(runs["open"], runs[peer])
        for peer in ("age -d | zstd -d | tar x", "age -d | zstd -d | tar x, sync")
    }
    sizes = {
        "tree": bench.tree_bytes,
        "sealed": sum(path.stat().st_size for path in (bench.folder / "sealed").rglob("*") if path.is_file()),
        "peer": (bench.folder / "peer.age").stat().st_size,
    }
    print(f"{bench.tree_bytes / MIB:.0f} MiB, {options.workers} workers, {options.repeat} runs, load {os.getloadavg()}")
    print(f"{'way':31} {'median s':>9} {'cpu s':>7} {'MB/s':>6} {'peak MiB':>9}  seconds")
    for name, row in rows.items():
        print(
            f"{name:31} {row['median']:9} {row['cpu']:7} {row['mb_per_second']:6} {row['peak_mib']:9}  {row['seconds']}"
        )
    for name, ratio in ratios.items():
        print(f"ratio {name}: {ratio['median']} ({ratio['lowest']} to {ratio['highest']})")
    print(f"bytes: {sizes}")
    if options.json:
        options.json.write_text(json.dumps({"ways": rows, "ratios": ratios, "bytes": sizes}, indent=1) + "\n")


def _ratio(ours: list[Run], theirs: list[Run]) -> dict[str, float]:
    each = sorted(mine.seconds / other.seconds for mine, other in zip(ours, theirs, strict=True))
    return {
        "median": round(statistics.median(each), 2),
        "lowest": round(each[0], 2),
        "highest": round(each[-1], 2),
    }


if __name__ == "__main__":
    main()
