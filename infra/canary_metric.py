"""The metric that a canary puts, and that an alarm of the Calling stack reads."""

NAMESPACE = "InAppCalling/Canary"
NAME = "CallCameThrough"
"""1 where every stage of a run passed, else 0."""

DIMENSION = "Environment"

RUNS_PER_DAY = 48
"""How often `.github/workflows/canary.yml` runs: every half hour."""
