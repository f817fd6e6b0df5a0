"""One capability of AWS each that only the SIP bridge takes; what CloudFormation has no types for is made by
`custom_resources`. None imports the configuration.
"""
