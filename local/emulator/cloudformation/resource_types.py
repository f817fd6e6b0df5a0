"""CloudFormation: the resource types that MiniStack lacks and the properties that it drops.

A type without behaviour here is validated against AWS's own registry schema and recorded; `Records.listed`
returns these.
"""

import base64
import functools
import importlib.util
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import jsonschema._keywords
import jsonschema._utils
import regex
from ministack.core import responses
from ministack.services import apigateway_v1, cognito, dynamodb, lambda_svc, secretsmanager, sns, waf
from ministack.services.cloudformation import provisioners

from local.emulator.aws_service import AwsError
from local.emulator.connect.connect import Connect
from local.emulator.connect.instance import Kind, Resource
from local.emulator.sqs import queues
from local.sip_bridge.voice import Voice

Properties = dict[str, Any]
Attributes = dict[str, Any]
Provisioner = dict[str, Any]  # MiniStack's: the callables create, update, delete under these names
Hook = Callable[
    [str, Properties, Properties], None
]  # physical id, properties before (empty: new), properties now

_PROVISIONERS: dict[str, Provisioner] = provisioners._RESOURCE_HANDLERS


def install(connect: Connect, voice: Voice, *, region: str) -> "Records":
    """Teach MiniStack's CloudFormation the missing types and properties; returns what is only recorded."""
    registry = Registry(region)
    records = Records(registry)
    _add_connect_types(registry, connect)
    _add_voice_types(registry, voice)
    for resource_type in registry.types:
        if resource_type not in _PROVISIONERS:
            _PROVISIONERS[resource_type] = records.provisioner(resource_type)
    _record_metric_math_alarms(records)
    _check_queue_mappings(region)
    _refer_to_secrets_by_arn()
    _generate_secrets_as_told(registry)
    _replace_request_validators()
    _replace_firewall_associations(registry)
    _add_identity_providers(registry)
    for resource_type, hook in _HOOKS.items():
        _after(resource_type, hook)
    return records


class Registry:
    """AWS's CloudFormation registry schemas of one Region, as cfn-lint ships them.

    They are read as files: importing cfn-lint takes 2.5 s and 100 MB.
    """

    def __init__(self, region: str) -> None:
        package = importlib.util.find_spec("cfnlint")
        if package is None or package.submodule_search_locations is None:
            raise RuntimeError(
                "cfn-lint is not installed in .venv-local: run `make local` or `./setup.sh local`"
            )
        self._folder = Path(package.submodule_search_locations[0], "data", "schemas")
        self._files: dict[str, str] = json.loads((self._folder / "providers" / f"{region}.json").read_text())

    @property
    def types(self) -> list[str]:
        """The names of all AWS types of the Region."""
        return [name for name in self._files if name.startswith("AWS::")]

    @functools.cache  # noqa: B019 one registry for the life of the process
    def schema(self, resource_type: str) -> dict[str, Any]:
        """The registry schema of a type."""
        schema: dict[str, Any] = json.loads(
            (self._folder / "resources" / f"{self._files[resource_type]}.json").read_text()
        )
        return schema

    def names(self, resource_type: str, role: str) -> list[str]:
        """The top-level properties of a role: primaryIdentifier, readOnlyProperties, createOnlyProperties."""
        pointers = self.schema(resource_type).get(role) or []
        return [pointer.removeprefix("/properties/") for pointer in pointers]

    def checked(self, resource_type: str, properties: Properties) -> Properties:
        """Return the properties with the types the schema wants; raises ValueError where it refuses them."""
        schema = self.schema(resource_type)
        top: dict[str, Any] = {
            key: schema[key] for key in ("properties", "definitions", "required") if key in schema
        }
        document = {**top, "type": "object", "additionalProperties": False}
        coerced: Properties = _coerce(document, schema, properties)
        if read_only := sorted(coerced.keys() & set(self.names(resource_type, "readOnlyProperties"))):
            raise ValueError(f"{resource_type}: read-only properties {read_only}")
        errors = [
            f"{'/'.join(map(str, error.absolute_path)) or 'properties'}: {error.message}"
            for error in _Validator(document).iter_errors(coerced)
        ]
        if errors:
            raise ValueError(
                f"Properties validation failed for resource {resource_type}: {'; '.join(errors)}"
            )
        return coerced


