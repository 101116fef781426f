"""Deposits to a private OpenSSH server beside OpenSSH's own `sftp`, interleaved in one run: throughput and ratios.

    python -m bench.upload --size-mib 1024 --documents 100000 --repeat 3 [--delay-ms 20] [--connections 5] [--json FILE]

Loads: one large file, raw; a sealed archive of many small documents (its peers: `sftp put -r` of the same sealed
folder, and of the documents as they are); raw small files, which a deposit never has. Through a proxy that adds a
delay: the large file sealed, which is segments over several connections, beside the file over one plain connection; and
the documents. The proxy runs on the same processors, and is the same for all. Ours logs in, finds out what the server
can do, hashes what it sends, flushes every file, reads samples back, renames, flushes the folders. Of the last five
`sftp put` does none; `put -f` flushes the files. A ratio is the peer's seconds by ours: above 1 is faster. Seconds are
of the transfer with its login, without an interpreter's start; cpu is the client's, with the programs that it starts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.delay_proxy import DelayProxy
from portability.depositories import PutRequest, ReadBack, open_depository, publish
from portability.formats.bag import write_bag
from tests.depositories.sshd import Sshd

MIB = 1024 * 1024
_PORTABILITY = [sys.executable, "-c", "from portability.cli import main; main()"]
_GCM = ("-c", "aes128-gcm@openssh.com")


@dataclass(frozen=True, kw_only=True)
class Run:
    """One timed upload."""

    seconds: float
    cpu_seconds: float


def main() -> None:
    """Run it and print the tables."""
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.work) as folder, Sshd() as sshd:
        bench = Bench(Path(folder), sshd, options)
        results = {load: _rounds(ways, options.repeat, bench) for load, ways in bench.loads().items()}
    print(f"{options.repeat} rounds, {options.connections} connections, load {os.getloadavg()}, {os.cpu_count()} cores")
    document = {load: _table(load, runs, bench.sizes[load]) for load, runs in results.items()}
    if options.json:
        options.json.write_text(json.dumps(document, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size-mib", type=int, default=256, help="of the large file")
    parser.add_argument("--documents", type=int, default=2_000, help="small documents in the sealed archive, of 41 KB")
    parser.add_argument("--small-files", type=int, default=2_000, help="raw small files, of 4 KB")
    parser.add_argument("--delay-ms", type=int, default=20, help="added to a round trip; 0 leaves it out")
    parser.add_argument("--connections", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--work", type=Path, help="where the loads lie; the system's temporary directory when left out")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


Way = Callable[[], Run]


class Bench:
    """The loads, the server and the ways to it."""

    def __init__(self, folder: Path, sshd: Sshd, options: argparse.Namespace) -> None:
        self.folder, self.sshd, self.options = folder, sshd, options
        self.sizes: dict[str, int] = {}
        self._number = 0
        self._random = random.Random(20261122)  # noqa: S311 -- made-up content

    def loads(self) -> dict[str, dict[str, Way]]:
        """Make the loads; return the ways of each, ours first."""
        large, documents = self._large_file(), self._documents()
        sealed, small = self._seal(documents, "sealed"), self._small_files()
        near = self.sshd.port
        loads: dict[str, dict[str, Way]] = {
            "one large file": self._file_ways(large, near),
            "sealed archive of small documents": self._folder_ways(sealed, documents, near),
            "raw small files": {
                "ours": lambda: self._put_all(_files(small), near),
                "sftp put -r": lambda: self._sftp(f"put -r {small}", near),
                "sftp put -r -f": lambda: self._sftp(f"put -r -f {small}", near),
            },
        }
        sizes = [_size(large), _size(sealed), _size(small)]
        if self.options.delay_ms:
            delay = f", {self.options.delay_ms} ms"
            sealed_large = self._sealed_large(large)
            loads |= {
                f"one large file, sealed{delay}": {
                    "ours": lambda: self._delayed(lambda port: self._publish(sealed_large, port)),
                    "sftp put": lambda: self._delayed(lambda port: self._sftp(f"put {large}", port)),
                },
                f"sealed archive of small documents{delay}": {
                    "ours": lambda: self._delayed(lambda port: self._publish(sealed, port)),
                    "sftp put -r, sealed": lambda: self._delayed(lambda port: self._sftp(f"put -r {sealed}", port)),
                },
            }
            sizes += sizes[:2]
        self.sizes = dict(zip(loads, sizes, strict=True))
        return loads

    def _file_ways(self, path: Path, port: int) -> dict[str, Way]:
        return {
            "ours": lambda: self._put_all([path], port),
            "sftp put": lambda: self._sftp(f"put {path}", port),
            "sftp put -f": lambda: self._sftp(f"put -f {path}", port),
            "sftp put, aes128-gcm": lambda: self._sftp(f"put {path}", port, *_GCM),
        }

    def _folder_ways(self, sealed: Path, documents: Path, port: int) -> dict[str, Way]:
        return {
            "ours": lambda: self._publish(sealed, port),
            "sftp put -r, sealed": lambda: self._sftp(f"put -r {sealed}", port),
            "sftp put -r -f, sealed": lambda: self._sftp(f"put -r -f {sealed}", port),
            "sftp put -r, documents": lambda: self._sftp(f"put -r {documents}", port),
        }

    def clear(self) -> None:
        """Empty the drop box, so that no way pays for what another left to be written."""
        for path in self.sshd.root.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        os.sync()

    def _large_file(self) -> Path:
        path = self.folder / "large"
        with path.open("wb") as file:
            for _ in range(self.options.size_mib):
                file.write(self._random.randbytes(MIB))
        return path

    def _documents(self) -> Path:
        root = self.folder / "archive"
        for number in range(self.options.documents):
            path = root / f"data/documents/{number // 1000:03}/{number:06}.pdf"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._random.randbytes(self._random.randrange(2_000, 80_000)))
        write_bag(root, info={"Bagging-Date": "2026-11-22"})
        return root

    def _small_files(self) -> Path:
        folder = self.folder / "small"
        folder.mkdir()
        for number in range(self.options.small_files):
            (folder / f"{number:06}").write_bytes(self._random.randbytes(4_000))
        return folder

    def _sealed_large(self, large: Path) -> Path:
        root = self.folder / "large-archive"
        (root / "data").mkdir(parents=True)
        os.link(large, root / "data/large.bin")
        write_bag(root, info={"Bagging-Date": "2026-11-22"})
        return self._seal(root, "sealed-large")

    def _seal(self, archive: Path, name: str) -> Path:
        sealed = self.folder / name
        for kind, key in (("age", "custodian"), ("signing", "signer")):
            if (self.folder / key).exists():
                continue
            command = ["keys", "new", str(self.folder / key), "--kind", kind]
            subprocess.run([*_PORTABILITY, *command], check=True, capture_output=True)
        keys = ["--to", f"custodian={self.folder}/custodian.pub", "--sign", str(self.folder / "signer")]
        subprocess.run([*_PORTABILITY, "seal", str(archive), str(sealed), *keys], check=True, capture_output=True)
        return sealed

    def _prefix(self) -> str:
        self._number += 1
        return f"agreement/{self._number:06}"

    def _put_all(self, paths: list[Path], port: int) -> Run:
        prefix = self._prefix()
        requests = [PutRequest(name=f"{prefix}/{p.name}", source=p, read_back=ReadBack.SAMPLED) for p in paths]
        config = self.sshd.config(url=self.sshd.url_at(port), connections=self.options.connections)
        with _timed() as timer, open_depository(config) as depository:
            depository.put_all(requests)
        return timer[0]

    def _publish(self, sealed: Path, port: int) -> Run:
        config = self.sshd.config(url=self.sshd.url_at(port), connections=self.options.connections)
        with _timed() as timer, open_depository(config) as depository:
            publish(depository, sealed, self._prefix())
        return timer[0]

    def _sftp(self, command: str, port: int, *more: str) -> Run:
        self._number += 1
        folder = self.sshd.url.partition(f":{self.sshd.port}")[2]
        options = ["-q", "-b", "-", "-P", str(port), "-i", str(self.sshd.key)]
        for option in ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"):
            options += ["-o", option]
        batch = f"cd {folder}\n{command} peer{self._number}\n"
        with _timed() as timer:
            arguments = ["sftp", *options, *more, f"{self.sshd.user}@127.0.0.1"]
            subprocess.run(arguments, input=batch.encode(), check=True, stdout=subprocess.DEVNULL)
        return timer[0]

    def _delayed(self, way: Callable[[int], Run]) -> Run:
        with DelayProxy(self.sshd.port, delay_s=self.options.delay_ms / 1000) as proxy:
            return way(proxy.port)


@contextlib.contextmanager
def _timed() -> Iterator[list[Run]]:
    runs: list[Run] = []
    start, cpu = time.perf_counter(), sum(os.times()[:4])
    yield runs
    runs.append(Run(seconds=time.perf_counter() - start, cpu_seconds=sum(os.times()[:4]) - cpu))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else sum(each.stat().st_size for each in _files(path))


def _rounds(ways: dict[str, Way], repeat: int, bench: Bench) -> dict[str, list[Run]]:
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    for number in range(repeat):
        for name, way in ways.items():
            runs[name].append(way())
            print(f"{number + 1}/{repeat} {name}: {runs[name][-1].seconds:.2f} s", file=sys.stderr)
            bench.clear()
    return runs


def _table(load: str, runs: dict[str, list[Run]], size_bytes: int) -> dict[str, object]:
    print(f"\n{load}: {size_bytes / MIB:.0f} MiB")
    rows = {}
    for name, made in runs.items():
        seconds = statistics.median(run.seconds for run in made)
        ratios = sorted(run.seconds / ours.seconds for run, ours in zip(made, runs["ours"], strict=True))
        low, median, high = (round(ratio, 2) for ratio in (ratios[0], statistics.median(ratios), ratios[-1]))
        row = {
            "seconds": [round(run.seconds, 2) for run in made],
            "cpu": round(statistics.median(run.cpu_seconds for run in made), 2),
            "mb_per_second": round(size_bytes / seconds / 1e6),
            "ratio": [low, median, high],
        }
        rows[name] = row
        ratio = "" if name == "ours" else f"ours is {median} times as fast ({low} to {high})"
        print(f"  {name:24} {seconds:7.2f} s  cpu {row['cpu']:6} s  {row['mb_per_second']:5} MB/s  {ratio}")
    return {"bytes": size_bytes, "ways": rows}


if __name__ == "__main__":
    main()
