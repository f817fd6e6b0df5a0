"""Deploying again changes nothing, and destroying leaves only what is retained by design. Runs last."""
