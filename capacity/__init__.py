"""What a number of calls asks of Amazon Connect, this backend and a budget: docs/capacity.md says how."""
