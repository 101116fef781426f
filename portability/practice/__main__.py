"""`python -m portability.practice TARGET DOCUMENTS_DIR`: build a practice and print what is in it."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from portability.errors import PortabilityError

from .generator import generate


def main(arguments: list[str]) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m portability.practice", description=__doc__)
    parser.add_argument("target", help="sqlite:///FILE, postgresql://… or mysql://…, of an empty database")
    parser.add_argument("documents_dir", help="directory for the document share")
    parser.add_argument("--entries", type=int, default=2000, help="ledger entries (default: 2000)")
    parser.add_argument("--firms", type=int, default=3, help="firms in the database (default: 3)")
    parser.add_argument("--seed", type=int, default=1, help="seed of all chance (default: 1)")
    parser.add_argument("--markers", action="store_true", help="plant a marker of its own in every text of each firm")
    options = parser.parse_args(arguments)
    try:
        planted = generate(
            options.target,
            options.documents_dir,
            entries=options.entries,
            firms=options.firms,
            seed=options.seed,
            markers=options.markers,
        )
    except PortabilityError as error:
        sys.stderr.write(f"{error}\n{error.hint}\n")
        return error.exit_code
    json.dump(asdict(planted), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
