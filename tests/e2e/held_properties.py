"""Reads what the resources of the stacks hold back through the APIs of their services."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from tests.e2e.aws import Aws

Properties = dict[str, Any]


@dataclass(frozen=True)
class Resource:
    """A resource of a template as it was deployed, its references filled in."""

    logical_id: str
    type: str
    physical_id: str
    properties: Properties


def deployed(aws: Aws) -> list[Resource]:
    """Every resource of the app's stacks."""
    cloudformation = aws.client("cloudformation")
    found = []
    for stack in aws.stacks:
        template = cloudformation.get_template(StackName=stack)["TemplateBody"]
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        physical_ids = {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
        }
        resolve = Resolver(aws, template["Resources"], physical_ids | _parameters(aws, template))
        found += [
            Resource(
                name, declared["Type"], physical_ids[name], resolve.value(declared.get("Properties", {}))
            )
            for name, declared in template["Resources"].items()
        ]
    return found


def _parameters(aws: Aws, template: Mapping[str, Any]) -> dict[str, str]:
    """What the template's parameters stand for that name parameters of the Systems Manager."""
    ssm = aws.client("ssm")
    return {
        name: ssm.get_parameter(Name=parameter["Default"])["Parameter"]["Value"]
        for name, parameter in template.get("Parameters", {}).items()
        if parameter["Type"].startswith("AWS::SSM::Parameter::Value")
    }


class Resolver:
    """Fills in the references of a template by asking the services, not CloudFormation, what they lead to."""

    def __init__(
        self, aws: Aws, declared: Mapping[str, Mapping[str, Any]], physical_ids: Mapping[str, str]
    ) -> None:
        self._aws = aws
        self._declared = declared
        self._physical_ids = physical_ids
        exports = aws.client("cloudformation").list_exports()["Exports"]
        self._exports = {export["Name"]: export["Value"] for export in exports}

    def value(self, declared: Any) -> Any:
        """A value of the template without functions; an unknown function is an error."""
        if isinstance(declared, list):
            return [self.value(item) for item in declared]
        if not isinstance(declared, dict):
            return declared
        if len(declared) == 1:
            [(name, argument)] = declared.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._function(name, argument)
        return {name: self.value(item) for name, item in declared.items()}

    def _function(self, name: str, argument: Any) -> Any:
        match name:
            case "Ref":
                return self._reference(argument)
            case "Fn::GetAtt":
                return self._attribute(*argument)
            case "Fn::ImportValue":
                return self._exports[self.value(argument)]
            case "Fn::Join" | "Fn::Select" | "Fn::Split":
                return self._of_list(name, argument[0], self.value(argument[1]))
            case "Fn::Sub":
                text, variables = argument if isinstance(argument, list) else (argument, {})
                values = self.value(variables)
                return re.sub(
                    r"\$\{([\w.:]+)\}",
                    lambda found: values[found[1]] if found[1] in values else self._substituted(found[1]),
                    text,
                )
        raise NotImplementedError(f"the template uses {name}: teach it to this test")

    def _of_list(self, name: str, how: Any, value: Any) -> Any:
        match name:
            case "Fn::Join":
                return self._on_this_machine(how.join(value))
            case "Fn::Select":
                return value[int(how)]
        return value.split(how)

    def _on_this_machine(self, text: str) -> str:
        """The API's address, in a parameter for one, is the local AWS's own."""
        api = rf"{self._aws.outputs['EndpointUrl']}/_aws/execute-api/\1"
        return re.sub(r"https://(\w+)\.execute-api\.[\w.-]+\.amazonaws\.com", api, text)

    def _substituted(self, name: str) -> str:
        logical_id, _, attribute = name.partition(".")
        return str(self._attribute(logical_id, attribute) if attribute else self._reference(logical_id))

    def _reference(self, name: str) -> str:
        pseudo = {"AWS::Region": self._aws.outputs["Region"], "AWS::URLSuffix": "amazonaws.com"}
        return pseudo.get(name) or self._physical_ids[name]

    def _attribute(self, logical_id: str, attribute: str) -> str:
        resource_type = self._declared[logical_id]["Type"]
        return ATTRIBUTES[resource_type, attribute](self._aws, self._physical_ids[logical_id])


