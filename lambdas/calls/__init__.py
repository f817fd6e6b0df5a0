"""A call: its record, its table, Amazon Connect, and how it reaches Connect."""
