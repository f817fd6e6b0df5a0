"""What a deployment must not lose: a committed picture of it, and what a change would lose."""
