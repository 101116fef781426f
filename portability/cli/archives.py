"""Looking into an archive: verify, show, query."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from portability.archive import Archive
from portability.checks import LEVELS, SEALED_LEVELS, require, verify
from portability.cli.options import as_json_option, open_output
from portability.cli.signers import open_policy, trust_options
from portability.cli.verifying import SealedOptions, check_sealed, refuse_sealed_options, sealed_options
from portability.config import load_config
from portability.errors import ConfigError
from portability.presenting import archives as presenting
from portability.querying import query_archive
from portability.scoping.document import canonical_scope, load_scope
from portability.sealing.container import is_sealed

__all__ = ["query", "show", "verify_command"]


@click.command("verify")
@click.argument("archive", type=click.Path(path_type=Path))
@click.option(
    "--level",
    type=click.Choice([*LEVELS, *SEALED_LEVELS]),
    help="How far to look; full when left out, v1 for a sealed archive.",
)
@click.option("--html", type=click.Path(path_type=Path), help="Also write the report as a page.")
@click.option(
    "--scope",
    "scope_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Plain: it must be an archive of this scope, and every row must reach it by keys; needs full or deep.",
)
@trust_options
@sealed_options
@as_json_option
def verify_command(
    archive: Path,
    level: str | None,
    html: Path | None,
    scope_file: Path | None,
    as_json: bool,
    **options: Any,  # noqa: ANN401 -- of two decorators
) -> None:
    """Check an archive: quick (every byte), full (descriptions, documents too), deep (every value and legal rule too).

    A sealed one: v0 (every byte, signature, chain), v1 (all that shows without a key), v2 (a recipient's key, random
    parts), v3 (everything inside too).

    Example: portability verify archive --level deep
    """
    output, config = open_output(as_json), load_config()
    signer = open_policy(*(options.pop(name) for name in ("trust", "signer", "verify_time")))
    if is_sealed(archive):
        if scope_file is not None:
            raise ConfigError(
                "--scope is for plain archives, and this one is sealed", hint="Open it first: portability open"
            )
        check_sealed(
            output, archive, level or "v1", html, SealedOptions(policy=signer, limits=config.limits, **options)
        )
        return
    refuse_sealed_options(level, options)
    if scope_file is not None and level == LEVELS[0]:
        raise ConfigError("--scope follows every row: it needs --level full or deep")
    report = verify(
        archive,
        level=level or "full",
        signer=signer,
        scope=None if scope_file is None else canonical_scope(load_scope(scope_file)),
        limits=config.limits,
        progress=output.progress,
    )
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
    presenting.contents(open_output(as_json), Archive.open(archive), table)


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
