"""The register of operators: new, list, show, renew, revoke."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from portability.auditing import ROLES, Operator, Role, change_register, read_register
from portability.auditing.register import Change
from portability.catalogue import now
from portability.cli.governed import GovernedRun, governed_run
from portability.cli.options import as_json_option, open_output
from portability.cli.passphrases import passphrase_option
from portability.cli.signers import open_key
from portability.errors import ConfigError, ProcedureError
from portability.output import Output
from portability.presenting import operators as presenting
from portability.signing import PrivateKeyFile, PublicKey, read_key_file

__all__ = ["operator_group"]

F = TypeVar("F", bound=Callable[..., Any])


class _Day(click.ParamType[date]):
    """A day, YYYY-MM-DD."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:  # noqa: ANN401
        try:
            return value if isinstance(value, date) else date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no day such as 2026-11-22", param, ctx)


_RECORD_OPTIONS = (
    click.option(
        "--key", type=click.Path(path_type=Path), metavar="FILE", help="The .pub file of the key with which they sign."
    ),
    click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), help="May be given several times."),
    click.option("--from", "valid_from", type=_Day(), help="The first day; now when left out."),
    click.option("--until", "valid_until", type=_Day(), help="The last day."),
    click.option("--agreement", "agreement_date", type=_Day(), help="When they signed the confidentiality agreement."),
    click.option("--training", "training_date", type=_Day(), help="When they were last trained."),
)
_sign_option = click.option(
    "--sign", metavar="KEY", help="The administrator's key; operator_key of portability.yaml when left out."
)


def _record_options(command: F) -> F:
    for option in reversed(_RECORD_OPTIONS):
        command = option(command)
    return command


@click.group("operator")
def operator_group() -> None:
    """Who may do what, and with which key they sign."""


@operator_group.command()
@click.argument("name")
@_record_options
@click.option("--bootstrap", is_flag=True, help="The first administrator of a catalogue without operators.")
@_sign_option
@passphrase_option
@as_json_option
def new(name: str, bootstrap: bool, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- named above
    """Add an operator to the register.

    Example: portability operator new ann --key ann.pub --role administrator --bootstrap --sign ann
    """
    if options["key"] is None or not options["roles"]:
        raise ConfigError("a new operator needs a key and a role", hint="Add --key FILE.pub --role operator.")
    with governed_run() as run:
        made = Operator(name=name, public_key=_public(options["key"]), **_record(options), valid_from=_start(options))
        _change(open_output(as_json), run, "bootstrap" if bootstrap else "new", made, options)


@operator_group.command("list")
@click.option("--all", "everybody", is_flag=True, help="Those whose time is over, too.")
@as_json_option
def list_command(everybody: bool, as_json: bool) -> None:
    """Show the operators who may act now.

    Example: portability operator list
    """
    with governed_run() as run:
        found = read_register(run.catalogue).operators.values()
        listed = [one for one in found if everybody or one.is_valid(now())]
        presenting.listed(open_output(as_json), listed)


@operator_group.command()
@click.argument("name")
@as_json_option
def show(name: str, as_json: bool) -> None:
    """Show one operator.

    Example: portability operator show ann
    """
    with governed_run() as run:
        presenting.shown(open_output(as_json), _known(run, name))


@operator_group.command()
@click.argument("name")
@_record_options
@_sign_option
@passphrase_option
@as_json_option
def renew(name: str, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- named above
    """Change an operator's record: another key, other roles, a later end, a new agreement or training.

    Example: portability operator renew ann --training 2026-11-22
    """
    with governed_run() as run:
        changes: dict[str, Any] = {key: value for key, value in _record(options).items() if value}
        if options["key"] is not None:
            changes["public_key"] = _public(options["key"])
        if options["valid_from"] is not None:
            changes["valid_from"] = _start(options)
        _change(open_output(as_json), run, "renew", replace(_known(run, name), **changes), options)


@operator_group.command()
@click.argument("name")
@_sign_option
@passphrase_option
@as_json_option
def revoke(name: str, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- named above
    """End an operator's time now; what they did stays.

    Example: portability operator revoke bob
    """
    with governed_run() as run:
        _change(open_output(as_json), run, "revoke", _known(run, name), options)


def _change(output: Output, run: GovernedRun, change: Change, operator: Operator, options: dict[str, Any]) -> None:
    sign, passphrase_file = options["sign"], options["passphrase_file"]
    key = open_key(sign, passphrase_file) if sign else run.key(passphrase_file=passphrase_file)
    by = operator.name if change == "bootstrap" else run.operator
    presenting.changed(output, change, change_register(run.catalogue, change, operator, by=by, key=key))


def _known(run: GovernedRun, name: str) -> Operator:
    found = read_register(run.catalogue).operators.get(name)
    if found is None:
        raise ProcedureError("is no operator of this catalogue", place=name[:64], hint="portability operator list")
    return found


def _record(options: dict[str, Any]) -> dict[str, Any]:
    until: date | None = options["valid_until"]
    return {
        "roles": cast("tuple[Role, ...]", options["roles"]),
        "valid_until": None if until is None else _midnight(until + timedelta(days=1)),
        "agreement_date": options["agreement_date"],
        "training_date": options["training_date"],
    }


def _start(options: dict[str, Any]) -> datetime:
    """Return the beginning of a day; of this one, now: nobody begins to be an operator before they are made one."""
    first: date | None = options["valid_from"]
    moment = now()
    return moment if first is None or first == moment.date() else _midnight(first)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _public(file: Path) -> PublicKey:
    found = read_key_file(file)
    return found.key if isinstance(found, PrivateKeyFile) else found
