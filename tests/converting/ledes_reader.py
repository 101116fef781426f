"""A reader of LEDES 1998B and 98BI, written from the published lists of fields and not from our writer.

1998B has 24 fields: dates are 8 digits, texts have a greatest length, amounts are a sign, at most 12 digits of which at
most four follow the point. 98BI has 28 more. Every line ends in ``[]``; a line's total is units times cost plus
adjustment, in 98BI plus tax; a bill's total is the sum of its lines.
"""

from __future__ import annotations

import re
from collections import defaultdict
from decimal import Decimal

# number. name: kind. A kind in capitals is required.
SPECIFICATION = """
1 INVOICE_DATE DATE
2 INVOICE_NUMBER TEXT20
3 CLIENT_ID TEXT20
4 LAW_FIRM_MATTER_ID TEXT20
5 INVOICE_TOTAL MONEY
6 BILLING_START_DATE DATE
7 BILLING_END_DATE DATE
8 INVOICE_DESCRIPTION text15360
9 LINE_ITEM_NUMBER TEXT20
10 EXP/FEE/INV_ADJ_TYPE KIND
11 LINE_ITEM_NUMBER_OF_UNITS MONEY
12 LINE_ITEM_ADJUSTMENT_AMOUNT MONEY
13 LINE_ITEM_TOTAL MONEY
14 LINE_ITEM_DATE DATE
15 LINE_ITEM_TASK_CODE text20
16 LINE_ITEM_EXPENSE_CODE text20
17 LINE_ITEM_ACTIVITY_CODE text20
18 TIMEKEEPER_ID text20
19 LINE_ITEM_DESCRIPTION TEXT15360
20 LAW_FIRM_ID TEXT20
21 LINE_ITEM_UNIT_COST MONEY
22 TIMEKEEPER_NAME text30
23 TIMEKEEPER_CLASSIFICATION text10
24 CLIENT_MATTER_ID text20
25 PO_NUMBER text100
26 CLIENT_TAX_ID text20
27 MATTER_NAME TEXT255
28 INVOICE_TAX_TOTAL MONEY
29 INVOICE_NET_TOTAL MONEY
30 INVOICE_CURRENCY TEXT3
31 TIMEKEEPER_LAST_NAME text30
32 TIMEKEEPER_FIRST_NAME text30
33 ACCOUNT_TYPE ACCOUNT
34 LAW_FIRM_NAME TEXT60
35 LAW_FIRM_ADDRESS_1 text60
36 LAW_FIRM_ADDRESS_2 text60
37 LAW_FIRM_CITY text40
38 LAW_FIRM_STATEorREGION text40
39 LAW_FIRM_POSTCODE text20
40 LAW_FIRM_COUNTRY text3
41 CLIENT_NAME TEXT60
42 CLIENT_ADDRESS_1 text60
43 CLIENT_ADDRESS_2 text60
44 CLIENT_CITY text40
45 CLIENT_STATEorREGION text40
46 CLIENT_POSTCODE text20
47 CLIENT_COUNTRY text3
48 LINE_ITEM_TAX_RATE rate
49 LINE_ITEM_TAX_TOTAL MONEY
50 LINE_ITEM_TAX_TYPE text20
51 INVOICE_REPORTED_TAX_TOTAL MONEY
52 INVOICE_TAX_CURRENCY TEXT3
"""
FIELDS = [line.split(" ")[1:] for line in SPECIFICATION.strip().splitlines()]
FORMS = {"LEDES1998B[]": (24, "ascii"), "LEDES98BI V2[]": (52, "utf-8")}
PATTERNS = {
    "date": re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"),
    "money": re.compile(r"-?\d{1,8}(\.\d{1,4})?"),
    "kind": re.compile(r"F|E|IF|IE"),
    "account": re.compile(r"[OT]"),
    "rate": re.compile(r"0(\.\d{1,10})?"),
}


def read_ledes(content: bytes) -> dict[str, list[dict[str, str]]]:
    """Return the lines of each bill by its number; AssertionError for anything that the lists do not allow."""
    head = content.split(b"\r\n", 1)[0].decode("ascii")
    count, encoding = FORMS[head]
    assert content.endswith(b"[]\r\n")
    lines = content.decode(encoding).split("\r\n")[:-1]
    assert lines[1] == "|".join(name for name, _ in FIELDS[:count]) + "[]"
    bills: dict[str, list[dict[str, str]]] = defaultdict(list)
    for line in lines[2:]:
        assert line.endswith("[]")
        assert line.count("[]") == 1
        values = line[:-2].split("|")
        assert len(values) == count, line
        for (name, kind), value in zip(FIELDS, values, strict=False):
            check(name, kind, value)
        row = {name: value for (name, _), value in zip(FIELDS, values, strict=False)}
        bills[row["INVOICE_NUMBER"]].append(row)
    for rows in bills.values():
        add_up(rows, taxed=count == 52)
    return dict(bills)


def check(name: str, kind: str, value: str) -> None:
    """Refuse a value that its field cannot hold."""
    assert value or kind.islower() or not kind.strip("0123456789").isupper(), f"{name} is required"
    assert value == "".join(c for c in value if c.isprintable()), name
    if not value:
        return
    if kind.lower().startswith("text"):
        assert len(value) <= int(kind[4:]), f"{name} is too long"
    else:
        assert PATTERNS[kind.lower()].fullmatch(value), (name, value)


def add_up(rows: list[dict[str, str]], *, taxed: bool) -> None:
    """Refuse a bill whose lines are not numbered or do not give its totals."""
    assert [row["LINE_ITEM_NUMBER"] for row in rows] == [str(n) for n in range(1, len(rows) + 1)]
    for row in rows:
        made = Decimal(row["LINE_ITEM_NUMBER_OF_UNITS"]) * Decimal(row["LINE_ITEM_UNIT_COST"])
        made += Decimal(row["LINE_ITEM_ADJUSTMENT_AMOUNT"]) + (Decimal(row["LINE_ITEM_TAX_TOTAL"]) if taxed else 0)
        assert abs(made - Decimal(row["LINE_ITEM_TOTAL"])) < Decimal("0.0001")
        assert row["EXP/FEE/INV_ADJ_TYPE"] != "F" or row["TIMEKEEPER_ID"]
    totals = {row["INVOICE_TOTAL"] for row in rows}
    assert len(totals) == 1
    assert Decimal(totals.pop()) == sum(Decimal(row["LINE_ITEM_TOTAL"]) for row in rows)
    if taxed:
        taxes = sum(Decimal(row["LINE_ITEM_TAX_TOTAL"]) for row in rows)
        assert {Decimal(row["INVOICE_TAX_TOTAL"]) for row in rows} == {taxes}
        assert {Decimal(r["INVOICE_NET_TOTAL"]) + Decimal(r["INVOICE_TAX_TOTAL"]) for r in rows} == {
            Decimal(rows[0]["INVOICE_TOTAL"])
        }
