"""What operators and pipelines do to a deployment: stop and resume calls, block callers, check it."""
