"""The ways in which a notice is delivered: a command, e-mail by SMTP, a webhook. One attempt each, bounded in time.

Secrets are read from the environment at that moment and stand in nothing that is kept or told.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import os
import smtplib
import ssl
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import EmailMessage
from typing import TYPE_CHECKING, NoReturn

from portability.errors import ConfigError, PortabilityError, printable
from portability.escrow.jobs import Email, Webhook

if TYPE_CHECKING:
    from email.message import Message
    from typing import IO

    from portability.limits import Limits

__all__ = ["NoticeDocument", "deliver"]

_WORDS = {
    "due": "a deposit is due",
    "late": "a deposit is late",
    "missed": "a deposit was missed",
    "failed": "a deposit failed",
    "recovered": "deposits are in order again",
}
_SIGNATURE = "X-Portability-Signature"


@dataclass(frozen=True, kw_only=True)
class NoticeDocument:
    """A notice, as commands get it on standard input, one line, and webhooks as their body."""

    event: str
    job: str
    agreement: str
    at: str
    due_at: str | None
    failures: int
    last_deposit: int | None
    last_deposit_at: str | None
    detail: str


def deliver(channel: tuple[str, ...] | Email | Webhook, notice: NoticeDocument, text: str, limits: Limits) -> None:
    """Deliver a notice once.

    Args:
        channel: How.
        notice: What it says.
        text: The same as the JSON document that is handed on.
        limits: For how long it may take.

    Raises:
        PortabilityError: It was not delivered.
    """
    try:
        if isinstance(channel, Email):
            _mail(channel, notice, limits)
        elif isinstance(channel, Webhook):
            _post(channel, text.encode(), limits)
        else:
            _run(channel, f"{text}\n".encode(), limits)
    except (ValueError, http.client.HTTPException) as error:  # a value that the libraries cannot send, an odd answer
        raise PortabilityError(f"the notice cannot be sent: {type(error).__name__}") from None


def _run(command: tuple[str, ...], document: bytes, limits: Limits) -> None:
    try:
        done = subprocess.run(  # noqa: S603 -- the operator's own command, from the job file, without a shell
            command, input=document, capture_output=True, check=False, timeout=limits.notice_timeout_s
        )
    except subprocess.TimeoutExpired:
        raise PortabilityError(f"the command took longer than {limits.notice_timeout_s} s") from None
    except OSError as error:
        raise PortabilityError(f"the command cannot be started: {error.strerror}") from None
    if done.returncode:
        raise PortabilityError(f"the command ended with {done.returncode}")


# --- e-mail ----------------------------------------------------------------------------------------------------------


def _mail(email: Email, notice: NoticeDocument, limits: Limits) -> None:
    message = EmailMessage()
    message["From"], message["To"] = email.sender, ", ".join(email.to)
    message["Subject"] = f"Escrow {notice.agreement}: {_WORDS[notice.event]} ({notice.job})"
    message.set_content(_text(notice))
    try:
        with _server(email, limits) as server:
            if email.user is not None:
                server.login(email.user, _secret(email.password_env))
            refused = server.send_message(message)
    except smtplib.SMTPResponseException as error:
        raise PortabilityError(f"the mail server refused: {error.smtp_code}") from None
    except (smtplib.SMTPException, OSError) as error:
        raise PortabilityError(f"the mail server cannot be used: {type(error).__name__}") from None
    if refused:
        raise PortabilityError(f"the mail server refused {len(refused)} of {len(email.to)} addresses")


def _server(email: Email, limits: Limits) -> smtplib.SMTP:
    timeout = limits.notice_timeout_s
    if email.tls == "implicit":
        return smtplib.SMTP_SSL(email.server, email.port, timeout=timeout, context=ssl.create_default_context())
    server = smtplib.SMTP(email.server, email.port, timeout=timeout)
    if email.tls == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
    return server


def _text(notice: NoticeDocument) -> str:
    lines = [
        f"Job {notice.job}, agreement {notice.agreement}: {_WORDS[notice.event]}.",
        "",
        f"At:            {notice.at}",
        f"Due since:     {notice.due_at or 'nothing is due'}",
        f"Failed runs:   {notice.failures}",
        f"Last deposit:  {notice.last_deposit or 'none'}, {notice.last_deposit_at or 'never'}",
    ]
    if notice.detail:
        lines += ["", printable(notice.detail)]
    return "\n".join([*lines, "", "portability escrow status shows how all deposits stand."]) + "\n"


# --- webhook ---------------------------------------------------------------------------------------------------------


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A notice goes where the job file says, and nowhere else."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> NoReturn:
        del fp, msg, headers, newurl
        raise PortabilityError(f"the webhook answered with a redirect ({code}), which is not followed", place=req.host)


def _post(webhook: Webhook, document: bytes, limits: Limits) -> None:
    request = urllib.request.Request(webhook.url, data=document, method="POST")  # noqa: S310 -- the schema: http(s)
    request.add_header("Content-Type", "application/json")
    if webhook.secret_env is not None:
        key = _secret(webhook.secret_env).encode()
        request.add_header(_SIGNATURE, f"sha256={hmac.digest(key, document, hashlib.sha256).hex()}")
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=limits.notice_timeout_s):
            pass  # an answer above 299 is an HTTPError
    except urllib.error.HTTPError as error:
        raise PortabilityError(f"the webhook answered {error.code}") from None
    except OSError as error:
        raise PortabilityError(f"the webhook cannot be reached: {type(error).__name__}") from None


def _secret(variable: str | None) -> str:
    value = os.environ.get(variable or "")
    if not value:
        raise ConfigError(f"the variable {variable} is not set", hint=f"export {variable}=…")
    return value
