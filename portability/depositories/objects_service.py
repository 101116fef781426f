"""The requests that object storage is sent, by Amazon's S3 protocol: nothing of it can overwrite or delete.

An object is put by one request that the service refuses when the name is taken (``If-None-Match: *``), and that
carries a checksum by which the service refuses what did not arrive as it was sent (``Content-MD5``).
"""

from __future__ import annotations

import logging
import os
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import boto3
import botocore.exceptions
import botocore.session
from botocore.config import Config
from botocore.parsers import ResponseParserError

from portability.depositories.config import DepositoryConfig, ObjectService, check_service, secret_text
from portability.depositories.volume import NameTakenError
from portability.errors import ConfigError, DepositoryError, DepositoryRefusedError
from portability.limits import DEFAULT_LIMITS, MIB

__all__ = ["ArrivedOtherwiseError", "NotThereError", "Service", "open_file"]

# What its library and the one below report by `logging`, we raise.
for _name in ("boto3", "botocore", "urllib3"):
    logging.getLogger(_name).addHandler(logging.NullHandler())

# Where deposits go, and how, is said by the job alone: not by the profile or the files of whoever runs it.
_NOBODYS = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
_CODE = re.compile(r"[A-Za-z0-9.]{1,64}")  # a service's own word is shown; what is none could be anything
_TAKEN = {"PreconditionFailed", "412"}
_DIGEST = {"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"}
_MISSING = {"NoSuchKey", "404", "NotFound"}
_LOGIN = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken"}
_ELSEWHERE = {
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "InvalidRegion",
    "PermanentRedirect",
    "TemporaryRedirect",
}
_LOST = {"RequestTimeout", "IncompleteBody"}  # told like a mistake of ours, and the network's
_FULL = {"QuotaExceeded", "InsufficientCapacity", "InsufficientStorage", "XMinioStorageFull", "EntityTooLarge"}


class ArrivedOtherwiseError(DepositoryError):
    """The service says that other bytes arrived than were sent; nothing got the name."""


class NotThereError(DepositoryRefusedError):
    """Nothing has the name, by the service's word."""


class Service:
    """One bucket of a service. May be used by several threads."""

    def __init__(self, config: DepositoryConfig, bucket: str, connections: int) -> None:
        self.name, self._bucket = config.name, bucket
        self._client = _client(config, connections)

    def put(self, key: str, body: bytes | IO[bytes], content_md5: str) -> None:
        """Put an object under a name that is free.

        Raises:
            NameTakenError: Something has the name; nothing was changed.
            DepositoryError: It was not put, or nobody knows whether it was.
        """
        with self._ours(key):
            try:
                self._client.put_object(
                    Bucket=self._bucket, Key=key, Body=body, ContentMD5=content_md5, IfNoneMatch="*"
                )
            except botocore.exceptions.ClientError as error:
                if _code(error) in _TAKEN:
                    raise NameTakenError from None
                raise

    def size(self, key: str) -> int:
        """Return an object's size.

        Raises:
            NotThereError: There is none.
        """
        with self._ours(key):
            return int(self._client.head_object(Bucket=self._bucket, Key=key)["ContentLength"])

    def pieces(self, key: str, offset: int, length: int) -> Iterator[bytes]:
        """Yield a range of an object, in pieces of at most a MiB; an answer that is not all of it raises."""
        if not length:
            return
        with self._ours(key):
            last = offset + length - 1
            answer = self._client.get_object(Bucket=self._bucket, Key=key, Range=f"bytes={offset}-{last}")
            body = answer["Body"]
        try:
            is_whole = offset == 0 and answer.get("ContentLength") == length  # a service may then leave out the range
            if not is_whole and not answer.get("ContentRange", "").startswith(f"bytes {offset}-{last}/"):
                raise DepositoryError("the answer is not the range that was asked for", place=f"{self.name}: {key}")
            while length:
                with self._ours(key):
                    piece = body.read(min(MIB, length))
                if not piece:
                    raise DepositoryError("the answer ended early", place=f"{self.name}: {key}", hint="Run it again.")
                length -= len(piece)
                yield piece
        finally:
            body.close()

    def listed(self, prefix: str) -> tuple[dict[str, int], set[str]]:
        """Return the objects right below a prefix, with their sizes, and the names of the folders there."""
        files: dict[str, int] = {}
        folders: set[str] = set()
        with self._ours(prefix):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix, Delimiter="/"):
                page["IsTruncated"]  # which any answer but a listing lacks; it would be an empty one
                for each in page.get("Contents", ()):
                    if each["Key"] != prefix:  # some tools put an empty object for a folder
                        files[each["Key"].removeprefix(prefix)] = int(each["Size"])
                folders |= {each["Prefix"].removeprefix(prefix)[:-1] for each in page.get("CommonPrefixes", ())}
        return files, folders

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    @contextmanager
    def _ours(self, key: str) -> Iterator[None]:
        """Turn what the library raises into what a person can act on."""
        place = f"{self.name}: {key}"
        try:
            yield
        except botocore.exceptions.ClientError as error:
            raise _told(error, place) from None
        except botocore.exceptions.SSLError as error:
            hint = "Is it the right address? Name the authority that vouches for it as service.ca_file."
            raise DepositoryRefusedError("its certificate is not trusted", place=place, hint=hint) from error
        except (ResponseParserError, KeyError, ValueError) as error:
            hint = "Is service.endpoint the right address? A proxy may have answered in its place."
            raise DepositoryError("the answer is not one of object storage", place=place, hint=hint) from error
        except (botocore.exceptions.BotoCoreError, OSError) as error:
            hint = "Check the address and the network, and run again; what arrived is not sent again."
            message = f"the service cannot be reached, or was lost: {type(error).__name__}"
            raise DepositoryError(message, place=place, hint=hint) from error


