"""The record of each user's call, and what every function that touches it needs."""

import gc

# Nothing that is imported is garbage: looking for it would take a tenth of a cold start.
gc.disable()
