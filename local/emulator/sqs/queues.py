"""SQS between EventBridge and Lambda: what AWS refuses or keeps there and MiniStack does not.

An event reaches a queue only if the queue's policy, and the policy of its key, let EventBridge in for that
rule; what does not get in goes to the target's dead-letter queue at once, as on AWS, where a missing
permission or queue is not worth a retry. A mapping takes messages off a queue only if the function's role
may, and reads the function's answer about single messages as strictly as Lambda does.

Not emulated: EventBridge's retries, for what else can fail does not fail here; a batching window (a mapping
takes at once what is there); the metrics of queues; what AWS leaves open about order and number: here events
go out in their order, each once.
"""

import json
import logging
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ministack.services import eventbridge, kms, lambda_svc, sqs

from local.emulator.iam import permissions

MAPPING_ACTIONS = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
PAUSE_AFTER_FAILURE = 1.0  # seconds until a mapping whose function failed polls again

_EVENTS = "events.amazonaws.com"
_log = logging.getLogger("local.queues")


def install(*, account: str, region: str) -> None:
    """Patch MiniStack's delivery and its poller, for queues of this account and Region."""
    _check_policies(account=account, region=region)
    _check_roles(region)
    lambda_svc._run_sqs_batch = _run_batch


def _check_policies(*, account: str, region: str) -> None:
    invoke: Callable[..., None] = eventbridge._invoke_target

    def invoke_if_permitted(
        target: Mapping[str, Any], event: Mapping[str, Any], rule: Mapping[str, Any], view: Any = None
    ) -> None:
        source = {"source_arn": rule["Arn"], "account": account, "region": region}
        if ":sqs:" not in target["Arn"]:
            invoke(target, event, rule, view)
        elif found := _delivery_problem(target["Arn"], source):
            _log.warning("an event is not delivered: %s", found[1])
            dead_letters = (target.get("DeadLetterConfig") or {}).get("Arn")
            if dead_letters and _delivery_problem(dead_letters, source) is None:
                payload = (view or eventbridge._pattern_event_view(event)).event_with_detail()
                _bury(dead_letters, payload, rule["Arn"], target["Arn"], *found)
        else:
            # The poller, deleting messages, would otherwise lose one that is added meanwhile.
            with sqs._queues_lock:
                invoke(target, event, rule, view)

    eventbridge._invoke_target = invoke_if_permitted


def _delivery_problem(queue_arn: str, source: Mapping[str, str]) -> tuple[str, str] | None:
    """EventBridge's error code and message where it cannot send to a queue, None where it can."""
    queue = sqs._queue_by_arn(queue_arn)
    if queue is None:
        return "NO_RESOURCE", f"There is no queue {queue_arn}."
    needed = [("sqs:SendMessage", queue_arn, queue["attributes"].get("Policy"))]
    if key_id := queue["attributes"].get("KmsMasterKeyId"):
        key = kms._resolve_key(key_id) or {"Arn": key_id}
        needed += [(name, key["Arn"], key.get("Policy")) for name in ("kms:GenerateDataKey", "kms:Decrypt")]
    for action, resource_arn, policy in needed:
        if not permissions.service_may(_EVENTS, action, resource_arn, policy, **source):
            return (
                "NO_PERMISSIONS",
                f"{_EVENTS} may not {action} on {resource_arn} for {source['source_arn']}.",
            )
    return None


