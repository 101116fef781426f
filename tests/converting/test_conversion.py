"""The use case and the command: what is verified, refused, reported, and what is left after a failure."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from portability.archive import Archive
from portability.cli import _run
from portability.converting import FORMS, Request, convert
from portability.converting.contract import Material, Report
from portability.converting.left_behind import left_behind
from portability.errors import ArchiveExistsError, CheckFailedError, ConfigError, FormatError
from portability.limits import DEFAULT_LIMITS
from tests.converting.conftest import awkward_table

PORTABILITY = str(Path(sys.executable).with_name("portability"))
DOC = Path(__file__).parents[2] / "docs/converting.md"
TEXT = DOC.read_text(encoding="utf-8")


def test_convert_verifies_first_and_refuses_a_damaged_archive(practice: Path, tmp_path: Path) -> None:
    """An archive of which one byte changed is not converted, unless that is asked for, and then it is said."""
    copy = tmp_path / "copy"
    shutil.copytree(practice, copy)
    page = copy / "data/README.html"
    page.write_bytes(page.read_bytes() + b" ")
    with pytest.raises(CheckFailedError):
        convert(Request(archive=copy, form="vcf", out=tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    done = convert(Request(archive=copy, form="vcf", out=tmp_path / "out", unverified=True))
    assert json.loads((done.out / "conversion.json").read_bytes())["archive_verified"] is False


def test_convert_verified_archive_says_so_in_text_and_json(
    practice: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """One JSON document; in text what was written, what the form cannot hold, and what it did not hold here."""
    assert _run(["convert", str(practice), "--to", "vcf", str(tmp_path / "a"), "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert (document["archive_verified"], document["form"]) == (True, "vcf")
    assert document["written"]["contacts"] > 0
    assert document["cannot_hold"] == list(FORMS["vcf"].cannot_hold)
    assert _run(["convert", str(practice), "--to", "vcf", str(tmp_path / "b"), "--unverified"]) == 0
    said = capfd.readouterr().out
    assert "NOT verified" in said
    assert FORMS["vcf"].cannot_hold[0] in said
    assert "national_insurance_number" in said


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "a table that is not there": ({"form": "csv", "only": ("bill", "nonsense")}, "--only nonsense"),
    "tables of a diary": ({"form": "ics", "only": ("bill",)}, "--to"),
    "the source layer of bills": ({"form": "ledes", "layer": "source"}, "--to"),
    "links of tables": ({"form": "csv", "link": True}, "--link"),
    "a destination without a parent": ({"form": "csv", "out": Path("/nonexistent/a")}, "/nonexistent/.a.part"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_convert_request_that_does_not_fit_is_refused_by_name(practice: Path, tmp_path: Path, case: str) -> None:
    """The message names the option."""
    change, place = REFUSED[case]
    options = {"archive": practice, "out": tmp_path / "out", "unverified": True, **change}
    with pytest.raises(ConfigError) as caught:
        convert(Request(**options))  # type: ignore[arg-type]
    assert caught.value.place == place
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_convert_existing_destination_is_refused_untouched(practice: Path, tmp_path: Path, kind: str) -> None:
    """Nothing is overwritten, not even an empty folder."""
    out = tmp_path / "out"
    out.write_text("mine") if kind == "file" else out.mkdir()
    with pytest.raises(ArchiveExistsError):
        convert(Request(archive=practice, form="vcf", out=out, unverified=True))
    assert out.read_text() == "mine" if kind == "file" else list(out.iterdir()) == []


def test_convert_archive_without_canonical_layer_is_told_what_there_is(practice: Path, tmp_path: Path) -> None:
    """An archive made without a profile has its source layer."""
    copy = tmp_path / "copy"
    shutil.copytree(practice, copy)
    shutil.rmtree(copy / "data/tables")
    with pytest.raises(ConfigError, match="no canonical layer") as caught:
        convert(Request(archive=copy, form="csv", out=tmp_path / "out", unverified=True))
    assert "--layer source" in caught.value.hint
    done = convert(Request(archive=copy, form="sqlite", out=tmp_path / "out", unverified=True, layer="source"))
    assert done.report.counts["tables"] > 40


def test_convert_what_is_left_behind_is_counted(practice: Path, tmp_path: Path) -> None:
    """Quarantined rows and values that are files are in no form's cells: each is counted where it would have stood."""
    quarantined = {p.stem: pq.read_metadata(p).num_rows for p in (practice / "data/quarantine").glob("*.parquet")}
    assert quarantined
    done = convert(Request(archive=practice, form="sqlite", out=tmp_path / "a", unverified=True))
    told = {place: count for (what, place), count in done.report.remarks.items() if "quarantine" in what}
    assert told == quarantined
    done = convert(Request(archive=practice, form="csv", out=tmp_path / "b", unverified=True, layer="quarantine"))
    assert done.report.counts["rows"] == sum(quarantined.values())
    report = Report()
    tables = (awkward_table(tmp_path / "table"),)
    material = Material(archive=Archive(practice), tables=tables, limits=DEFAULT_LIMITS)
    left_behind(material, FORMS["csv"], "source", report)
    assert {place: count for (_, place), count in report.remarks.items()} == {"Awkward.long__file": 1}


