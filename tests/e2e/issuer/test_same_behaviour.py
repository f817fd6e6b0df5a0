"""Calls go as they do with a user pool. All of the folder above runs so with `make test-e2e`."""

import pytest

from tests.e2e.test_authorization import *  # noqa: F403
from tests.e2e.test_contact_flow import *  # noqa: F403
from tests.e2e.test_secrets import *  # noqa: F403

pytestmark = pytest.mark.slow