ATTRIBUTES: dict[tuple[str, str], Callable[[Aws, str], str]] = {
    ("AWS::ApiGateway::RestApi", "RootResourceId"): lambda aws, api: next(
        item["id"]
        for item in aws.client("apigateway").get_resources(restApiId=api)["items"]
        if item["path"] == "/"
    ),
    ("AWS::CloudWatch::Alarm", "Arn"): lambda aws, name: (
        f"arn:aws:cloudwatch:{aws.outputs['Region']}:"
        f"{aws.client('sts').get_caller_identity()['Account']}:alarm:{name}"
    ),
    ("AWS::Connect::ContactFlow", "ContactFlowArn"): lambda _, arn: arn,
    ("AWS::Connect::HoursOfOperation", "HoursOfOperationArn"): lambda _, arn: arn,
    ("AWS::Connect::Instance", "Arn"): lambda _, arn: arn,
    ("AWS::Connect::Queue", "QueueArn"): lambda _, arn: arn,
    ("AWS::Cognito::UserPool", "Arn"): lambda aws, pool: aws.client("cognito-idp").describe_user_pool(
        UserPoolId=pool
    )["UserPool"]["Arn"],
    ("AWS::DynamoDB::Table", "Arn"): lambda aws, name: aws.client("dynamodb").describe_table(TableName=name)[
        "Table"
    ]["TableArn"],
    ("AWS::Events::Rule", "Arn"): lambda aws, name: aws.client("events").describe_rule(Name=name)["Arn"],
    ("AWS::IAM::Role", "Arn"): lambda aws, name: aws.client("iam").get_role(RoleName=name)["Role"]["Arn"],
    ("AWS::KMS::Key", "Arn"): lambda aws, key: aws.client("kms").describe_key(KeyId=key)["KeyMetadata"][
        "Arn"
    ],
    ("AWS::Lambda::Function", "Arn"): lambda aws, name: str(
        aws.client("lambda").get_function_configuration(FunctionName=name)["FunctionArn"]
    ),
    ("AWS::Lambda::Version", "Version"): lambda _, arn: arn.rpartition(":")[2],
    ("AWS::Logs::LogGroup", "Arn"): lambda aws, name: _log_group(aws, name)["arn"],
    ("AWS::SQS::Queue", "Arn"): lambda aws, url: _queue_attributes(aws, url)["QueueArn"],
    ("AWS::SQS::Queue", "QueueName"): lambda _, url: url.rpartition("/")[2],
    ("AWS::WAFv2::WebACL", "Arn"): lambda aws, physical_id: _web_acl(aws, physical_id)["ARN"],
}


def _upper(value: Any) -> Any:
    """A document whose members are spelled as CloudFormation spells them: in upper camel case."""
    if isinstance(value, dict):
        return {name[:1].upper() + name[1:]: _upper(item) for name, item in value.items()}
    return [_upper(item) for item in value] if isinstance(value, list) else value


def _address(resource: Resource, *names: str) -> Properties:
    """The properties that a reader finds the resource by: they hold if it is found."""
    return {name: resource.properties[name] for name in names}


def _tag_list(tags: Mapping[str, str]) -> list[Properties]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _of_api(read: str, id_name: str) -> Callable[[Aws, Resource], Properties]:
    """A reader of a part of an API that has an id of its own."""

    def reader(aws: Aws, resource: Resource) -> Properties:
        api_id = resource.properties["RestApiId"]
        answer = getattr(aws.client("apigateway"), read)(restApiId=api_id, **{id_name: resource.physical_id})
        return {**_upper(answer), **_address(resource, "RestApiId")}

    return reader


def _gateway_response(aws: Aws, resource: Resource) -> Properties:
    answer = aws.client("apigateway").get_gateway_response(
        restApiId=resource.properties["RestApiId"], responseType=resource.properties["ResponseType"]
    )
    # Not _upper: the members of these two are names of headers and content types.
    return {
        **_upper(answer),
        "ResponseParameters": answer["responseParameters"],
        "ResponseTemplates": answer["responseTemplates"],
        **_address(resource, "RestApiId"),
    }


def _responses(by_status: Mapping[str, Properties]) -> list[Properties]:
    """CloudFormation lists them; their own members are names of headers and content types."""
    return [
        {name[:1].upper() + name[1:]: item for name, item in response.items()}
        for response in by_status.values()
    ]


