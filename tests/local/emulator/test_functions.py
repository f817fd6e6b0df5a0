"""Functions, as the running emulator runs them."""

from local.launcher.local_aws import LocalAws
from tests.local.emulator.stacks import function_of

COUNTING = """
INVOCATIONS = 0

def handler(event, context):
    global INVOCATIONS
    INVOCATIONS += 1
    if event == "raise":
        raise ValueError("refused")
    return INVOCATIONS
"""


def test_a_process_outlives_an_exception_of_its_handler(running: LocalAws) -> None:
    with function_of(running, "outlives-an-exception", COUNTING) as invoke:
        assert invoke("count") == 1
        assert "refused" in invoke("raise")["errorMessage"]
        assert invoke("count") == 3
