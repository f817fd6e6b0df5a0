"""Over the bridge too, the answer keeps to openapi.yaml whatever is sent."""

import pytest

from tests.e2e.test_contract import *  # noqa: F403

pytestmark = pytest.mark.slow
