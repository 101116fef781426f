"""An export for a request: the gate before it, the fixed scope in it, the step with the archive's hash after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from portability.errors import ConfigError, PortabilityError

if TYPE_CHECKING:
    from portability.scoping import Scope

__all__ = ["RequestedExport", "for_request", "request_options"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class RequestedExport:
    """What an export for a request may hold, and the number that the archive names; none for a silent one."""

    scope: Scope | None
    request_number: str | None


def request_options(command: F) -> F:
    """Give a command ``--request`` and ``--silent``."""
    options = (
        click.option(
            "--request",
            metavar="NUMBER",
            help="Export for this request: with the scope that was fixed, when its export is due; recorded there.",
        ),
        click.option(
            "--silent",
            type=click.Path(path_type=Path),
            metavar="IDENTITY",
            help="The request is a silent one; the private key of one of the silent recipients opens it.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@contextmanager
def for_request(
    number: str | None, silent: Path | None, archive: Path, *, scope: Scope | None, passphrase_file: Path | None = None
) -> Iterator[RequestedExport]:
    """Pass the gate, yield what may be exported, and record the export with the archive's hash.

    Raises:
        ProcedureError: The export is not due, or this operator may not.
        ScopeError: The scope is not the one that was fixed.
        ConfigError: No catalogue is configured, or ``--silent`` was given without a request.
    """
    if number is None:
        if silent is not None:
            raise ConfigError("--silent is for a request, which is not named", hint="Add --request NUMBER.")
        yield RequestedExport(scope=scope, request_number=None)
        return
    from portability.cli.governed import current_run  # noqa: PLC0415 -- the service's libraries, when there is a request
    from portability.cli.registers import desk_of  # noqa: PLC0415
    from portability.governing import StepContent, record_step, require_release  # noqa: PLC0415
    from portability.governing.artefacts import describe_artefact, scope_of_artefact  # noqa: PLC0415

    run = current_run()
    if run is None:
        hint = "Write into portability.yaml: catalogue: sqlite:///catalogue.db"
        raise ConfigError("a request stands in a catalogue, and none is named", place=number, hint=hint)
    desk = desk_of(run, silent, passphrase_file)
    found = require_release(desk.register, number, desk.actor, act="export", scope=scope)
    yield RequestedExport(scope=found.scope, request_number=None if silent else found.request)
    try:
        made = describe_artefact(archive)
        scope_of_artefact(archive, form=made.form, fixed=found.scope_sha256)
        record_step(desk.register, found.request, found.step, StepContent(made=made), desk.actor)
    except PortabilityError as error:
        hint = f"Nothing may be released from {archive}: remove it. {error.hint}"
        raise type(error)(error.message, place=error.place, hint=hint) from error
