"""The commands and the job file of docs/escrow_jobs.md and docs/source_deposits.md, as they stand."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from portability.sealing.encryption import new_identity, recipient_of
from tests.escrow.sources.conftest import Shop

DOCS = Path(__file__).parents[3] / "docs"


def _blocks(page: str, kind: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_pages_commands_work_on_the_pages_own_job(shop: Shop) -> None:
    """Check, prepare, restore by hand and build, one after the other."""
    makefile = "dist:\n\tmkdir -p dist && echo built > dist/portal.txt\n"
    shop.repository("portal", {"BUILD.md": "Run make dist.\n", "LICENSE": "For the agent.\n", "Makefile": makefile})
    shop.write("run-book/RUN.md", "Start it like so.\n")
    shop.write("infrastructure/site.yaml", "workers: 4\n")
    (job,) = _blocks("escrow_jobs.md", "yaml")
    shop.write("jobs/job.yaml", job)
    for name in ("agent-duty", "agent-vault"):
        shop.write(f"jobs/{name}.pub", recipient_of(new_identity()).text + "\n")
    (shop.root / "jobs/depository").mkdir()
    key: list[str | Path] = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", shop.root / "jobs/signing-key"]
    subprocess.run(key, check=True)
    shop.write("jobs/allowed_signers", f"vendor {(shop.root / 'jobs/signing-key.pub').read_text(encoding='utf-8')}")
    pages = ("escrow_jobs.md", "source_deposits.md")
    blocks = [block for page in pages for block in _blocks(page, "console")]
    commands = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    assert len(commands) == 7
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(shop.root), "LC_ALL": "C.UTF-8"}
    for command in commands:
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd=shop.root / "jobs", env=environment, check=False, capture_output=True
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout.decode()}{done.stderr.decode()}"
    assert (shop.root / "jobs/restored/portal/dist/portal.txt").is_file()


def test_escrow_check_policy_not_kept_fails_with_every_finding(shop: Shop) -> None:
    """One JSON document, and the exit code of a failed check."""
    (job,) = _blocks("escrow_jobs.md", "yaml")
    shop.write(
        "jobs/job.yaml", job.replace("party: agent, key: agent-vault.pub", "party: successor, key: agent-vault.pub")
    )
    for name in ("agent-duty", "agent-vault"):
        shop.write(f"jobs/{name}.pub", recipient_of(new_identity()).text + "\n")
    done = subprocess.run(
        [Path(sys.executable).parent / "portability", "escrow", "check", "job.yaml", "--json"],
        cwd=shop.root / "jobs",
        env={"PATH": os.environ["PATH"], "HOME": str(shop.root)},
        check=False,
        capture_output=True,
    )
    assert done.returncode == 9
    (report,) = json.loads(done.stdout)["jobs"]
    assert not report["is_kept"]
    assert [each["rule"] for each in report["findings"]] == ["who-alone"]
