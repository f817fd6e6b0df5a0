"""What reading a deployment's resources takes."""

from operations.doctor.check import Read

STACK_RESOURCES = Read("cloudformation:ListStackResources", "arn:aws:cloudformation:*:*:stack/InAppCalling-*")
