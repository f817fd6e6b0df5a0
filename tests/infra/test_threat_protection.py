"""Rules of the house for what a user pool does about sign-ins that Cognito finds risky."""

from collections.abc import Callable

import pytest

from tests.infra.synthesis import Properties, Synthesis, environments_with_a_user_pool


@pytest.fixture(scope="session", params=environments_with_a_user_pool())
def synthesis(request: pytest.FixtureRequest, synthesized: Callable[[str], Synthesis]) -> Synthesis:
    """Each environment that has a user pool in turn."""
    return synthesized(request.param)


def answers(synthesis: Synthesis) -> Properties:
    return synthesis.the("AWS::Cognito::UserPoolRiskConfigurationAttachment")


def test_the_answers_hold_for_every_client_of_the_pool(synthesis: Synthesis) -> None:
    (pool,) = synthesis.resources("AWS::Cognito::UserPool")
    assert answers(synthesis)["UserPoolId"] == {"Ref": pool}
    assert answers(synthesis)["ClientId"] == "ALL"


def test_a_new_phone_or_network_alone_locks_nobody_out(synthesis: Synthesis) -> None:
    """Cognito's own defaults block sign-in at every level of risk."""
    takeover = answers(synthesis)["AccountTakeoverRiskConfiguration"]
    assert {level: action["EventAction"] for level, action in takeover["Actions"].items()} == {
        "LowAction": "NO_ACTION",
        "MediumAction": "MFA_IF_CONFIGURED",
        "HighAction": "BLOCK",
    }


def test_no_mail_is_promised_that_there_is_no_sender_for(synthesis: Synthesis) -> None:
    takeover = answers(synthesis)["AccountTakeoverRiskConfiguration"]
    assert {action["Notify"] for action in takeover["Actions"].values()} == {False}
    # It would have to name an identity of Amazon SES.
    assert "NotifyConfiguration" not in takeover


def test_a_password_that_others_know_is_refused(synthesis: Synthesis) -> None:
    assert answers(synthesis)["CompromisedCredentialsRiskConfiguration"] == {
        "Actions": {"EventAction": "BLOCK"},
        "EventFilter": ["SIGN_IN", "SIGN_UP", "PASSWORD_CHANGE"],
    }


def test_a_pool_that_outlives_its_stack_keeps_its_answers(synthesis: Synthesis) -> None:
    """Without them the users who are left would have Cognito's defaults."""
    kept = {
        declared["Type"]: (declared.get("DeletionPolicy"), declared.get("UpdateReplacePolicy"))
        for _, declared in synthesis.alone("Identity").declarations()
    }
    assert kept["AWS::Cognito::UserPool"] == ("Retain", "Retain")
    assert kept["AWS::Cognito::UserPoolRiskConfigurationAttachment"] == kept["AWS::Cognito::UserPool"]
