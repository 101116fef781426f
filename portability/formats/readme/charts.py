"""Bar charts as inline SVG: one colour, values written at the bars, readable without colour and by a screen reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from portability.formats.readme.markup import Html, element, join, shorten

__all__ = ["Point", "bars", "columns"]

_WIDTH = 440
_LABEL_MAX = 19


@dataclass(frozen=True, kw_only=True)
class Point:
    """A bar: its label, its height, and the height in words."""

    label: str
    value: Decimal
    shown: str


def bars(title: str, points: Sequence[Point]) -> Html:
    """Return horizontal bars, the labels at their left."""
    step, left, room = 26, 130, 250
    top = _largest(points)
    parts = []
    for at, point in enumerate(points):
        y = at * step
        parts += [
            _text(left - 12, y + 17, shorten(point.label, _LABEL_MAX), "end", "label"),
            _rectangle(left, y + 5, _scaled(point.value, top, room), 16),
            _text(left + _scaled(point.value, top, room) + 8, y + 17, point.shown, "start", "value"),
        ]
    return _figure(title, points, parts, height=len(points) * step + 4)


def columns(title: str, points: Sequence[Point]) -> Html:
    """Return upright bars in their order, the labels below."""
    height, room, base = 190, 140, 164
    top = _largest(points)
    step = _WIDTH / max(len(points), 6)
    parts = [_rectangle(0, base, step * len(points), 1, "axis")]
    for at, point in enumerate(points):
        tall = _scaled(point.value, top, room)
        middle = at * step + step / 2
        parts += [
            _rectangle(at * step + step * 0.16, base - tall, step * 0.68, tall),
            _text(middle, base - tall - 6, point.shown, "middle", "value"),
            _text(middle, base + 18, point.label, "middle", "label"),
        ]
    return _figure(title, points, parts, height=height)


def _figure(title: str, points: Sequence[Point], parts: Sequence[Html], *, height: int) -> Html:
    told = "; ".join(f"{shorten(point.label)}: {point.shown}" for point in points)
    inner = join([element("title", title), element("desc", told), *parts])
    drawing = element("svg", inner, viewBox=f"0 0 {_WIDTH} {height}", role="img", aria_label=f"{title}. {told}")
    return element("figure", element("figcaption", title), drawing)


def _largest(points: Sequence[Point]) -> Decimal:
    return max([point.value for point in points if point.value > 0], default=Decimal(1))


def _scaled(value: Decimal, top: Decimal, room: int) -> float:
    """Return a length in the drawing; the smallest amount is still a line, nothing and less than nothing is none."""
    return 0 if value <= 0 else max(1.0, round(float(value / top) * room, 1))


def _rectangle(x: float, y: float, width: float, height: float, kind: str = "bar") -> Html:
    size = {"x": f"{x:.1f}", "y": f"{y:.1f}", "width": f"{width:.1f}", "height": f"{height:.1f}"}
    return element("rect", **size, class_=kind)


def _text(x: float, y: float, text: str, anchor: str, kind: str) -> Html:
    return element("text", text, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, class_=kind)
