"""Lambda functions and event source mappings: properties that MiniStack's CloudFormation drops, and mappings
that Lambda would refuse."""

from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners

from local.emulator.cloudformation.provisioners import PROVISIONERS, Attributes, Properties, after
from local.emulator.sqs import queues


def install(*, region: str) -> None:
    """Finish what MiniStack makes of functions and mappings."""
    _check_queue_mappings(region)
    after("AWS::Lambda::Function", _finish_function)
    after("AWS::Lambda::EventSourceMapping", _finish_mapping)


def _finish_function(name: str, _old: Properties, new: Properties) -> None:
    reserved = new.get("ReservedConcurrentExecutions")
    lambda_svc._functions[name]["concurrency"] = None if reserved is None else int(reserved)


# MiniStack holds these itself, or holds them as what they are in the API.
_MAPPING_PROPERTIES_HELD = frozenset(
    {"BatchSize", "Enabled", "FunctionName", "MaximumBatchingWindowInSeconds", "Tags"}
)


def _finish_mapping(mapping_id: str, _old: Properties, new: Properties) -> None:
    mapping = lambda_svc._esms[mapping_id]
    held = {name: value for name, value in new.items() if name not in _MAPPING_PROPERTIES_HELD}
    is_enabled = provisioners._cfn_bool(new.get("Enabled", True))
    tags = {tag["Key"]: tag["Value"] for tag in new.get("Tags", [])}
    mapping |= {**held, "Enabled": is_enabled, "State": "Enabled" if is_enabled else "Disabled", "Tags": tags}


def _check_queue_mappings(region: str) -> None:
    """Refuse the mappings of queues that Lambda would refuse."""
    mapping_type = "AWS::Lambda::EventSourceMapping"
    own = dict(PROVISIONERS[mapping_type])

    def check(properties: Properties) -> None:
        function_arn, source_arn = properties["FunctionName"], properties["EventSourceArn"]
        is_queue = ":sqs:" in source_arn
        if is_queue and (problem := queues.mapping_problem(function_arn, source_arn, region=region)):
            raise ValueError(f"Resource handler returned message: {problem}")

    def create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Attributes]:
        check(properties)
        created: tuple[str, Attributes] = own["create"](logical_id, properties, stack)
        return created

    def update(physical_id: str, old: Properties, new: Properties, stack: str) -> tuple[str, Attributes]:
        check(new)
        updated: tuple[str, Attributes] = own["update"](physical_id, old, new, stack)
        return updated

    PROVISIONERS[mapping_type] = {**own, "create": create, "update": update}
