"""Verify and restore what lies in a depository, up to a database in a clean room, with a dated and signed report."""
