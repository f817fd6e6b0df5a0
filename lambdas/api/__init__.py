"""HTTP: requests, answers and problems."""
