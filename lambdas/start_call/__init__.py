"""POST /start-call: starts a call with the verified identity of the caller."""
