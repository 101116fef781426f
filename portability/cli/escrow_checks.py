"""Whether deposits arrived, whether they open, and what becomes of them: receipts, status, verify, restore."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from portability.cli.escrow_agent import at_option, moment_of
from portability.cli.options import as_json_option, open_output
from portability.cli.passphrases import passphrase_asker, passphrase_option
from portability.cli.signers import open_key, open_policy, sign_option, trust_options
from portability.config import Config, load_config
from portability.errors import ArchiveExistsError, CheckFailedError, ConfigError
from portability.escrow.chain_folders import needed_deposits
from portability.escrow.drills.chain_opening import open_chain
from portability.escrow.drills.job import DrillRequest, drill
from portability.escrow.drills.places import deposits_of_job
from portability.escrow.drills.report import LEVELS
from portability.escrow.drills.statement import write_drill
from portability.escrow.jobs import Job, load_job
from portability.escrow.status.deadman import deadman_manifest
from portability.output import Output
from portability.presenting import escrow_agent as presenting_agent
from portability.presenting import escrow_checks as presenting
from portability.restoring import RestoreRequest, restore_archive
from portability.sealing.identity_files import load_identities
from portability.sealing.recipients import parse_recipient_list
from portability.signing import Policy, forbid_core_files, load_trust
from portability.staging import open_staging, publish

__all__ = ["receipts_command", "restore_command", "status_command", "verify_command"]

F = TypeVar("F", bound=Callable[..., Any])
_PATH = click.Path(path_type=Path)

_PLACE_OPTIONS = (
    click.option("--sequence", type=click.IntRange(min=1), metavar="N", help="Which deposit; the newest otherwise."),
    click.option("--depository", metavar="NAME", help="Of a job: which of its depositories; the first otherwise."),
    click.option(
        "--identity",
        "identities",
        type=_PATH,
        multiple=True,
        metavar="FILE",
        help="A recipient's private key. Give it again for each key that it takes.",
    ),
    click.option(
        "--staging", type=_PATH, default=Path(), metavar="DIR", help="Where plaintext lies, privately; here otherwise."
    ),
    trust_options,
    passphrase_option,
)


def _place_options(command: F) -> F:
    for option in reversed(_PLACE_OPTIONS):
        command = option(command)
    return command


@contextmanager
def _deposits(place: Path, options: dict[str, Any], output: Output) -> Iterator[tuple[Path, Policy | None]]:
    """Yield the folder of deposits that a JOB or FOLDER means, and whose signature is asked for."""
    policy = open_policy(options["trust"], options["signer"], options["verify_time"])
    if place.is_dir():
        yield place, policy
        return
    job = load_job(place)
    policy = policy or Policy(trust=load_trust(job.trust))
    with deposits_of_job(
        job,
        depository=options["depository"],
        sequence=options["sequence"],
        staging=options["staging"],
        progress=output.progress,
    ) as folder:
        yield folder, policy


@click.command("verify")
@click.argument("place", type=_PATH, metavar="JOB|FOLDER")
@click.option("--level", type=click.Choice(LEVELS), default="v1", show_default=True, help="How far.")
@click.option("--recipients", type=_PATH, metavar="FILE", help="Who was agreed, a line 'name key' for each.")
@click.option("--target", metavar="URL", help="v4, data: an empty database; a new SQLite file, discarded, otherwise.")
@click.option(
    "--isolation",
    type=click.Choice(["namespaces", "insecure-none"]),
    default="namespaces",
    show_default=True,
    help="v4, source: where the build runs; insecure-none runs a stranger's program as you.",
)
@click.option(
    "--tools",
    type=_PATH,
    multiple=True,
    metavar="DIR",
    help="v4, source: a folder besides /usr that the build may read.",
)
@click.option("--report", type=_PATH, metavar="DIR", help="Write the drill's report into a new folder.")
@sign_option
@_place_options
@as_json_option
def verify_command(place: Path, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- click's own, named above
    """Check a deposit where it lies, with all that it takes: v0 and v1 without a key, v4 up to a restored database.

    Example: portability escrow verify depository/alder --level v4 --identity custodian --report drill --sign my-key
    """
    output, config = open_output(as_json), load_config()
    if options["sign"] and not options["report"]:
        raise ConfigError("--sign signs the report", hint="Add --report DIR.")
    if options["report"] and options["report"].exists():
        raise ArchiveExistsError("the report exists", place=str(options["report"]), hint="Name a new folder.")
    forbid_core_files()
    key = open_key(options["sign"], options["passphrase_file"]) if options["sign"] else None
    with _deposits(place, options, output) as (folder, policy):
        report = drill(
            DrillRequest(
                folder=folder,
                staging=options["staging"],
                level=options["level"],
                sequence=options["sequence"],
                identities=_identities(options, config),
                policy=policy,
                recipients=_recipients(options["recipients"]),
                target=config.source(options["target"]).url if options["target"] else None,
                isolation=options["isolation"],
                tools=options["tools"],
                limits=config.limits,
                progress=output.progress,
            )
        )
    if options["report"]:
        write_drill(report, options["report"], key)
        _remember(report, options["report"], config, key.fingerprint if key else "")
    presenting.drilled(output, report, options["report"])
    if not report.passed:
        raise CheckFailedError("the deposit failed the drill", report=report, place=str(place))


def _identities(options: dict[str, Any], config: Config) -> Any:  # noqa: ANN401 -- a tuple of identities
    if not options["identities"]:
        return ()
    asker = passphrase_asker(options["passphrase_file"])
    return load_identities(options["identities"], passphrase=asker, limits=config.limits)


def _recipients(path: Path | None) -> Any:  # noqa: ANN401 -- public keys by name
    if path is None:
        return None
    return {each.name: each.key for each in parse_recipient_list(path.read_bytes(), str(path))}


def _remember(report: Any, folder: Path, config: Config, signer: str) -> None:  # noqa: ANN401 -- a DrillReport
    """Keep a drill in the catalogue, where one is configured, so that the status can show it."""
    if config.catalogue is None:
        return
    from portability.catalogue import open_catalogue  # noqa: PLC0415 -- only with a catalogue
    from portability.escrow.drills.keeping import keep_drill  # noqa: PLC0415

    with open_catalogue(config.catalogue) as catalogue:
        keep_drill(catalogue, report, (folder / "drill.json").read_bytes(), signer)


@click.command("restore")
@click.argument("place", type=_PATH, metavar="JOB|FOLDER")
@click.option("--archive", type=_PATH, metavar="DIR", help="Put the opened, assembled archive (or source) here.")
@click.option("--target", metavar="URL", help="Restore a data deposit into this empty database.")
@_place_options
@as_json_option
def restore_command(place: Path, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Open a deposit with all that it takes, into an archive, a database, or both.

    Example: portability escrow restore depository/alder --identity custodian --archive restored --target sqlite:///new.db
    """
    output, config = open_output(as_json), load_config()
    if not options["archive"] and not options["target"]:
        raise ConfigError("there is nothing to restore to", hint="Add --archive DIR, --target URL, or both.")
    if options["archive"] and options["archive"].exists():
        raise ArchiveExistsError("the destination exists", place=str(options["archive"]), hint="Name a new folder.")
    forbid_core_files()
    identities, began, restored = _identities(options, config), datetime.now(UTC), None
    with ExitStack() as stack:
        folder, policy = stack.enter_context(_deposits(place, options, output))
        deposits = needed_deposits(folder, sequence=options["sequence"], policy=policy, limits=config.limits)
        parent = options["archive"].absolute().parent if options["archive"] else options["staging"]
        private = stack.enter_context(open_staging(parent))
        root = open_chain(
            deposits,
            private.path,
            identities=identities,
            policy=policy,
            limits=config.limits,
            progress=output.progress,
        )
        if options["target"]:
            url = config.source(options["target"]).url
            request = RestoreRequest(archive=root, url=url, limits=config.limits, progress=output.progress)
            restored = restore_archive(request)
        if options["archive"]:
            publish(root, options["archive"])
    seconds = int((datetime.now(UTC) - began).total_seconds())
    presenting.restored(output, deposits, options["archive"], restored, seconds)


