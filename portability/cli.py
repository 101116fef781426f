"""The command line: parse, one call, hand the result to an Output. No logic."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import click
import pyarrow as pa

from portability import presenting
from portability.archive import Archive
from portability.checks import require, verify
from portability.config import load_config
from portability.connectors import open_connector
from portability.demo import run_demo
from portability.drafting import check_profile, draft_profile, require_fit
from portability.errors import CheckFailedError, InterruptedRunError, PortabilityError
from portability.exports import ExportRequest, export_archive, preview_source
from portability.output import JsonOutput, Output, TextOutput
from portability.profiles import list_profiles, load_profile
from portability.querying import query_archive

__all__ = ["main"]

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")


def _output(as_json: bool) -> Output:
    return JsonOutput() if as_json else TextOutput()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="portability")
def cli() -> None:
    """All of a law firm's data, exactly, in an open form that anyone can open and check.

    Try it: portability demo
    """


@cli.command()
@click.argument("directory", type=click.Path(path_type=Path), default=Path("portability-demo"))
@click.option(
    "--entries", default=2000, show_default=True, help="Ledger entries in the practice; everything else grows with it."
)
@_json
def demo(directory: Path, entries: int, as_json: bool) -> None:
    """The whole story on a built-in practice: build, export, verify, query. No server, no network.

    Example: portability demo /tmp/demo
    """
    output = _output(as_json)
    presenting.demo(output, run_demo(directory, entries=entries, progress=output.progress))


@cli.command()
@click.argument("source")
@click.option("--profile", help="A profile's name or folder; detected when left out.")
@_json
def inspect(source: str, profile: str | None, as_json: bool) -> None:
    """Show a source's tables, rows, types and keys, the detected profile, and what would be excluded and why.

    Example: portability inspect sqlite:///practice.db
    """
    output, config = _output(as_json), load_config()
    named = config.source(source)
    connector = open_connector(named.url, limits=config.limits)
    chosen = profile or named.profile
    presenting.preview(output, preview_source(connector, load_profile(chosen) if chosen else None))


@cli.command()
@click.argument("source")
@click.argument("archive", type=click.Path(path_type=Path))
@click.option("--profile", help="A profile's name or folder; detected when left out.")
@click.option("--documents", help="The folder or URL that document paths in the database start from.")
@click.option("--without-documents", is_flag=True, help="Leave documents on disk out, and say so in the archive.")
@click.option(
    "--fetch-urls", is_flag=True, help="Fetch documents that the database names by URL; otherwise they are listed."
)
@click.option("--resume", is_flag=True, help="Finish an export that was stopped, if the data is still the same.")
@_json
def export(source: str, archive: Path, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- click's own options, named above
    """Export a source into a new archive directory.

    Example: portability export sqlite:///practice.db archive --documents files/
    """
    output, config = _output(as_json), load_config()
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


@cli.command("verify")
@click.argument("archive", type=click.Path(path_type=Path))
@click.option(
    "--level", type=click.Choice(["quick", "full", "deep"]), default="full", show_default=True, help="How far to look."
)
@click.option("--html", type=click.Path(path_type=Path), help="Also write the report as a page.")
@_json
def verify_command(archive: Path, level: str, html: Path | None, as_json: bool) -> None:
    """Check an archive: quick (every byte), full (descriptions, documents too), deep (every value and legal rule too).

    Example: portability verify archive --level deep
    """
    output, config = _output(as_json), load_config()
    report = verify(archive, level=level, limits=config.limits, progress=output.progress)
    presenting.report(output, report, html)
    require(report)


@cli.command()
@click.argument("archive", type=click.Path(path_type=Path))
@click.argument("table", required=False)
@_json
def show(archive: Path, table: str | None, as_json: bool) -> None:
    """Show what is inside an archive, or one table's columns and first rows.

    Example: portability show archive matter
    """
    presenting.contents(_output(as_json), Archive.open(archive), table, load_config().limits)


@cli.command()
@click.argument("archive", type=click.Path(path_type=Path))
@click.argument("sql")
@click.option("--rows", "rows_max", default=1000, show_default=True, help="At most this many rows are shown.")
@_json
def query(archive: Path, sql: str, rows_max: int, as_json: bool) -> None:
    """Ask an archive a question in SQL: canonical tables by name, source tables as source.NAME.

    Example: portability query archive "SELECT count(*) FROM matter"
    """
    presenting.answer(
        _output(as_json), query_archive(Archive.open(archive), sql, load_config().limits, rows_max=rows_max)
    )


@cli.group("profile")
def profile_group() -> None:
    """Profiles: what is known about one legal system, as YAML and SQL."""


@profile_group.command("list")
@_json
def profile_list(as_json: bool) -> None:
    """List the profiles that come with the product.

    Example: portability profile list
    """
    presenting.profiles(_output(as_json), [load_profile(name) for name in list_profiles()])


@profile_group.command("new")
@click.argument("source")
@click.argument("directory", type=click.Path(path_type=Path))
@_json
def profile_new(source: str, directory: Path, as_json: bool) -> None:
    """Write a first draft of a profile for a database that nobody has described; every guess is marked.

    Example: portability profile new sqlite:///unknown.db my_profile
    """
    output, config = _output(as_json), load_config()
    connector = open_connector(config.source(source).url, limits=config.limits)
    presenting.draft(output, draft_profile(connector, directory))


@profile_group.command("check")
@click.argument("profile")
@click.argument("source", required=False)
@_json
def profile_check(profile: str, source: str | None, as_json: bool) -> None:
    """Say everything that a profile lacks, against a source when one is given.

    Example: portability profile check my_profile sqlite:///unknown.db
    """
    output, config = _output(as_json), load_config()
    connector = open_connector(config.source(source).url, limits=config.limits) if source else None
    result = check_profile(profile, connector)
    presenting.profile_check(output, result)
    require_fit(result)


def main() -> NoReturn:
    """Run the command line and leave with the exit code of what happened (docs/exit-codes.md)."""
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    # The system's allocator gives memory back between tables; Arrow's own kept 40 to 130 MiB of it.
    pa.set_memory_pool(pa.system_memory_pool())
    stop = _Stop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop.asked)
    try:
        cli.main(arguments, prog_name="portability", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return _failed(InterruptedRunError("stopped"), arguments)
    except PortabilityError as error:
        # A library that was interrupted in the middle reports what it likes; the person knows what they did.
        return _failed(InterruptedRunError("stopped", hint=error.hint) if stop.was_asked else error, arguments)
    except SystemExit:
        # click ends so, with 1, when the reader went away (| head); that is its right.
        return 0
    except Exception as error:
        if os.environ.get("PORTABILITY_DEBUG"):
            raise
        hint = "This is a fault of the program. Set PORTABILITY_DEBUG=1 to see where it happened, and report it."
        return _failed(PortabilityError(f"unexpected {type(error).__name__}", hint=hint), arguments)
    return 0


class _Stop:
    """Turns SIGINT and SIGTERM into KeyboardInterrupt, and remembers that it did."""

    was_asked = False

    def asked(self, number: int, frame: object) -> None:
        del number, frame
        self.was_asked = True
        raise KeyboardInterrupt


def _failed(error: PortabilityError, arguments: list[str]) -> int:
    as_json = "--json" in arguments
    # A failed check has printed its report, which is the one JSON document of the command.
    if not (as_json and isinstance(error, CheckFailedError)):
        (JsonOutput() if as_json else TextOutput()).error(error)
    return error.exit_code
