"""Differential deposits beside restic to the same sshd in one run: bytes sent and time, 1 % changed and unchanged.

    python -m bench.incremental [--size-mib 100] [--scattered] [--json FILE] [--work DIR]

A practice is generated and exported three times: as it is, with 1 % of its rows and of its documents changed, and
once more unchanged. Both are given the same trees. Ours: pieces, differential bag, seal, upload, catalogue; the
time of the export stands apart, since restic has none. Bytes are what lies on the server afterwards, less what lay
there before.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import yaml

import portability.escrow.deposits.run as deposit_run
from portability.catalogue import open_catalogue
from portability.connectors import open_connector
from portability.escrow.deposits.exporting import terms_of
from portability.escrow.deposits.requests import JobRequest, Payload, SourceAddress
from portability.escrow.jobs import load_job
from portability.exports import ExportRequest, export_archive
from portability.practice import generate
from portability.profiles import load_profile
from portability.signing import load_signing_key
from tests.depositories.sshd import Sshd

MIB = 1024 * 1024
BYTES_A_LEDGER_LINE = 480  # of the archive that the built-in practice gives, documents and all
STAGES = ("full", "changed", "unchanged")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one way took for one stage."""

    stage: str
    way: str
    seconds: float
    sent_bytes: int


def main() -> None:
    """Run it and print the table."""
    options = _options()
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.work)))
        sshd = stack.enter_context(Sshd(denied=()))  # restic removes its locks
        trees = _trees(work, options)
        ours, restic = _Ours(work, sshd), _Restic(work, sshd)
        found = []
        for stage, tree in zip(STAGES, trees, strict=True):
            for way in (ours, restic):
                before = _octets(sshd.root)
                started = time.monotonic()
                way.backup(tree)
                seconds = time.monotonic() - started
                found.append(
                    Measured(stage=stage, way=way.name, seconds=seconds, sent_bytes=_octets(sshd.root) - before)
                )
                print(f"{stage} {way.name}: {seconds:.1f} s, {found[-1].sent_bytes / MIB:.2f} MiB", file=sys.stderr)
        _report(found, trees, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size-mib", type=int, default=100, help="about as large as the archive gets")
    parser.add_argument("--scattered", action="store_true", help="change rows all over the tables, not the newest ones")
    parser.add_argument("--work", type=Path, help="where to work; the system's temporary directory when left out")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


# --- what is deposited -----------------------------------------------------------------------------------------------


def _trees(work: Path, options: argparse.Namespace) -> list[Path]:
    database, documents = work / "practice.db", work / "documents"
    generate(f"sqlite:///{database}", documents, entries=options.size_mib * MIB // BYTES_A_LEDGER_LINE, firms=1)
    trees = []
    for stage in STAGES:
        if stage == "changed":
            _change(database, documents, scattered=options.scattered)
        started = time.monotonic()
        request = ExportRequest(
            connector=open_connector(f"sqlite:///{database}"),
            destination=work / stage,
            profile=load_profile("practice"),
            documents=str(documents),
        )
        export_archive(request)
        print(
            f"export of {stage}: {time.monotonic() - started:.1f} s, {_octets(work / stage) / MIB:.0f} MiB",
            file=sys.stderr,
        )
        trees.append(work / stage)
    return trees


def _change(database: Path, documents: Path, *, scattered: bool) -> None:
    """Change 1 % of the rows of the large tables, in one column each, and 1 % of the documents."""
    with sqlite3.connect(database) as connection:
        for table in ("LEDG_POST", "TIME_ENT", "NOTE_TXT", "EML_MAST"):
            names = [
                row[1]
                for row in connection.execute(f'PRAGMA table_info("{table}")')
                if "CHAR" in row[2] or "TEXT" in row[2]
            ]
            if not names:
                continue
            (last,) = connection.execute(f'SELECT max(rowid) FROM "{table}"').fetchone()
            where = "rowid % 100 = 7" if scattered else f"rowid > {last} * 99 / 100"
            column = max(names, key=len)
            connection.execute(f'UPDATE "{table}" SET "{column}" = substr("{column}" || \' x\', 1, 40) WHERE {where}')
    chance = random.Random(1)  # noqa: S311 -- the same each time
    for path in sorted(path for path in documents.rglob("*") if path.is_file()):
        if chance.random() < 0.01:
            path.write_bytes(path.read_bytes() + b"\n% changed\n")


def _octets(root: Path) -> int:
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


# --- the two ways ----------------------------------------------------------------------------------------------------


class _Ours:
    """A job that deposits a tree that is exported already."""

    name = "deposit"

    def __init__(self, work: Path, sshd: Sshd) -> None:
        self._folder, self._tree = work / "vendor", work
        self._folder.mkdir(mode=0o700)
        keys = work / "custodians"
        keys.mkdir()
        for name in ("ann", "ben"):
            subprocess.run(["age-keygen", "-o", str(keys / name)], check=True, capture_output=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self._folder / "key")], check=True)
        public = (self._folder / "key.pub").read_text(encoding="utf-8")
        (self._folder / "allowed_signers").write_text(f"vendor {public}", encoding="utf-8")
        (self._folder / "job.yaml").write_text(yaml.safe_dump(self._job(keys, sshd)), encoding="utf-8")
        vars(deposit_run)["prepare_payloads"] = self._payloads  # the export is timed apart

    def _job(self, keys: Path, sshd: Sshd) -> dict[str, object]:
        recipients = []
        for name in ("ann", "ben"):
            key = subprocess.run(["age-keygen", "-y", str(keys / name)], check=True, capture_output=True, text=True)
            recipients.append({"name": name, "party": "custodian", "key": key.stdout.strip()})
        login = {"host_keys": [sshd.host_key_line], "key": str(sshd.key)}
        return {
            "name": "bench", "agreement": "bench", "class": "data", "payload": {"source": "sqlite:///none.db"},
            "recipients": recipients, "depositories": [{"name": "agent", "url": sshd.url, "login": login}],
            "schedule": {"cron": "0 2 * * *", "time_zone": "Europe/London"}, "sign": "key", "trust": "allowed_signers",
            "spool": "spool", "staging": "staging",
        }  # fmt: skip

    def _payloads(self, request: JobRequest, folder: Path) -> tuple[Payload, ...]:
        del folder
        moment = request.now()
        return (
            Payload(
                terms=terms_of(request.job),
                bag=self._tree,
                watermark=f"{moment:%Y-%m-%dT%H:%M:%SZ}",
                contents="bench",
                leans=True,
            ),
        )

    def backup(self, tree: Path) -> None:
        self._tree = tree
        with open_catalogue(f"sqlite:///{self._folder}/catalogue.db", upgrade=True) as catalogue:
            request = JobRequest(
                job=load_job(self._folder / "job.yaml"),
                catalogue=catalogue,
                key=load_signing_key(str(self._folder / "key")),
                resolve=lambda name: SourceAddress(url=name),
            )
            (result,) = deposit_run.run_job(replace(request))
        print(f"  {result.kind}: {result.seconds}", file=sys.stderr)


