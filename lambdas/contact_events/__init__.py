"""Takes note of what Amazon Connect tells about calls, and stops those that nobody can join."""
