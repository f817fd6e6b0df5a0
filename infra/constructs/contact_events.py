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
from infra.alarms import PERIOD, RUNBOOKS, Alarm
from infra.grants import Grantee

FUNCTION_TIMEOUT = Duration.seconds(20)
"""How long the function may take for a batch."""

# Six times the function's time-out, as Lambda's guide for SQS recommends; also how long a message waits that
# the function wants to see again.
_VISIBILITY = Duration.minutes(2)

# Nobody needs events about calls that ended hours ago.
_MAX_EVENT_AGE = Duration.hours(4)

_ATTEMPTS = 5

# An age that no event comes to while the function takes events: after five attempts, two minutes apart, it is
# noted or given up, ten minutes old. What is older waits to be taken, and expires without a word.
_LATE_AFTER = Duration.minutes(15)


# How a contact by voice can have begun that no in-app call is or goes on as. Which word Connect has in the
# events of an in-app contact is documented nowhere; in its contact records it is WEBRTC_API. One that is
# transferred goes on as TRANSFER, QUEUE_TRANSFER or DISCONNECT. The function ignores these too, and finds out
# by the contact's id whether another is one of ours.
_OTHER_INITIATION_METHODS = (
    "AGENT_REPLY",
    "API",
    "CALLBACK",
    "CAMPAIGN_PREVIEW",
    "EXTERNAL_OUTBOUND",
    "FLOW",
    "INBOUND",
    "MONITOR",
    "OUTBOUND",
)

# In which calls without an event alarm, and how many.
_SILENCE, _SILENT_CALLS = Duration.hours(1), 3


def _of_rule(rule: events.CfnRule, metric: str) -> cloudwatch.Metric:
    # On the default bus these have the rule's name for their only dimension.
    return cloudwatch.Metric(
        namespace="AWS/Events",
        metric_name=metric,
        dimensions_map={"RuleName": rule.ref},
        statistic="Sum",
        period=PERIOD,
    )


