"""A silent request leaves no difference in anything that somebody without a silent identity can ask for."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from portability.catalogue import open_catalogue
from portability.catalogue.metadata import METADATA
from portability.practice import generate
from tests.governing.shell import Shell

OLGA = "PORTABILITY_CONFIG=olga.yaml portability"
PETRA = "PORTABILITY_CONFIG=petra.yaml portability"
CUSTOMER = "Harlow & Penhaligon LLP"
OUTWARD = (
    "request list",
    "request list --all --json",
    "request show R-000001",
    "request show R-000001 --json",
    "request check --json",
    "report requests",
    "report requests --json",
    "report releases --json --html page.html",
    "report complaints --json --html page.html",
    "report requests --json --html page.html",
    "report policies --json",
    "policy list",
    "operator list --all --json",
    "audit verify",
    "audit verify --json",
    "catalogue check --json",
    "escrow status --json",
    "escrow receipts --json",
)
SEALED = {"sealed_slot"}  # one slot is like another, and every run adds some: test_sealed_chain_... below


@dataclass(frozen=True)
class Firm:
    """A vendor's folder with a catalogue, three people, and a key that opens the silent register."""

    shell: Shell
    url: str

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.shell.folder

    def outward(self) -> dict[str, object]:
        """Everything that can be asked without the silent identity, and everything that lies there to be seen."""
        seen: dict[str, object] = {}
        page = self.folder / "page.html"
        for command in OUTWARD:
            seen[command] = self.shell.run(f"portability {command}").whole()
            if page.exists():
                seen[f"{command}: page"] = page.read_bytes()
                page.unlink()
        seen["evidence"] = list(_listing(self.folder / "evidence"))
        seen["tables"] = self.tables()
        return seen

    def entries(self) -> list[dict[str, str]]:
        """The audit chain as it is shown; looking at it adds an entry."""
        shown = self.shell.ok("portability audit show --last 500 --json")
        return [*json.loads(shown)["entries"]]

    def tables(self) -> dict[str, list[tuple[object, ...]]]:
        """Every row of every table but the sealed chain's."""
        with open_catalogue(self.url) as catalogue, catalogue.reading() as transaction:
            return {
                name: sorted((tuple(row) for row in transaction.execute(table.select())), key=repr)
                for name, table in METADATA.tables.items()
                if name not in SEALED
            }


def _listing(folder: Path) -> Iterator[tuple[str, int, int]]:
    for directory, _, names in sorted(os.walk(folder)):
        state = Path(directory).stat()
        yield directory, state.st_mtime_ns, state.st_nlink
        for name in sorted(names):
            state = Path(directory, name).stat()
            yield name, state.st_size, state.st_mtime_ns


@pytest.fixture
def firm(tmp_path: Path) -> Firm:
    """One with its catalogue in SQLite."""
    return furnished_firm(f"sqlite:///{tmp_path / 'catalogue.db'}", tmp_path)


@pytest.fixture
def any_firm(catalogue_url: str, tmp_path: Path) -> Firm:
    """One in each DBMS."""
    return furnished_firm(catalogue_url, tmp_path)


def furnished_firm(catalogue_url: str, tmp_path: Path) -> Firm:
    """A visible request is open already; its evidence is the very letter that the silent one will have."""
    shell = Shell(tmp_path)
    text = (
        f"catalogue: {catalogue_url}\noperator: ada\noperator_key: ada\nevidence: evidence\n"
        'silent_recipients: ["officer=officer.pub"]\nsilent_evidence: officers-disk\n'
        "sources: {practice: {url: 'sqlite:///practice.db', documents: files, profile: practice}}\n"
    )
    for name in ("ada", "olga", "petra"):
        own = text.replace("operator: ada\noperator_key: ada\n", f"operator: {name}\noperator_key: {name}\n")
        (tmp_path / f"{name}.yaml").write_text(own, encoding="utf-8")
        shell.ok(f"portability keys new {name} --kind signing")
    (tmp_path / "portability.yaml").write_text(text, encoding="utf-8")
    shell.ok("portability keys new officer --kind age")
    shell.ok("portability keys new other --kind age")
    shell.ok("portability catalogue upgrade")
    shell.ok("portability operator new ada --key ada.pub --role administrator --role auditor --bootstrap --sign ada")
    shell.ok("portability operator new olga --key olga.pub --role operator")
    shell.ok("portability operator new petra --key petra.pub --role approver --role viewer")
    (tmp_path / "letter.txt").write_text("We ask for the files of the firm.\n", encoding="utf-8")
    (tmp_path / "order.yaml").write_text("scope: order-17\ntenant: [101]\nmatter: [CDF0000007]\n", encoding="utf-8")
    shell.ok(_opened("HMRC"))
    return Firm(shell, catalogue_url)


