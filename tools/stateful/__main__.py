"""`python -m tools.stateful check|release <environment> <cloud assembly>`: what `make check` holds it to."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.stateful.comparison import additions, losses
from tools.stateful.picture import read, take, write


def check(environment: str, directory: Path) -> str | None:
    """Why the templates must not be deployed over what the picture shows; None where they may."""
    before, after = read(environment), take(directory)
    if before is None:
        return None  # nothing is deployed of it, as far as the checkout knows
    lost, new = losses(before, after), additions(before, after)
    if not lost and not new:
        return None
    lines = [f"config/{environment}.toml: what is stateful changes against tools/stateful/pictures."]
    lines += [f"  {line}" for line in lost]
    lines += [f"  {line} is stateful, and not in the picture yet." for line in new]
    if lost:
        lines.append(
            "  Fix: undo the change. A renamed construct keeps its resource by override_logical_id. To let "
            "it go on purpose: move what it holds, then run the command below, and say in CHANGELOG.md what "
            "is lost."
        )
    lines.append(f"  Then: make release-state ENV={environment}, and commit the picture.")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """0 if all stays, 1 if something would be lost, 2 for wrong arguments."""
    match arguments:
        case ["check", environment, directory]:
            refusal = check(environment, Path(directory))
            if refusal is not None:
                print(refusal, file=sys.stderr)
                return 1
            return 0
        case ["release", environment, directory]:
            print(f"written: {write(environment, take(Path(directory)))}")
            return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