def _method(aws: Aws, resource: Resource) -> Properties:
    declared = resource.properties
    answer = aws.client("apigateway").get_method(
        restApiId=declared["RestApiId"], resourceId=declared["ResourceId"], httpMethod=declared["HttpMethod"]
    )
    integration = answer["methodIntegration"]
    return {
        **_upper(answer),
        "RequestModels": answer["requestModels"],
        "RequestParameters": answer["requestParameters"],
        "MethodResponses": _responses(answer.get("methodResponses", {})),
        "Integration": {
            **_upper(integration),
            "IntegrationHttpMethod": integration.get("httpMethod"),
            "IntegrationResponses": _responses(integration.get("integrationResponses", {})),
            "RequestTemplates": integration.get("requestTemplates"),
        },
        **_address(resource, "RestApiId", "ResourceId"),
    }


def _model(aws: Aws, resource: Resource) -> Properties:
    answer = aws.client("apigateway").get_model(
        restApiId=resource.properties["RestApiId"], modelName=resource.physical_id
    )
    return {
        **_upper(answer),
        "Schema": json.loads(answer["schema"]),
        **_address(resource, "RestApiId"),
    }


def _rest_api(aws: Aws, resource: Resource) -> Properties:
    answer = aws.client("apigateway").get_rest_api(restApiId=resource.physical_id)
    return {**_upper(answer), "Tags": _tag_list(answer["tags"])}


def _stage(aws: Aws, resource: Resource) -> Properties:
    answer = aws.client("apigateway").get_stage(
        restApiId=resource.properties["RestApiId"], stageName=resource.physical_id
    )
    # CloudFormation lists them; the service maps `<path>/<method>`, `*/*` for all. A path's / is spelled ~1.
    settings = []
    for key, item in answer["methodSettings"].items():
        path, _, method = key.rpartition("/")
        settings.append({"ResourcePath": f"/{path.replace('/', '~1')}", "HttpMethod": method, **_upper(item)})
    return {
        **_upper(answer),
        "AccessLogSetting": _upper(answer["accessLogSettings"]),
        "MethodSettings": settings,
        "Tags": _tag_list(answer["tags"]),
        **_address(resource, "RestApiId"),
    }


def _alarm(aws: Aws, resource: Resource) -> Properties:
    cloudwatch = aws.client("cloudwatch")
    [alarm] = cloudwatch.describe_alarms(AlarmNames=[resource.physical_id])["MetricAlarms"]
    tags = cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
    return {**alarm, "Tags": tags}


def _dashboard(aws: Aws, resource: Resource) -> Properties:
    answer: Properties = aws.client("cloudwatch").get_dashboard(DashboardName=resource.physical_id)
    return answer


def _user_pool(aws: Aws, resource: Resource) -> Properties:
    identity = aws.client("cognito-idp")
    pool = identity.describe_user_pool(UserPoolId=resource.physical_id)["UserPool"]
    mfa = identity.get_user_pool_mfa_config(UserPoolId=resource.physical_id)
    declared_schema = {attribute["Name"] for attribute in resource.properties.get("Schema", [])}
    totp = mfa.get("SoftwareTokenMfaConfiguration", {}).get("Enabled")
    return {
        **pool,
        "Schema": [item for item in pool["SchemaAttributes"] if item["Name"] in declared_schema],
        "EnabledMfas": ["SOFTWARE_TOKEN_MFA"] if totp else [],
        "WebAuthnUserVerification": mfa.get("WebAuthnConfiguration", {}).get("UserVerification"),
    }


def _user_pool_client(aws: Aws, resource: Resource) -> Properties:
    client = aws.client("cognito-idp").describe_user_pool_client(
        UserPoolId=resource.properties["UserPoolId"], ClientId=resource.physical_id
    )["UserPoolClient"]
    return {**client, "GenerateSecret": "ClientSecret" in client}


def _user_pool_domain(aws: Aws, resource: Resource) -> Properties:
    answer: Properties = aws.client("cognito-idp").describe_user_pool_domain(Domain=resource.physical_id)
    return dict(answer["DomainDescription"])


