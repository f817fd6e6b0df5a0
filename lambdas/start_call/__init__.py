"""POST /start-call: starts a WebRTC contact with the verified identity of the caller."""