def _client(config: DepositoryConfig, connections: int) -> Any:  # noqa: ANN401 -- the library makes it at run time
    service = config.service
    if service is None:
        hint = "It takes access_key, secret_key and, but for Amazon's own, endpoint: docs/depositories.md."
        raise ConfigError("object storage needs `service`, in a job file", place=config.name, hint=hint)
    check_service(service, config.name)
    secret = secret_text(service.secret_key, service.secret_key_file, place=config.name)
    try:
        return boto3.session.Session(
            aws_access_key_id=service.access_key,
            aws_secret_access_key=secret,
            region_name=service.region,
            botocore_session=botocore.session.Session(session_vars=_NOBODYS),
        ).client(
            "s3",
            endpoint_url=service.endpoint,
            verify=_authorities(service, config.name),
            config=_settings(connections, by_path=service.endpoint is not None),
        )
    except (botocore.exceptions.BotoCoreError, ValueError) as error:
        raise ConfigError(f"the service cannot be used: {type(error).__name__}", place=config.name) from error


def _authorities(service: ObjectService, name: str) -> bool | str:
    """Return what the library calls the authorities to trust; a file of none would fail at each request instead."""
    if service.ca_file is None:
        return True
    try:
        ssl.create_default_context(cafile=service.ca_file)
    except OSError as error:
        hint = "Name a file with their certificates as PEM text."
        raise ConfigError(f"{service.ca_file} has no authorities to trust", place=name, hint=hint) from error
    return str(service.ca_file)


def _settings(connections: int, *, by_path: bool) -> Config:
    return Config(
        connect_timeout=DEFAULT_LIMITS.depository_timeout_s,
        read_timeout=DEFAULT_LIMITS.depository_timeout_s,
        max_pool_connections=connections,
        retries={"total_max_attempts": 1},  # we begin a file again with a look at what is there
        s3={"addressing_style": "path" if by_path else "auto"},
        # Checksums beyond the one we give are an extension that few services but Amazon's know.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        use_fips_endpoint=False,
        use_dualstack_endpoint=False,
        ignore_configured_endpoint_urls=True,
    )


def _code(error: botocore.exceptions.ClientError) -> str:
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code if _CODE.fullmatch(code) else ""


def _told(error: botocore.exceptions.ClientError, place: str) -> DepositoryError:
    code, status = _code(error), int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _DIGEST:
        return ArrivedOtherwiseError("other bytes arrived than were sent", place=place, hint="Run it again.")
    if code in _MISSING:
        return NotThereError("there is no such file or folder", place=place)
    if code == "NoSuchBucket":
        hint = "The bucket is made once, by whoever runs the service; never here."
        return DepositoryRefusedError("there is no such bucket", place=place, hint=hint)
    if code == "RequestTimeTooSkewed":
        hint = "Set this machine's clock."
        return DepositoryRefusedError("the service's clock and this machine's differ", place=place, hint=hint)
    if code in _LOGIN:
        hint = "Is the secret that of this access key? Ask the agent whether the key is admitted, and in this region."
        return DepositoryRefusedError(f"the service refuses the login ({code or status})", place=place, hint=hint)
    if code in _ELSEWHERE or status // 100 == 3:  # noqa: PLR2004 -- the family of redirects
        hint = "No redirect is followed. Write service.endpoint and service.region as whoever runs it says."
        return DepositoryRefusedError(f"the bucket is elsewhere ({code or status})", place=place, hint=hint)
    if code in _FULL or status == 507:  # noqa: PLR2004 -- Insufficient Storage
        hint = "Have space made there, or the quota raised; the next run carries on."
        return DepositoryRefusedError("the depository is full", place=place, hint=hint)
    if status in {401, 403}:
        hint = "It must be allowed to list, to read, and to create objects under new names; nothing else."
        return DepositoryRefusedError(f"the service refuses permission ({code or status})", place=place, hint=hint)
    if status in {400, 405, 412, 501} and code not in _LOST:
        hint = "Ask the agent whether the service knows conditional writes (If-None-Match) and Content-MD5."
        return DepositoryRefusedError(f"the service refuses the request ({code or status})", place=place, hint=hint)
    return DepositoryError(f"the service failed ({code or status})", place=place, hint="Run it again.")


def open_file(source: Path | bytes) -> bytes | IO[bytes]:
    """Return what a request sends: bytes, or a file to be closed by whoever asked."""
    return source if isinstance(source, bytes) else source.open("rb")
