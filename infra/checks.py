"""What every synthesis is checked against."""

from __future__ import annotations

import aws_cdk as cdk
import cdk_nag


def add_checks(app: cdk.App) -> None:
    """Attaches cdk-nag's six packs; an open finding fails the synthesis."""
    cdk.Validations.of(app).add_plugins(
        cdk_nag.AwsSolutionsChecks(app),
        cdk_nag.HIPAASecurityChecks(app),
        cdk_nag.NIST80053R4Checks(app),
        cdk_nag.NIST80053R5Checks(app),
        cdk_nag.PCIDSS321Checks(app),
        cdk_nag.ServerlessChecks(app),
    )
