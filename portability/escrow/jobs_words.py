"""The small words of a job file: lengths of time, quiet hours, time zones and cron lines."""

from __future__ import annotations

import importlib
import re
from datetime import UTC, datetime
from email.policy import SMTP
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from portability.errors import ConfigError
from portability.escrow.jobs_shapes import QuietHours, Schedule

__all__ = ["check_address", "check_cron", "check_host", "check_time_zone", "check_url", "parse_length", "parse_quiet"]

_LENGTH = re.compile(r"([1-9][0-9]{0,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_CRON_FIELDS = 5
_SUNDAY = 7
_QUIET = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")


def parse_length(text: str) -> int:
    """Return the seconds of ``90m``, ``36h`` or ``7d``.

    Raises:
        ValueError: It is not written so.
    """
    found = _LENGTH.fullmatch(text)
    if found is None:
        raise ValueError("is not a length of time: write 90m, 36h or 7d")
    return int(found[1]) * _SECONDS[found[2]]


def parse_quiet(text: str) -> QuietHours:
    """Return the hours of ``22:00-06:00``.

    Raises:
        ValueError: It is not written so, or no time at all, or the whole day.
    """
    found = _QUIET.fullmatch(text)
    if found is None:
        raise ValueError("is not written 22:00-06:00")
    hours = [int(number) for number in found.groups()]
    hours_ = QuietHours(from_minute=hours[0] * 60 + hours[1], until_minute=hours[2] * 60 + hours[3])
    if hours_.from_minute == hours_.until_minute:
        raise ValueError("starts when it ends")
    return hours_


def check_time_zone(name: str) -> None:
    """Refuse what is no time zone of the IANA's.

    Raises:
        ValueError: It is none.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is not a time zone of the IANA's, such as Europe/London") from None


def check_cron(line: str, time_zone: str) -> None:
    """Refuse a cron line that the runner would not take, or by which nothing would ever be due.

    Raises:
        ValueError: It is no such line.
        ConfigError: The scheduler's library is not installed.
    """
    if len(line.split()) != _CRON_FIELDS:
        raise ValueError(f"is not a cron line: it has {len(line.split())} fields instead of {_CRON_FIELDS}")
    # The runner takes a weekday's number as it comes; above 7 nobody means one.
    if any(int(number) > _SUNDAY for number in re.findall(r"(?<!/)\b[0-9]+", line.split()[-1])):
        raise ValueError("is not a cron line: a weekday is a number from 0 to 7, both Sunday")
    try:
        next_due: Any = importlib.import_module("portability.escrow.deposits.schedule").next_due
    except ModuleNotFoundError:
        hint = "pip install 'portability[service]'"
        raise ConfigError("escrow jobs need the scheduler's library, which is not installed", hint=hint) from None
    schedule = Schedule(cron=line, time_zone=time_zone, cooldown_s=0, quiet_hours=(), late_after_s=1, missed_after_s=2)
    try:
        next_due(schedule, datetime.now(UTC))
    except ConfigError:
        raise ValueError("names no day that ever comes") from None
    except (ValueError, TypeError, LookupError) as error:
        raise ValueError(f"is not a cron line: {str(error).splitlines()[0]}") from None


def check_address(text: str) -> None:
    """Refuse what is not one e-mail address that any mail server takes.

    Raises:
        ValueError: It is none.
    """
    if text.isascii() and text.isprintable():
        header: Any = SMTP.header_factory("To", text)
        if not header.defects and len(header.addresses) == 1 and all(header.addresses[0].addr_spec.partition("@")):
            return
    raise ValueError("is not one e-mail address, such as ops@example.com")


def check_host(text: str) -> None:
    """Refuse what cannot be a server's name.

    Raises:
        ValueError: It cannot.
    """
    if not re.fullmatch(r"[A-Za-z0-9.:_-]+", text):
        raise ValueError("is not a server's name, such as mail.example.com")


def check_url(text: str) -> None:
    """Refuse an address that no web server can have.

    Raises:
        ValueError: It is one.
    """
    try:
        parts = urlsplit(text) if text.isascii() and text.isprintable() and " " not in text else None
        if parts is not None and parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0:
            return
    except ValueError:
        pass  # brackets that do not close, a port that is no number or too great
    raise ValueError("is not a web address, such as https://hooks.example.com/escrow")
