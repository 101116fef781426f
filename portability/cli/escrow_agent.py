"""The escrow agent's commands: receive, deadman, prune, hold. No catalogue and no vendor are needed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from portability.cli.escrow_officers import officer_by_key
from portability.cli.options import as_json_option, open_output
from portability.cli.passphrases import passphrase_option
from portability.cli.signers import open_key, open_policy, sign_option, trust_options
from portability.config import load_config
from portability.errors import CheckFailedError, ConfigError, ProcedureError
from portability.escrow.receiving.agreements import Agreement, Agreements, load_agreements
from portability.escrow.receiving.findings import Found
from portability.escrow.receiving.job import Received, ReceiveRequest, receive
from portability.escrow.receiving.memory import open_memory
from portability.escrow.retention.holds import Officer, lift_hold, list_holds, place_hold
from portability.escrow.retention.pruning import PruneRequest, plan_pruning, prune
from portability.escrow.retention.requests import read_erasure_request, write_erasure_request
from portability.escrow.signed_files import read_bounded
from portability.escrow.status.deadman import deadman_folder, deadman_manifest
from portability.output import Output
from portability.presenting import escrow_agent as presenting
from portability.signing import load_trust
from portability.signing.trust import parse_trust

if TYPE_CHECKING:
    from portability.auditing import Role

__all__ = ["deadman", "hold_group", "prune_command", "receive_command"]

F = TypeVar("F", bound=Callable[..., Any])
_PATH = click.Path(path_type=Path)

memory_option = click.option(
    "--memory",
    type=_PATH,
    required=True,
    metavar="DIR",
    help="Your own memory of what you received, where the vendor's login cannot write. Made when it is not there.",
)
agreements_option = click.option(
    "--agreements", type=_PATH, required=True, metavar="FILE", help="What was agreed: agreements.yaml."
)
at_option = click.option("--at", metavar="TIME", help="The moment to judge, RFC 3339 with its zone; now when left out.")


def moment_of(text: str | None) -> datetime:
    """Return the moment that was asked about.

    Raises:
        ConfigError: It is none, or has no time zone.
    """
    if text is None:
        return datetime.now(UTC)
    with suppress(ValueError):
        if (moment := datetime.fromisoformat(text)).tzinfo is not None:
            return moment.astimezone(UTC)
    hint = "Write 2026-11-22T09:00:00Z, or +01:00 for a zone."
    raise ConfigError("is not a time with its zone", place=f"--at {text[:40]}", hint=hint)


@click.command("receive")
@click.argument("folder", type=_PATH)
@click.option(
    "--trust", type=_PATH, required=True, metavar="FILE", help="Whose deposits you accept: an allowed_signers file."
)
@agreements_option
@memory_option
@sign_option
@passphrase_option
@click.option(
    "--again",
    is_flag=True,
    help="Read every byte of the deposits that you received before, too; judge again what failed by your own files.",
)
@click.option(
    "--from",
    "source",
    type=_PATH,
    metavar="FILE",
    help="A depository that somebody else runs (its YAML file): copied into FOLDER first; receipts go back.",
)
@at_option
@as_json_option
def receive_command(folder: Path, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- click's own, named above
    """Check what arrived in a depository's FOLDER, without any key to it, and sign a receipt for each deposit.

    Example: portability escrow receive store --trust vendors --agreements agreements.yaml --memory memory --sign agent
    """
    output = open_output(as_json)
    if options["sign"] is None:
        raise ConfigError("a receipt is signed", hint="Add --sign with your own key, not the vendor's.")
    trusted = read_bounded(options["trust"])
    with ExitStack() as stack:
        done = _received(stack, folder, trusted, options, output)
    presenting.received(output, done)
    if not done.ok:
        raise CheckFailedError("a deposit failed, or what lay there before has changed", place=str(folder))


def _received(stack: ExitStack, folder: Path, trusted: bytes, options: dict[str, Any], output: Output) -> Received:
    found: tuple[Found, ...] = ()
    agreements, trust = load_agreements(options["agreements"]), parse_trust(trusted, str(options["trust"]))
    if options["source"]:
        from portability.depositories import open_depository  # noqa: PLC0415 -- only for one that is elsewhere
        from portability.escrow.receiving.mirroring import load_depository, mirror, put_receipts  # noqa: PLC0415

        depository = stack.enter_context(open_depository(load_depository(options["source"])))
        names = agreements.by_name
        found = mirror(depository, folder, agreements=names, trust=trust, progress=output.progress).findings
        stack.callback(put_receipts, depository, folder)  # when it was received, and before the connection ends
    done = receive(
        ReceiveRequest(
            folder=folder,
            memory=options["memory"],
            trust=trust,
            trust_sha256=hashlib.sha256(trusted).hexdigest(),
            agreements=agreements,
            key=open_key(options["sign"], options["passphrase_file"]),
            again=options["again"],
            now=moment_of(options["at"]),
            progress=output.progress,
        )
    )
    return replace(done, findings=(*found, *done.findings))


@click.command("deadman")
@click.argument("place", type=_PATH)
@click.option("--memory", type=_PATH, metavar="DIR", help="Your memory of what you received; believed before FOLDER.")
@click.option("--agreements", type=_PATH, metavar="FILE", help="What was agreed, and so how long a silence may be.")
@trust_options
@at_option
@as_json_option
def deadman(place: Path, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Tell whether the next deposit is overdue, from the last manifest.json or a depository's folder alone.

    Fails with exit code 9 when one is. Example: portability escrow deadman depository --trust vendors
    """
    output = open_output(as_json)
    policy = open_policy(options["trust"], options["signer"], options["verify_time"])
    now, agreements = moment_of(options["at"]), options["agreements"]
    if place.is_dir() and not (place / "manifest.json").is_file():
        agreed = load_agreements(agreements) if agreements else None
        found = deadman_folder(place, policy, now=now, memory=options["memory"], agreements=agreed)
    else:
        manifest = place / "manifest.json" if place.is_dir() else place
        found = (deadman_manifest(manifest, policy, now=now),)
    presenting.standings(output, found)
    refuse_overdue(found)


