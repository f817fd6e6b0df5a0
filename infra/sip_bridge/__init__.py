"""Option A: calls reach Connect over SIP."""
