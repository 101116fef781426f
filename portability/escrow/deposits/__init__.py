"""Data deposits: full and differential, made by a job, kept in a spool until the depositories have them.

A differential deposit holds what its archive has and no earlier deposit of its chain; ``assemble`` puts the archive
together again. Opening and assembling need neither the catalogue nor a depository's library.
"""

from portability.escrow.deposits.assembling import Assembled, assemble
from portability.sealing.differential import DifferentialHeader, is_differential, read_header

__all__ = ["Assembled", "DifferentialHeader", "assemble", "is_differential", "read_header"]