def _identity_provider(aws: Aws, resource: Resource) -> Properties:
    answer: Properties = aws.client("cognito-idp").describe_identity_provider(
        **_address(resource, "UserPoolId", "ProviderName")
    )
    return dict(answer["IdentityProvider"])


def _part_of_instance(read: str, id_name: str, member: str) -> Callable[[Aws, Resource], Properties]:
    """A reader of a part of an Amazon Connect instance, whose physical id is its ARN."""

    def reader(aws: Aws, resource: Resource) -> Properties:
        instance_arn = resource.properties["InstanceArn"]
        answer: Properties = getattr(aws.client("connect"), read)(
            InstanceId=instance_arn.rpartition("/")[2],
            **{id_name: resource.physical_id.rpartition("/")[2]},
        )[member]
        return {**answer, "Tags": _tag_list(answer["Tags"]), **_address(resource, "InstanceArn")}

    return reader


def _instance(aws: Aws, resource: Resource) -> Properties:
    connect = aws.client("connect")
    instance_id = resource.physical_id.rpartition("/")[2]
    instance: Properties = connect.describe_instance(InstanceId=instance_id)["Instance"]
    attributes = {
        name: connect.describe_instance_attribute(InstanceId=instance_id, AttributeType=attribute_type)[
            "Attribute"
        ]["Value"]
        == "true"
        for name, attribute_type in {
            "ContactflowLogs": "CONTACTFLOW_LOGS",
            "InboundCalls": "INBOUND_CALLS",
            "OutboundCalls": "OUTBOUND_CALLS",
        }.items()
    }
    return {**instance, "Attributes": attributes, "Tags": _tag_list(instance["Tags"])}


def _queue(aws: Aws, resource: Resource) -> Properties:
    queue = _part_of_instance("describe_queue", "QueueId", "Queue")(aws, resource)
    instance_arn = resource.properties["InstanceArn"]
    return {**queue, "HoursOfOperationArn": f"{instance_arn}/operating-hours/{queue['HoursOfOperationId']}"}


def _integration(aws: Aws, resource: Resource) -> Properties:
    instance_id = resource.properties["InstanceId"].rpartition("/")[2]
    functions = aws.client("connect").list_lambda_functions(InstanceId=instance_id)["LambdaFunctions"]
    assert resource.properties["IntegrationArn"] in functions
    return _address(resource, "InstanceId", "IntegrationArn", "IntegrationType")


def _table(aws: Aws, resource: Resource) -> Properties:
    dynamodb = aws.client("dynamodb")
    name = resource.physical_id
    table = dynamodb.describe_table(TableName=name)["Table"]
    ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    encryption = table.get("SSEDescription", {})
    return {
        **table,
        "BillingMode": table["BillingModeSummary"]["BillingMode"],
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": recovery == "ENABLED"},
        "SSESpecification": {
            "KMSMasterKeyId": encryption.get("KMSMasterKeyArn"),
            "SSEEnabled": encryption.get("Status") == "ENABLED",
            "SSEType": encryption.get("SSEType"),
        },
        "TimeToLiveSpecification": {**ttl, "Enabled": ttl["TimeToLiveStatus"] == "ENABLED"},
        "Tags": dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"],
    }


def _managed_policy(aws: Aws, resource: Resource) -> Properties:
    iam = aws.client("iam")
    policy = iam.get_policy(PolicyArn=resource.physical_id)["Policy"]
    version = iam.get_policy_version(PolicyArn=resource.physical_id, VersionId=policy["DefaultVersionId"])
    roles = iam.list_entities_for_policy(PolicyArn=resource.physical_id)["PolicyRoles"]
    return {
        **policy,
        "PolicyDocument": version["PolicyVersion"]["Document"],
        "Roles": [role["RoleName"] for role in roles],
    }


def _role(aws: Aws, resource: Resource) -> Properties:
    iam = aws.client("iam")
    role = iam.get_role(RoleName=resource.physical_id)["Role"]
    attached = iam.list_attached_role_policies(RoleName=resource.physical_id)["AttachedPolicies"]
    tags = iam.list_role_tags(RoleName=resource.physical_id)["Tags"]
    # The policy that attaches itself to its role is read back as a policy.
    arns = [policy["PolicyArn"] for policy in attached if "StartContacts" not in policy["PolicyName"]]
    return {**role, "ManagedPolicyArns": arns, "Tags": tags}


