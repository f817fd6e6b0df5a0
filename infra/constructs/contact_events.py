"""Events about contacts, brought from Amazon Connect to a function without losing one."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.acknowledgements import acknowledge
from infra.alarms import PERIOD, Alarm
from infra.grants import Grantee

FUNCTION_TIMEOUT = Duration.seconds(20)
"""How long the function may take for a batch."""

# Six times the function's time-out, as Lambda's guide for SQS asks for; also how long a message waits that
# the function wants to see again.
_VISIBILITY = Duration.minutes(2)

# Nobody needs events about calls that ended hours ago.
_MAX_EVENT_AGE = Duration.hours(4)

_ATTEMPTS = 5

# An age that no event comes to while the function takes events: after five attempts, two minutes apart, it is
# noted or given up, ten minutes old. What is older waits to be taken, and expires without a word.
_LATE_AFTER = Duration.minutes(15)


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
            retention_period=_MAX_EVENT_AGE,
            visibility_timeout=_VISIBILITY,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=_ATTEMPTS),
        )
        self._instance_arn = instance_arn
        self.add_rule(
            "Rule",
            sid="EventsOfThisRule",
            description="Contact events of in-app calls",
            pattern=self.contact_events(
                # In-app contacts, and the contacts that they go on as when they are transferred.
                initiationMethod=["WEBRTC_API", "TRANSFER", "QUEUE_TRANSFER", "DISCONNECT"],
            ),
        )

    def contact_events(self, **detail: object) -> dict[str, object]:
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

    def add_rule(self, id_: str, *, sid: str, description: str, pattern: dict[str, object]) -> None:
        """Has events of `pattern` delivered too; `sid` names the statement that lets the rule send them."""
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
                        maximum_event_age_in_seconds=_MAX_EVENT_AGE.to_seconds()
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

    def grant_receive(self, function: Grantee) -> None:
        """Lets `function` take messages off the queue, and nothing else."""
        function.policy.add_statements(
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
        )

    def deliver_to(self, function: lambda_.Alias, *, max_concurrency: int) -> None:
        """Has `function` take the messages; it answers which of a batch must come again.

        `max_concurrency` is how many batches it handles at a time. Lambda takes 2 to 1,000, and the function
        must have as much concurrency: batches for which there is none are throttled, and in the end given up.
        """
        mapping = lambda_.EventSourceMapping(
            self,
            "Mapping",
            target=function,
            event_source_arn=self.queue.queue_arn,
            batch_size=5,
            report_batch_item_failures=True,
            max_concurrency=max_concurrency,
        )
        acknowledge(
            mapping,
            "Serverless::Serverless-LambdaEventSourceMappingDestination",
            reason="Lambda takes no failure destination for a mapping of SQS: a message that fails five "
            "times goes to the queue's dead-letter queue.",
        )

    def alarms(self) -> list[Alarm]:
        """On events that nobody takes, and on those that were given up."""
        return [
            Alarm(
                name="ContactEventsGivenUp",
                metric=self._given_up(),
                threshold=1,
                advice="Contact events could not be noted in five attempts. Look at the log of "
                "contact_events; once the cause is gone, redrive the dead-letter queue. Their calls end by "
                "themselves.",
            ),
            Alarm(
                name="ContactEventsLate",
                metric=self._age(),
                threshold=int(_LATE_AFTER.to_seconds()),
                advice=f"A contact event has waited for {_LATE_AFTER.to_minutes():g} minutes. Ended calls "
                "count as active, and after four hours events are lost. Look whether the event source "
                "mapping of contact_events is enabled. If it is, there are more events than the function "
                "takes: raise functions.event_concurrency.",
            ),
        ]

    def graphs(self) -> list[list[cloudwatch.IWidget]]:
        """How old the oldest event is, and how many were given up."""
        title = "ContactEvents: oldest, given up"
        return [[cloudwatch.GraphWidget(title=title, width=12, left=[self._age()], right=[self._given_up()])]]

    def _age(self) -> cloudwatch.Metric:
        return self.queue.metric_approximate_age_of_oldest_message(period=PERIOD, statistic="Maximum")

    def _given_up(self) -> cloudwatch.Metric:
        return self.dead_letters.metric_approximate_number_of_messages_visible(
            period=PERIOD, statistic="Maximum"
        )
