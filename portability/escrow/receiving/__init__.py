"""The agent's side: deposits that arrive are checked without keys, and each gets a signed receipt."""
