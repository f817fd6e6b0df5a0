"""The record of each user's call, and what every function that touches it needs."""