def test_convert_description_that_names_a_file_outside_is_refused(practice: Path, tmp_path: Path) -> None:
    """Even unverified, nothing is read from beyond the archive."""
    copy = tmp_path / "copy"
    shutil.copytree(practice, copy)
    page = copy / "data/datapackage.json"
    page.write_text(page.read_text(encoding="utf-8").replace("tables/bill.parquet", "../../bill.parquet"))
    with pytest.raises(FormatError, match="outside the archive"):
        convert(Request(archive=copy, form="csv", out=tmp_path / "out", unverified=True))


def test_convert_missing_document_is_refused_and_leaves_nothing(practice: Path, tmp_path: Path) -> None:
    """A tree that lacks a document is no tree."""
    copy = tmp_path / "copy"
    shutil.copytree(practice, copy)
    shutil.rmtree(copy / "data/documents")
    with pytest.raises(FormatError, match="bytes are not in the archive"):
        convert(Request(archive=copy, form="files", out=tmp_path / "out", unverified=True))
    assert {path.name for path in tmp_path.iterdir()} == {"copy"}


WITHOUT = """
import sys
sys.modules["xlsxwriter"] = None
from portability.cli import _run
sys.exit(_run(sys.argv[1:]))
"""


def test_convert_without_the_library_names_the_pip_command(practice: Path, tmp_path: Path) -> None:
    """An extra that is not installed is an error of the configuration."""
    command = [sys.executable, "-c", WITHOUT, "convert", str(practice), "--to", "xlsx", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "pip install 'portability[convert]'" in done.stderr


FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
from portability.cli import _run
sys.exit(_run(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    "form", ["xlsx", "duckdb", *(pytest.param(form, marks=pytest.mark.slow) for form in ("csv", "sqlite", "ics"))]
)
def test_convert_disk_full_is_an_error_that_leaves_nothing(practice: Path, tmp_path: Path, form: str) -> None:
    """Files that cannot grow past 20 kB stop each form with its own sentence and nothing behind."""
    arguments = ["convert", str(practice), "--to", form, str(tmp_path / "out"), "--unverified"]
    done = subprocess.run([sys.executable, "-c", FULL, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 16, done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_convert_killed_leaves_nothing_that_looks_whole_and_runs_again(practice: Path, tmp_path: Path) -> None:
    """Killed at any moment, the folder is not there or is whole; the next run does not mind."""
    out = tmp_path / "out"
    command = [PORTABILITY, "convert", str(practice), "--to", "csv", str(out), "--unverified"]
    for delay in (0.5, 0.8, 1.1, 1.4, 1.7):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not out.exists() or (out / "conversion.json").is_file()
        shutil.rmtree(out, ignore_errors=True)
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0


def test_document_states_what_each_form_cannot_hold() -> None:
    """docs/converting.md says it in the words that the command says it in."""
    missing = [sentence for form in FORMS.values() for sentence in form.cannot_hold if sentence not in TEXT]
    assert missing == []


@pytest.mark.slow
def test_commands_of_the_document_run(practice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command that docs/converting.md shows works as it stands."""
    (tmp_path / "archive").symlink_to(practice)
    monkeypatch.chdir(tmp_path)
    lines = re.findall(r"^\$ (portability .*)$", TEXT, re.MULTILINE)
    assert {form for line in lines for form in re.findall(r"--to (\w+)", line)} == set(FORMS)
    for line in lines:
        assert _run(shlex.split(line)[1:]) == 0, line
