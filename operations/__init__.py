"""What is done to a deployment, or read from it: each command is a subcommand of `python -m operations`."""
