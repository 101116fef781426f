"""A job file's content -> a Job: what its JSON Schema cannot say is checked here, each with the line of its field."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from portability.depositories import DepositoryConfig
from portability.depositories.config import check_service, parse_jump, parse_place
from portability.errors import ConfigError
from portability.escrow.jobs_payloads import absolute_address, read_payload, read_recipients
from portability.escrow.jobs_shapes import (
    Email,
    FullEvery,
    Job,
    JobDepository,
    Notice,
    QuietHours,
    Retention,
    Schedule,
    Verification,
    Webhook,
)
from portability.escrow.jobs_words import (
    check_address,
    check_cron,
    check_host,
    check_time_zone,
    check_url,
    parse_length,
    parse_quiet,
)
from portability.yaml_files import YamlDocument, YamlPath, all_mistakes

__all__ = ["read_job"]

_T = TypeVar("_T")
_LATE_AFTER = "6h"
_MISSED_AFTER = "24h"
_SERVICE_FILES = {"secret_key_file", "ca_file"}
_MAIL_PORTS = {"starttls": 587, "implicit": 465, "none": 25}


def read_job(document: YamlDocument, *, path: Path, sha256: str) -> Job:
    """Make a job of a document that is as the schema says.

    Raises:
        ConfigError: Something in it cannot be so; the message names file, line, field and mend.
    """
    given: Mapping[str, Any] = document.content
    folder = path.parent
    if mistakes := [*_mistakes(document, folder)]:
        raise all_mistakes(mistakes)
    schedule = _schedule(document)
    depositories = tuple(
        _depository(document, number, schedule, folder) for number in range(len(given["depositories"]))
    )
    recipients = read_recipients(document, ("recipients",), folder, given.get("threshold", 1))
    return Job(
        path=path,
        sha256=sha256,
        name=given["name"],
        agreement=given["agreement"],
        deposit_class=given["class"],
        payload=read_payload(document, folder),
        recipients=recipients,
        threshold=given.get("threshold", 1),
        depositories=_named_once(document, depositories),
        quorum=_quorum(document, len(depositories)),
        schedule=schedule,
        full_every=msgspec.convert(given.get("full_every", {}), FullEvery),
        retention=msgspec.convert(given.get("retention", {}), Retention),
        verification=_verification(document, {one.name for one in recipients} | {one.party for one in recipients}),
        notices=tuple(_notice(document, number) for number in range(len(given.get("notices", ())))),
        signing_key=str(folder / given["sign"]),
        passphrase_file=folder / given["passphrase_file"] if "passphrase_file" in given else None,
        trust=folder / given["trust"],
        catalogue=absolute_address(given["catalogue"], folder) if "catalogue" in given else None,
        spool=_apart(document, "spool", folder, depositories),
        staging=_staging(document, folder, depositories),
        vendor_keys=tuple(folder / name for name in given.get("vendor_keys", ())),
        document=document,
    )


def _mistakes(document: YamlDocument, folder: Path) -> Iterator[ConfigError]:
    """Yield what is wrong with each part that can be read without the others; what they say together comes after."""
    given: Mapping[str, Any] = document.content
    usual = Schedule(cron="", time_zone="UTC", cooldown_s=0, quiet_hours=(), late_after_s=0, missed_after_s=0)
    parts: tuple[Callable[[], object], ...] = (
        partial(_schedule, document),
        *(partial(_depository, document, number, usual, folder) for number in range(len(given["depositories"]))),
        partial(read_recipients, document, ("recipients",), folder, given.get("threshold", 1)),
        partial(read_payload, document, folder),
        partial(_quorum, document, len(given["depositories"])),
        *(partial(_notice, document, number) for number in range(len(given.get("notices", ())))),
    )
    for read in parts:
        try:
            read()
        except ConfigError as error:
            yield error


def _told(document: YamlDocument, path: YamlPath, make: Callable[[], _T], *, hint: str = "") -> _T:
    """Return what ``make`` makes; its ValueError becomes an error at the field."""
    try:
        return make()
    except ValueError as error:
        raise document.fault(path, str(error), hint=hint) from None


def _length(document: YamlDocument, path: YamlPath, text: str) -> int:
    return _told(document, path, lambda: parse_length(text))


def _quiet(document: YamlDocument, path: YamlPath, given: Sequence[str]) -> tuple[QuietHours, ...]:
    return tuple(
        _told(document, (*path, number), lambda text=text: parse_quiet(text))  # type: ignore[misc]
        for number, text in enumerate(given)
    )


# --- when ------------------------------------------------------------------------------------------------------------


def _schedule(document: YamlDocument) -> Schedule:
    given = document.content["schedule"]
    _told(document, ("schedule", "time_zone"), lambda: check_time_zone(given["time_zone"]))
    hint = 'Five fields: minute, hour, day of month, month, day of week: "0 2 * * *".'
    _told(document, ("schedule", "cron"), lambda: check_cron(given["cron"], given["time_zone"]), hint=hint)
    late = _length(document, ("schedule", "late_after"), given.get("late_after", _LATE_AFTER))
    missed = _length(document, ("schedule", "missed_after"), given.get("missed_after", _MISSED_AFTER))
    if missed <= late:
        hint = "missed_after counts from the same moment as late_after and is the longer one."
        raise document.fault(("schedule", "missed_after"), "is not after late_after", hint=hint)
    cooldown = given.get("cooldown")
    return Schedule(
        cron=given["cron"],
        time_zone=given["time_zone"],
        cooldown_s=_length(document, ("schedule", "cooldown"), cooldown) if cooldown else 0,
        quiet_hours=_quiet(document, ("schedule", "quiet_hours"), given.get("quiet_hours", ())),
        late_after_s=late,
        missed_after_s=missed,
    )


def _verification(document: YamlDocument, known: set[str]) -> tuple[Verification, ...]:
    found = []
    for number, each in enumerate(document.content.get("verification", ())):
        path: YamlPath = ("verification", number)
        if each["by"] not in known:
            hint = f"Name a party or a recipient of this job: {', '.join(sorted(known))}."
            raise document.fault((*path, "by"), "is neither a party nor a recipient here", hint=hint)
        lengths = {f"{w}_s": _length(document, (*path, w), each[w]) for w in ("within", "every") if w in each}
        found.append(Verification(level=each["level"], by=each["by"], **lengths))
    return tuple(found)


# --- where -----------------------------------------------------------------------------------------------------------


def _depository(document: YamlDocument, number: int, schedule: Schedule, folder: Path) -> JobDepository:
    path: YamlPath = ("depositories", number)
    given = dict(document.content["depositories"][number])
    quiet, cooldown = given.pop("quiet_hours", None), given.pop("cooldown", None)
    if given["url"].startswith("directory:"):
        inside = given["url"].removeprefix("directory:")
        # The job's own folder is a path, not part of an address: what a # or % in its name says is not decoded.
        given["url"] = f"directory:{inside if inside.startswith('/') else f'{quote(str(folder))}/{inside}'}"
    logins: list[dict[str, Any]] = [each["login"] for each in (given, given.get("jump", {})) if "login" in each]
    for login in logins:
        for name in {"key", "password_file", "key_passphrase_file"} & {*login}:
            login[name] = str(folder / login[name])
    if "service" in given:
        paths = {name: str(folder / given["service"][name]) for name in _SERVICE_FILES & {*given["service"]}}
        given["service"] = given["service"] | paths
    if given["url"].startswith("sftp:") and "login" not in given:
        raise document.fault(path, "has no login", hint="An SFTP server needs login, with its host_keys.")
    if given["url"].startswith("s3:") and "service" not in given:
        raise document.fault(path, "has no service", hint="Object storage needs service, with its access_key.")
    config = _told(document, path, lambda: msgspec.convert(given, DepositoryConfig, dec_hook=_path))
    _check_addresses(document, path, config)
    return JobDepository(
        config=config,
        quiet_hours=schedule.quiet_hours if quiet is None else _quiet(document, (*path, "quiet_hours"), quiet),
        cooldown_s=_length(document, (*path, "cooldown"), cooldown) if cooldown else schedule.cooldown_s,
    )


def _check_addresses(document: YamlDocument, path: YamlPath, config: DepositoryConfig) -> None:
    checks: dict[str, Callable[[], object]] = {"url": lambda: parse_place(config)}
    if (jump := config.jump) is not None:
        checks["jump"] = lambda: parse_jump(jump, config.name)
    if (service := config.service) is not None:
        checks["service"] = lambda: check_service(service, config.name)
    for field, check in checks.items():
        try:
            check()
        except ConfigError as error:
            raise document.fault((*path, field), error.message, hint=error.hint) from None
    _refuse_unfit(document, path, config)


def _refuse_unfit(document: YamlDocument, path: YamlPath, config: DepositoryConfig) -> None:
    """Refuse a field that another kind of depository takes: it would say something that is not done."""
    fields = {"sftp": ("login", "jump"), "directory": ("marker",), "s3": ("service",)}
    kind = parse_place(config).kind
    for field in ("login", "jump", "service", "marker"):
        if field not in fields[kind] and getattr(config, field) is not None:
            kinds = ", ".join(f"{each}:" for each, known in fields.items() if field in known)
            raise document.fault((*path, field), f"is nothing that {kind}: takes", hint=f"It is for {kinds}.")


def _lies(config: DepositoryConfig) -> tuple[object, ...]:
    """Return where a depository is, however its address is written."""
    place = parse_place(config)
    if place.kind == "directory":
        return ("directory", Path(place.folder).resolve())
    endpoint = config.service.endpoint if config.service is not None else None
    return (place, endpoint and endpoint.rstrip("/").lower(), config.jump and config.jump.url)


def _path(kind: type, value: object) -> object:
    """Turn a path's text into a path, which the library does not know."""
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise ValueError("is not what it must be")


