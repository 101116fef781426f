"""Writes rows and stored files as Claim for Crown Court Defence writes them, and fills what claims refer to.

`Rows` inserts and counts. `Storage` keeps files the way Active Storage does on an object store: one blob row and one
object named by its key, attached to any record by type and id. `fill_offices` writes providers, the agency, all users
and the lists that the shipped reference rows leave empty; claims come later and use the ids it returns.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from psycopg import sql

__all__ = ["FIRST_DAY", "Offices", "Rows", "Storage", "fill_offices", "yaml_list"]

FIRST_DAY = datetime(2016, 4, 4, 8, 30, tzinfo=UTC).replace(tzinfo=None)  # Rails keeps UTC without saying so
GIVEN = ["Siân", "Oisín", "Zoë", "Priya", "Łukasz", "Nguyễn Văn", "Ife", "Marie-Thérèse", "Ivo", "山田", "Dafydd"]
FAMILY = ["O’Hagan", "Łącki", "Ó Briain", "Patel", "Fitzwilliam-Jones", "Šimić", "Mac Giolla", "Smith", "García"]
UUID_TABLES = {
    *("claims", "dates_attended", "defendants", "disbursements", "documents", "expenses", "external_users"),
    *("fees", "providers", "representation_orders", "case_workers"),
}


class Rows:
    """Inserts and counts rows through one connection; ids follow the highest one present."""

    def __init__(self, connection: psycopg.Connection, rng: random.Random) -> None:
        self._connection = connection
        self._next: dict[str, int] = {}
        self.rng = rng

    def add(self, table: str, **values: object) -> int:
        """Insert a row with the next id, and a seeded uuid where the table would draw a random one."""
        if table not in self._next:
            self._next[table] = self.number(f"SELECT coalesce(max(id), 0) FROM {table}") + 1
        identity = self._next[table]
        self._next[table] = identity + 1
        generated = {"uuid": self.uuid()} if table in UUID_TABLES else {}
        row = {"id": identity} | generated | values
        query = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join([sql.Placeholder()] * len(row)),
        )
        self._connection.execute(query, list(row.values()))
        return identity

    def set(self, table: str, identity: int, **values: object) -> None:
        """Change a row that was added."""
        changes = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in values)
        query = sql.SQL("UPDATE {} SET {} WHERE id = %s").format(sql.Identifier(table), changes)
        self._connection.execute(query, [*values.values(), identity])

    def number(self, query: str) -> int:
        """Ask the server for one number."""
        row = self._connection.execute(query).fetchone()
        return int(row[0] or 0) if row else 0

    def ids(self, query: str) -> list[int]:
        """Ask the server for a column of numbers."""
        return [int(row[0]) for row in self._connection.execute(query)]

    def counts(self) -> dict[str, int]:
        """Count every table's rows."""
        query = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
        tables = [str(row[0]) for row in self._connection.execute(query)]
        return {table: self.number(f"SELECT count(*) FROM {table}") for table in tables}

    def uuid(self) -> uuid.UUID:
        return uuid.UUID(int=self.rng.getrandbits(128), version=4)

    def name(self) -> dict[str, object]:
        return {"first_name": self.rng.choice(GIVEN), "last_name": self.rng.choice(FAMILY)}


class Storage:
    """Keeps files under their blob's key and counts what it left out or described wrongly."""

    def __init__(self, rows: Rows, directory: Path) -> None:
        self._rows = rows
        self._directory = directory
        self.files = 0
        self.missing = 0
        self.wrong_size = 0

    def blob(self, file_name: str, media_type: str) -> int:
        """Add a blob and its object; every ninth object is missing and the sixth row states a size it has not."""
        content = f"{file_name}\n{self._rows.rng.random()}\n".encode() * 30
        key = "".join(self._rows.rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=28))
        identity = self._rows.add(
            "active_storage_blobs",
            key=key,
            filename=file_name,
            content_type=media_type,
            metadata=json.dumps({"identified": True, "analyzed": True}),
            service_name="amazon",
            byte_size=len(content),
            checksum=base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode(),
            created_at=FIRST_DAY,
        )
        if identity == 6:
            self._rows.set("active_storage_blobs", identity, byte_size=len(content) + 7)
            self.wrong_size += 1
        self.put(key, b"" if identity % 9 == 0 else content)
        return identity

    def put(self, path: str, content: bytes) -> None:
        """Write an object, or count it as missing when there is nothing to write."""
        if not content:
            self.missing += 1
            return
        target = self._directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        self.files += 1

    def attach(self, blob: int, record_type: str, record: int, name: str) -> None:
        values = {"record_type": record_type, "record_id": record, "name": name, "blob_id": blob}
        self._rows.add("active_storage_attachments", **values, created_at=FIRST_DAY)


@dataclass(frozen=True, kw_only=True)
class Offices:
    """Ids that claims refer to."""

    advocates: list[int] = field(default_factory=list)  # external_users
    litigators: list[int] = field(default_factory=list)
    case_workers: list[int] = field(default_factory=list)
    users: dict[tuple[str, int], int] = field(default_factory=dict)  # (persona type, persona id) -> users.id
    supplier_numbers: list[str] = field(default_factory=list)