def refuse_overdue(found: Any) -> None:  # noqa: ANN401 -- a sequence of standings
    """Fail when any chain is overdue.

    Raises:
        CheckFailedError: One is.
    """
    overdue = [each.agreement or "the deposit" for each in found if each.overdue]
    if overdue:
        hint = "Ask the depositor; after the time that was agreed, a release may be asked for (docs/escrow_release.md)."
        raise CheckFailedError("deposits are overdue or failed", place=", ".join(overdue), hint=hint)


@click.command("prune")
@click.argument("folder", type=_PATH)
@agreements_option
@memory_option
@click.option("--execute", is_flag=True, help="Delete; without it only the plan is shown.")
@click.option(
    "--request",
    "requests",
    type=_PATH,
    multiple=True,
    metavar="FILE",
    help="A depositor's signed request to delete deposits before their time; with --trust.",
)
@click.option("--trust", type=_PATH, metavar="FILE", help="Whose requests you accept.")
@click.option(
    "--silent",
    "officer",
    type=_PATH,
    metavar="IDENTITY",
    help="Where silent recipients are configured: the key of one of them, so that nothing is deleted that must stay.",
)
@sign_option
@passphrase_option
@at_option
@as_json_option
def prune_command(folder: Path, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Delete deposits whose time has passed from a depository's FOLDER: the agent's act, with a signed certificate.

    Example: portability escrow prune depository --agreements agreements.yaml --memory memory
    """
    if options["execute"] and options["at"] is not None and moment_of(options["at"]) > datetime.now(UTC):
        raise click.UsageError("--execute deletes now: --at a day to come shows only the plan of that day")
    output = open_output(as_json)
    agreements = load_agreements(options["agreements"])
    asked = _requests(options["requests"], options["trust"], agreements)
    requested = {each.agreement: frozenset[int]() for each, _ in asked}
    for each, _ in asked:
        requested[each.agreement] |= frozenset(each.sequences)
    request = PruneRequest(
        folder=folder,
        memory=options["memory"],
        agreements=agreements,
        key=open_key(options["sign"], options["passphrase_file"]) if options["sign"] else None,
        requested=requested,
        frozen=_frozen(options["officer"], options["passphrase_file"]),
        now=moment_of(options["at"]),
        progress=output.progress,
    )
    if options["execute"]:
        done = prune(request)
        _record_erased(done.deleted)
        presenting.pruned(output, done)
    else:
        said = [{"agreement": e.agreement, "sequences": list(e.sequences), "by": by.principals} for e, by in asked]
        presenting.plans(output, plan_pruning(request), said)


def _record_erased(deleted: Iterable[Mapping[str, Any]]) -> None:
    """Put each deletion into the audit chain, where there is one; the certificate in the depository is there anyway."""
    if load_config().catalogue is None:
        return
    from portability.auditing import NewEntry, append  # noqa: PLC0415 -- the service's libraries
    from portability.cli.governed import current_run  # noqa: PLC0415

    run = current_run()
    if run is None:
        return
    for each in deleted:
        details = {name: each[name] for name in ("sequence", "manifest_sha256", "size_bytes", "why")}
        subject = f"agreement:{each['agreement']}"
        entry = NewEntry(
            action="escrow.erase", actor=run.operator, subject=subject, purpose="retention as agreed", details=details
        )
        append(run.catalogue, entry)


def _frozen(officer: Path | None, passphrase_file: Path | None) -> Callable[[Agreement], bool]:
    """Return what says whether an open request forbids deletion, where requests are kept at all.

    Raises:
        ConfigError: Silent recipients are configured, and the key of none was given: who cannot see, does not delete.
    """
    config = load_config()
    if config.catalogue is None:
        return lambda _: False
    from portability.cli.governed import current_run  # noqa: PLC0415 -- the service's libraries
    from portability.cli.registers import desk_of  # noqa: PLC0415
    from portability.governing.holds import is_held  # noqa: PLC0415

    run = current_run()
    if run is None:
        raise ConfigError("a catalogue is configured, and this run of prune is not recorded in it")
    if config.silent_recipients and officer is None:
        raise ConfigError("whoever prunes here shows a key first", hint="Add --silent IDENTITY, always.")
    registers = [desk_of(run, None).register]
    if officer is not None:
        registers.append(desk_of(run, officer, passphrase_file).register)
    return lambda agreement: any(is_held(registers, name) for name in (agreement.customer, agreement.name))


def _requests(paths: tuple[Path, ...], trust: Path | None, agreements: Agreements) -> list[Any]:
    if paths and trust is None:
        raise ConfigError("a request counts only when you say whose you accept", hint="Add --trust FILE.")
    return [read_erasure_request(path, load_trust(trust), agreements) for path in paths if trust is not None]


@click.command("request-prune")
@click.argument("out", type=_PATH)
@click.option("--agreement", required=True, metavar="NAME")
@click.option("--sequence", "sequences", type=click.IntRange(min=1), multiple=True, required=True, metavar="N")
@click.option("--reason", required=True, metavar="TEXT", help="Why, without anybody's data.")
@sign_option
@passphrase_option
@as_json_option
def request_prune(out: Path, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Write a depositor's signed request to delete deposits into OUT; only the agent can act on it.

    Example: portability escrow request-prune out.json --agreement alder --sequence 3 --reason "wrong scope" --sign key
    """
    if options["sign"] is None:
        raise ConfigError("a request is signed", hint="Add --sign with the depositor's key.")
    key = open_key(options["sign"], options["passphrase_file"])
    request = write_erasure_request(
        out, options["agreement"], options["sequences"], options["reason"], key=key, now=datetime.now(UTC)
    )
    document = {"agreement": request.agreement, "sequences": list(request.sequences), "by": request.by}
    presenting.written(open_output(as_json), out, document)


@click.group("hold")
def hold_group() -> None:
    """Legal holds: what must not be deleted. Only the agent sees them."""


@hold_group.command("place")
@click.argument("agreement")
@click.option(
    "--sequence", "sequences", type=click.IntRange(min=1), multiple=True, metavar="N", help="Not all of them."
)
@click.option("--evidence", type=_PATH, required=True, metavar="FILE", help="The order; its hash is remembered.")
@click.option("--future", is_flag=True, help="Nothing was agreed or received under this name yet.")
@agreements_option
@memory_option
@sign_option
@passphrase_option
@as_json_option
def hold_place(agreement: str, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Hold an agreement's deposits, those to come too; signed by one of the officers in agreements.yaml.

    Example: portability escrow hold place alder --evidence order.txt --agreements agreements.yaml --memory memory
    --sign cara
    """
    agreements = load_agreements(options["agreements"])
    by = _officer(options, agreements, "operator", "escrow.hold.place")
    with open_memory(options["memory"]) as memory:
        if not options["future"] and agreement not in {*agreements.by_name, *memory.agreements()}:
            hint = "Check the name; --future holds what is to come under it."
            raise ProcedureError("nothing was agreed or received under this name", place=agreement[:64], hint=hint)
        evidence, now = _evidence(options["evidence"]), datetime.now(UTC)
        found = place_hold(memory, agreement, options["sequences"], by=by, evidence_sha256=evidence, now=now)
    presenting.holds(open_output(as_json), [found])


@hold_group.command("lift")
@click.argument("number")
@click.option("--evidence", type=_PATH, required=True, metavar="FILE", help="Why it ends; its hash is remembered.")
@agreements_option
@memory_option
@sign_option
@passphrase_option
@as_json_option
def hold_lift(number: str, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Lift a hold; signed by another person than the one who placed it, with a key of their own.

    Example: portability escrow hold lift 1a2b3c4d --evidence end.txt --agreements agreements.yaml --memory memory
    --sign dan
    """
    by = _officer(options, load_agreements(options["agreements"]), "approver", "escrow.hold.lift")
    with open_memory(options["memory"]) as memory:
        evidence = _evidence(options["evidence"])
        found = lift_hold(memory, number, by=by, evidence_sha256=evidence, now=datetime.now(UTC))
    presenting.holds(open_output(as_json), [found])


def _officer(options: dict[str, Any], agreements: Agreements, role: Role, step: str) -> Officer:
    """Return who acts on a hold: an operator of the catalogue where there are any, else an officer of the agreements.

    Nothing of it goes into the audit chain, where it would show that there is a hold; the memory has it, signed.

    Raises:
        ConfigError: No key was given.
        ProcedureError: They may not, or the key is nobody's who may.
    """
    config = load_config()
    if config.catalogue is not None:
        from portability.auditing import read_register  # noqa: PLC0415 -- the service's libraries
        from portability.cli.governed import governed_run  # noqa: PLC0415

        with governed_run(config) as run:
            if read_register(run.catalogue).operators:
                operator = run.authorise(role, step)
                return Officer(name=operator.name, key=run.key(passphrase_file=options["passphrase_file"]))
    return officer_by_key(options["sign"], options["passphrase_file"], agreements)


@hold_group.command("list")
@memory_option
@as_json_option
def hold_list(as_json: bool, memory: Path) -> None:
    """Show the holds that stand.

    Example: portability escrow hold list --memory memory
    """
    with open_memory(memory) as opened:
        presenting.holds(open_output(as_json), list_holds(opened))


def _evidence(path: Path) -> str:
    return hashlib.sha256(read_bounded(path)).hexdigest()