def _key(aws: Aws, resource: Resource) -> Properties:
    kms = aws.client("kms")
    key_id = resource.physical_id
    tags = kms.list_resource_tags(KeyId=key_id)["Tags"]
    return {
        **kms.describe_key(KeyId=key_id)["KeyMetadata"],
        "EnableKeyRotation": kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"],
        "KeyPolicy": json.loads(kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"]),
        "Tags": _tag_list({tag["TagKey"]: tag["TagValue"] for tag in tags}),
    }


def _function(aws: Aws, resource: Resource) -> Properties:
    answer = aws.client("lambda").get_function(FunctionName=resource.physical_id)
    configuration = answer["Configuration"]
    code = resource.properties["Code"]
    asset = aws.client("s3").get_object(Bucket=code["S3Bucket"], Key=code["S3Key"])["Body"].read()
    is_the_asset = base64.b64encode(hashlib.sha256(asset).digest()).decode() == configuration["CodeSha256"]
    return {
        **configuration,
        "Code": code if is_the_asset else configuration["CodeSha256"],
        "Layers": [layer["Arn"] for layer in configuration.get("Layers", [])],
        "ReservedConcurrentExecutions": answer.get("Concurrency", {}).get("ReservedConcurrentExecutions"),
        "Tags": _tag_list(answer["Tags"]),
    }


def _alias(aws: Aws, resource: Resource) -> Properties:
    alias: Properties = aws.client("lambda").get_alias(**_address(resource, "FunctionName", "Name"))
    return {**alias, **_address(resource, "FunctionName")}


def _version(aws: Aws, resource: Resource) -> Properties:
    configuration: Properties = aws.client("lambda").get_function_configuration(
        FunctionName=resource.properties["FunctionName"], Qualifier=resource.physical_id.rpartition(":")[2]
    )
    return configuration


def _permission(aws: Aws, resource: Resource) -> Properties:
    function, _, alias = resource.properties["FunctionName"].rpartition(":")
    policy = json.loads(aws.client("lambda").get_policy(FunctionName=function, Qualifier=alias)["Policy"])
    [statement] = [item for item in policy["Statement"] if item["Sid"] == resource.physical_id]
    assert statement["Effect"] == "Allow"
    conditions = statement.get("Condition", {})
    return {
        "Action": statement["Action"],
        "FunctionName": statement["Resource"],
        "Principal": statement["Principal"]["Service"],
        "SourceAccount": conditions.get("StringEquals", {}).get("AWS:SourceAccount"),
        "SourceArn": conditions.get("ArnLike", {}).get("AWS:SourceArn"),
    }


def _layer(aws: Aws, resource: Resource) -> Properties:
    answer = aws.client("lambda").get_layer_version_by_arn(Arn=resource.physical_id)
    content = resource.properties["Content"]
    asset = aws.client("s3").get_object(Bucket=content["S3Bucket"], Key=content["S3Key"])["Body"].read()
    digest = base64.b64encode(hashlib.sha256(asset).digest()).decode()
    return {**answer, "Content": content if digest == answer["Content"]["CodeSha256"] else digest}


def _mapping(aws: Aws, resource: Resource) -> Properties:
    lambda_ = aws.client("lambda")
    mapping: Properties = lambda_.get_event_source_mapping(UUID=resource.physical_id)
    tags = lambda_.list_tags(Resource=mapping["EventSourceMappingArn"])["Tags"]
    name = mapping["FunctionArn"].partition(":function:")[2]
    return {**mapping, "FunctionName": name, "Tags": _tag_list(tags)}


def _rule(aws: Aws, resource: Resource) -> Properties:
    events = aws.client("events")
    rule = events.describe_rule(Name=resource.physical_id)
    return {
        **rule,
        "EventPattern": json.loads(rule["EventPattern"]),
        "Targets": events.list_targets_by_rule(Rule=resource.physical_id)["Targets"],
        "Tags": events.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"],
    }


def _queue_attributes(aws: Aws, url: str) -> Properties:
    attributes: Properties = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])[
        "Attributes"
    ]
    return attributes


