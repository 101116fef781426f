"""A made-up law practice in the database of a made-up vendor: believable, messy, seeded, and known to the penny.

`generate` fills an empty database and a documents directory and returns `Planted`: what is in it and what is wrong with
it. The demonstration, the tests and the benchmarks run on it. Nothing in it is a real person, firm or account.
"""

from __future__ import annotations

from .generator import generate
from .markers import firm_marker
from .planted import Planted

__all__ = ["Planted", "firm_marker", "generate"]
