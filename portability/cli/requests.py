"""Requests: new, show, list, record, approve, release, close, check, kinds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from portability.cli.options import as_json_option, open_output
from portability.cli.registers import content_options, open_desk, register_options, step_content
from portability.config import load_config
from portability.errors import CheckFailedError, ProcedureError
from portability.governing import StepContent, load_kinds, new_request, record_step
from portability.governing.checking import check_register
from portability.governing.course import Course
from portability.governing.gate import fixed_scope
from portability.plurals import counted
from portability.presenting import requests as presenting

__all__ = ["request_group"]

_CONTENT = ("fields", "evidence", "scope", "artefact")


@click.group("request")
def request_group() -> None:
    """Somebody's claim to data: its steps, its evidence, its clocks, and what is released for it."""


@request_group.command()
@click.argument("kind", required=False)
@as_json_option
def kinds(kind: str | None, as_json: bool) -> None:
    """Show the kinds of request, or one kind's steps with the evidence and fields that they ask for.

    Example: portability request kinds authority_disclosure
    """
    folder = load_config().request_kinds
    presenting.kinds(open_output(as_json), load_kinds(Path(folder) if folder else None), kind)


@request_group.command()
@click.argument("kind")
@content_options
@click.option("--scope", type=click.Path(path_type=Path), metavar="FILE", help="The scope that is asked for.")
@register_options
@as_json_option
def new(kind: str, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- click's own options, named above
    """Open a request: record its first step.

    Example: portability request new complaint --field customer=Owen --field received_on=2026-11-20
    --field category=delay --field about="Two weeks late" --evidence complaint=letter.pdf
    """
    content = _pop_content(options)
    with open_desk(**options) as desk:
        if kind not in desk.kinds:
            raise ProcedureError("there is no such kind of request", place=kind[:40], hint="portability request kinds")
        request = new_request(desk.register, desk.kinds[kind], content, desk.actor)
    presenting.recorded(open_output(as_json), request)


@request_group.command()
@click.argument("number")
@register_options
@as_json_option
def show(number: str, *, silent: Path | None, passphrase_file: Path | None, as_json: bool) -> None:
    """Show a request: what was done, by whom, on what evidence, what comes next and by when.

    Example: portability request show R-000001
    """
    with open_desk(silent, passphrase_file) as desk, desk.admit("request.show").catalogue.reading() as transaction:
        request = desk.register.load(transaction, number)
        scope = fixed_scope(desk.register, request)
    presenting.show(open_output(as_json), request, scope)


@request_group.command("list")
@click.option("--all", "everything", is_flag=True, help="Closed ones too.")
@click.option("--kind", metavar="KIND", help="Only requests of this kind.")
@register_options
@as_json_option
def list_command(
    *, everything: bool, kind: str | None, silent: Path | None, passphrase_file: Path | None, as_json: bool
) -> None:
    """List requests with their state and their next day.

    Example: portability request list --all
    """
    with open_desk(silent, passphrase_file) as desk, desk.admit("request.list").catalogue.reading() as transaction:
        found = desk.register.load_all(transaction)
    presenting.listing(open_output(as_json), found, everything=everything, kind=kind)


@request_group.command()
@click.argument("number")
@click.argument("step")
@content_options
@click.option("--scope", type=click.Path(path_type=Path), metavar="FILE", help="The scope that this step fixes.")
@click.option(
    "--artefact", type=click.Path(path_type=Path), metavar="PATH", help="What was made, if the program did not make it."
)
@register_options
@as_json_option
def record(number: str, step: str, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- click's own options, named above
    """Record a step of a request, signed with the operator's key.

    Example: portability request record R-000001 acknowledged --evidence acknowledgement=mail.txt
    """
    _record(number, step, options, as_json=as_json)


@request_group.command()
@click.argument("number")
@content_options
@register_options
@as_json_option
def approve(number: str, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- click's own options, named above
    """Record the step that approves what was made; never by who made it.

    Example: portability request approve R-000001 --field result=passed --evidence verification=report.txt
    """
    _record(number, _approval, options, as_json=as_json)


@request_group.command()
@click.argument("number")
@click.option(
    "--artefact",
    type=click.Path(path_type=Path),
    metavar="PATH",
    required=True,
    help="What is handed over: the archive that was exported and approved.",
)
@content_options
@register_options
@as_json_option
def release(number: str, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- click's own options, named above
    """Record the hand-over of what was exported and approved, once recipient and channel are checked.

    Every byte is read: what is handed over is what was approved, or nothing is.

    Example: portability request release R-000001 --artefact archive --field recipient="Ann Owen"
    --field recipient_identified_by="known in person" --field channel="her courier" --evidence recipient_check=note.txt
    """
    _record(number, _release, options, as_json=as_json)


@request_group.command()
@click.argument("number")
@content_options
@register_options
@as_json_option
def close(number: str, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- click's own options, named above
    """Record the last step of a request.

    Example: portability request close R-000001
    """
    _record(number, _last, options, as_json=as_json)


@request_group.command()
@register_options
@as_json_option
def check(*, silent: Path | None, passphrase_file: Path | None, as_json: bool) -> None:
    """Check every request: signatures, order, numbers, evidence, and the audit chain beside it.

    Example: portability request check
    """
    output = open_output(as_json)
    with open_desk(silent, passphrase_file) as desk:
        desk.admit("request.check")
        report = check_register(desk.register, identities=desk.identities)
    presenting.checked(output, report)
    if report.problems:
        raise CheckFailedError(f"{counted(len(report.problems), 'problem')} in the register", report=report)


def _record(number: str, step: str | Callable[[Course], str], options: dict[str, Any], *, as_json: bool) -> None:
    content = _pop_content(options)
    with open_desk(**options) as desk:
        request = record_step(desk.register, number, step, content, desk.actor)
    presenting.recorded(open_output(as_json), request)


def _pop_content(options: dict[str, Any]) -> StepContent:
    """Take what a step says and what proves it out of the options; which register is meant stays."""
    return step_content(**{name: options.pop(name) for name in _CONTENT if name in options})


def _approval(course: Course) -> str:
    """Return the step that approves: the one that is due, else the one that the refusal will name."""
    found = [step for step in course.kind.course if step.approves]
    if not found:
        raise ProcedureError(f"a request of kind {course.kind.name} has nothing to approve")
    return next((step.name for step in found if step in course.due()), found[0].name)


def _release(course: Course) -> str:
    found = next((step.name for step in course.kind.course if step.does == "release"), None)
    if found is None:
        raise ProcedureError(f"a request of kind {course.kind.name} releases nothing")
    return found


def _last(course: Course) -> str:
    return course.kind.course[-1].name
