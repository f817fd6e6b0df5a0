"""The function that says whether somebody takes calls about a topic, and when a closed queue opens."""

from __future__ import annotations

import json

from aws_cdk import Duration
from constructs import Construct

from infra.assets.bundling import FunctionSource
from infra.constructs.waiting_table import WaitingTable
from infra.functions.function import CallFunctionDefaults, Function

SOURCE = FunctionSource(
    handler="availability.handler.handler",
    aws_operations={
        "connect": ("DescribeQueue", "GetCurrentMetricData", "GetEffectiveHoursOfOperations"),
        "dynamodb": ("GetItem", "UpdateItem"),
    },
    requirements="requirements-availability.txt",
)

# Longer than three requests of (connect 1 s + read 2 s) to Connect, and two of each of these and one retry to
# the table at either side; shorter than the gateway's 29 s. A flow waits for 7 s, and says no time then.
_TIMEOUT = Duration.seconds(26)


class AvailabilityFunction(Function):
    """Answers whether calls about a topic are taken, as far as that is known."""

    def __init__(
        self, scope: Construct, id_: str, *, defaults: CallFunctionDefaults, waiting: WaitingTable
    ) -> None:
        configuration, instance = defaults.configuration, defaults.instance
        own_queues = configuration.connect.topic_queue_arns
        super().__init__(
            scope,
            id_,
            source=SOURCE,
            defaults=defaults,
            description="Says whether calls about a topic are taken",
            timeout=_TIMEOUT,
            environment={
                "CONNECT_INSTANCE_ARN": instance.arn,
                "WAITING_TABLE": waiting.table.table_name,
                "QUEUE_ARN": defaults.queue_arn or "",
                # Ids, none where it is the queue of all others: shorter than what start_call has of a topic.
                "TOPIC_QUEUE_IDS": json.dumps(
                    {topic: own_queues.get(topic, "").rpartition("/")[2] for topic in configuration.topics}
                ),
                "ALLOWED_ORIGINS": json.dumps(configuration.api.allowed_origins),
            },
        )
        if instance.alias is not None:
            # Another alias is another instance.
            self.force_new_version(instance.alias)
        self.show_counts("Availability", "AvailabilityRead", "AvailabilityUnknown", "Throttled")
