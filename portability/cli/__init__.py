"""The command line: parse, one call, hand the result to an Output. No logic.

Each module here holds commands that belong together; all of them are listed below, in the order of a person's work.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from portability.cli.groups import SETTINGS, LazyGroup
from portability.errors import CheckFailedError, InterruptedRunError, PortabilityError
from portability.output import JsonOutput, TextOutput

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COMMANDS", "cli", "main"]

COMMANDS: Mapping[str, str] = {
    "demo": "exporting:demo",
    "inspect": "exporting:inspect",
    "source": "sources:source_group",
    "scope": "scopes:scope_group",
    "export": "exporting:export",
    "sign": "signing:sign",
    "verify": "archives:verify_command",
    "show": "archives:show",
    "query": "archives:query",
    "diff": "comparing:diff",
    "convert": "converting:convert_command",
    "seal": "sealing:seal",
    "open": "opening:open_command",
    "restore": "restoring:restore",
    "import": "importing:import_command",
    "reconcile": "reconciling:reconcile_command",
    "subject-access": "subject_access:subject_access",
    "keys": "keys:keys_group",
    "operator": "operators:operator_group",
    "audit": "auditing:audit_group",
    "catalogue": "catalogue:catalogue_group",
    "depository": "depositories:depository_group",
    "escrow": "escrow:escrow_group",
    "request": "requests:request_group",
    "report": "reports:report_command",
    "policy": "policies:policy_group",
    "profile": "profiles:profile_group",
}


@click.command(cls=LazyGroup, table=COMMANDS, context_settings=SETTINGS)
@click.version_option(package_name="portability")
def cli() -> None:
    """All of a law firm's data, exactly, in an open form that anyone can open and check.

    Try it: portability demo
    """


def main() -> NoReturn:
    """Run the command line and leave with the exit code of what happened (docs/exit-codes.md)."""
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    # The system's allocator gives memory back between tables; Arrow's own kept 40 to 130 MiB of it.
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
    # What a library logs beside what it raises (a query that could not be cancelled) is not for people.
    logging.getLogger().addHandler(logging.NullHandler())
    stop = _Stop()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # a closed terminal must not leave plaintext behind either
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), stop.asked)
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
    """Turns SIGINT, SIGTERM and SIGHUP into KeyboardInterrupt, and remembers that it did."""

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
