"""What a load asks of Amazon Connect's quotas, of this backend, and of a budget."""
