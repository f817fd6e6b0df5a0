"""`make simulate`: runs many seeds, or one, and shows the shortest course of what it finds."""

import argparse
import sys
import time
from collections import Counter

from tests.simulation.functions import quiet_telemetry
from tests.simulation.shrinking import Finding, describe, run_seed, shrink
from tests.simulation.simulation import Simulation

_SHOWN = 5
_PROGRESS_EVERY = 5_000


def main(arguments: list[str] | None = None, simulated: type[Simulation] = Simulation) -> int:
    """Runs seeds. Returns the exit code: 1 when an invariant is broken."""
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first one")
    options = parser.parse_args(arguments)
    began = time.process_time()
    kinds: Counter[str] = Counter()
    with quiet_telemetry():
        for seed in range(options.first, options.first + options.seeds):
            finding = run_seed(seed, simulated)
            if finding is not None:
                kinds[finding.kind] += 1
                if kinds[finding.kind] == 1 and len(kinds) <= _SHOWN:
                    _show(seed, finding)
            done = seed + 1 - options.first
            if done % _PROGRESS_EVERY == 0:
                print(f"{done:,} seeds, {kinds.total():,} findings", file=sys.stderr, flush=True)
    seconds = max(time.process_time() - began, 0.001)
    print(f"{options.seeds:,} seeds from {options.first:,}: {kinds.total():,} break an invariant.", end=" ")
    print(f"{options.seeds / seconds:,.0f} seeds per second of CPU.")
    for kind, number in kinds.most_common():
        print(f"{number:8,}  {kind}")
    return 1 if kinds else 0


def _show(seed: int, finding: Finding) -> None:
    print(f"Seed {seed} (make simulate FIRST={seed} SEEDS=1): {describe(shrink(finding))}\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
