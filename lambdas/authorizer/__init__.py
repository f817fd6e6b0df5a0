"""The API's authorizer where users have tokens of another issuer than a user pool: verifies who sends one."""