@click.command("status")
@click.argument("jobs", type=_PATH, nargs=-1, metavar="[JOB…]")
@click.option("--manifest", type=_PATH, metavar="FILE", help="Ask only this manifest.json of the last deposit.")
@click.option("--prometheus", is_flag=True, help="Print Prometheus text instead of a table.")
@trust_options
@at_option
@as_json_option
def status_command(jobs: tuple[Path, ...], as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Show how deposits stand: the last good one, its age, when the next is due, how far it was checked.

    Of the jobs that are named; of all that the catalogue knows when none is. Fails with exit code 9 when one is late,
    missed or failed, also when the last run failed, and when a check that a named job agrees on is overdue.
    Example: portability escrow status
    """
    output, now = open_output(as_json), moment_of(options["at"])
    policy = open_policy(options["trust"], options["signer"], options["verify_time"])
    if options["manifest"]:
        found = (deadman_manifest(options["manifest"], policy, now=now),)
    else:
        found = _standings([load_job(each) for each in jobs], now)
    if options["prometheus"]:
        from portability.escrow.status.prometheus import prometheus_text  # noqa: PLC0415 -- a library of the service

        click.echo(prometheus_text(found), nl=False)
        return
    presenting_agent.standings(output, found)
    _refuse_overdue(found)


def _refuse_overdue(found: Any) -> None:  # noqa: ANN401 -- a sequence of standings
    overdue = [each.agreement or "the deposit" for each in found if each.overdue]
    if overdue:
        hint = "The lines below the table, and the jobs' logs, say why; portability escrow deposit JOB tries it now."
        raise CheckFailedError("deposits or their checks are overdue, or failed", place=", ".join(overdue), hint=hint)


def _standings(jobs: list[Job], now: datetime) -> Any:  # noqa: ANN401 -- a tuple of standings
    from portability.catalogue import open_catalogue  # noqa: PLC0415 -- only without --manifest
    from portability.escrow.deposits.ownership import agreements_of  # noqa: PLC0415
    from portability.escrow.deposits.schedule import last_due  # noqa: PLC0415
    from portability.escrow.status.catalogue_status import Expectation, catalogue_standings  # noqa: PLC0415

    config, found = load_config(), list[Any]()
    for url in dict.fromkeys([job.catalogue or config.catalogue for job in jobs] or [config.catalogue]):
        if url is None:
            hint = "Name one in portability.yaml, or ask a manifest: portability escrow status --manifest manifest.json"
            raise ConfigError("no catalogue is configured", hint=hint)
        expected = {
            agreement: Expectation(
                job=job.name,
                deposit_class=job.deposit_class,
                last_due=last_due(job.schedule, now),
                verification=job.verification,
            )
            for job in jobs
            if (job.catalogue or config.catalogue) == url
            for agreement in agreements_of(job)
        }
        with open_catalogue(url) as catalogue:
            found += catalogue_standings(catalogue, now=now, expected=expected)
    return tuple(sorted(found, key=lambda each: each.agreement))


@click.command("receipts")
@click.argument("job_file", type=_PATH, metavar="JOB")
@click.option(
    "--agents", type=_PATH, required=True, metavar="FILE", help="Whose receipts count: an allowed_signers file."
)
@click.option(
    "--drill",
    "drills",
    type=_PATH,
    multiple=True,
    metavar="DIR",
    help="Also keep a drill's signed report that was sent to you. Give it again for each.",
)
@as_json_option
def receipts_command(job_file: Path, agents: Path, drills: tuple[Path, ...], as_json: bool) -> None:
    """Fetch agents' receipts from a job's depositories, check them, and move its deposits on.

    A drill's report counts like a receipt when a key of the same file signed it and it is about this job's deposits.
    Example: portability escrow receipts job.yaml --agents agents --drill from-the-agent/drill
    """
    from portability.catalogue import open_catalogue  # noqa: PLC0415
    from portability.depositories import open_depository  # noqa: PLC0415
    from portability.escrow.deposits.ownership import agreements_of  # noqa: PLC0415
    from portability.escrow.drills.keeping import keep_report  # noqa: PLC0415
    from portability.escrow.receiving.fetching import fetch_receipts  # noqa: PLC0415

    output, job = open_output(as_json), load_job(job_file)
    url = job.catalogue or load_config().catalogue
    if url is None:
        raise ConfigError("no catalogue is configured", hint="Name one in portability.yaml or in the job.")
    with ExitStack() as stack:
        catalogue = stack.enter_context(open_catalogue(url))
        opened = [stack.enter_context(open_depository(each.config)) for each in job.depositories]
        trust = load_trust(agents)
        kept = [keep_report(catalogue, each, trust, agreements_of(job)) for each in drills]
        agreements = agreements_of(job)
        found = tuple(e for each in agreements for e in fetch_receipts(catalogue, each, opened, trust))
    presenting.fetched(output, found, kept)
    if any(each.outcome in ("fail", "refused", "unknown") for each in found):
        raise CheckFailedError("a receipt says fail, or is none that counts", place=job.agreement)
