"""The Lambda functions: a construct of each, with its code, environment variables and time-out."""
