"""What an account answers in which everything is ready for config/prod.toml, and the environment deployed."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from infra.configuration import Configuration, load
from infra.outputs import Output, parameter_name
from operations.deployment import CHECKOUT
from tests.operations.fake_aws import Answer, AwsRefusal

ACCOUNT = "444455556666"
REGION = "eu-west-2"
POOL_ID = "eu-west-2_prod"
MAPPING = "77777777-7777-4777-8777-777777777777"
FUNCTION = "InAppCalling-prod-Calling-CallerContextFunction-1"
ACL_ARN = f"arn:aws:wafv2:{REGION}:{ACCOUNT}:regional/webacl/own/1"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/apigateway-logs"
TOPIC_ARN = f"arn:aws:sns:{REGION}:{ACCOUNT}:InAppCalling-prod-Calling-Alarms"

_CALLING = (
    ("AWS::ApiGateway::RestApi", "ApiRest1", "api1"),
    ("AWS::ApiGateway::Stage", "ApiStage1", "v1"),
    ("AWS::Connect::ContactFlow", "ContactFlowsinbound1", "flow-arn-1"),
    ("AWS::Connect::ContactFlow", "ContactFlowsbilling1", "flow-arn-2"),
    ("AWS::Events::Rule", "ContactEventQueueRule", "InAppCalling-prod-Calling-Rule"),
    ("AWS::Lambda::EventSourceMapping", "ContactEventQueueMapping1", MAPPING),
    ("AWS::Lambda::Function", "CallerContextFunction1", FUNCTION),
    ("AWS::SNS::Topic", "MonitoringAlarms1", TOPIC_ARN),
    ("AWS::SQS::Queue", "ContactEventQueueDeadLetters1", "https://sqs.example/dead"),
    ("AWS::SQS::Queue", "ContactEventQueueQueue1", "https://sqs.example/queue"),
)
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
ALWAYS = [
    {
        "Day": day,
        "StartTime": {"Hours": 0, "Minutes": 0},
        "EndTime": {"Hours": 0, "Minutes": 0},
    }
    for day in ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
]
QUOTAS = {"L-12AB7C57": 10.0, "L-5CFC10A5": 2.0, "L-650BD10F": 10.0, "L-8FE21897": 5.0}


@functools.cache
def production() -> Configuration:
    """The environment that is looked at."""
    return load(CHECKOUT, "prod", transports={})


def outputs() -> dict[str, str]:
    """What it publishes."""
    return {
        Output.API_URL: "https://api1.example/v1/",
        Output.CALLING_PARAMETER: parameter_name("prod", "Calling"),
        Output.CONNECT_INSTANCE_ARN: str(production().connect.instance_arn),
        Output.USER_POOL_ID: POOL_ID,
    }


def parameter(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """GetParameter, of the bootstrap and of the switch."""
    values = {"/cdk-bootstrap/hnb659fds/version": "30", parameter_name("prod", "Calling"): "on"}
    return {"Parameter": {"Name": given["Name"], "Value": values[given["Name"]]}}


def stack(status: str) -> Answer:
    """DescribeStacks, of any stack."""
    return lambda given: {
        "Stacks": [{"StackName": given["StackName"], "CreationTime": NOW, "StackStatus": status}]
    }


def quota(values: Mapping[str, float]) -> Answer:
    """GetServiceQuota; 100 of what is not named."""
    return lambda given: {
        "Quota": {"QuotaCode": given["QuotaCode"], "Value": values.get(given["QuotaCode"], 100.0)}
    }


def resources(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """ListStackResources."""
    found = _CALLING if given["StackName"].endswith("-Calling") else ()
    return {
        "StackResourceSummaries": [
            {
                "ResourceType": type_,
                "LogicalResourceId": logical_id,
                "PhysicalResourceId": physical_id,
                "LastUpdatedTimestamp": NOW,
                "ResourceStatus": "CREATE_COMPLETE",
            }
            for type_, logical_id, physical_id in found
        ]
    }


def nothing_deployed(_: Mapping[str, Any]) -> Mapping[str, Any]:
    """ListStackResources and DescribeStacks before the first deployment."""
    raise AwsRefusal("ValidationError", "Stack with id x does not exist")


def queue(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """DescribeQueue."""
    return {
        "Queue": {
            "Name": "Verified callers",
            "QueueId": given["QueueId"],
            "HoursOfOperationId": "hours-1",
            "Status": "ENABLED",
        }
    }


def answers() -> dict[str, Answer]:
    """By operation."""
    configuration = production()
    function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{FUNCTION}"
    connect = configuration.connect
    queues = [connect.verified_queue_arn, connect.unverified_queue_arn, connect.flow.overflow_queue_arn]
    return {
        "sts.GetCallerIdentity": {
            "Account": ACCOUNT,
            "Arn": f"arn:aws:iam::{ACCOUNT}:user/operator",
            "UserId": "x",
        },
        "account.GetRegionOptStatus": {"RegionName": REGION, "RegionOptStatus": "ENABLED_BY_DEFAULT"},
        "ssm.GetParameter": parameter,
        "ssm.GetParametersByPath": {
            "Parameters": [
                {"Name": parameter_name("prod", name), "Value": value} for name, value in outputs().items()
            ]
        },
        "cloudformation.DescribeStacks": stack("UPDATE_COMPLETE"),
        "cloudformation.ListStackResources": resources,
        "apigateway.GetAccount": {"cloudwatchRoleArn": ROLE_ARN},
        "iam.GetRole": {
            "Role": {
                "Path": "/",
                "RoleName": "apigateway-logs",
                "RoleId": "AROAEXAMPLEEXAMPLE00",
                "Arn": ROLE_ARN,
                "CreateDate": NOW,
            }
        },
        "wafv2.GetWebACLForResource": {
            "WebACL": {
                "Name": "own",
                "Id": "1",
                "ARN": ACL_ARN,
                "DefaultAction": {"Allow": {}},
                "VisibilityConfig": {
                    "SampledRequestsEnabled": False,
                    "CloudWatchMetricsEnabled": False,
                    "MetricName": "own",
                },
            }
        },
        "lambda.GetAccountSettings": {
            "AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 938}
        },
        "lambda.GetFunctionConcurrency": {"ReservedConcurrentExecutions": 20},
        "lambda.GetEventSourceMapping": {"UUID": MAPPING, "State": "Enabled"},
        "connect.DescribeInstance": {
            "Instance": {
                "Arn": str(configuration.connect.instance_arn),
                "InstanceStatus": "ACTIVE",
                "InboundCallsEnabled": True,
            }
        },
        "connect.ListInstanceAttributes": {
            "Attributes": [{"AttributeType": "ENHANCED_CONTACT_MONITORING", "Value": "true"}]
        },
        "connect.ListLambdaFunctions": {"LambdaFunctions": [function_arn]},
        "connect.ListContactFlows": {"ContactFlowSummaryList": [{"Id": "flow-1"}, {"Id": "flow-2"}]},
        "connect.DescribeQueue": queue,
        "connect.DescribeHoursOfOperation": {
            "HoursOfOperation": {"Name": "Always", "TimeZone": "UTC", "Config": ALWAYS}
        },
        "connect.ListRoutingProfiles": {"RoutingProfileSummaryList": [{"Id": "profile-1"}]},
        "connect.ListRoutingProfileQueues": {
            "RoutingProfileQueueConfigSummaryList": [
                {
                    "QueueId": str(arn).rpartition("/")[2],
                    "QueueArn": str(arn),
                    "QueueName": "q",
                    "Priority": 1,
                    "Delay": 0,
                    "Channel": "VOICE",
                }
                for arn in queues
            ]
        },
        "service-quotas.GetServiceQuota": quota(QUOTAS),
        "events.DescribeRule": {"Name": "rule", "State": "ENABLED"},
        "events.ListTargetsByRule": {"Targets": [{"Id": "Queue", "Arn": "arn:aws:sqs:x:1:q"}]},
        "sqs.GetQueueAttributes": {"Attributes": {"ApproximateNumberOfMessages": "0"}},
        "sns.ListSubscriptionsByTopic": {"Subscriptions": [{"SubscriptionArn": f"{TOPIC_ARN}:1"}]},
        "cloudwatch.DescribeAlarms": {"MetricAlarms": [], "CompositeAlarms": []},
    }
