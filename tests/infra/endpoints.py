"""The endpoints of the services that a layer has the models of."""

import gzip
import json
from pathlib import Path

import botocore
import botocore.session
from botocore.endpoint_provider import EndpointProvider
from botocore.regions import EndpointResolver


def assert_endpoints_as_by_rules(layer: Path) -> None:
    """Asserts that in each Region of Connect every service has the endpoint that botocore's rules would give
    it, and signatures for that Region. The layer has no rules, only the list of Regions.
    """
    whole, shipped = Path(botocore.__file__).parent / "data", layer / "python" / "botocore" / "data"
    assert not list(shipped.rglob("endpoint-rule-set*"))
    session = botocore.session.get_session()
    partitions = session.get_data("partitions")
    resolver = EndpointResolver(json.loads((shipped / "endpoints.json").read_bytes()))
    # And one that came after this version of botocore.
    regions = [*session.get_available_regions("connect"), "eu-west-9"]
    assert "eu-west-2" in regions
    models = list(shipped.glob("*/*/service-2.json"))
    assert models
    for path in models:
        service, version = path.parts[-3:-1]
        prefix = json.loads(path.read_bytes())["metadata"]["endpointPrefix"]
        rules = gzip.decompress((whole / service / version / "endpoint-rule-set-1.json.gz").read_bytes())
        by_rules = EndpointProvider(json.loads(rules), partitions)
        for region in regions:
            endpoint = resolver.construct_endpoint(prefix, region)
            assert endpoint is not None
            assert by_rules.resolve_endpoint(Region=region).url == f"https://{endpoint['hostname']}"
            assert endpoint.get("credentialScope", {}).get("region", region) == region
