"""How a function runs in Lambda: its AWS clients, telemetry and start-up."""

import gc

# Nothing that is imported is garbage: looking for it would take a tenth of a cold start.
gc.disable()
