"""Another local AWS: tokens of an OpenID provider of others' making are accepted, which runs on loopback."""

import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from local.clients.observer import eventually
from local.launcher.checkout import CHECKOUT, node
from local.launcher.local_aws import LocalAws, local_aws
from local.launcher.ports import free_port
from tests.e2e.aws import Aws
from tests.e2e.external_issuer.provider_client import ProviderClient

PROVIDER = CHECKOUT / "tests/openid_provider"


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    """The provider, by its issuer."""
    if not (PROVIDER / "node_modules/oidc-provider").exists():
        pytest.fail("tests/openid_provider is not installed: ./setup.sh openid-provider")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    provider = subprocess.Popen([str(node()), str(PROVIDER / "provider.mjs"), str(port)], cwd=PROVIDER)

    def answers() -> bool:
        with suppress(OSError), urllib.request.urlopen(f"{url}/.well-known/openid-configuration", timeout=2):  # noqa: S310
            return True
        return False

    try:
        assert eventually(answers), "the provider does not start"
        yield url
    finally:
        provider.terminate()
        provider.wait(10)


@pytest.fixture(scope="session")
def running(issuer: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """An environment whose configured issuer is another: OIDC_ISSUER stands in."""
    folder: Path = tmp_path_factory.mktemp("external-issuer")
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as variables:  # no longer: other tests run in this process
            variables.setenv("OIDC_ISSUER", issuer)
            started = stack.enter_context(local_aws("local-issuer", port=0, directory=folder))
        started.deploy()
        yield started


@pytest.fixture(scope="session")
def aws(running: LocalAws) -> Aws:
    return Aws(running.outputs, running.stacks)


@pytest.fixture
def provider(issuer: str, running: LocalAws) -> ProviderClient:
    """The provider, as an app that signs somebody in sees it."""
    return ProviderClient(issuer, audience=running.outputs["Audience"])
