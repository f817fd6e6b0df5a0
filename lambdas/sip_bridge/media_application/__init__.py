"""The SIP media application's function: leads a meeting to Amazon Connect, and ends both."""
