"""Escrow: deposits that a vendor can make but not read back, change or forget; and the agent who keeps them."""