def _message_queue(aws: Aws, resource: Resource) -> Properties:
    """Attributes of a queue are texts; its name is the end of its ARN."""
    attributes = _queue_attributes(aws, resource.physical_id)
    numbers = {name: int(value) for name, value in attributes.items() if value.isdigit()}
    switches = {name: value == "true" for name, value in attributes.items() if value in {"true", "false"}}
    documents: Properties = {
        name: json.loads(attributes[name])
        for name in ("RedrivePolicy", "RedriveAllowPolicy")
        if name in attributes
    }
    tags = aws.client("sqs").list_queue_tags(QueueUrl=resource.physical_id).get("Tags", {})
    name = attributes["QueueArn"].rpartition(":")[2]
    return {
        **attributes,
        **numbers,
        **switches,
        **documents,
        "QueueName": name,
        "Tags": _tag_list(tags),
    }


def _queue_policy(aws: Aws, resource: Resource) -> Properties:
    [url] = resource.properties["Queues"]
    return {
        "PolicyDocument": json.loads(_queue_attributes(aws, url)["Policy"]),
        **_address(resource, "Queues"),
    }


def _log_group(aws: Aws, name: str) -> Properties:
    groups = aws.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    [group] = [group for group in groups if group["logGroupName"] == name]
    return dict(group)


def _logs(aws: Aws, resource: Resource) -> Properties:
    group = _log_group(aws, resource.physical_id)
    tags = aws.client("logs").list_tags_for_resource(resourceArn=group["arn"].removesuffix(":*"))["tags"]
    return {**_upper(group), "Tags": _tag_list(tags)}


def _metric_filter(aws: Aws, resource: Resource) -> Properties:
    [found] = aws.client("logs").describe_metric_filters(
        logGroupName=resource.properties["LogGroupName"], filterNamePrefix=resource.physical_id
    )["metricFilters"]
    return dict(_upper(found))


def _topic(aws: Aws, resource: Resource) -> Properties:
    sns = aws.client("sns")
    attributes: Properties = sns.get_topic_attributes(TopicArn=resource.physical_id)["Attributes"]
    return {**attributes, "Tags": sns.list_tags_for_resource(ResourceArn=resource.physical_id)["Tags"]}


def _topic_policy(aws: Aws, resource: Resource) -> Properties:
    [topic] = resource.properties["Topics"]
    attributes = aws.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    return {"PolicyDocument": json.loads(attributes["Policy"]), **_address(resource, "Topics")}


def _parameter(aws: Aws, resource: Resource) -> Properties:
    ssm = aws.client("ssm")
    name = resource.physical_id
    by_name = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
    [described] = ssm.describe_parameters(ParameterFilters=by_name)["Parameters"]
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
    return {
        **described,
        **ssm.get_parameter(Name=name)["Parameter"],
        "Tags": {tag["Key"]: tag["Value"] for tag in tags},
    }


def _web_acl(aws: Aws, physical_id: str) -> Properties:
    name, acl_id, scope = physical_id.split("|")
    return dict(_texts(aws.client("wafv2").get_web_acl(Name=name, Id=acl_id, Scope=scope)["WebACL"]))


