"""The register of policy documents: add, review, retire, list."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import click

from portability.catalogue import now
from portability.cli.options import as_json_option, open_output
from portability.cli.passphrases import passphrase_option
from portability.cli.registers import open_desk
from portability.governing.calendars import local_day
from portability.governing.policies import Change, Policy, change_policy, read_policies
from portability.presenting import reports as presenting

__all__ = ["policy_group"]

_document = click.option("--document", type=click.Path(path_type=Path), metavar="FILE", help="The policy's text.")
_title = click.option("--title", default="", help="What the policy is called.")
_review_by = click.option("--review-by", type=click.DateTime(["%Y-%m-%d"]), required=True, metavar="DATE")


@click.group("policy")
def policy_group() -> None:
    """Policy documents, and when each is to be reviewed."""


@policy_group.command()
@click.argument("name")
@_document
@_title
@_review_by
@passphrase_option
@as_json_option
def add(
    name: str, *, document: Path | None, title: str, review_by: datetime, passphrase_file: Path | None, as_json: bool
) -> None:
    """Register a policy document.

    Example: portability policy add confidentiality --document confidentiality.pdf --review-by 2027-11-01
    """
    policy = _change("add", name, passphrase_file, title=title, document=document, review_by=review_by.date())
    presenting.policy(open_output(as_json), policy)


@policy_group.command()
@click.argument("name")
@_document
@_title
@_review_by
@passphrase_option
@as_json_option
def review(
    name: str, *, document: Path | None, title: str, review_by: datetime, passphrase_file: Path | None, as_json: bool
) -> None:
    """Record that a policy was reviewed, with its new text if it changed.

    Example: portability policy review confidentiality --review-by 2028-11-01
    """
    policy = _change("review", name, passphrase_file, title=title, document=document, review_by=review_by.date())
    presenting.policy(open_output(as_json), policy)


@policy_group.command()
@click.argument("name")
@passphrase_option
@as_json_option
def retire(name: str, *, passphrase_file: Path | None, as_json: bool) -> None:
    """Record that a policy no longer holds; it stays in the register.

    Example: portability policy retire confidentiality
    """
    presenting.policy(open_output(as_json), _change("retire", name, passphrase_file))


@policy_group.command("list")
@passphrase_option
@as_json_option
def list_command(*, passphrase_file: Path | None, as_json: bool) -> None:
    """List the policy documents, the most urgent first.

    Example: portability policy list
    """
    with open_desk(None, passphrase_file) as desk:
        found = read_policies(desk.admit("policy.list").catalogue)
    presenting.policies(open_output(as_json), tuple(found.values()), local_day(now()))


def _change(
    change: Change,
    name: str,
    passphrase_file: Path | None,
    *,
    title: str = "",
    document: Path | None = None,
    review_by: date | None = None,
) -> Policy:
    with open_desk(None, passphrase_file) as desk:
        return change_policy(
            desk.catalogue,
            desk.register.evidence,
            change,
            name,
            desk.actor,
            title=title,
            document=document,
            review_by=review_by,
        )
