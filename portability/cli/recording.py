"""The hook that records commands in the audit chain, when portability.yaml names a catalogue; else nothing changes.

Before a command of the table below does anything, it is checked that the operator may, with their key, and an entry
``started`` is on disk; what cannot be recorded is not done. Afterwards an entry says how it ended. Commands that reveal
or release data need ``--purpose`` and ``--basis``. The service's libraries are imported when there is a catalogue.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from portability.config import Config, load_config
from portability.errors import ConfigError, PortabilityError, ProcedureError

if TYPE_CHECKING:
    from portability.auditing import NewEntry, Role
    from portability.cli.governed import GovernedRun

__all__ = ["RECORDED", "recorded"]

LAWFUL_BASES = ("consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interests")


@dataclass(frozen=True, kw_only=True)
class _Rule:
    """How a command is recorded.

    Args:
        role: What its operator must be.
        subject: The parameter that names what it works on.
        reveals: It shows or hands over what stands in an archive or a source; named only if this parameter is given.
        made: The parameter that names the archive it makes.
        by_request: With ``--request`` the command passes the request's own gate, which knows purpose and basis.
    """

    role: Role
    subject: str = "archive"
    reveals: bool | str = False
    made: str = ""
    by_request: bool = False


RECORDED: Mapping[str, _Rule] = {
    "inspect": _Rule(role="viewer", subject="source"),
    "scope.check": _Rule(role="operator", subject="source"),
    "export": _Rule(role="operator", subject="source", reveals=True, made="archive", by_request=True),
    "sign": _Rule(role="operator"),
    "verify": _Rule(role="viewer"),
    "show": _Rule(role="viewer", reveals="table"),
    "query": _Rule(role="viewer", reveals=True),
    "diff": _Rule(role="viewer", subject="archive_a", reveals="out"),
    "convert": _Rule(role="operator", reveals=True),
    "seal": _Rule(role="operator", made="sealed"),
    "open": _Rule(role="operator", subject="sealed", reveals=True, made="archive"),
    "restore": _Rule(role="operator", reveals=True),
    "import": _Rule(role="operator", reveals=True),
    "reconcile": _Rule(role="viewer"),
    "subject-access": _Rule(role="operator", reveals=True),
    "escrow.receive": _Rule(role="operator", subject="folder"),
    "escrow.acknowledge": _Rule(role="operator", subject="folder"),
    "escrow.prune": _Rule(role="operator", subject="folder"),
    "escrow.verify": _Rule(role="viewer", subject="place", reveals="identities"),
    "escrow.restore": _Rule(role="operator", subject="place", reveals=True),
}
_NO_TOKEN = re.compile(r"[^A-Za-z0-9._:/@+#=,()-]")
_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_LABEL_CHARACTERS = 180
# What says which archive it is: the plain form's tag manifest, the sealed form's manifest.
_IDENTIFYING = ("tagmanifest-sha256.txt", "manifest.json")


def recorded(name: str, command: click.Command) -> click.Command:
    """Return a command that is recorded; others as they are."""
    rule = RECORDED.get(name)
    if rule is None or command.callback is None or hasattr(command.callback, "portability_recorded"):
        return command
    own = any("--silent" in each.opts for each in command.params)  # which means the request's or the holds' register
    command.params += _options() if own else [*_options(), _silent_option()]
    command.callback = _wrapped(name, rule, command.callback, own_silence=own)
    return command


def _options() -> list[click.Parameter]:
    return [
        click.Option(
            ["--purpose"],
            metavar="TEXT",
            help="Why, for the audit chain: a sentence without a client's data. Needed where there is a catalogue.",
        ),
        click.Option(["--basis"], type=click.Choice(LAWFUL_BASES), help="The lawful basis, for the audit chain."),
    ]


def _silent_option() -> click.Option:
    return click.Option(
        ["--silent"],
        type=click.Path(path_type=Path),
        metavar="IDENTITY",
        help="For a silent request: recorded in the sealed chain only, which this private key opens.",
    )


def _wrapped(name: str, rule: _Rule, callback: Callable[..., Any], *, own_silence: bool) -> Callable[..., Any]:
    @wraps(callback)
    def run(**options: Any) -> Any:  # noqa: ANN401 -- click's own
        given = {key: options.pop(key) for key in ("purpose", "basis")}
        silent: Path | None = None if own_silence else options.pop("silent")
        config = load_config()
        if config.catalogue is None:
            if silent or any(given.values()):
                hint = "Write into portability.yaml: catalogue: sqlite:///catalogue.db"
                raise ConfigError("--purpose, --basis and --silent have nowhere to be recorded", hint=hint)
            return callback(**options)
        with _recording(name, rule, config, {"silent": silent, **options, **given}, identity=silent):
            return callback(**options)

    run.portability_recorded = True  # type: ignore[attr-defined]
    return run


@contextmanager
def _recording(
    name: str, rule: _Rule, config: Config, options: Mapping[str, Any], *, identity: Path | None = None
) -> Iterator[None]:
    try:
        from portability.auditing import audited  # noqa: PLC0415 -- see the module's contract
        from portability.cli.governed import governed_run, keep_run  # noqa: PLC0415
    except ModuleNotFoundError as error:
        hint = "pip install 'portability[service]'"
        message = f"a catalogue is configured, and the library {error.name} is not installed"
        raise ConfigError(message, place=name, hint=hint) from error

    silent = bool(options.get("silent"))
    with governed_run(config, silent=silent) as run:
        keep_run(click.get_current_context(), run)
        if identity is not None:  # nobody keeps out of the audit chain who could not read the sealed one
            from portability.cli.registers import silent_register  # noqa: PLC0415

            silent_register(run, identity, options.get("passphrase_file"))
        entry = _admitted(run, name, rule, options)
        with audited(run.catalogue, entry, run=run.sealed, silent=silent) as details:
            yield
            if rule.made:
                details["made"] = _archive(options[rule.made])


def _admitted(run: GovernedRun, name: str, rule: _Rule, options: Mapping[str, Any]) -> NewEntry:
    """Return the entry of a command that may run; record one that may not."""
    from portability.auditing import NewEntry  # noqa: PLC0415
    from portability.auditing.entries import check_entry  # noqa: PLC0415
    from portability.auditing.running import refused  # noqa: PLC0415

    actor = run.config.operator or ""
    entry = NewEntry(
        action=name,
        actor=actor if _NAME.fullmatch(actor) else "unknown",
        subject=_subject(rule, options, run.config),
        details=_details(run, options),
    )
    try:
        reveals = rule.reveals is True or bool(isinstance(rule.reveals, str) and options.get(rule.reveals))
        operator = run.authorise(rule.role, name, releases=reveals)
        purpose, basis = options["purpose"] or "", options["basis"] or ""
        # A request's kind gives both, and its own entries have them.
        gated = rule.by_request and options.get("request")
        if reveals and not (purpose and basis) and not gated:
            hint = 'Say why, and on which lawful basis: --purpose "..." --basis contract'
            raise ProcedureError(f"{name} reveals data, and needs --purpose and --basis", hint=hint)
        found = replace(entry, purpose=purpose, basis=basis, details={**entry.details, "key": operator.fingerprint})
        check_entry(found)
    except PortabilityError as error:
        refused(run.catalogue, entry, error, run=run.sealed, silent=run.silent)
        raise
    return found


def _subject(rule: _Rule, options: Mapping[str, Any], config: Config) -> str:
    given = options[rule.subject]
    return _archive(given) if isinstance(given, Path) else _source(str(given), config)


def _source(text: str, config: Config) -> str:
    """Name a source or target as the configuration does, or by its address without a password."""
    if text in config.sources:
        return f"source:{_label(text)}"
    from portability.connectors.url import parse_url  # noqa: PLC0415

    with suppress(ConfigError):
        return f"source:{_label(parse_url(text).label)}"
    return "source:unreadable"


def _details(run: GovernedRun, options: Mapping[str, Any]) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    request = str(options.get("request") or "")
    if request and (run.silent or _is_visible(run, request)):
        found["request"] = _label(request)
    if options.get("target"):
        found["target"] = _source(str(options["target"]), Config()).removeprefix("source:")
    if options.get("archive_b"):
        found["other"] = _archive(options["archive_b"])
    if options.get("table"):
        found["table"] = _label(str(options["table"]))
    return found


def _is_visible(run: GovernedRun, request: str) -> bool:
    """Tell whether the visible register has a request; of another number, a silent one's say, nothing is recorded."""
    from portability.catalogue.request_tables import iter_request_steps  # noqa: PLC0415

    number = re.fullmatch(r"(?:R-)?(\d{1,9})", request.strip(), re.IGNORECASE | re.ASCII)
    if number is None:
        return False
    with run.catalogue.reading() as transaction:
        return any(True for _ in iter_request_steps(transaction, request=int(number[1])))


def _archive(path: Path) -> str:
    """Name an archive by its hash: a path may hold a client's name."""
    for name in _IDENTIFYING:
        with suppress(OSError), (path / name).open("rb") as stream:
            return f"archive:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
    from portability.sealing.container import open_container  # noqa: PLC0415

    with suppress(OSError, PortabilityError), open_container(path, load_config().limits) as found:
        return f"archive:{hashlib.sha256(found.open(_IDENTIFYING[1]).read()).hexdigest()}"
    return "archive:unreadable"


def _label(text: str) -> str:
    return _NO_TOKEN.sub("_", text)[:_LABEL_CHARACTERS]
