"""Migrations of the catalogue, one line of them; each file in versions/ is one."""
