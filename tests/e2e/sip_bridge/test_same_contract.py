"""The app cannot tell that its calls go over the bridge: what it may send and is answered is the same."""

from tests.e2e.test_bad_requests import *  # noqa: F403
from tests.e2e.test_contract import *  # noqa: F403
