"""Retention: what an agent may delete, in an order that a kill cannot make dangerous, and the certificate of it."""
