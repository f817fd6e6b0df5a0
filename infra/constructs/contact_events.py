"""What Amazon Connect tells about contacts, brought to a function without losing any of it."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.acknowledgements import acknowledge

FUNCTION_TIMEOUT = Duration.seconds(20)
"""How long the function may take for a batch."""

# Six times the function's time-out, as Lambda's guide for SQS asks for; also how long a message waits that
# the function wants to see again.
_VISIBILITY = Duration.minutes(2)

# About calls that ended hours ago nobody needs to hear.
_LONGEST_DELIVERY = Duration.hours(4)

_ATTEMPTS = 5

LATE_AFTER = Duration.minutes(15)
"""An age that no event comes to while the function takes events: after five attempts, two minutes apart, it
is noted or given up, ten minutes old. What is older waits to be taken, and expires without a word.
"""


class ContactEvents(Construct):
    """Rules for an instance's contact events, a queue for the function, and a dead-letter queue for both.

    Contact events hold ids and times; no attribute of a contact is in them.
    """

    def __init__(self, scope: Construct, id_: str, *, instance_arn: str, key: kms.IKey) -> None:
        super().__init__(scope, id_)
        self._key = key
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=True,
            retention_period=Duration.days(14),
            redrive_allow_policy=sqs.RedriveAllowPolicy(redrive_permission=sqs.RedrivePermission.ALLOW_ALL),
        )
        acknowledge(
            self.dead_letters,
            "Serverless::Serverless-SQSRedrivePolicy",
            reason="This is the dead-letter queue. An alarm watches it; its messages are kept for 14 days.",
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=True,
            retention_period=_LONGEST_DELIVERY,
            visibility_timeout=_VISIBILITY,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=_ATTEMPTS),
        )
        self._instance_arn = instance_arn
        self._hear(
            "Rule",
            "EventsOfThisRule",
            description="Contact events of in-app calls",
            pattern=self._contact_events(
                # In-app contacts, and the contacts that they go on as when they are transferred.
                initiationMethod=["WEBRTC_API", "TRANSFER", "QUEUE_TRANSFER", "DISCONNECT"],
            ),
        )

    def hear_bridge(self, *, connect_number: str, external_meeting_id: str) -> None:
        """Takes what is told about calls over the SIP bridge too: about contacts that come in on
        `connect_number`, and about the meetings that `external_meeting_id` marks as this deployment's.
        """
        self._hear(
            "BridgeRule",
            "EventsOfBridgedContacts",
            description="Contact events of calls over the SIP bridge",
            pattern=self._contact_events(
                initiationMethod=["INBOUND"],
                # Of all calls by telephone those alone that dialled this number.
                tags={"aws:connect:systemEndpoint": [connect_number]},
            ),
        )
        self._hear(
            "MeetingRule",
            "EventsOfMeetings",
            description="Meetings that end, and callers who join and leave them",
            pattern={
                "source": ["aws.chime"],
                "detail-type": ["Chime Meeting State Change"],
                "detail": {
                    "eventType": [
                        "chime:MeetingEnded",
                        "chime:AttendeeJoined",
                        "chime:AttendeeLeft",
                        "chime:AttendeeDropped",
                    ],
                    "externalMeetingId": [external_meeting_id],
                },
            },
        )

    def _contact_events(self, **detail: object) -> dict[str, object]:
        """The pattern of the instance's contact events with this `detail`."""
        return {
            "source": ["aws.connect"],
            # AWS documents the first, and in one example the second.
            "detail-type": ["Amazon Connect Contact Event", "Connect Customer Contact Event"],
            "detail": {
                "instanceArn": [self._instance_arn],
                # Not CONTACT_DATA_UPDATED: one for each attribute that a flow sets.
                "eventType": ["INITIATED", "QUEUED", "CONNECTED_TO_AGENT", "DISCONNECTED", "COMPLETED"],
                **detail,
            },
        }

    def _hear(self, id_: str, sid: str, *, description: str, pattern: dict[str, object]) -> None:
        """A rule for the events of `pattern`; `sid` names what lets it send them to the queues."""
        # Not Rule: it would let EventBridge do more with the queue's key than sending takes.
        rule = events.CfnRule(
            self,
            id_,
            description=description,
            event_pattern=pattern,
            targets=[
                events.CfnRule.TargetProperty(
                    id="Queue",
                    arn=self.queue.queue_arn,
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(
                        arn=self.dead_letters.queue_arn
                    ),
                    retry_policy=events.CfnRule.RetryPolicyProperty(
                        maximum_event_age_in_seconds=_LONGEST_DELIVERY.to_seconds()
                    ),
                )
            ],
        )
        for queue in (self.queue, self.dead_letters):
            queue.add_to_resource_policy(
                iam.PolicyStatement(
                    sid=sid,
                    principals=[iam.ServicePrincipal("events.amazonaws.com")],
                    actions=["sqs:SendMessage"],
                    resources=[queue.queue_arn],
                    conditions={"ArnEquals": {"aws:SourceArn": rule.attr_arn}},
                )
            )

    def receive_statements(self) -> list[iam.PolicyStatement]:
        """What the function's role needs to take messages off the queue, and nothing else."""
        return [
            iam.PolicyStatement(
                sid="ReceiveEvents",
                actions=["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
                resources=[self.queue.queue_arn],
            ),
            iam.PolicyStatement(
                sid="DecryptEvents",
                actions=["kms:Decrypt"],
                resources=[self._key.key_arn],
                conditions={
                    "StringEquals": {"kms:ViaService": f"sqs.{Stack.of(self).region}.amazonaws.com"},
                },
            ),
        ]

    def deliver_to(self, function: lambda_.Alias, *, most_at_once: int) -> None:
        """Has `function` take the messages; it answers which of a batch must come again.

        `most_at_once` is how many batches it handles at a time. Lambda takes 2 to 1,000, and the function
        must have as much concurrency: batches for which there is none are throttled, and in the end given up.
        """
        mapping = lambda_.EventSourceMapping(
            self,
            "Mapping",
            target=function,
            event_source_arn=self.queue.queue_arn,
            batch_size=5,
            report_batch_item_failures=True,
            max_concurrency=most_at_once,
        )
        acknowledge(
            mapping,
            "Serverless::Serverless-LambdaEventSourceMappingDestination",
            reason="Lambda takes no failure destination for a mapping of SQS: a message that fails five "
            "times goes to the queue's dead-letter queue.",
        )
