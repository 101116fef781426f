"""Each file is one migration; Alembic reads them in the order that they name."""