def _texts(value: Any) -> Any:
    """A document with texts where the API has blobs, as CloudFormation has them."""
    if isinstance(value, dict):
        return {name: _texts(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_texts(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value


def _firewall(aws: Aws, resource: Resource) -> Properties:
    acl = _web_acl(aws, resource.physical_id)
    tags = aws.client("wafv2").list_tags_for_resource(ResourceARN=acl["ARN"])["TagInfoForResource"]["TagList"]
    return {**acl, "Scope": resource.physical_id.split("|")[2], "Tags": tags}


def _firewall_association(aws: Aws, resource: Resource) -> Properties:
    address = _address(resource, "ResourceArn")
    return {**address, "WebACLArn": aws.client("wafv2").get_web_acl_for_resource(**address)["WebACL"]["ARN"]}


Reader = Callable[[Aws, Resource], Properties]

READERS: dict[str, Reader] = {
    "AWS::ApiGateway::Authorizer": _of_api("get_authorizer", "authorizerId"),
    "AWS::ApiGateway::Deployment": _of_api("get_deployment", "deploymentId"),
    "AWS::ApiGateway::GatewayResponse": _gateway_response,
    "AWS::ApiGateway::Method": _method,
    "AWS::ApiGateway::Model": _model,
    "AWS::ApiGateway::RequestValidator": _of_api("get_request_validator", "requestValidatorId"),
    "AWS::ApiGateway::Resource": _of_api("get_resource", "resourceId"),
    "AWS::ApiGateway::RestApi": _rest_api,
    "AWS::ApiGateway::Stage": _stage,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::Dashboard": _dashboard,
    "AWS::Cognito::UserPool": _user_pool,
    "AWS::Cognito::UserPoolClient": _user_pool_client,
    "AWS::Connect::ContactFlow": _part_of_instance("describe_contact_flow", "ContactFlowId", "ContactFlow"),
    "AWS::Connect::HoursOfOperation": _part_of_instance(
        "describe_hours_of_operation", "HoursOfOperationId", "HoursOfOperation"
    ),
    "AWS::Connect::Instance": _instance,
    "AWS::Connect::IntegrationAssociation": _integration,
    "AWS::Connect::Queue": _queue,
    "AWS::DynamoDB::Table": _table,
    "AWS::Events::Rule": _rule,
    "AWS::IAM::ManagedPolicy": _managed_policy,
    "AWS::IAM::Role": _role,
    "AWS::KMS::Key": _key,
    "AWS::Lambda::Alias": _alias,
    "AWS::Lambda::EventSourceMapping": _mapping,
    "AWS::Lambda::Function": _function,
    "AWS::Lambda::LayerVersion": _layer,
    "AWS::Lambda::Permission": _permission,
    "AWS::Lambda::Version": _version,
    "AWS::Logs::LogGroup": _logs,
    "AWS::Logs::MetricFilter": _metric_filter,
    "AWS::SNS::Topic": _topic,
    "AWS::SNS::TopicPolicy": _topic_policy,
    "AWS::SQS::Queue": _message_queue,
    "AWS::SQS::QueuePolicy": _queue_policy,
    "AWS::SSM::Parameter": _parameter,
    "AWS::WAFv2::WebACL": _firewall,
    "AWS::WAFv2::WebACLAssociation": _firewall_association,
}

# What a user pool has besides where users sign in on its pages, or with other providers.
READERS_OF_PAGES: dict[str, Reader] = {
    "AWS::Cognito::UserPoolDomain": _user_pool_domain,
    "AWS::Cognito::UserPoolIdentityProvider": _identity_provider,
}


def differences(declared: Any, held: Any, where: str = "") -> Iterator[str]:
    """Where what is held is not what was declared; a service may add members of its own to an object."""
    if isinstance(declared, dict) and isinstance(held, dict):
        for name, item in declared.items():
            yield from differences(item, held.get(name), f"{where}.{name}".lstrip("."))
    elif isinstance(declared, list) and isinstance(held, list) and len(declared) == len(held):
        # Sets of texts and of tags have no order.
        for index, (item, other) in enumerate(zip(_ordered(declared), _ordered(held), strict=True)):
            yield from differences(item, other, f"{where}[{index}]")
    elif declared != held:
        yield f"{where}: declared {declared!r}, held {held!r}"


def _ordered(items: list[Any]) -> list[Any]:
    return sorted(items, key=lambda item: json.dumps(item, sort_keys=True, default=str))


def held(aws: Aws, resource: Resource, readers: Mapping[str, Reader] = READERS) -> Properties:
    """What the resource's service says about it; raises where the service does not know it."""
    return without_own_tags(readers[resource.type](aws, resource))


def left(aws: Aws, resources: Iterable[Resource], readers: Mapping[str, Reader] = READERS) -> set[str]:
    """The types of those resources that are still there."""
    return {
        resource.type
        for resource in resources
        if resource.type in readers and _is_left(aws, resource, readers)
    }


def _is_left(aws: Aws, resource: Resource, readers: Mapping[str, Reader]) -> bool:
    try:
        found = held(aws, resource, readers)
    except (ClientError, ValueError, KeyError):
        return False
    # A key outlives its deletion by the days that its owner has to change their mind.
    return found.get("KeyState") != "PendingDeletion"


def without_own_tags(held: Properties) -> Properties:
    """CloudFormation adds tags of its own, which no template may declare."""
    tags = held.get("Tags")
    if not isinstance(tags, list):
        return held
    return {**held, "Tags": [tag for tag in tags if not tag["Key"].startswith("aws:cloudformation:")]}
