"""The AWS CDK side of the project: what is deployed, from which values, and the checks on it."""
