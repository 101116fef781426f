"""Subject access: what an archive holds of one contact, decided item by item, then as a bundle for the person."""

from __future__ import annotations

from pathlib import Path

import click

from portability.archive import Archive
from portability.cli.options import as_json_option, open_output
from portability.config import load_config
from portability.presenting import subject_access as presenting
from portability.subject_access import collect, read_review, write_bundle, write_draft

__all__ = ["subject_access"]

_PATH = click.Path(path_type=Path)


@click.command("subject-access")
@click.argument("archive", type=_PATH)
@click.argument("out", type=_PATH)
@click.option("--contact", required=True, metavar="ID", help="The person: the id of a row of the entity contact.")
@click.option(
    "--review", type=_PATH, metavar="FILE", help="review.csv of an earlier run, every line decided: makes the bundle."
)
@click.option("--request", metavar="NUMBER", help="The request that this answers; it goes into the record.")
@as_json_option
def subject_access(
    archive: Path, out: Path, contact: str, review: Path | None, request: str | None, as_json: bool
) -> None:
    """Collect all personal data of one contact: first a list to decide on, then, with --review, the bundle.

    Example: portability subject-access archive draft --contact 7
    """
    output, limits = open_output(as_json), load_config().limits
    source = Archive.open(archive)
    found = collect(source, contact, limits=limits, progress=output.progress)
    if found.flagged and review is None:
        presenting.draft(output, write_draft(found, out))
        return
    decisions = {} if review is None else read_review(review, found.flagged, limits=limits)
    made = write_bundle(source, found, decisions, out, request=request, review=review)
    presenting.bundle(output, made)