def fill_offices(rows: Rows) -> Offices:
    """Fill providers, the agency, users and lists."""
    _fill_lists(rows)
    offices = Offices()
    for number in range(6):
        _fill_provider(rows, offices, number)
    for number, place in enumerate(["Liverpool", "Nottingham"]):
        location = rows.add("locations", name=place, **stamps())
        for turn in range(3):
            roles = yaml_list("case_worker", *(["admin"] if turn == 0 else []))
            gone = FIRST_DAY if (number, turn) == (1, 2) else None
            worker = rows.add("case_workers", location_id=location, roles=roles, deleted_at=gone, **stamps())
            offices.case_workers.append(worker)
            _fill_user(rows, offices, "CaseWorker", worker)
    _fill_user(rows, offices, "SuperAdmin", rows.add("super_admins", **stamps()))
    return offices


def _fill_provider(rows: Rows, offices: Offices, number: int) -> None:
    firm = number % 2 == 0
    provider = rows.add(
        "providers",
        name=f"{rows.rng.choice(FAMILY)} & Partners {number}" if firm else f"{number} Crown Office Row Chambers",
        provider_type="firm" if firm else "chamber",
        firm_agfs_supplier_number=f"{number}A12B" if firm else None,
        roles=yaml_list("agfs", *(["lgfs"] if firm else [])),
        vat_registered=firm,
        api_key=rows.uuid(),
        **stamps(),
    )
    if firm:
        supplier = f"{number}A{100 + number}B"
        offices.supplier_numbers.append(supplier)
        values = {"name": f"Branch {number}", "postcode": "LS1 4AP", "supplier_number": supplier}
        rows.add("supplier_numbers", provider_id=provider, **values)
    for turn in range(3):
        litigator = firm and turn == 1
        roles = yaml_list("litigator" if litigator else "advocate", *(["admin"] if turn == 0 else []))
        persona = rows.add(
            "external_users",
            roles=roles,
            provider_id=provider,
            supplier_number=None if firm else f"{number}{turn}XYZ",
            vat_registered=turn != 2,
            **stamps(),
        )
        (offices.litigators if litigator else offices.advocates).append(persona)
        if (number, turn) != (5, 2):  # one persona whose user is lost
            _fill_user(rows, offices, "ExternalUser", persona)


def _fill_user(rows: Rows, offices: Offices, kind: str, persona: int) -> None:
    number = len(offices.users) + 1
    deleted = FIRST_DAY + timedelta(days=300) if number % 7 == 0 else None
    email = f"user{number}@{kind.lower()}.example" + (f".deleted.{number}" if deleted else "")
    offices.users[kind, persona] = rows.add(
        "users",
        email=email,
        encrypted_password=f"$2a$10${hashlib.sha256(email.encode()).hexdigest()[:53]}",
        api_key=rows.uuid(),
        reset_password_token=hashlib.sha1(email.encode(), usedforsecurity=False).hexdigest() if number == 3 else None,
        reset_password_sent_at=FIRST_DAY if number == 3 else None,
        unlock_token=f"unlock{number}" if number == 4 else None,
        settings=json.dumps({"email_notification_of_message": number % 2 == 0}) if number % 3 else None,
        persona_type=kind,
        persona_id=persona,
        sign_in_count=number,
        current_sign_in_ip=f"2001:db8::{number:x}",
        last_sign_in_ip=f"192.0.2.{number}",
        current_sign_in_at=FIRST_DAY + timedelta(days=number),
        disabled_at=FIRST_DAY if number == 8 else None,
        deleted_at=deleted,
        **rows.name(),
        **stamps(),
    )


def _fill_lists(rows: Rows) -> None:
    category = rows.add("offence_categories", number=1, description="Murder/Manslaughter", **stamps())
    band: dict[str, object] = {"number": 1, "description": "1.1", "offence_category_id": category}
    values = {"unique_code": "MURDER_1.1", "contrary": "Common law", "year_chapter": "1861 c. 100"}
    offence = rows.add(
        "offences",
        description="Murder",
        offence_band_id=rows.add("offence_bands", **band, **stamps()),
        **values,
        **stamps(),
    )
    for version in (9, 10):
        scheme = rows.add("fee_schemes", name="AGFS", version=version, start_date=FIRST_DAY, **stamps())
        for each in (1, offence):
            rows.add("offence_fee_schemes", fee_scheme_id=scheme, offence_id=each)
    for number, text in enumerate(["I attended the main hearing (1st day of trial)", "LGFS certification"]):
        rows.add("certification_types", name=text, pre_may_2015=number == 0, roles=yaml_list("agfs"), **stamps())
    for basis_points, day in ((1750, "1991-04-01"), (2000, "2011-01-04")):
        rows.add("vat_rates", rate_base_points=basis_points, effective_date=day, **stamps())
    for kind in ("crown_court", "prison", "hospital", "magistrates_court"):
        rows.add("establishments", name=f"HM {kind} of Llanfair", category=kind, postcode="LL61 5UJ", **stamps())
    stage = {"description": "After PTPH before trial", "unique_code": "AFTPTPH", "position": 20}
    rows.add("case_stages", case_type_id=6, roles=yaml_list("agfs"), **stage)


def stamps(moment: datetime = FIRST_DAY) -> Mapping[str, object]:
    return {"created_at": moment, "updated_at": moment + timedelta(seconds=1, microseconds=123457)}


def yaml_list(*items: str) -> str:
    """Write a list as Rails serialises it into a text column."""
    return "---\n" + "".join(f"- {item}\n" for item in items)