def _pattern(_validator: object, pattern: str, instance: object, _schema: object) -> Any:
    if isinstance(instance, str) and not regex.search(pattern, instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def _with_unicode_classes(module: ModuleType) -> None:
    """The registry's patterns use \\p{…}, which `re` does not know and `regex` does."""
    module.re = regex  # type: ignore[attr-defined]


_with_unicode_classes(jsonschema._keywords)
_with_unicode_classes(jsonschema._utils)
_Validator: type[jsonschema.Draft7Validator] = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft7Validator, {"pattern": _pattern}
)


def _coerce(schema: Mapping[str, Any], root: Mapping[str, Any], value: Any) -> Any:
    """CloudFormation takes the texts "true" and "5" where the schema says boolean and integer."""
    while "$ref" in schema:
        schema = root["definitions"].get(schema["$ref"].rpartition("/")[2], {})
    if schema.get("type") == "boolean" and value in ("true", "false"):
        return value == "true"
    if schema.get("type") == "integer" and isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return int(value)
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        return {name: _coerce(properties.get(name, {}), root, item) for name, item in value.items()}
    if isinstance(value, list):
        items = schema.get("items", {})
        return [_coerce(items if isinstance(items, dict) else {}, root, item) for item in value]
    return value


@dataclass
class Record:
    """A resource whose properties are valid and that does nothing."""

    resource_type: str
    logical_id: str
    stack: str
    properties: Properties
    attributes: Attributes