def _opened(authority: str, silent: str = "") -> str:
    return (
        f"{OLGA} request new authority_disclosure{silent} --field 'customer={CUSTOMER}' --field received_on=2026-11-20 "
        f"--field authority={authority} --evidence request=letter.txt --scope order.yaml"
    )


def _silently(firm: Firm, steps: str) -> None:
    for line in steps.strip().splitlines():
        firm.shell.ok(f"{OLGA} request record S-000001 {line.strip()} --silent officer")


TO_THE_ORDER = """
requestor_confirmed --field requestor=x --field confirmed_by=y --evidence identity=letter.txt
documented --field what=a --field from_whom=b --field why=c --field why_not_customer=d --field asking_customer=would_tip_off --evidence formal_request=letter.txt
access_assessed --field access=possible --field assessment=z
order_required --evidence demand=letter.txt
wording_agreed --evidence wording=letter.txt
order_received --field court=c --field order_number=1 --field made_on=2026-11-21 --field comply_by=2030-01-31 --evidence order=letter.txt
"""  # noqa: E501 -- one step on a line


@pytest.mark.parametrize("catalogue_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True)
def test_silent_request_leaves_no_difference_outside(any_firm: Firm) -> None:
    """All outward listings byte for byte, exit codes, evidence folder and tables; and the next number that is given."""
    firm = any_firm
    before = firm.outward()
    assert firm.outward() == before  # or the comparison below would mean nothing
    assert "S-000001" in firm.shell.ok(_opened("NCA", " --silent officer"))
    _silently(firm, TO_THE_ORDER)
    early = firm.shell.run(f"{OLGA} request close S-000001 --silent officer")
    assert (early.code, "is not due" in early.err) == (17, True)
    after = firm.outward()
    assert [name for name in before if before[name] != after[name]] == []
    assert [entry["subject"] for entry in firm.entries() if entry["action"].startswith("request.")] == [
        "request:R-000001"
    ]
    assert "R-000002" in firm.shell.ok(_opened("HMRC"))
    assert "S-000002" in firm.shell.ok(_opened("NCA", " --silent officer"))


def test_silent_number_is_as_unknown_as_one_that_never_was(firm: Firm) -> None:
    """Words, exit codes and what the audit chain keeps of the refusal are the same."""
    firm.shell.ok(_opened("NCA", " --silent officer"))
    for command in (
        "request show {}",
        "request record {} dialogue --field summary=x",
        "request approve {}",
        "request close {}",
        "request release {} --artefact letter.txt",
        "request show {} --json",
        "request show {} --silent other",
    ):
        there, never = (firm.shell.run(f"{OLGA} {command.format(number)}") for number in ("S-000001", "S-000007"))
        assert there.code == never.code != 0
        assert (there.out + there.err).replace("000001", "000007") == never.out + never.err
    assert "S-0" not in firm.shell.ok("portability audit show --last 500 --json")


def test_silent_register_is_read_with_the_identity_only(firm: Firm) -> None:
    """With it: list, show, check, report; its evidence is sealed, and a change of it is found."""
    firm.shell.ok(_opened("NCA", " --silent officer"))
    assert "S-000001" in firm.shell.ok(f"{OLGA} request list --silent officer")
    assert "NCA" in firm.shell.ok(f"{OLGA} request show S-000001 --silent officer --json")
    assert "S-000001" in firm.shell.ok(f"{OLGA} report requests --silent officer")
    assert "All as it was signed" in firm.shell.ok(f"{OLGA} request check --silent officer")
    files = [path for path in (firm.folder / "officers-disk").iterdir() if path.is_file()]
    assert len(files) == 2
    assert all(path.read_bytes().startswith(b"age-encryption.org/v1\n") for path in files)
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in files)
    content = bytearray(files[0].read_bytes())
    content[-1] ^= 1
    files[0].write_bytes(content)
    assert firm.shell.run(f"{OLGA} request check --silent officer").code == 9


