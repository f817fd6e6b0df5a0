"""Calls over the SIP bridge: a meeting of the Chime SDK, into which a phone call brings Amazon Connect."""
