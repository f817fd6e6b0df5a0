"""`python -m infra.assets.contact_flow_lint`: see `command`."""

import sys

from infra.assets.contact_flow_lint.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
