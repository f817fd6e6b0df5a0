"""Brings records to what events say of their calls, and stops contacts that nobody can join."""