def test_silent_request_of_a_kind_that_is_never_silent_is_refused(firm: Firm) -> None:
    """And the refusal is recorded in the sealed chain alone."""
    before = firm.tables()
    said = firm.shell.run(
        f"{OLGA} request new complaint --silent officer --field customer=x --field received_on=2026-11-20 "
        "--field category=delay --field about=y --evidence complaint=letter.txt"
    )
    assert (said.code, "is never silent" in said.err) == (17, True)
    assert firm.tables() == before


def test_silent_number_in_an_ordinary_export_is_not_recorded(firm: Firm) -> None:
    """Who forgets --silent is refused, and the audit chain does not have the number; a visible one it has."""
    firm.shell.ok(_opened("NCA", " --silent officer"))
    for number in ("S-000001", "s-1", "R-000001"):
        assert firm.shell.run(f"{OLGA} export practice out --request {number}").code == 17
    shown = json.loads(firm.shell.ok("portability audit show --action export --json"))["entries"]
    requests = [entry["details"].get("request") for entry in shown]
    assert requests == [None] * 4 + ["R-000001"] * 2


@pytest.mark.slow
def test_silent_work_on_an_archive_leaves_no_difference(firm: Firm) -> None:
    """Every command that the officer and the approver use on it; with a key of nobody's, nothing is done at all."""
    generate(f"sqlite:///{firm.folder / 'practice.db'}", firm.folder / "files", entries=450)
    firm.shell.ok(f"{OLGA} export practice out --purpose trial --basis contract --scope order.yaml")
    firm.shell.ok("ssh-keygen -q -t ed25519 -N '' -f stranger")
    firm.shell.ok("ssh-keygen -q -t ed25519 -N '' -f custodian")
    (firm.folder / "trusted").write_text(
        f'ada namespaces="legal-portability-*" {(firm.folder / "ada.pub").read_text()}'
    )
    before, said = firm.outward(), " --purpose order --basis legal_obligation"
    for command in (
        "verify out --scope order.yaml --level full",
        "show out",
        f"show out matter{said}",
        "sign out --key ada",
        "seal out sealed --to custodian=custodian.pub --sign ada",
        f"open sealed opened --identity custodian --trust trusted{said}",
        "scope check order.yaml practice",
    ):
        actor = PETRA if command.startswith(("verify", "show")) else OLGA
        refused = firm.shell.run(f"{actor} {command} --silent stranger")
        assert refused.code != 0, command
        firm.shell.ok(f"{actor} {command} --silent officer")
    after = firm.outward()
    assert [name for name in before if before[name] != after[name]] == []


@pytest.mark.slow
def test_silent_request_exported_and_released_leaves_no_difference(firm: Firm) -> None:
    """The export itself, the approval and the release: nothing in the audit chain, no number in the archive."""
    generate(f"sqlite:///{firm.folder / 'practice.db'}", firm.folder / "files", entries=450)
    before = firm.outward()
    firm.shell.ok(_opened("NCA", " --silent officer"))
    _silently(firm, TO_THE_ORDER)
    firm.shell.ok(f"{OLGA} export practice out --request S-000001 --silent officer")
    firm.shell.ok(
        f"{PETRA} request approve S-000001 --field result=passed --evidence verification=letter.txt --silent officer"
    )
    firm.shell.ok(
        f"{OLGA} request release S-000001 --artefact out --field recipient=x --field recipient_identified_by=y "
        "--field channel=z --evidence recipient_check=letter.txt --silent officer"
    )
    firm.shell.ok(f"{OLGA} request close S-000001 --silent officer")
    after = firm.outward()
    assert [name for name in before if before[name] != after[name]] == []
    assert b"S-000001" not in b"".join(path.read_bytes() for path in (firm.folder / "out").rglob("*") if path.is_file())
