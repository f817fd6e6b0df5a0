"""CloudFormation's custom resources: what the SIP bridge needs and CloudFormation has no type for."""
