"""The sealed form: an archive that may leave the building, for its recipients only."""
