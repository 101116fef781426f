"""Running jobs on schedule: once, or watching; with notices of what is due, late, missed, failed and recovered."""