def _named_once(document: YamlDocument, depositories: tuple[JobDepository, ...]) -> tuple[JobDepository, ...]:
    for what, of in (("name", lambda config: config.name), ("url", _lies)):
        seen: set[object] = set()
        for number, each in enumerate(depositories):
            value = of(each.config)
            if value in seen:
                hint = "Two depositories have two names, and lie in two places."
                raise document.fault(("depositories", number, what), "stands for two depositories", hint=hint)
            seen.add(value)
    return depositories


def _quorum(document: YamlDocument, number: int) -> int:
    quorum = int(document.content.get("quorum", number))
    if quorum > number:
        raise document.fault(("quorum",), f"is {quorum}, but there are {number} depositories")
    return quorum


def _apart(document: YamlDocument, field: str, folder: Path, depositories: Sequence[JobDepository]) -> Path:
    """Return the spool or the staging folder, which neither holds a depository nor lies in one."""
    path = folder / str(document.content[field])
    for each in depositories:
        place = parse_place(each.config)
        if place.kind == "directory":
            lies, holds = Path(place.folder).resolve(), path.resolve()
            if holds.is_relative_to(lies) or lies.is_relative_to(holds):
                hint = "What is on its way, and what has arrived, never share a folder: name one beside it."
                raise document.fault((field,), f"and the depository {each.config.name} lie in each other", hint=hint)
    return path


