"""Sealing an archive for named recipients: seal, and the options with which export seals too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from portability.cli.options import as_json_option, open_output
from portability.cli.passphrases import passphrase_option
from portability.cli.signers import open_key, sign_option
from portability.config import load_config
from portability.errors import ConfigError
from portability.limits import Limits
from portability.presenting import sealing as presenting

__all__ = ["pop_seal_options", "seal", "seal_options"]

F = TypeVar("F", bound=Callable[..., Any])

_FORM_OPTIONS = (
    click.option(
        "--threshold",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        metavar="K",
        help="How many of the recipients it takes together to open it.",
    ),
    click.option("--tar", "one_file", is_flag=True, help="Write one tar file instead of a directory."),
    click.option("--workers", type=click.IntRange(1, 32), default=2, show_default=True, help="Processes side by side."),
)

_SEAL_OPTIONS = (
    click.option(
        "--seal-to",
        multiple=True,
        metavar="NAME=RECIPIENT",
        help="Seal it for this recipient as ARCHIVE, and keep no plain copy. May be given again; see seal --to.",
    ),
    *_FORM_OPTIONS,
    click.option(
        "--staging",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Where the plain archive lies, privately, until it is sealed. Beside ARCHIVE when left out.",
    ),
)


def seal_options(command: F) -> F:
    """Give export ``--seal-to``, the options of the sealed form and ``--staging``."""
    return _with(_SEAL_OPTIONS, command)


def _form_options(command: F) -> F:
    return _with(_FORM_OPTIONS, command)


def _with(options: tuple[Callable[[Any], Any], ...], command: F) -> F:
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("archive", type=click.Path(path_type=Path))
@click.argument("sealed", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "recipients",
    multiple=True,
    metavar="NAME=RECIPIENT",
    help="Who can open it: NAME=age1…, NAME='ssh-ed25519 AAAA…', NAME=key.pub, or a file with lines 'name key'. May be "
    "given again.",
)
@_form_options
@sign_option
@passphrase_option
@as_json_option
def seal(archive: Path, sealed: Path, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- click's own options
    """Seal an archive: encrypt it for its recipients only, and sign what leaves the building.

    Example: portability seal archive sealed --to custodian=custodian.pub --sign vendor_key
    """
    from portability.sealing.recipients import parse_recipients  # noqa: PLC0415 -- export has these options too
    from portability.sealing.seal import SealRequest, seal_archive  # noqa: PLC0415

    output, config = open_output(as_json), load_config()
    if not options["sign"]:
        hint = "Add --sign KEY; 'portability keys new FILE --kind signing' makes one."
        raise ConfigError("a sealed archive is always signed, and there is no key", hint=hint)
    request = SealRequest(
        archive=archive,
        destination=sealed,
        key=open_key(options["sign"], options["passphrase_file"]),
        limits=config.limits,
        progress=output.progress,
        recipients=parse_recipients(options["recipients"], config.limits),
        threshold=options["threshold"],
        one_file=options["one_file"],
        workers=options["workers"],
    )
    presenting.seal(output, seal_archive(request))


def pop_seal_options(options: dict[str, Any], limits: Limits) -> dict[str, Any] | None:
    """Take the options of ``seal_options`` out of export's; None when nothing is to be sealed.

    Raises:
        ConfigError: An option of the sealed form was given without ``--seal-to``.
    """
    seal_to: tuple[str, ...] = options.pop("seal_to")
    form = {name: options.pop(name) for name in ("threshold", "one_file", "workers", "staging")}
    if seal_to:
        from portability.sealing.recipients import parse_recipients  # noqa: PLC0415 -- as above

        return {"recipients": parse_recipients(seal_to, limits), **form}
    if form != {"threshold": 1, "one_file": False, "workers": 2, "staging": None}:
        raise ConfigError("--threshold, --tar, --workers and --staging are for --seal-to, which is not there")
    return None
