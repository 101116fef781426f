"""The certificate on paper: HTML with a place to sign, JSON for programs, CSV with every line and every row not loaded.

They hold keys and amounts: they are the client's data and go where the archive may go.
"""

from __future__ import annotations

import csv
from html import escape
from typing import TYPE_CHECKING, Self

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from portability.reconciling.certificate import Certificate, Comparison, Line, NotLoaded

__all__ = ["Paper", "to_document"]

_SHOWN = 200  # differing lines and rows of one kind on the page; the CSV files have all
_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1a1a1a; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { border-bottom: 1px solid #ccc; padding: .3rem .6rem; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.verdict { font-size: 1.3rem; font-weight: 600; padding: .6rem 1rem; border-left: .5rem solid; }
.agrees { color: #1b7a3d; } .explained { color: #8a5a00; } .unexplained { color: #b3261e; }
.sign td { height: 3.5rem; } code { overflow-wrap: anywhere; }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } }
""".strip()
_STATES = {"agrees": "agrees", "explained": "explained by rows not loaded", "unexplained": "NOT EXPLAINED"}


class Paper:
    """The certificate's files in a folder that is being made; ``add_lines`` as each total is computed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lines = (folder / "totals.csv").open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._lines)
        self._writer.writerow(
            ["total", "key", "label", "archive", "without_rows_not_loaded", "target", "difference", "state"]
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._lines.close()

    def add_lines(self, total: str, lines: Iterable[Line]) -> None:
        """Write a total's lines."""
        for line in lines:
            amounts = (line.archive, line.without, line.target, line.difference)
            key = line.key[0] if len(line.key) == 1 else msgspec.json.encode(line.key).decode() if line.key else ""
            self._writer.writerow([total, key, line.label or "", *(f"{each:f}" for each in amounts), line.state])

    def add_rows(self, rows: Iterable[Iterable[str]]) -> None:
        """Write the rows that were not loaded: table, id, kind, column, reason."""
        with (self._folder / "not_loaded.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["table", "id", "kind", "column", "reason"])
            writer.writerows(rows)

    def add_certificate(self, certificate: Certificate) -> None:
        """Write the page and the document."""
        (self._folder / "certificate.html").write_text("\n".join(_page(certificate)) + "\n", encoding="utf-8")
        document = msgspec.json.format(msgspec.json.encode(to_document(certificate)), indent=1)
        (self._folder / "certificate.json").write_bytes(document + b"\n")


def to_document(certificate: Certificate) -> dict[str, object]:
    """Return the certificate as plain JSON data; amounts are text."""
    document: dict[str, object] = msgspec.to_builtins(certificate)
    return {"ok": certificate.ok, **document}


def _page(certificate: Certificate) -> Iterator[str]:
    title = f"Reconciliation of {escape(certificate.archive)}"
    yield f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>'
    yield f"<style>\n{_STYLE}\n</style>\n</head>\n<body>\n<h1>{title}</h1>"
    yield _verdict(certificate)
    facts = (
        ("Archive", certificate.archive),
        ("SHA-256 of its tag manifest", certificate.tagmanifest_sha256),
        ("Target", f"{certificate.profile} {certificate.profile_version} on {certificate.dbms}"),
        ("Import", certificate.import_id),
        ("Made", f"{certificate.made_at} by {certificate.product}"),
    )
    yield _table((), ([f"<th>{escape(name)}</th>", f"<td><code>{escape(text)}</code></td>"] for name, text in facts))
    yield "<h2>Totals</h2>"
    header = ("Total", "Archive#", "Target#", "Lines that agree#", "Explained#", "Not explained#", "Verdict")
    yield _table(header, (_comparison(each) for each in certificate.comparisons))
    for comparison in certificate.comparisons:
        if comparison.lines:
            yield from _differences(comparison)
    yield from _not_loaded(certificate.not_loaded)
    yield from _signatures()
    yield "</body>\n</html>"


def _verdict(certificate: Certificate) -> str:
    explained = any(each.explained for each in certificate.comparisons)
    state = "unexplained" if not certificate.ok else "explained" if explained else "agrees"
    text = {
        "agrees": "Archive and target agree",
        "explained": "Archive and target agree but for the rows that were not loaded, listed below",
        "unexplained": "Archive and target do not agree: not to be signed",
    }[state]
    return f'<p class="verdict {state}">{text}</p>'


def _comparison(each: Comparison) -> list[str]:
    numbers = (
        f"{each.archive:,f}",
        f"{each.target:,f}",
        *(f"{n:,}" for n in (each.agreeing, each.explained, each.unexplained)),
    )
    cells = [f'<td class="number">{number}</td>' for number in numbers]
    return [f"<td>{escape(each.name)}</td>", *cells, f'<td class="{each.state}">{_STATES[each.state]}</td>']


def _differences(comparison: Comparison) -> Iterator[str]:
    yield f"<h3>{escape(comparison.name)}: what differs</h3>"
    header = (*comparison.keys, "", "Archive#", "Without rows not loaded#", "Target#", "Difference#", "")
    yield _table(header, (_line(line) for line in comparison.lines[:_SHOWN]))
    more = comparison.explained + comparison.unexplained - len(comparison.lines[:_SHOWN])
    if more > 0:
        yield f"<p>… and {more:,} more, all in <code>totals.csv</code>.</p>"


def _line(line: Line) -> list[str]:
    amounts = (line.archive, line.without, line.target, line.difference)
    return [
        *(f"<td>{escape(key)}</td>" for key in line.key),
        f"<td>{escape(line.label or '')}</td>",
        *(f'<td class="number">{amount:,f}</td>' for amount in amounts),
        f'<td class="{line.state}">{_STATES[line.state]}</td>',
    ]


def _not_loaded(found: tuple[NotLoaded, ...]) -> Iterator[str]:
    yield f"<h2>Rows that were not loaded: {sum(each.count for each in found):,}</h2>"
    if not found:
        yield "<p>None.</p>"
        return
    yield "<p>Every one of them is in <code>not_loaded.csv</code>.</p>"
    rows = (
        [
            *(f"<td>{escape(text)}</td>" for text in (each.table, each.kind, each.column, each.reason)),
            f'<td class="number">{each.count:,}</td>',
            f"<td><code>{escape(', '.join(each.rows))}{' …' if each.count > len(each.rows) else ''}</code></td>",
        ]
        for each in found[:_SHOWN]
    )
    yield _table(("Table", "Kind", "Column", "Reason", "Rows#", "For example"), rows)


def _signatures() -> Iterator[str]:
    yield "<h2>Signed off</h2>\n<p>We have compared archive and target as stated above.</p>"
    who = ("For the vendor", "For the successor", "For the firm (COFA)")
    yield (
        '<div class="sign">'
        + _table(
            ("", "Name", "Signature", "Date"),
            ([f"<th>{each}</th>", "<td></td>", "<td></td>", "<td></td>"] for each in who),
        )
        + "</div>"
    )


def _table(header: Iterable[str], rows: Iterable[list[str]]) -> str:
    """Lay out rows of cells that are marked up already; a column whose name ends in # holds numbers."""
    cells = (
        f'<th class="number">{escape(n[:-1])}</th>' if n.endswith("#") else f"<th>{escape(n)}</th>" for n in header
    )
    head = f"<thead><tr>{''.join(cells)}</tr></thead>\n" if header else ""
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f"<table>\n{head}<tbody>\n{body}\n</tbody>\n</table>"
