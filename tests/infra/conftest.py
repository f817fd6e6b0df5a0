import functools
from collections.abc import Callable

import pytest

from infra.configuration import environments, load
from tests.infra.configuration.files import Loader, changed, load_text, toml_of
from tests.infra.synthesis import CHECKOUT, Synthesis, native_environments, synthesize, synthesize_unchecked


@pytest.fixture(scope="session")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Synthesis]:
    """An environment of config/, synthesized once, whatever order the tests come in."""
    return functools.cache(
        lambda environment: synthesize(
            load(CHECKOUT, environment), tmp_path_factory.mktemp(environment) / "cdk.out"
        )
    )


@pytest.fixture(scope="session")
def prod_again(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """The environment `prod` as it is, synthesized once more."""
    return synthesize_unchecked(load(CHECKOUT, "prod"), tmp_path_factory.mktemp("prod-again"))


@pytest.fixture(scope="session")
def load_changed(tmp_path_factory: pytest.TempPathFactory) -> Loader:
    """Loads a valid configuration file with some values changed."""
    root = tmp_path_factory.mktemp("configured")
    return lambda changes: load_text(root, toml_of(changed(changes)))


@pytest.fixture(scope="session", params=environments(CHECKOUT))
def synthesis(request: pytest.FixtureRequest, synthesized: Callable[[str], Synthesis]) -> Synthesis:
    """Each environment of config/ in turn."""
    return synthesized(request.param)


@pytest.fixture(scope="session", params=native_environments())
def native(request: pytest.FixtureRequest, synthesized: Callable[[str], Synthesis]) -> Synthesis:
    """Each environment of config/ without another transport: what another one adds, its tests say."""
    return synthesized(request.param)
