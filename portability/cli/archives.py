"""Making an archive and looking into it: demo, inspect, export, verify, show, query."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from portability.archive import Archive
from portability.checks import require, verify
from portability.cli.options import as_json_option, open_output
from portability.config import load_config
from portability.connectors import open_connector
from portability.demo import run_demo
from portability.exports import ExportRequest, export_archive, preview_source
from portability.presenting import archives as presenting
from portability.profiles import load_profile
from portability.querying import query_archive

__all__ = ["demo", "export", "inspect", "query", "show", "verify_command"]


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), default=Path("portability-demo"))
@click.option(
    "--entries", default=2000, show_default=True, help="Ledger entries in the practice; everything else grows with it."
)
@as_json_option
def demo(directory: Path, entries: int, as_json: bool) -> None:
    """The whole story on a built-in practice: build, export, verify, query. No server, no network.

    Example: portability demo /tmp/demo
    """
    output = open_output(as_json)
    presenting.demo(output, run_demo(directory, entries=entries, progress=output.progress))


@click.command()
@click.argument("source")
@click.option("--profile", help="A profile's name or folder; detected when left out.")
@as_json_option
def inspect(source: str, profile: str | None, as_json: bool) -> None:
    """Show a source's tables, rows, types and keys, the detected profile, and what would be excluded and why.

    Example: portability inspect sqlite:///practice.db
    """
    output, config = open_output(as_json), load_config()
    named = config.source(source)
    connector = open_connector(named.url, limits=config.limits)
    chosen = profile or named.profile
    presenting.preview(output, preview_source(connector, load_profile(chosen) if chosen else None))


@click.command()
@click.argument("source")
@click.argument("archive", type=click.Path(path_type=Path))
@click.option("--profile", help="A profile's name or folder; detected when left out.")
@click.option("--documents", help="The folder or URL that document paths in the database start from.")
@click.option("--without-documents", is_flag=True, help="Leave documents on disk out, and say so in the archive.")
@click.option(
    "--fetch-urls", is_flag=True, help="Fetch documents that the database names by URL; otherwise they are listed."
)
@click.option("--resume", is_flag=True, help="Finish an export that was stopped, if the data is still the same.")
@as_json_option
def export(source: str, archive: Path, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- click's own options, named above
    """Export a source into a new archive directory.

    Example: portability export sqlite:///practice.db archive --documents files/
    """
    output, config = open_output(as_json), load_config()
    named = config.source(source)
    connector = open_connector(named.url, limits=config.limits)
    chosen = options.pop("profile") or named.profile
    options["documents"] = options["documents"] or named.documents
    profile = load_profile(chosen) if chosen else None
    request = ExportRequest(
        connector=connector,
        destination=archive,
        profile=profile,
        limits=config.limits,
        progress=output.progress,
        **options,
    )
    presenting.export(output, export_archive(request))


@click.command("verify")
@click.argument("archive", type=click.Path(path_type=Path))
@click.option(
    "--level", type=click.Choice(["quick", "full", "deep"]), default="full", show_default=True, help="How far to look."
)
@click.option("--html", type=click.Path(path_type=Path), help="Also write the report as a page.")
@as_json_option
def verify_command(archive: Path, level: str, html: Path | None, as_json: bool) -> None:
    """Check an archive: quick (every byte), full (descriptions, documents too), deep (every value and legal rule too).

    Example: portability verify archive --level deep
    """
    output, config = open_output(as_json), load_config()
    report = verify(archive, level=level, limits=config.limits, progress=output.progress)
    presenting.report(output, report, html)
    require(report)


@click.command()
@click.argument("archive", type=click.Path(path_type=Path))
@click.argument("table", required=False)
@as_json_option
def show(archive: Path, table: str | None, as_json: bool) -> None:
    """Show what is inside an archive, or one table's columns and first rows.

    Example: portability show archive matter
    """
    presenting.contents(open_output(as_json), Archive.open(archive), table, load_config().limits)


@click.command()
@click.argument("archive", type=click.Path(path_type=Path))
@click.argument("sql")
@click.option("--rows", "rows_max", default=1000, show_default=True, help="At most this many rows are shown.")
@as_json_option
def query(archive: Path, sql: str, rows_max: int, as_json: bool) -> None:
    """Ask an archive a question in SQL: canonical tables by name, source tables as source.NAME.

    Example: portability query archive "SELECT count(*) FROM matter"
    """
    presenting.answer(
        open_output(as_json), query_archive(Archive.open(archive), sql, load_config().limits, rows_max=rows_max)
    )