class ContactEvents(Construct):
    """Rules for an instance's contact events, a queue for the function, and a dead-letter queue for both.

    Contact events hold ids and times; no attribute of a contact is in them.
    """

    def __init__(self, scope: Construct, id_: str, *, instance_arn: str, key: kms.IKey) -> None:
        super().__init__(scope, id_)
        self._key = key
        # Each of the queues names the other: one name has to be known before the queue is there. Nothing that
        # a deployment changes replaces the queue.
        name = f"{Stack.of(self).stack_name}-ContactEvents"
        source_arn = Stack.of(self).format_arn(service="sqs", resource=name)
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            # By SQS's own key: what fills this queue may be that KMS refuses the other one.
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
            redrive_allow_policy=sqs.RedriveAllowPolicy(
                redrive_permission=sqs.RedrivePermission.BY_QUEUE,
                source_queues=[sqs.Queue.from_queue_arn(self, "Source", source_arn)],
            ),
        )
        acknowledge(
            self.dead_letters,
            "Serverless::Serverless-SQSRedrivePolicy",
            reason="This is the dead-letter queue. An alarm watches it; its messages are kept for 14 days.",
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=name,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=True,
            retention_period=_MAX_EVENT_AGE,
            visibility_timeout=_VISIBILITY,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=_ATTEMPTS),
        )
        self._instance_arn = instance_arn
        self._rules: dict[str, events.CfnRule] = {}
        self._calls_started: cloudwatch.IMetric | None = None
        self.add_rule(
            "Rule",
            sid="EventsOfThisRule",
            description="Contact events that may be of in-app calls",
            pattern=self.contact_events(
                initiationMethod=[{"anything-but": list(_OTHER_INITIATION_METHODS)}, {"exists": False}],
            ),
        )

    def contact_events(self, **detail: object) -> dict[str, object]:
        """The pattern of the events of the instance's contacts by voice with this `detail`."""
        return {
            "source": ["aws.connect"],
            # AWS documents the first, and in one example the second.
            "detail-type": ["Amazon Connect Contact Event", "Connect Customer Contact Event"],
            "detail": {
                "instanceArn": [self._instance_arn],
                # AWS documents the first, and in one example the second. Not the chats that agents' guides
                # are.
                "channel": ["VOICE", "Voice"],
                # Not CONTACT_DATA_UPDATED: one for each attribute that a flow sets.
                "eventType": ["INITIATED", "QUEUED", "CONNECTED_TO_AGENT", "DISCONNECTED", "COMPLETED"],
                **detail,
            },
        }

    def add_rule(self, id_: str, *, sid: str, description: str, pattern: dict[str, object]) -> None:
        """Has events of `pattern` delivered too; `sid` names the statement that lets the rule send them."""
        # Not Rule: it would let EventBridge do more with the queue's key than sending takes.
        self._rules[id_] = rule = events.CfnRule(
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

    def expect_events_of(self, calls_started: cloudwatch.IMetric) -> None:
        """Alarms when calls are started, as this metric counts them, and no event comes."""
        self._calls_started = calls_started

    def alarms(self) -> list[Alarm]:
        """On events that do not come, that are not delivered, that nobody takes, and that were given up."""
        return [
            *([] if self._calls_started is None else [self._silence_alarm(self._calls_started)]),
            *(
                alarm
                for id_, rule in self._rules.items()
                for alarm in (
                    Alarm(
                        name=f"ContactEvents{id_}FailedInvocations",
                        metric=_of_rule(rule, "FailedInvocations"),
                        threshold=1,
                        advice="EventBridge could not deliver an event to the queue of contact events, and "
                        "gave it up. Look at the dead-letter queue, whose messages have the reason in their "
                        "attributes, and at the policies of the queue and of its key.",
                        runbook=f"{RUNBOOKS}#contacteventsfailedinvocations",
                    ),
                    Alarm(
                        name=f"ContactEvents{id_}Lost",
                        metric=_of_rule(rule, "InvocationsFailedToBeSentToDlq"),
                        threshold=1,
                        advice="An event that EventBridge could not deliver did not get into the dead-letter "
                        "queue either, and is lost. Look at the policy of the dead-letter queue. A call "
                        "whose end is lost counts as over after calls.longest_call_seconds.",
                        runbook=f"{RUNBOOKS}#contacteventslost",
                    ),
                )
            ),
            Alarm(
                name="ContactEventsGivenUp",
                metric=self._given_up(),
                threshold=1,
                advice="Contact events could not be noted in five attempts. Look at the log of "
                "contact_events; once the cause is gone, redrive the dead-letter queue. Their calls end by "
                "themselves.",
                runbook=f"{RUNBOOKS}#contacteventsgivenup",
            ),
            Alarm(
                name="ContactEventsLate",
                metric=self._age(),
                threshold=int(_LATE_AFTER.to_seconds()),
                advice=f"A contact event has waited for {_LATE_AFTER.to_minutes():g} minutes. Ended calls "
                "count as active, and after four hours events are lost. Look whether the event source "
                "mapping of contact_events is enabled. If it is, there are more events than the function "
                "takes: raise functions.event_concurrency.",
                runbook=f"{RUNBOOKS}#contacteventslate",
            ),
        ]

    def graphs(self) -> list[list[cloudwatch.IWidget]]:
        """How old the oldest event is, and how many were given up."""
        title = "ContactEvents: oldest, given up"
        return [[cloudwatch.GraphWidget(title=title, width=12, left=[self._age()], right=[self._given_up()])]]

    def _silence_alarm(self, calls_started: cloudwatch.IMetric) -> Alarm:
        """Of an hour, and of some calls: the last may have started a moment before its first event comes."""
        sent = self.queue.metric_number_of_messages_sent(period=_SILENCE, statistic="Sum")
        return Alarm(
            name="ContactEventsMissing",
            metric=cloudwatch.MathExpression(
                expression=f"IF(FILL(started, 0) >= {_SILENT_CALLS} AND FILL(sent, 0) == 0, 1, 0)",
                using_metrics={"started": calls_started, "sent": sent},
                period=_SILENCE,
                label="Calls without events",
            ),
            threshold=1,
            advice=f"{_SILENT_CALLS} calls or more were started within an hour, and no contact event came. "
            "Ended calls count as active. Look whether the rules of the stack are enabled, and whether their "
            "pattern fits an event of a call: send all events of the instance to a log for a moment.",
            runbook=f"{RUNBOOKS}#contacteventsmissing",
            outage="no contact events",
        )

    def _age(self) -> cloudwatch.Metric:
        return self.queue.metric_approximate_age_of_oldest_message(period=PERIOD, statistic="Maximum")

    def _given_up(self) -> cloudwatch.Metric:
        return self.dead_letters.metric_approximate_number_of_messages_visible(
            period=PERIOD, statistic="Maximum"
        )
