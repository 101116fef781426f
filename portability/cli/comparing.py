"""What changed between two archives: diff."""

from __future__ import annotations

from pathlib import Path

import click

from portability.archive import Archive
from portability.cli.options import as_json_option, open_output
from portability.comparing import LAYERS, compare_archives
from portability.config import load_config
from portability.presenting import comparing as presenting

__all__ = ["diff"]


@click.command()
@click.argument("archive_a", type=click.Path(path_type=Path))
@click.argument("archive_b", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Write the changed rows here, one Parquet file a table.")
@click.option("--layer", type=click.Choice(LAYERS), default="both", show_default=True, help="What to compare.")
@as_json_option
def diff(archive_a: Path, archive_b: Path, out: Path | None, layer: str, as_json: bool) -> None:
    """Show which rows were inserted, updated and deleted between an earlier archive and a later one.

    Example: portability diff january february --out changes
    """
    output, config = open_output(as_json), load_config()
    one, other = Archive.open(archive_a), Archive.open(archive_b)
    found = compare_archives(one, other, out=out, layer=layer, limits=config.limits, progress=output.progress)
    presenting.comparison(output, found, out)