class Records:
    """The resources of types that this emulator has no behaviour for."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._records: dict[tuple[str, str], Record] = {}

    def listed(self) -> list[dict[str, Any]]:
        """Type, logical id, stack and properties of each recorded resource."""
        return [
            {"Type": record.resource_type, "LogicalId": record.logical_id, "Stack": record.stack,
             "Properties": record.properties}
            for record in self._records.values()
        ]  # fmt: skip

    def provisioner(self, resource_type: str) -> Provisioner:
        """The provisioner that records a type."""
        registry = self._registry

        def create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Attributes]:
            checked = registry.checked(resource_type, properties)
            attributes = self._attributes(resource_type, checked)
            identifier = [
                str(
                    attributes.get(name)
                    or checked.get(name)
                    or f"{stack}-{logical_id}-{uuid.uuid4().hex[:12]}"
                )
                for name in registry.names(resource_type, "primaryIdentifier")
            ]
            physical_id = "|".join(identifier)
            self._records[resource_type, physical_id] = Record(
                resource_type, logical_id, stack, checked, attributes
            )
            return physical_id, attributes

        def update(
            physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
        ) -> tuple[str, Attributes]:
            fixed = registry.names(resource_type, "createOnlyProperties")
            if any(old.get(name) != new.get(name) for name in fixed):
                created = create(logical_id, new, stack)
                delete(physical_id, old)
                return created
            record = self._records[resource_type, physical_id]
            record.properties = registry.checked(resource_type, new)
            return physical_id, record.attributes

        def delete(physical_id: str, _properties: Properties) -> None:
            self._records.pop((resource_type, physical_id), None)

        return {"create": create, "update": update, "update_with_logical_id": True, "delete": delete}

    def _attributes(self, resource_type: str, properties: Properties) -> Attributes:
        service, kind = (_dashed(part) for part in resource_type.split("::")[1:3])
        own_id = str(uuid.uuid4())
        arn = f"arn:aws:{service}:{responses.get_region()}:{responses.get_account_id()}:{kind}/{own_id}"
        read_only = self._registry.names(resource_type, "readOnlyProperties")
        return {
            name: arn if name.lower().endswith("arn") else properties.get(name, own_id) for name in read_only
        }


def _dashed(camel_case: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", camel_case).lower()


# Connect


_CONNECT_TYPES = {
    "AWS::Connect::Instance": Kind.INSTANCE,
    "AWS::Connect::HoursOfOperation": Kind.HOURS_OF_OPERATION,
    "AWS::Connect::Queue": Kind.QUEUE,
    "AWS::Connect::ContactFlow": Kind.CONTACT_FLOW,
    "AWS::Connect::IntegrationAssociation": Kind.INTEGRATION_ASSOCIATION,
    "AWS::Connect::PhoneNumber": Kind.PHONE_NUMBER,
}


def _add_connect_types(registry: Registry, connect: Connect) -> None:
    for resource_type, kind in _CONNECT_TYPES.items():
        if resource_type in registry.types:  # of this Region
            _PROVISIONERS[resource_type] = _connect_provisioner(registry, connect, resource_type, kind)


def _connect_provisioner(registry: Registry, connect: Connect, resource_type: str, kind: Kind) -> Provisioner:
    identifier = registry.names(resource_type, "primaryIdentifier")

    def identify(resource: Resource) -> tuple[str, Attributes]:
        attributes = _connect_attributes(resource)
        return "|".join(str({**resource.properties, **attributes}[name]) for name in identifier), attributes

    def create(_logical_id: str, properties: Properties, _stack: str) -> tuple[str, Attributes]:
        return identify(connect.create(kind, registry.checked(resource_type, properties)))

    def arn_of(physical_id: str, properties: Properties) -> str:
        if kind is not Kind.INTEGRATION_ASSOCIATION:
            return physical_id
        association = connect.find_integration(properties["InstanceId"], properties["IntegrationArn"])
        return association.arn if association else ""

    def update(physical_id: str, old: Properties, new: Properties, _stack: str) -> tuple[str, Attributes]:
        checked = registry.checked(resource_type, new)
        fixed = [*registry.names(resource_type, "createOnlyProperties"), "InstanceArn"]
        if any(old.get(name) != new.get(name) for name in fixed):
            created = connect.create(kind, checked)
            delete(physical_id, old)
            return identify(created)
        return identify(connect.update(arn_of(physical_id, old), checked))

    def delete(physical_id: str, properties: Properties) -> None:
        connect.delete(arn_of(physical_id, properties))

    return {"create": create, "update": update, "delete": delete}


def _connect_attributes(resource: Resource) -> Attributes:
    match resource.kind:
        case Kind.INSTANCE:
            account = resource.arn.partition(":instance/")[0].replace(":connect:", ":iam:")
            return {
                "Arn": resource.arn,
                "Id": resource.id,
                "CreatedTime": resource.created.isoformat(),
                "InstanceStatus": "ACTIVE",
                "ServiceRole": f"{account}:role/aws-service-role/connect.amazonaws.com/"
                f"AWSServiceRoleForAmazonConnect_{resource.id[:8]}",
            }
        case Kind.HOURS_OF_OPERATION:
            return {"HoursOfOperationArn": resource.arn}
        case Kind.QUEUE:
            return {"QueueArn": resource.arn, "Type": "STANDARD"}
        case Kind.CONTACT_FLOW:
            return {"ContactFlowArn": resource.arn}
        case Kind.INTEGRATION_ASSOCIATION:
            return {"IntegrationAssociationId": resource.id}
        case Kind.PHONE_NUMBER:
            return {"PhoneNumberArn": resource.arn, "Address": resource.address}


# The Amazon Chime SDK's telephony


@dataclass(frozen=True)
class _VoiceType:
    """A type whose properties are the API's parameters; `updated` are those that its Update takes."""

    resource_type: str
    member: str  # of the answers, and the prefix of its id and ARN
    create: Callable[[Properties], Mapping[str, Any]]
    update: Callable[[Properties], Mapping[str, Any]]
    delete: Callable[[Properties], Mapping[str, Any]]
    updated: tuple[str, ...]


def _add_voice_types(registry: Registry, voice: Voice) -> None:
    for kind in (
        _VoiceType(
            "AWS::Chime::SipMediaApplication",
            "SipMediaApplication",
            voice.create_sip_media_application,
            voice.update_sip_media_application,
            voice.delete_sip_media_application,
            ("Name", "Endpoints"),
        ),
        _VoiceType(
            "AWS::Chime::VoiceConnector",
            "VoiceConnector",
            voice.create_voice_connector,
            voice.update_voice_connector,
            voice.delete_voice_connector,
            ("Name", "RequireEncryption"),
        ),
    ):
        if kind.resource_type in registry.types:  # of this Region
            _PROVISIONERS[kind.resource_type] = _voice_provisioner(registry, voice, kind)


