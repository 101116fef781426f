"""From an archive to CSV and back: the same tables; and the draft of a schema file, which is read as it stands."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from portability.archive import Archive
from portability.cli import cli
from portability.config import Config
from portability.connectors import open_connector
from portability.converting import Request, convert
from portability.exports import ExportRequest, export_archive
from portability.practice import generate
from portability.profiles import bare_profile, detect_profile


def _exported(url: str, archive: Path) -> Path:
    """Export the source layer alone."""
    export_archive(ExportRequest(connector=open_connector(url), destination=archive, profile=bare_profile()))
    return archive


@pytest.mark.slow
def test_archive_to_csv_and_back_gives_identical_source_tables(tmp_path: Path) -> None:
    """Every column's type and every value of the practice; its profile knows the folder for what it is."""
    generate(f"sqlite:///{tmp_path}/practice.db", tmp_path / "documents", entries=500)
    archive = _exported(f"sqlite:///{tmp_path}/practice.db", tmp_path / "archive")
    csv = tmp_path / "csv"
    convert(Request(archive=archive, form="csv", out=csv, layer="source", unverified=True))
    url = Config().source(str(csv)).url
    assert url.startswith("csv:///")
    again = _exported(url, tmp_path / "again")
    assert detect_profile(Archive.open(again).source_schema()) == "practice"
    files = sorted((archive / "data/source").glob("*.parquet"))
    assert len(files) > 40
    for file in files:
        before = pq.read_table(file).replace_schema_metadata(None)
        after = pq.read_table(again / "data/source" / file.name.replace("main.", "files."))
        # What became a document is not in CSV; its reference is left out, and the export says so.
        before = before.select([name for name in before.column_names if not name.endswith("__file")])
        assert after.replace_schema_metadata(None).schema.types == before.schema.types, file.name
        assert after.to_pydict() == before.to_pydict(), file.name


def test_draft_of_a_schema_file_is_read_as_it_stands(tmp_path: Path) -> None:
    """It changes nothing, and names the types that every value fits."""
    lines = "Nr;Tel;Betrag;Seit\n1;030 1;1.234,50;31.12.1999\n2;0171;-0,05;1.2.2024\n"
    (tmp_path / "kunden.csv").write_bytes(f"{lines}3;€;;\n".encode("cp1252"))
    done = CliRunner().invoke(cli, ["source", "draft", str(tmp_path)], catch_exceptions=False)
    assert "all 3 values fit type: integer\n" in done.output
    assert 'fit type: "decimal(12,2)", decimal_mark: ",", group_mark: "."' in done.output
    assert 'fit type: date, format: "%d.%m.%Y"' in done.output
    assert '"Tel", type: text}\n' in done.output

    def rows() -> list[dict[str, object]]:
        with open_connector(f"csv:///{tmp_path}").snapshot() as snapshot:
            plan = snapshot.plan(snapshot.discover().tables[0])
            return [row for batch in snapshot.read(plan) for row in batch.to_pylist()]

    before = rows()
    (tmp_path / "schema.yaml").touch()  # as the shell's > does before the command begins
    assert CliRunner().invoke(cli, ["source", "draft", str(tmp_path)], catch_exceptions=False).output == done.output
    (tmp_path / "schema.yaml").write_text(done.output, encoding="utf-8")
    assert rows() == before
