"""An app sees no difference over the bridge: requests and responses are the same."""

from tests.e2e.test_bad_requests import *  # noqa: F403
from tests.e2e.test_contract import *  # noqa: F403
