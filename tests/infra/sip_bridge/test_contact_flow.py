"""What the flow of calls over the SIP bridge may hold."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest

from infra.assets.contact_flow_lint import faults
from infra.constructs.contact_flow import with_attributes
from tests.infra.synthesis import CHECKOUT
from tests.infra.test_contact_flow_lint import Change, changed, error, parameters, transitions, without

FLOW = CHECKOUT / "infra" / "sip_bridge" / "contact_flows" / "bridge.json"
BRIDGE = json.loads(FLOW.read_text(encoding="utf-8"))
PLACEHOLDERS = ("CallerContextFunctionArn", "DefaultContactFlowArn")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        *(
            (
                parameters("hear-code", **{name: value}),
                f"block 'hear-code', Parameters.{name} = {value!r}\n  Fix: {fix}",
            )
            for name, value, fix in (
                ("Text", "", "a text that is not empty"),
                ("Text", " ", "a text that is not empty"),
                ("Text", None, "a text that is not empty"),
                ("InputTimeLimitSeconds", "0", "a whole number of seconds, in quotes"),
                ("InputTimeLimitSeconds", "7.5", "a whole number of seconds, in quotes"),
            )
        ),
        (
            parameters("hear-code", StoreInput="False"),
            "block 'hear-code', Parameters.InputValidation = ",
        ),
        *(
            (
                parameters("hear-code", DTMFConfiguration={"InterdigitTimeLimitSeconds": seconds}),
                f"InterdigitTimeLimitSeconds = {seconds!r}\n  Fix: a whole number of seconds between",
            )
            for seconds in ("21", "0", None)
        ),
        (
            parameters("hear-code", InputValidation={"CustomValidation": {"MaximumLength": "many"}}),
            "Parameters.InputValidation.CustomValidation.MaximumLength = 'many'\n  Fix: how many digits",
        ),
        (
            parameters("hear-code", InputValidation={}),
            "Parameters.InputValidation = '[]'\n  Fix: exactly one of: CustomValidation, ",
        ),
        (
            transitions("hear-code", Errors=[error("hang-up", "InputTimeLimitExceeded"), error("hang-up")]),
            "ErrorType = 'InputTimeLimitExceeded'\n  Fix: one of: InvalidPhoneNumber, NoMatchingError",
        ),
        (
            transitions("hear-code", Errors=[error("hang-up", "InvalidPhoneNumber"), error("hang-up")]),
            "ErrorType = 'InvalidPhoneNumber'\n  Fix: remove it",
        ),
        (
            parameters(
                "hear-code",
                InputValidation={"PhoneNumberValidation": {"NumberFormat": "E164"}},
                InputEncryption={"EncryptionKeyId": "k", "Key": "pem"},
            ),
            "Parameters.InputEncryption = '…'\n  Fix: remove it",
        ),
        (
            transitions("hear-code", Errors=[]),
            'Transitions.Errors = []\n  Fix: add a branch for "NoMatchingError"',
        ),
        *(
            (
                parameters("ask-who-calls", LambdaInvocationAttributes=value),
                f"LambdaInvocationAttributes{where} = {shown!r}\n  Fix: {fix}",
            )
            for value, where, shown, fix in (
                ([], "", "[]", "an object of texts"),
                ({"Code": 12}, ".Code", 12, "a text"),
                ("$.StoredCustomerInput", "", "$.StoredCustomerInput", "an object of texts"),
            )
        ),
        (
            without("go-on-by-topic", "Errors"),
            "block 'go-on-by-topic', Transitions.Errors = []\n  Fix: add a branch for \"NoMatchingError\"",
        ),
        (
            parameters("go-on-unproved", ContactFlowId="${VerifiedQueueArn}"),
            "placeholder = 'VerifiedQueueArn'\n  Fix: one of: CallerContextFunctionArn, Default",
        ),
        # The code of a call that nobody proved must not go on as if it were.
        *(
            (change, "NextAction = 'hand-over-code-and-attributes'\n  Fix: a contact is marked verified only")
            for change in (
                transitions("hear-code", NextAction="hand-over-code-and-attributes"),
                transitions("ask-who-calls", Errors=[error("hand-over-code-and-attributes")]),
                parameters("is-the-caller-verified", ComparisonValue="$.Attributes.auth_status"),
            )
        ),
    ],
)
def test_a_fault_of_the_bridges_flow_names_block_value_and_fix(change: Change, fault: str) -> None:
    assert fault in "\n".join(map(str, faults(changed(change, BRIDGE), PLACEHOLDERS)))


def test_what_a_bridged_caller_sent_reaches_the_contact_by_the_functions_word_alone() -> None:
    flow = with_attributes(deepcopy(BRIDGE), ["customer_email", "order_id"])
    (attributes,) = [
        block["Parameters"]["Attributes"] for block in flow["Actions"] if "Attributes" in block["Parameters"]
    ]
    assert attributes == {
        "auth_token": "$.StoredCustomerInput",
        "customer_id": "$.External.customer_id",
        "customer_email": "$.External.customer_email",
        "order_id": "$.External.order_id",
    }
