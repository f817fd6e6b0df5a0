"""The CDK apps whose synthesis is timed, all without any validation: `local`, all stacks of the environment
`local` of a checkout; `empty`, one stack with nothing in it; and `solutions-constructs`, one stack with AWS's
pattern of a user pool, a REST API and one function.
"""

import sys
from pathlib import Path

import aws_cdk as cdk

from infra.app import add_stacks
from infra.config import load

name, checkout = sys.argv[1], Path(sys.argv[2])
app = cdk.App(post_cli_context={"@aws-cdk/core:validateAgainstDefaultRules": False})
match name:
    case "empty":
        cdk.Stack(app, "Empty")
    case "solutions-constructs":
        from aws_cdk import aws_lambda
        from aws_solutions_constructs.aws_cognito_apigateway_lambda import CognitoToApiGatewayToLambda

        CognitoToApiGatewayToLambda(
            cdk.Stack(app, "Pattern"),
            "Calls",
            lambda_function_props=aws_lambda.FunctionProps(
                code=aws_lambda.Code.from_asset(str(Path(__file__).parent / "rivals")),
                handler="guide.handler",
                runtime=aws_lambda.Runtime.PYTHON_3_13,
            ),
        )
    case _:
        add_stacks(app, load(checkout, name), checkout)
app.synth()
