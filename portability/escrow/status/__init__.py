"""How deposits stand: late or not, how far checked, how old; for a manager, for programs and for Prometheus."""
