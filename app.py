"""The CDK app: `cdk synth -c environment=<name>`, where `config/<name>.toml` says what is deployed."""

from __future__ import annotations

import sys
from pathlib import Path

import aws_cdk as cdk

from infra.app import add_stacks
from infra.assets.bundling import BundlingError
from infra.assets.contact_flow_lint import ContactFlowError
from infra.assets.request_models import ContractError
from infra.checks import add_checks
from infra.configuration import ConfigurationError, load

_CHECKOUT = Path(__file__).resolve().parent


def main() -> None:
    """Synthesizes the environment; a fault in its sources ends the process with what to do about it."""
    app = cdk.App()
    try:
        configuration = load(_CHECKOUT, app.node.try_get_context("environment"))
        for warning in configuration.warnings:
            sys.stderr.write(f"Warning: {warning}\n")
        add_stacks(app, configuration, _CHECKOUT)
    except (BundlingError, ConfigurationError, ContactFlowError, ContractError) as error:
        sys.exit(f"\n{error}\n")
    add_checks(app)
    app.synth()


if __name__ == "__main__":
    main()