def _voice_provisioner(registry: Registry, voice: Voice, kind: _VoiceType) -> Provisioner:
    read_only = registry.names(kind.resource_type, "readOnlyProperties")

    def identified(answer: Mapping[str, Any]) -> tuple[str, Attributes]:
        members = answer[kind.member]
        attributes = {name: _text(members[name]) for name in read_only}
        return attributes[f"{kind.member}Arn"], attributes

    def create(_logical_id: str, properties: Properties, _stack: str) -> tuple[str, Attributes]:
        return identified(kind.create(registry.checked(kind.resource_type, properties)))

    def update(physical_id: str, old: Properties, new: Properties, stack: str) -> tuple[str, Attributes]:
        checked = registry.checked(kind.resource_type, new)
        fixed = registry.names(kind.resource_type, "createOnlyProperties")
        if any(old.get(name) != new.get(name) for name in fixed):
            created = create("", new, stack)
            delete(physical_id, old)
            return created
        named = {f"{kind.member}Id": physical_id.rpartition("/")[2]}
        old_keys = [tag["Key"] for tag in old.get("Tags", [])]
        voice.untag_resource({"ResourceARN": physical_id, "TagKeys": old_keys})
        voice.tag_resource({"ResourceARN": physical_id, "Tags": checked.get("Tags", [])})
        return identified(kind.update({**named, **{name: checked[name] for name in kind.updated}}))

    def delete(physical_id: str, _properties: Properties) -> None:
        try:
            kind.delete({f"{kind.member}Id": physical_id.rpartition("/")[2]})
        except AwsError as error:
            if error.code != "NotFoundException":
                raise

    return {"create": create, "update": update, "delete": delete}


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


# What MiniStack's own provisioners leave out


