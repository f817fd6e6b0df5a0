"""A domain name of the organisation's for the API."""

from __future__ import annotations

from aws_cdk import aws_apigateway as apigateway
from constructs import Construct


class ApiDomain(Construct):
    """A regional custom domain name, all of whose paths are those of one stage.

    Its DNS record is made elsewhere: an alias, or a CNAME, to `target`. Under the name that API Gateway
    gives, the API can be called as well: apps that are installed already go on.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        certificate_arn: str,
        security_policy: str,
        endpoint_access_mode: str,
        stage: apigateway.Stage,
    ) -> None:
        """`certificate_arn` is of a certificate of ACM in this account and Region that covers `name`."""
        super().__init__(scope, id_)
        domain = apigateway.CfnDomainName(
            self,
            "Name",
            domain_name=name,
            regional_certificate_arn=certificate_arn,
            endpoint_configuration=apigateway.CfnDomainName.EndpointConfigurationProperty(types=["REGIONAL"]),
            security_policy=security_policy,
            endpoint_access_mode=endpoint_access_mode,
        )
        apigateway.CfnBasePathMapping(
            self,
            "Paths",
            domain_name=domain.ref,
            rest_api_id=stage.rest_api.rest_api_id,
            stage=stage.stage_name,
        )
        # As the stage's own address ends.
        self.url = f"https://{name}/"
        self.target = domain.attr_regional_domain_name
