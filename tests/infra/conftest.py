import pytest

from infra.config import environments
from tests.infra.synthesis import CHECKOUT, Synthesis, synthesize


@pytest.fixture(scope="session", params=environments(CHECKOUT))
def synthesis(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """Each environment of config/ in turn, synthesized once."""
    return synthesize(request.param, tmp_path_factory.mktemp(request.param) / "cdk.out")
