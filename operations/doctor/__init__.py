"""Whether an account is ready for a deployment, and a deployment for calls: checks that only read."""
