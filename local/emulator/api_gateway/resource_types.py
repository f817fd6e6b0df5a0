"""REST APIs, stages and methods: properties that MiniStack's CloudFormation drops. Request validators."""

from ministack.services import apigateway_v1
from ministack.services.cloudformation import provisioners

from local.emulator.cloudformation.provisioners import PROVISIONERS, Attributes, Properties, accepted, after


def install() -> None:
    """Finish what MiniStack makes of APIs; replace its request validators."""
    _replace_request_validators()
    after("AWS::ApiGateway::RestApi", _finish_rest_api)
    after("AWS::ApiGateway::Method", _finish_method)
    after("AWS::ApiGateway::Stage", _finish_stage)


def _finish_rest_api(api_id: str, _old: Properties, new: Properties) -> None:
    given = {
        "endpointAccessMode": new.get("EndpointAccessMode"),
        "securityPolicy": new.get("SecurityPolicy"),
        "endpointConfiguration": _lower(new.get("EndpointConfiguration")),
    }
    apigateway_v1._rest_apis[api_id] |= {name: value for name, value in given.items() if value}


def _finish_method(_physical_id: str, _old: Properties, new: Properties) -> None:
    resource = apigateway_v1._resources[new["RestApiId"]][new["ResourceId"]]
    resource["resourceMethods"][new["HttpMethod"]]["requestValidatorId"] = new.get("RequestValidatorId")


def _finish_stage(name: str, _old: Properties, new: Properties) -> None:
    stage = apigateway_v1._stages_v1[new["RestApiId"]][name]
    stage["accessLogSettings"] = _lower(new.get("AccessLogSetting"))
    # CloudFormation spells the path of a method setting with ~1 for a slash, the gateway looks for slashes.
    settings = stage.get("methodSettings") or {}
    stage["methodSettings"] = {
        path.replace("~1", "/").replace("//", "/"): setting for path, setting in settings.items()
    }


def _lower(properties: Properties | None) -> Properties:
    """The members spelled as API Gateway spells them: in lower camel case."""
    return {name[0].lower() + name[1:]: value for name, value in (properties or {}).items()}


def _replace_request_validators() -> None:
    """MiniStack's provisioner invents an id and creates nothing; its gateway has working validators."""

    def create(_logical_id: str, properties: Properties, _stack: str) -> tuple[str, Attributes]:
        validator = {
            "name": properties.get("Name", ""),
            "validateRequestBody": provisioners._cfn_bool(properties.get("ValidateRequestBody", False)),
            "validateRequestParameters": provisioners._cfn_bool(
                properties.get("ValidateRequestParameters", False)
            ),
        }
        created = accepted(apigateway_v1._create_request_validator(properties["RestApiId"], validator))
        return created["id"], {"RequestValidatorId": created["id"]}

    def update(physical_id: str, old: Properties, new: Properties, stack: str) -> tuple[str, Attributes]:
        created = create("", new, stack)
        delete(physical_id, old)
        return created

    def delete(physical_id: str, properties: Properties) -> None:
        apigateway_v1._request_validators.get(properties["RestApiId"], {}).pop(physical_id, None)

    PROVISIONERS["AWS::ApiGateway::RequestValidator"] = {
        "create": create,
        "update": update,
        "delete": delete,
    }
