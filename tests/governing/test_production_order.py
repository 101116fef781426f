"""A production order for three matters of one client, from the letter to the release, through the command line."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from portability.practice import generate
from tests.governing.shell import Shell

OLGA = "PORTABILITY_CONFIG=olga.yaml portability"
PETRA = "PORTABILITY_CONFIG=petra.yaml portability"
MATTERS = ("CDF0000007", "CDF0000008", "CDF0000009")
SCOPE = "scope: order-17\ntenant: [101]\nclient: [LDN0000003]\nmatter: [{}]\n"
STEPS = (
    "requestor_confirmed --field requestor=x --field confirmed_by=y --evidence identity=letter.txt",
    (
        "documented --field what=a --field from_whom=b --field why=c --field why_not_customer=d "
        "--field asking_customer=permitted --evidence formal_request=letter.txt"
    ),
    "access_assessed --field access=possible --field assessment=z",
    "permission_sought --field answer=refused --evidence permission=letter.txt",
    "order_required --evidence demand=letter.txt",
    "wording_agreed --evidence wording=letter.txt",
    (
        "order_received --scope order.yaml --field court=c --field order_number=1 --field made_on=2026-11-21 "
        "--field comply_by=2030-01-31 --evidence order=letter.txt"
    ),
)
EXPORT = f"{OLGA} export practice out --request R-000001"
APPROVE = f"{PETRA} request approve R-000001 --field result=passed --evidence verification=letter.txt"
RELEASE = (
    f"{OLGA} request release R-000001 --artefact out --field recipient=x --field recipient_identified_by=y "
    "--field channel=z --evidence recipient_check=letter.txt"
)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A vendor's folder with the practice of three firms, and a request that has just been received."""
    shell = Shell(tmp_path)
    text = (
        "catalogue: sqlite:///catalogue.db\noperator: ada\noperator_key: ada\nevidence: evidence\n"
        "sources: {practice: {url: 'sqlite:///practice.db', documents: files, profile: practice}}\n"
    )
    for name in ("ada", "olga", "petra"):
        (tmp_path / f"{name}.yaml").write_text(text.replace("ada", name), encoding="utf-8")
        shell.ok(f"portability keys new {name} --kind signing")
    (tmp_path / "portability.yaml").write_text(text, encoding="utf-8")
    shell.ok("portability catalogue upgrade")
    shell.ok("portability operator new ada --key ada.pub --role administrator --role auditor --bootstrap --sign ada")
    shell.ok("portability operator new olga --key olga.pub --role operator")
    shell.ok("portability operator new petra --key petra.pub --role approver")
    generate(f"sqlite:///{tmp_path / 'practice.db'}", tmp_path / "files", entries=450)
    (tmp_path / "letter.txt").write_text("A letter.\n", encoding="utf-8")
    (tmp_path / "order.yaml").write_text(SCOPE.format(", ".join(MATTERS)), encoding="utf-8")
    shell.ok(
        f"{OLGA} request new authority_disclosure --field customer=Harlow --field received_on=2026-11-20 "
        "--field authority=HMRC --evidence request=letter.txt"
    )
    return shell


def _refused(shell: Shell, line: str, words: str) -> None:
    said = shell.run(line)
    assert said.code in (17, 18), f"$ {line}\n{said.out}{said.err}"
    assert words in said.err, said.err


@pytest.mark.slow
def test_production_order_releases_exactly_three_matters(shell: Shell) -> None:
    """Early, edited, by the wrong one or changed: refused. Then exactly the three matters leave."""
    folder, out = shell.folder, shell.folder / "out"
    for step in STEPS:
        _refused(shell, EXPORT, "is not due")
        assert not out.exists()
        shell.ok(f"{OLGA} request record R-000001 {step}")
    _refused(shell, APPROVE, "is not due")
    (folder / "edited.yaml").write_text(SCOPE.format("CDF0000007, CDF0000010"), encoding="utf-8")
    _refused(shell, f"{EXPORT} --scope edited.yaml", "not the scope that was fixed")
    _refused(shell, EXPORT.replace("olga", "petra"), "role")
    assert not out.exists()
    shell.ok(f"{EXPORT} --scope order.yaml")

    matters = pq.read_table(out / "data/tables/matter.parquet", columns=["matter_number"])
    assert sorted(matters.column(0).to_pylist()) == [*MATTERS]
    with contextlib.closing(sqlite3.connect(folder / "practice.db")) as connection:
        rows = connection.execute("SELECT MTR_NO, * FROM MTR_MAST").fetchall()
    own = repr([row for row in rows if row[0] in MATTERS])  # one of the three names another matter's folder
    others = {row[0] for row in rows if row[0] not in own}
    everything = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert len(others) > 20
    # Parquet is compressed here and there; decoded tables are searched where the scope itself is tested.
    assert [number for number in others if number.encode() in everything] == []
    assert json.loads((out / "export.json").read_bytes())["request"] == "R-000001"
    shown = shell.ok(f"{OLGA} request show R-000001")
    assert "CDF0000007" in shown  # whoever approves sees whose matters leave

    _refused(shell, RELEASE, "is not due")
    _refused(shell, APPROVE.replace("petra", "olga"), "whoever recorded extracted")
    shell.ok(APPROVE)
    shutil.copytree(out, folder / "kept")
    (out / "data/README.html").write_bytes(b"changed")
    _refused(shell, RELEASE, "not what was exported")
    shutil.rmtree(out)
    (folder / "kept").rename(out)
    shell.ok(RELEASE)
    _refused(shell, RELEASE, "has been recorded already")
    shell.ok(f"{OLGA} request close R-000001")
    _refused(shell, EXPORT, "the request is closed")
    chain = json.loads(shell.ok("portability audit show --last 500 --json"))["entries"]
    ends = [e["action"] for e in chain if e["action"].startswith("request.") and e["outcome"] == "done"]
    assert ends[-4:] == ["request.export", "request.record", "request.release", "request.record"]
    assert sum(e["outcome"] == "refused" for e in chain) >= 14
    assert "All as it was signed" in shell.ok("portability request check")
