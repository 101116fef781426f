"""`python -m portability.successor URL`: make an empty successor in a database."""

from __future__ import annotations

import argparse
import sys

from portability.errors import PortabilityError

from .creating import create


def main(arguments: list[str]) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m portability.successor", description=__doc__)
    parser.add_argument("url", help="sqlite:///FILE, postgresql://… or mysql://…, of an empty database")
    options = parser.parse_args(arguments)
    try:
        tables = create(options.url)
    except PortabilityError as error:
        sys.stderr.write(f"{error}\n{error.hint}\n")
        return error.exit_code
    sys.stdout.write(f"An empty successor: {tables} tables\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