def _staging(document: YamlDocument, folder: Path, depositories: Sequence[JobDepository]) -> Path:
    """Return the staging folder, which must not be where sealed deposits lie: those are copied, it never is."""
    spool, staging = folder / str(document.content["spool"]), _apart(document, "staging", folder, depositories)
    if staging.absolute() == spool.absolute():
        hint = "Plaintext and sealed deposits never share a folder."
        raise document.fault(("staging",), "is the spool's folder", hint=hint)
    return staging


# --- who is told -----------------------------------------------------------------------------------------------------


def _notice(document: YamlDocument, number: int) -> Notice:
    path: YamlPath = ("notices", number)
    given: Mapping[str, Any] = document.content["notices"][number]
    events = frozenset(given["on"])
    if "command" in given:
        _told(document, (*path, "command"), lambda: _check_command(given["command"]))
        return Notice(events=events, channel=tuple(given["command"]))
    if "webhook" in given:
        _told(document, (*path, "webhook", "url"), lambda: check_url(given["webhook"]["url"]))
        return Notice(events=events, channel=msgspec.convert(given["webhook"], Webhook))
    return Notice(events=events, channel=_email(document, (*path, "email"), given["email"]))


def _email(document: YamlDocument, path: YamlPath, given: Mapping[str, Any]) -> Email:
    _told(document, (*path, "sender"), lambda: check_address(given["sender"]))
    for number, address in enumerate(given["to"]):
        _told(document, (*path, "to", number), lambda text=address: check_address(text))  # type: ignore[misc]
    _told(document, (*path, "server"), lambda: check_host(given["server"]))
    email = {"tls": "starttls", **given}
    email.setdefault("port", _MAIL_PORTS[email["tls"]])
    return msgspec.convert(email, Email)


def _check_command(words: Sequence[str]) -> None:
    if any("\0" in word for word in words):
        raise ValueError("holds a NUL character, which no command can")
