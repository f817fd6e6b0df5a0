"""What a load needs of Amazon Connect's quotas, of this backend and of a budget."""
