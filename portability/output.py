"""What a command shows: text for people or one JSON document for programs; two implementations of one interface."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portability.errors import PortabilityError

__all__ = ["JsonOutput", "Output", "TextOutput"]

DETAILS_SHOWN = 60


class Output(ABC):
    """Where a command's result goes. Progress goes to standard error, and only when that is a terminal."""

    def __init__(self) -> None:
        self._errors = Console(stderr=True, highlight=False, soft_wrap=True)

    @abstractmethod
    def result(self, document: Any) -> None:  # noqa: ANN401 -- a dataclass or plain JSON data
        """Give the command's result in full, for programs."""

    @abstractmethod
    def line(self, text: str) -> None:
        """Say one line."""

    @abstractmethod
    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Show a table; columns whose name ends in ``#`` hold numbers."""

    @abstractmethod
    def error(self, error: PortabilityError) -> None:
        """Say what went wrong, where, and what mends it."""

    def progress(self, text: str) -> None:
        """Say what is being done now."""
        if self._errors.is_terminal:
            self._errors.print(Text(f"· {text}", style="dim"))


class TextOutput(Output):
    """For people."""

    def __init__(self) -> None:
        super().__init__()
        # A pipe gets whole lines: nothing is cut to a width that nobody sees.
        self._out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)

    def result(self, document: Any) -> None:  # noqa: ANN401
        """People get lines and tables instead."""

    def line(self, text: str) -> None:
        """Print it; the text is never taken for markup."""
        self._out.print(Text(text))

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print an aligned table."""
        grid = RichTable(title=Text(title) if title else None, title_justify="left", box=None, pad_edge=False)
        for column in columns:
            grid.add_column(
                column.removesuffix("#"), justify="right" if column.endswith("#") else "left", overflow="fold"
            )
        for row in rows:
            grid.add_row(
                *(
                    Text(
                        ""
                        if value is None
                        else f"{value:,}"
                        if isinstance(value, int) and not isinstance(value, bool)
                        else str(value)
                    )
                    for value in row
                )
            )
        self._out.print(grid)

    def error(self, error: PortabilityError) -> None:
        """Print message, place, what the message does not tell of all that it is about, and mend on standard error."""
        self._errors.print(Text(f"Error: {error}", style="bold red"))
        rest = [each for each in error.details if each not in str(error)]
        for each in rest[:DETAILS_SHOWN]:
            self._errors.print(Text(f"  {each}"))
        if len(rest) > DETAILS_SHOWN:
            self._errors.print(Text(f"  … and {len(rest) - DETAILS_SHOWN:,} more: --json lists all"))
        if error.hint:
            self._errors.print(Text(error.hint))


class JsonOutput(Output):
    """For programs: one document on standard output, errors too."""

    def result(self, document: Any) -> None:  # noqa: ANN401
        """Print the document."""
        data = msgspec.to_builtins(document) if is_dataclass(document) else document
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(data, enc_hook=str), indent=1) + b"\n")

    def line(self, text: str) -> None:
        """Programs get the document instead."""

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Programs get the document instead."""

    def error(self, error: PortabilityError) -> None:
        """Print the error as a document."""
        self.result(
            {
                "error": type(error).__name__,
                "message": error.message,
                "place": error.place,
                "hint": error.hint,
                "exit_code": error.exit_code,
                "retryable": error.retryable,
                **({"details": list(error.details)} if error.details else {}),
            }
        )