class _Restic:
    """restic over sftp, with its own default compression."""

    name = "restic"

    def __init__(self, work: Path, sshd: Sshd) -> None:
        folder = "/deposits" if os.geteuid() == 0 else str(sshd.root)
        known = work / "known_hosts"
        known.write_text(f"[127.0.0.1]:{sshd.port} {sshd.host_key_line}\n", encoding="utf-8")
        ssh = ["ssh", "-p", str(sshd.port), "-i", str(sshd.key), "-o", "IdentitiesOnly=yes", "-F", "/dev/null"]
        ssh += ["-o", f"UserKnownHostsFile={known}", f"{sshd.user}@127.0.0.1", "-s", "sftp"]
        self._command = ["restic", "-r", f"sftp:{sshd.user}@127.0.0.1:{folder}/restic", "-q"]
        self._command += ["-o", f"sftp.command={shlex.join(ssh)}", "--cache-dir", str(work / "cache")]
        self._environment = os.environ | {"RESTIC_PASSWORD": "bench"}
        self._link = work / "current"
        self._run("init")

    def backup(self, tree: Path) -> None:
        # The same path each time, so that it finds its parent; the files' times differ, as those of a new export do.
        self._link.unlink(missing_ok=True)
        if self._link.is_dir():
            shutil.rmtree(self._link)
        tree.rename(self._link)
        try:
            self._run("backup", str(self._link))
        finally:
            self._link.rename(tree)

    def _run(self, *arguments: str) -> None:
        subprocess.run([*self._command, *arguments], env=self._environment, check=True, stdout=subprocess.DEVNULL)


# --- the table -------------------------------------------------------------------------------------------------------


def _report(found: list[Measured], trees: list[Path], options: argparse.Namespace) -> None:
    size = _octets(trees[0])
    rows = {(each.stage, each.way): each for each in found}
    where = "scattered" if options.scattered else "recent"
    print(f"archive {size / MIB:.0f} MiB, {where} changes; load {os.getloadavg()[0]:.1f}")
    print(f"{'stage':<10} {'ours s':>8} {'restic s':>9} {'ratio':>6} {'ours MiB':>9} {'restic MiB':>11} {'ratio':>6}")
    for stage in STAGES:
        ours, restic = rows[stage, "deposit"], rows[stage, "restic"]
        ratio = ours.sent_bytes / max(1, restic.sent_bytes)
        print(
            f"{stage:<10} {ours.seconds:8.1f} {restic.seconds:9.1f} {ours.seconds / restic.seconds:6.2f} "
            f"{ours.sent_bytes / MIB:9.2f} {restic.sent_bytes / MIB:11.2f} {ratio:6.2f}"
        )
    full, unchanged = rows["full", "deposit"].sent_bytes, rows["unchanged", "deposit"].sent_bytes
    print(f"unchanged: {100 * unchanged / full:.2f} % of the full deposit's bytes")
    if options.json:
        document = {"archive_bytes": size, "scattered": options.scattered, "runs": [asdict(each) for each in found]}
        options.json.write_text(json.dumps(document, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
