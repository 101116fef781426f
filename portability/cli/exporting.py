"""Making an archive: demo, inspect, export."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from portability.cli.options import SOURCE_HELP, as_json_option, open_output
from portability.cli.passphrases import passphrase_option
from portability.cli.requested import for_request, request_options
from portability.cli.scopes import pop_restrictions, redaction_options, scope_option
from portability.cli.sealing import pop_seal_options, seal_options
from portability.cli.signers import open_key, sign_option
from portability.config import load_config
from portability.connectors import open_connector
from portability.exports import ExportRequest, export_archive, preview_source
from portability.presenting import archives as presenting
from portability.profiles import load_profile

__all__ = ["demo", "export", "inspect"]


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
    from portability.demo import run_demo  # noqa: PLC0415 -- who exports needs no practice

    output = open_output(as_json)
    presenting.demo(output, run_demo(directory, entries=entries, progress=output.progress))


@click.command(epilog=SOURCE_HELP)
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


@click.command(epilog=SOURCE_HELP)
@click.argument("source")
@click.argument("archive", type=click.Path(path_type=Path))
@click.option("--profile", help="A profile's name or folder; detected when left out.")
@click.option("--documents", help="The folder or URL that document paths in the database start from.")
@click.option("--without-documents", is_flag=True, help="Leave documents on disk out, and say so in the archive.")
@click.option(
    "--fetch-urls", is_flag=True, help="Fetch documents that the database names by URL; otherwise they are listed."
)
@click.option(
    "--rows-per-second",
    type=click.IntRange(min=1),
    help="Read no more rows a second than this, for the sake of a busy source.",
)
@click.option("--resume", is_flag=True, help="Finish an export that was stopped, if the data is still the same.")
@scope_option
@redaction_options
@request_options
@sign_option
@passphrase_option
@seal_options
@as_json_option
def export(source: str, archive: Path, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- click's own options, named above
    """Export a source into a new archive directory.

    Example: portability export sqlite:///practice.db archive --documents files/
    """
    output, config = open_output(as_json), load_config()
    named = config.source(source)
    limits = replace(config.limits, read_rows_per_s=options.pop("rows_per_second") or config.limits.read_rows_per_s)
    connector = open_connector(named.url, limits=limits)
    chosen = options.pop("profile") or named.profile
    options["documents"] = options["documents"] or named.documents
    profile = load_profile(chosen) if chosen else None
    sign, passphrase_file = options.pop("sign"), options.pop("passphrase_file")
    form = pop_seal_options(options, limits)
    key = open_key(sign, passphrase_file) if sign else None
    options["scope"], options["redaction"] = pop_restrictions(options)
    number, silent, scope = options.pop("request"), options.pop("silent"), options.pop("scope", None)
    with for_request(number, silent, archive, scope=scope, passphrase_file=passphrase_file) as asked:
        request = ExportRequest(
            connector=connector,
            destination=archive,
            profile=profile,
            limits=limits,
            progress=output.progress,
            signing_key=key,
            scope=asked.scope,
            request_number=asked.request_number,
            **options,
        )
        if form is None:
            show = partial(presenting.export, result=export_archive(request))
        else:
            from portability.exports.sealed import SealedExportRequest, export_sealed  # noqa: PLC0415 -- few are sealed

            request_of_both = SealedExportRequest(export=request, **form)
            show = partial(presenting.sealed_export, result=export_sealed(request_of_both))
    show(output)
