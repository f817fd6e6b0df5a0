"""The CDK apps whose synthesis is timed, without the security rules.

`empty` is one stack with nothing in it, `local` all stacks of the environment `local` of a checkout.
"""

import sys
from pathlib import Path

import aws_cdk as cdk

from infra.app import add_stacks
from infra.configuration import load

name, checkout = sys.argv[1], Path(sys.argv[2])
app = cdk.App()
if name == "empty":
    cdk.Stack(app, "Empty")
else:
    add_stacks(app, load(checkout, name), checkout)
app.synth()
