"""The two ways to an agent's sshd: a deposit of ours, and restic; each run as a process of its own, as cron would.

    python -m bench.incremental_ways VENDOR ARCHIVE     one deposit of an archive that stands already; what
                                                        ``bench.incremental`` starts and times

Both take processor time on both sides: that of the client, and that of sshd's sessions, are told together.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.depositories.sshd import Sshd

__all__ = ["Cost", "Deposits", "Restic", "cost_of", "octets"]

_SESSION_ENDS_S = 0.5  # until sshd has waited for its sessions, and so counts their processor time


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one run took."""

    seconds: float
    processor_seconds: float
    sent_bytes: int


def octets(root: Path) -> int:
    """Return how many bytes the files below a folder have."""
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


def cost_of(run: Callable[[], None], sshd: Sshd) -> Cost:
    """Run something and return what it took, and how much more lies on the server afterwards."""
    os.sync()  # what was written before is not its business
    lay_there, before, started = octets(sshd.root), _processor_seconds(sshd), time.monotonic()
    run()
    seconds = time.monotonic() - started
    time.sleep(_SESSION_ENDS_S)
    return Cost(
        seconds=seconds,
        processor_seconds=_processor_seconds(sshd) - before,
        sent_bytes=octets(sshd.root) - lay_there,
    )


def _processor_seconds(sshd: Sshd) -> float:
    """Of this process's children that have ended, and of the server."""
    times = os.times()
    pid = int((sshd.directory / "pid").read_text())
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = sum(int(field) for field in fields[11:15])  # its own and its children's, user and system
    return times.children_user + times.children_system + ticks / os.sysconf("SC_CLK_TCK")


class Deposits:
    """A job that deposits a tree that is exported already."""

    name = "deposit"

    def __init__(self, work: Path, sshd: Sshd) -> None:
        self._folder = work / "vendor"
        self._folder.mkdir(mode=0o700)
        keys = work / "custodians"
        keys.mkdir()
        for name in ("ann", "ben"):
            subprocess.run(["age-keygen", "-o", str(keys / name)], check=True, capture_output=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self._folder / "key")], check=True)
        public = (self._folder / "key.pub").read_text(encoding="utf-8")
        (self._folder / "allowed_signers").write_text(f"vendor {public}", encoding="utf-8")
        (self._folder / "job.yaml").write_text(yaml.safe_dump(self._job(keys, sshd)), encoding="utf-8")
        self.told: dict[str, object] = {}

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

    def backup(self, archive: Path) -> None:
        """Deposit an archive."""
        command = [sys.executable, "-m", "bench.incremental_ways", str(self._folder), str(archive)]
        self.told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


class Restic:
    """restic over sftp, with its own default compression, into a repository of its own."""

    def __init__(self, work: Path, sshd: Sshd, name: str) -> None:
        self.name = name
        folder = "/deposits" if os.geteuid() == 0 else str(sshd.root)
        known = work / "known_hosts"
        known.write_text(f"[127.0.0.1]:{sshd.port} {sshd.host_key_line}\n", encoding="utf-8")
        ssh = ["ssh", "-p", str(sshd.port), "-i", str(sshd.key), "-o", "IdentitiesOnly=yes", "-F", "/dev/null"]
        ssh += ["-o", f"UserKnownHostsFile={known}", f"{sshd.user}@127.0.0.1", "-s", "sftp"]
        self._command = ["restic", "-r", f"sftp:{sshd.user}@127.0.0.1:{folder}/{name}", "-q"]
        self._command += ["-o", f"sftp.command={shlex.join(ssh)}", "--cache-dir", str(work / "cache")]
        self._environment = os.environ | {"RESTIC_PASSWORD": "bench"}
        self._run("init")

    def backup(self, *paths: Path) -> None:
        """Back files up; the same paths each time, so that it finds what it took before."""
        self._run("backup", *(str(path) for path in paths))

    def _run(self, *arguments: str) -> None:
        subprocess.run([*self._command, *arguments], env=self._environment, check=True, stdout=subprocess.DEVNULL)


def _deposit(folder: Path, archive: Path) -> dict[str, object]:
    """Run the job of a vendor's folder; the archive stands in for what it would export."""
    # Imported here: the process that times others has no need of them.
    import portability.escrow.deposits.run as deposit_run  # noqa: PLC0415
    from portability.catalogue import open_catalogue  # noqa: PLC0415
    from portability.escrow.deposits.payloads import terms_of  # noqa: PLC0415
    from portability.escrow.deposits.requests import JobRequest, Payload, SourceAddress  # noqa: PLC0415
    from portability.escrow.jobs import load_job  # noqa: PLC0415
    from portability.signing import load_signing_key  # noqa: PLC0415

    def payloads(request: JobRequest, staging: Path) -> tuple[Payload, ...]:
        del staging
        watermark = f"{request.now():%Y-%m-%dT%H:%M:%SZ}"
        terms = terms_of(request.job)
        return (Payload(terms=terms, bag=archive, watermark=watermark, contents="bench", leans=True),)

    vars(deposit_run)["prepare_payloads"] = payloads
    with open_catalogue(f"sqlite:///{folder}/catalogue.db", upgrade=True) as catalogue:
        request = JobRequest(
            job=load_job(folder / "job.yaml"),
            catalogue=catalogue,
            key=load_signing_key(str(folder / "key")),
            resolve=lambda name: SourceAddress(url=name),
        )
        (result,) = deposit_run.run_job(request)
    return {"kind": result.kind, "seconds": result.seconds, "content_bytes": result.content_bytes}


if __name__ == "__main__":
    print(json.dumps(_deposit(Path(sys.argv[1]), Path(sys.argv[2]))))
