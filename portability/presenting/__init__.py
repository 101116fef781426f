"""Results as lines and tables: what each command tells a person, and the document it gives a program."""
