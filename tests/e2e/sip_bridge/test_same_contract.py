"""An app sees no difference over the bridge: requests and responses are the same."""

import pytest

from tests.e2e.test_bad_requests import *  # noqa: F403
from tests.e2e.test_call_control import (  # noqa: F401 a test of this folder too
    test_a_caller_hangs_up_at_any_time_twice_and_can_call_again_at_once,
)

pytestmark = pytest.mark.slow
