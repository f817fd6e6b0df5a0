"""What an operator does to a deployment: stop and resume calls, block and unblock a caller."""
