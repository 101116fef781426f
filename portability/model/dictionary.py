"""The command ``python -m portability.model.dictionary``: writes docs/data_dictionary.md to standard output."""

import sys

from portability.model.description import data_dictionary
from portability.model.loading import load_model

__all__ = ["main"]


def main() -> None:
    """Write the data dictionary of the packaged model to standard output."""
    sys.stdout.write(data_dictionary(load_model()))


if __name__ == "__main__":
    main()
