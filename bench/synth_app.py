"""The CDK apps whose synthesis is timed, both without any validation: `local`, all stacks of the environment
`local`, and `empty`, one stack with nothing in it.
"""

import sys
from pathlib import Path

import aws_cdk as cdk

from infra.app import add_stacks
from infra.config import load

app = cdk.App(post_cli_context={"@aws-cdk/core:validateAgainstDefaultRules": False})
if sys.argv[1] == "empty":
    cdk.Stack(app, "Empty")
else:
    checkout = Path(__file__).resolve().parents[1]
    add_stacks(app, load(checkout, sys.argv[1]), checkout)
app.synth()
