"""Contact events, and what a deployment does with them."""

from __future__ import annotations

from collections.abc import Iterator

from operations.doctor.check import Check, Finding, Read, passed_if, passed_or_warned
from operations.doctor.stack_reads import STACK_RESOURCES
from operations.doctor.subject import Subject


def _look(subject: Subject) -> Iterator[Finding]:
    events = subject.client("events")
    for rule in subject.resources_of("AWS::Events::Rule"):
        name = rule.physical_id
        state = events.describe_rule(Name=name)["State"]
        targets = events.list_targets_by_rule(Rule=name).get("Targets", [])
        yield passed_if(
            state.startswith("ENABLED") and targets,
            f"the rule {name} is {state}, with {len(targets)} targets",
            "the rule is enabled and has its queue",
            f"aws events enable-rule --name {name}; without its target, deploy again.",
        )
    functions = subject.client("lambda")
    for mapping in subject.resources_of("AWS::Lambda::EventSourceMapping"):
        state = functions.get_event_source_mapping(UUID=mapping.physical_id)["State"]
        yield passed_if(
            state in {"Enabled", "Enabling", "Updating"},
            f"the event source mapping {mapping.physical_id} is {state}",
            "the mapping from the queue to contact_events is Enabled",
            f"aws lambda update-event-source-mapping --uuid {mapping.physical_id} --enabled",
        )


def _look_at_dead_letters(subject: Subject) -> Iterator[Finding]:
    for queue in subject.resources_of("AWS::SQS::Queue"):
        if "DeadLetters" not in queue.logical_id:
            continue
        answer = subject.client("sqs").get_queue_attributes(
            QueueUrl=queue.physical_id, AttributeNames=["ApproximateNumberOfMessages"]
        )
        waiting = int(answer["Attributes"]["ApproximateNumberOfMessages"])
        yield passed_or_warned(
            waiting == 0,
            f"{waiting} contact events were given up",
            "none",
            "docs/operations.md, “ContactEventsGivenUp”.",
        )


CHECKS = (
    Check(
        name="contact events",
        reads=(
            STACK_RESOURCES,
            Read("events:DescribeRule"),
            Read("events:ListTargetsByRule"),
            Read("lambda:GetEventSourceMapping"),
        ),
        look=_look,
        applies=lambda subject: subject.is_deployed,
        of_deployment=True,
    ),
    Check(
        name="dead letters",
        reads=(STACK_RESOURCES, Read("sqs:GetQueueAttributes", "arn:aws:sqs:*:*:InAppCalling-*")),
        look=_look_at_dead_letters,
        applies=lambda subject: subject.is_deployed,
        of_deployment=True,
    ),
)
