"""Depositories: where deposits are put, and read back from, never changed and never deleted.

    with open_depository(config) as depository:
        publish(depository, sealed_folder, "agreement-7/000001", policy=ReadBack.SAMPLED)

Kinds: SFTP (any server), a directory (a removable medium), object storage that speaks S3. How bytes get there:
docs/depositories.md.
"""

from __future__ import annotations

from portability.depositories.checking import CheckedDepository, check_depository
from portability.depositories.config import DepositoryConfig, JumpHost, ObjectService, SshLogin
from portability.depositories.depository import (
    Capabilities,
    Depository,
    Placed,
    Progress,
    PutRequest,
    ReadBack,
    Stored,
)
from portability.depositories.fetching import download, download_file, read_small
from portability.depositories.opening import open_depository
from portability.depositories.publishing import Published, publish

__all__ = [
    "Capabilities",
    "CheckedDepository",
    "Depository",
    "DepositoryConfig",
    "JumpHost",
    "ObjectService",
    "Placed",
    "Progress",
    "Published",
    "PutRequest",
    "ReadBack",
    "SshLogin",
    "Stored",
    "check_depository",
    "download",
    "download_file",
    "open_depository",
    "publish",
    "read_small",
]