def _after(resource_type: str, hook: Hook) -> None:
    """Run the hook whenever a resource of the type was created or updated."""
    before = _PROVISIONERS[resource_type]

    def create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Attributes]:
        created: tuple[str, Attributes] = before["create"](logical_id, properties, stack)
        hook(created[0], {}, properties)
        return created

    def update(
        physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> tuple[str, Attributes]:
        named = [logical_id] if before.get("update_with_logical_id") else []
        updated: tuple[str, Attributes] = before["update"](physical_id, old, new, stack, *named)
        hook(updated[0], old if updated[0] == physical_id else {}, new)
        return updated

    _PROVISIONERS[resource_type] = {
        **before,
        "create": create,
        "update": update,
        "update_with_logical_id": True,
    }


def _accepted(answer: tuple[int, Any, bytes | str]) -> Any:
    """The document of a service's answer; raises ValueError for an error."""
    status, _, body = answer
    if status >= 400:
        raise ValueError(body.decode() if isinstance(body, bytes) else str(body))
    return json.loads(body or b"{}")


def _finish_table(name: str, old: Properties, new: Properties) -> None:
    ttl = new.get("TimeToLiveSpecification")
    if ttl and ttl != old.get("TimeToLiveSpecification"):
        _accepted(dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": ttl}))
    replica = (new.get("Replicas") or [{}])[0]
    backups = new.get("PointInTimeRecoverySpecification") or replica.get("PointInTimeRecoverySpecification")
    if backups:
        request = {"TableName": name, "PointInTimeRecoverySpecification": backups}
        _accepted(dynamodb._update_continuous_backups(request))
    encryption = new.get("SSESpecification") or {}
    if encryption.get("SSEEnabled"):
        key = encryption.get("KMSMasterKeyId") or (replica.get("SSESpecification") or {}).get(
            "KMSMasterKeyId"
        )
        described = {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key}
        dynamodb._tables[name]["SSEDescription"] = {name: value for name, value in described.items() if value}


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


def _finish_topic(arn: str, _old: Properties, new: Properties) -> None:
    if key := new.get("KmsMasterKeyId"):
        sns._topics[arn]["attributes"]["KmsMasterKeyId"] = key


def _finish_user_pool(pool_id: str, _old: Properties, new: Properties) -> None:
    given = {
        "RelyingPartyId": new.get("WebAuthnRelyingPartyID"),
        "UserVerification": new.get("WebAuthnUserVerification"),
    }
    if configuration := {name: value for name, value in given.items() if value}:
        cognito._user_pools[pool_id]["WebAuthnConfiguration"] = configuration


def _finish_user_pool_client(client_id: str, _old: Properties, new: Properties) -> None:
    if rotation := new.get("RefreshTokenRotation"):
        cognito._user_pools[new["UserPoolId"]]["_clients"][client_id]["RefreshTokenRotation"] = rotation


def _finish_rest_api(api_id: str, _old: Properties, new: Properties) -> None:
    given = {
        "endpointAccessMode": new.get("EndpointAccessMode"),
        "securityPolicy": new.get("SecurityPolicy"),
        "endpointConfiguration": _lower(new.get("EndpointConfiguration")),
    }
    apigateway_v1._rest_apis[api_id] |= {name: value for name, value in given.items() if value}


def _finish_firewall(physical_id: str, _old: Properties, new: Properties) -> None:
    _, acl_id, scope = physical_id.split("|")
    acl = waf.web_acl_record(acl_id, scope)
    acl["CustomResponseBodies"] = new.get("CustomResponseBodies", {})
    acl["Rules"] = _with_blobs(acl["Rules"])


def _with_blobs(value: Any) -> Any:
    """What a rule searches for is a text in CloudFormation, and a blob in the API."""
    if isinstance(value, list):
        return [_with_blobs(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: base64.b64encode(item.encode()).decode() if name == "SearchString" else _with_blobs(item)
        for name, item in value.items()
    }


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


_HOOKS: dict[str, Hook] = {
    "AWS::DynamoDB::Table": _finish_table,
    "AWS::DynamoDB::GlobalTable": _finish_table,
    "AWS::Lambda::EventSourceMapping": _finish_mapping,
    "AWS::Lambda::Function": _finish_function,
    "AWS::SNS::Topic": _finish_topic,
    "AWS::Cognito::UserPool": _finish_user_pool,
    "AWS::Cognito::UserPoolClient": _finish_user_pool_client,
    "AWS::ApiGateway::RestApi": _finish_rest_api,
    "AWS::ApiGateway::Method": _finish_method,
    "AWS::ApiGateway::Stage": _finish_stage,
    "AWS::WAFv2::WebACL": _finish_firewall,
}


def _record_metric_math_alarms(records: Records) -> None:
    """MiniStack refuses alarms on metric math: these are recorded, the others are its own."""
    alarm_type = "AWS::CloudWatch::Alarm"
    own, recorded = dict(_PROVISIONERS[alarm_type]), records.provisioner(alarm_type)

    def create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Attributes]:
        chosen = recorded if properties.get("Metrics") else own
        created: tuple[str, Attributes] = chosen["create"](logical_id, properties, stack)
        return created

    def update(
        physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> tuple[str, Attributes]:
        if bool(old.get("Metrics")) != bool(new.get("Metrics")):
            created = create(logical_id, new, stack)
            delete(physical_id, old)
            return created
        chosen = recorded if new.get("Metrics") else own
        updated: tuple[str, Attributes] = chosen["update"](physical_id, old, new, stack, logical_id)
        return updated

    def delete(physical_id: str, properties: Properties) -> None:
        (recorded if properties.get("Metrics") else own)["delete"](physical_id, properties)

    _PROVISIONERS[alarm_type] = {
        "create": create, "update": update, "update_with_logical_id": True, "delete": delete,
    }  # fmt: skip


def _check_queue_mappings(region: str) -> None:
    """Refuse the mappings of queues that Lambda would refuse."""
    mapping_type = "AWS::Lambda::EventSourceMapping"
    own = dict(_PROVISIONERS[mapping_type])

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

    _PROVISIONERS[mapping_type] = {**own, "create": create, "update": update}


def _refer_to_secrets_by_arn() -> None:
    """A secret's Ref is its ARN; MiniStack makes it the name."""
    secret_type = "AWS::SecretsManager::Secret"  # noqa: S105 a type
    own = dict(_PROVISIONERS[secret_type])

    def name_of(arn: str) -> str:
        return arn.partition(":secret:")[2].rpartition("-")[0]

    def create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Attributes]:
        _, attributes = own["create"](logical_id, properties, stack)
        return attributes["Arn"], attributes

    def update(
        physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> tuple[str, Attributes]:
        named = [logical_id] if own.get("update_with_logical_id") else []
        name, _ = own["update"](name_of(physical_id), old, new, stack, *named)
        arn = secretsmanager._secrets[name]["ARN"]
        return arn, {"Id": arn, "Arn": arn}

    def delete(physical_id: str, properties: Properties) -> None:
        own["delete"](name_of(physical_id), properties)

    _PROVISIONERS[secret_type] = {
        **own, "create": create, "update": update, "update_with_logical_id": True, "delete": delete,
    }  # fmt: skip


def _generate_secrets_as_told(registry: Registry) -> None:
    """MiniStack's CloudFormation forgets which characters a secret is to have; its service knows."""
    own: Callable[[Properties], str] = provisioners._sm_secret_string

    def secret_string(properties: Properties) -> str:
        wanted = properties.get("GenerateSecretString")
        if not wanted or properties.get("SecretString"):
            return own(properties)
        checked = registry.checked("AWS::SecretsManager::Secret", {"GenerateSecretString": wanted})
        wanted = checked["GenerateSecretString"]
        generated: str = _accepted(secretsmanager._get_random_password(wanted))["RandomPassword"]
        if "SecretStringTemplate" not in wanted:
            return generated
        template = json.loads(wanted["SecretStringTemplate"])
        return json.dumps({**template, wanted["GenerateStringKey"]: generated})

    provisioners._sm_secret_string = secret_string


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
        created = _accepted(apigateway_v1._create_request_validator(properties["RestApiId"], validator))
        return created["id"], {"RequestValidatorId": created["id"]}

    def update(physical_id: str, old: Properties, new: Properties, stack: str) -> tuple[str, Attributes]:
        created = create("", new, stack)
        delete(physical_id, old)
        return created

    def delete(physical_id: str, properties: Properties) -> None:
        apigateway_v1._request_validators.get(properties["RestApiId"], {}).pop(physical_id, None)

    _PROVISIONERS["AWS::ApiGateway::RequestValidator"] = {
        "create": create,
        "update": update,
        "delete": delete,
    }


def _replace_firewall_associations(registry: Registry) -> None:
    """MiniStack's WAF knows them, its CloudFormation does not."""
    resource_type = "AWS::WAFv2::WebACLAssociation"

    def create(_logical_id: str, properties: Properties, _stack: str) -> tuple[str, Attributes]:
        checked = registry.checked(resource_type, properties)
        _accepted(waf._associate_web_acl(checked))
        return f"{checked['ResourceArn']}|{checked['WebACLArn']}", {}

    def update(_physical_id: str, old: Properties, new: Properties, stack: str) -> tuple[str, Attributes]:
        delete("", old)
        return create("", new, stack)

    def delete(_physical_id: str, properties: Properties) -> None:
        _accepted(waf._disassociate_web_acl(properties))

    _PROVISIONERS[resource_type] = {"create": create, "update": update, "delete": delete}


def _add_identity_providers(registry: Registry) -> None:
    """MiniStack's Cognito knows them, its CloudFormation does not. Nobody signs in with one here."""
    resource_type = "AWS::Cognito::UserPoolIdentityProvider"

    def create(_logical_id: str, properties: Properties, _stack: str) -> tuple[str, Attributes]:
        checked = registry.checked(resource_type, properties)
        _accepted(cognito._create_identity_provider(checked))
        return checked["ProviderName"], {}

    def update(physical_id: str, old: Properties, new: Properties, stack: str) -> tuple[str, Attributes]:
        fixed = registry.names(resource_type, "createOnlyProperties")
        if any(old.get(name) != new.get(name) for name in fixed):
            created = create("", new, stack)
            delete(physical_id, old)
            return created
        _accepted(cognito._update_identity_provider(registry.checked(resource_type, new)))
        return physical_id, {}

    def delete(_physical_id: str, properties: Properties) -> None:
        _accepted(cognito._delete_identity_provider(properties))

    _PROVISIONERS[resource_type] = {"create": create, "update": update, "delete": delete}
