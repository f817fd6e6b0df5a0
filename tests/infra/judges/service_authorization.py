"""Prints what AWS's service authorization reference says of the actions that standard input lists.

By each action: the formats of ARNs that its resource may have ("*" where it takes none), empty where there is
no such action. Runs in the environment that has policy_sentry, hence alone.
"""

import json
import sys

from policy_sentry.querying.actions import get_action_data


def formats(action: str) -> list[str]:
    """The ARNs that an action ("connect:StopContact") is evaluated on."""
    service, _, name = action.partition(":")
    found = get_action_data(service, name) or {}
    return sorted({each["resource_arn_format"] for each in found.get(service, [])})


if __name__ == "__main__":
    json.dump({action: formats(action) for action in json.load(sys.stdin)}, sys.stdout)