def _bury(
    queue_arn: str, event: Mapping[str, Any], rule_arn: str, target_arn: str, code: str, reason: str
) -> None:
    """Put an event into a dead-letter queue, with the attributes that EventBridge gives it."""
    attributes = {"RULE_ARN": rule_arn, "TARGET_ARN": target_arn, "ERROR_CODE": code, "ERROR_MESSAGE": reason}
    message = {
        "id": str(uuid.uuid4()),
        "body": json.dumps(event),
        "message_attributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    }
    sqs._ensure_msg_fields(message)
    message["md5_attrs"] = sqs._md5_msg_attrs(message["message_attributes"])
    with sqs._queues_lock:
        sqs._queue_by_arn(queue_arn)["messages"].append(message)


def mapping_problem(function_arn: str, queue_arn: str, *, region: str) -> str | None:
    """Why Lambda would not create a mapping of a queue to a function, None if it would."""
    queue = sqs._queue_by_arn(queue_arn)
    _, config, _ = lambda_svc._get_func_record_for_ref(function_arn)
    if queue is None or config is None:
        return f"{function_arn if config is None else queue_arn} does not exist."
    hidden, running = int(queue["attributes"]["VisibilityTimeout"]), int(config["Timeout"])
    if hidden < running:
        return f"Queue visibility timeout: {hidden} seconds is less than Function timeout: {running} seconds"
    if missing := _missing_permission(config["Role"], queue, region):
        operation = missing.partition(":")[2]
        return f"The provided execution role does not have permissions to call {operation} on SQS"
    return None


def _missing_permission(role_arn: str, queue: Mapping[str, Any], region: str) -> str | None:
    """The first action that a mapping needs and the function's role lacks."""
    for action in MAPPING_ACTIONS:
        if not permissions.role_may(role_arn, action, queue["attributes"]["QueueArn"], region=region):
            return action
    if key_id := queue["attributes"].get("KmsMasterKeyId"):
        key_arn = (kms._resolve_key(key_id) or {"Arn": key_id})["Arn"]
        through_sqs = {"kms:viaservice": f"sqs.{region}.amazonaws.com"}
        if not permissions.role_may(role_arn, "kms:Decrypt", key_arn, region=region, context=through_sqs):
            return "kms:Decrypt"
    return None


def _check_roles(region: str) -> None:
    """A mapping whose function's role lacks a permission takes nothing off the queue."""
    concurrency: Callable[..., int] = lambda_svc._sqs_esm_concurrency

    def concurrency_if_permitted(
        mapping: dict[str, Any], function: object, config: Mapping[str, Any], queue: Mapping[str, Any]
    ) -> int:
        if missing := _missing_permission(config["Role"], queue, region):
            problem = f"PROBLEM: {config['Role']} may not {missing}"
            if mapping["LastProcessingResult"] != problem:
                mapping["LastProcessingResult"] = problem
                _log.warning("a mapping takes no messages: %s", problem)
            return 0
        return concurrency(mapping, function, config, queue)

    lambda_svc._sqs_esm_concurrency = concurrency_if_permitted


def _run_batch(
    mapping: dict[str, Any],
    function: Mapping[str, Any],
    event: Mapping[str, Any],
    batch: Collection[Mapping[str, Any]],
    queue_url: str,
    _queue_name: str,
) -> None:
    """Invoke the function with a batch, and delete what it has not failed: the rest comes again."""
    result = lambda_svc._execute_function(function, event)
    sent = {message["id"] for message in batch}
    if result.get("error"):
        failed = sent
        lambda_svc._esm_backoff_until[mapping["UUID"]] = time.time() + PAUSE_AFTER_FAILURE
    else:
        is_partial = "ReportBatchItemFailures" in mapping["FunctionResponseTypes"]
        failed = failed_messages(result.get("body"), sent) if is_partial else set()
    mapping["LastProcessingResult"] = f"{len(failed)} of {len(sent)} messages failed" if failed else "OK"
    handles = {message["receipt_handle"] for message in batch if message["id"] not in failed}
    sqs._delete_messages_for_esm(queue_url, handles)


def failed_messages(answer: Any, sent: set[str]) -> set[str]:
    """Which messages come again, by what a function answered that reports single failures.

    As in Lambda's guide: nothing and an empty list mean none; what names no message of the batch means all.
    """
    if answer is None:
        return set()
    failures = answer.get("batchItemFailures") if isinstance(answer, dict) else answer
    if failures is None:
        return set()
    if not isinstance(failures, list):
        return sent
    named = {failure.get("itemIdentifier") if isinstance(failure, dict) else None for failure in failures}
    return sent & named if named <= sent else sent
