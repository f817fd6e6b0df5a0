"""What a deployment must not lose: a committed picture of it per environment, and what a change would lose."""
