"""Each wrong value is refused with file, key, value and fix."""

from __future__ import annotations

from typing import Any

import pytest

from infra.configuration import ConfigurationError
from tests.infra.configuration.files import (
    ACCOUNT,
    FLOW,
    INSTANCE,
    MISSING,
    OTHER_INSTANCE,
    QUEUE,
    UUID,
    Changes,
    Loader,
    check_refused,
    faults_of,
    sandboxed,
)

CERTIFICATE = f"arn:aws:acm:eu-west-2:{ACCOUNT}:certificate/{UUID}"
WEB_ACL = f"arn:aws:wafv2:eu-west-2:{ACCOUNT}:regional/webacl/calls/{UUID}"
DOMAIN = {"name": "calls.example.com", "certificate_arn": CERTIFICATE}
POOL: dict[str, Any] = {
    "arn": f"arn:aws:cognito-idp:eu-west-2:{ACCOUNT}:userpool/eu-west-2_AbCdEf123",
    "client_id": "1example23456789",
    "client_writes": ["name", "custom:plan"],
}

# Key, value, and what the fix must say.
REFUSED: list[tuple[str, Any, str]] = [
    ("account", 111122223333, "in quotes"),
    ("account", "1111-2222-3333", "12 digits"),
    ("region", 7, "in-app calling"),
    ("connect.contact_flow_arn", "inbound", f"{INSTANCE}/contact-flow/<uuid>"),
    ("connect.contact_flow_arn", f"{OTHER_INSTANCE}/contact-flow/{UUID}", "of this instance"),
    ("connect.verified_queue_arn", MISSING, f"{INSTANCE}/queue/<uuid>"),
    ("connect.verified_queue_arn", FLOW, "queue of this instance"),
    ("connect.unverified_queue_arn", f"{OTHER_INSTANCE}/queue/{UUID}", "queue of this instance"),
    ("connect.topics.billing", "biling", "billing, inbound"),
    ("connect.topics.billing", "bridge", "billing, inbound"),
    ("connect.topics.billing", f"{OTHER_INSTANCE}/contact-flow/{UUID}", "of this instance"),
    ("connect.topics.billing", "", "string in quotes"),
    ("connect.topics.billing", 7, "string in quotes"),
    ("connect.topics.pay now", "billing", "1 to 64 of"),
    ("connect.queue_arn", FLOW, "queue of this instance"),
    ("connect.topic_queue_arns.billing", f"{OTHER_INSTANCE}/queue/{UUID}", "queue of this instance"),
    ("connect.topic_queue_arns.sales", QUEUE, "one of connect.topics: billing"),
    ("connect.topic_queue_arns", [], "make it a table"),
    ("connect.instance", INSTANCE, "did you mean 'instance_arn'"),
    *(
        ("connect.quotas.start_webrtc_contact_rate", value, "whole number from 1 to 5000")
        for value in [0, -1, 0.5, True, "2", [], {}]
    ),
    ("connect.quotas.start_webrtc_contact_burst", 0, "AWS gives 5"),
    ("connect.quotas.start_webrtc_contact_burst", 1, "at least start_webrtc_contact_rate (2)"),
    ("connect.quotas.stop_contact_rate", 0, "AWS gives 10"),
    ("connect.quotas.stop_contact_burst", 9, "at least stop_contact_rate (10)"),
    ("connect.quotas.call_control_rate", 0, "from 1"),
    ("connect.quotas.call_control_burst", 4, "at least call_control_rate (5)"),
    ("connect.quotas.start_webrtc_contact_rates", 2, "did you mean 'start_webrtc_contact_rate'"),
    ("api.status_rate", 0, "from 1"),
    ("api.status_burst", 9, "at least status_rate (10)"),
    ("calls.replay_seconds", 0, "from 1 to 3600"),
    ("calls.reference_seconds", 9, "from 10"),
    ("calls.reference_seconds", 29, "at least start_lease_seconds (30)"),
    ("calls.reference_seconds", 179, "at least 60 more than replay_seconds (120)"),
    ("calls.start_lease_seconds", 26, "longer than the function may run"),
    ("calls.longest_call_seconds", 59, "from 60"),
    ("calls.longest_call_seconds", 119, "at least replay_seconds (120)"),
    ("calls.starts_per_window", 0, "from 1 to 100"),
    ("calls.window_seconds", 86_401, "to 86400"),
    ("calls.starts_per_day", 101, "from 1 to 100"),
    ("calls.starts_per_day", 9, "at least starts_per_window (10)"),
    ("calls.replay_second", 1, "did you mean 'replay_seconds'"),
    ("attributes.from_caller", "order_id", "a list"),
    ("attributes.from_caller", ["order id"], "A-Z a-z 0-9 _ -"),
    ("attributes.from_caller", ["order_id", 7], "a list"),
    ("attributes.from_caller", ["page", "page"], "each once"),
    ("attributes.from_caller", ["page", "Page"], "in from_caller already"),
    *(
        ("attributes.from_caller", [name], "is a trusted attribute")
        for name in ("customer_id", "auth_status", "auth_time", "auth_token", "Auth_Status")
    ),
    ("attributes.from_claims.email", "auth_status", "is a trusted attribute"),
    ("attributes.from_claims.email", "page", "in from_caller already"),
    ("attributes.from_claims.email", "custom:email", "without the colon"),
    ("attributes.from_claims.sub", "customer_email", "of another claim already"),
    ("attributes.from_claims.name", "customer_name", "proves nothing"),
    ("attributes.from_claims.email", True, "string in quotes"),
    ("attributes.from_claims", ["email"], "[attributes.from_claims]"),
    ("attributes.from_claim", {}, "did you mean 'from_claims'"),
    ("capabilities.video", "yes", "true or false"),
    ("capabilities.video", 1, "true or false"),
    ("capabilities.screenshare", True, "did you mean 'screen_share'"),
    ("identity.display_name_claim", "", "a claim"),
    ("identity.display_name_claim", "https://acme.example/name", "a claim of the ID token"),
    # Where these stood before there was anything but a user pool.
    ("identity.self_sign_up", True, "known here: authentication, display_name_claim, existing_user_pool"),
    ("api.allowed_origins", ["*"], "[] for none"),
    ("api.allowed_origins", ["http://app.example.com"], "https://app.example.com"),
    ("api.allowed_origins", ["https://app.example.com/"], "without a path"),
    ("api.requests_per_ip_per_5_minutes", 9, "AWS WAF"),
    ("api.starts_per_ip_per_5_minutes", 9, "AWS WAF"),
    ("api.starts_per_ip_per_5_minutes", 10_001, "at most requests_per_ip_per_5_minutes (10000)"),
    ("api.requests_per_token_per_5_minutes", 9, "AWS WAF"),
    ("api.requests_per_token_per_5_minutes", 10_001, "at most requests_per_ip_per_5_minutes (10000)"),
    ("api.starts_per_token_per_5_minutes", 9, "AWS WAF"),
    ("api.starts_per_token_per_5_minutes", 151, "at most starts_per_ip_per_5_minutes (150)"),
    ("api.origins", [], "known here"),
    ("api.domain", "calls.example.com", "[api.domain]"),
    ("api.domain", {"certificate_arn": CERTIFICATE}, "calls.example.com"),
    ("api.domain", {"name": "calls.example.com"}, f"arn:aws:acm:eu-west-2:{ACCOUNT}:certificate/<uuid>"),
    *(
        ("api.domain", {**DOMAIN, "name": name}, fix)
        for name, fix in (
            ("*.example.com", "without a wildcard"),
            ("https://calls.example.com", "a domain name"),
            ("calls", "a domain name"),
            ("x.execute-api.eu-west-2.amazonaws.com", "of your own"),
        )
    ),
    *(
        ("api.domain", {**DOMAIN, "certificate_arn": arn}, "this account and Region")
        for arn in (
            CERTIFICATE.replace("eu-west-2", "us-east-1"),
            CERTIFICATE.replace(ACCOUNT, "999988887777"),
        )
    ),
    *(
        ("api.web_acl", value, '"none" where the organisation attaches one')
        for value in (
            True,
            "organisation",
            WEB_ACL.replace("regional", "global"),
            WEB_ACL.replace("eu-west-2", "us-east-1"),
            WEB_ACL.replace(ACCOUNT, "999988887777"),
        )
    ),
    ("functions.reserved_concurrency", 4, "at least 15"),
    ("functions.reserved_concurrency", 0, "from 1 to 1000"),
    ("functions.event_concurrency", 1, "from 2 to 1000"),
    ("functions.event_concurrency", 1_001, "from 2 to 1000"),
    ("functions.event_concurrency", 2.5, "whole number"),
    ("functions.memory_mib", 64, "from 128"),
    ("functions.log_retention_days", 0, "1, 7, 14, 30"),
    ("functions.log_retention_days", 15, "1, 7, 14, 30"),
    ("functions.snap_start", "PublishedVersions", "true or false"),
    ("functions.timeout", 30, "known here"),
    ("alarms.email", "on-call", "an address"),
    ("alarms.mail", "on-call@example.com", "did you mean 'email'"),
    ("platform.permissions_boundary_arn", "boundary", f"arn:aws:iam::{ACCOUNT}:policy/<name>"),
    ("platform.permissions_boundary_arn", "arn:aws:iam::999988887777:policy/b", "of this account"),
    ("platform.bootstrap_qualifier", "my_qualifier", "1 to 10"),
    ("platform.bootstrap_qualifier", "", "1 to 10"),
    ("platform.kms_key_arn", f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{UUID}", "of this Region"),
    ("platform.kms_key_arn", f"arn:aws:kms:eu-west-2:{ACCOUNT}:alias/calls", "no alias"),
    ("tags.Environment", "prod", "the app sets this tag"),
    ("tags.aws:owner", "team", "AWS keeps those"),
    ("tags.owner", "a;b", "letters, digits, spaces"),
    ("tags.owner", 7, "string in quotes"),
    ("tags", [], "[tags]"),
    ("alarm", {}, "did you mean 'alarms'"),
    ("stage", "prod", "known here: account, alarms"),
]


@pytest.mark.parametrize(
    ("attributes", "taken"),
    [
        ({"attributes.from_caller": ["Page", "page"]}, "in from_caller already"),
        ({"attributes.from_caller": ["Page"], "attributes.from_claims.email": "page"}, "in from_caller"),
        ({"attributes.from_claims.email": "Customer_Id"}, "a trusted attribute"),
        ({"attributes.from_claims": {"email": "Mail", "sub": "mail"}}, "the attribute of another claim"),
    ],
)
def test_names_of_attributes_that_differ_in_case_alone_are_one_name(
    load_changed: Loader, attributes: dict[str, Any], taken: str
) -> None:
    """To Amazon Connect they are two, to an agent who reads them they are not."""
    with pytest.raises(ConfigurationError) as caught:
        load_changed(attributes)
    (fault,) = caught.value.faults
    assert taken in fault.fix


@pytest.mark.parametrize(("key", "value", "fix"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_wrong_value_is_refused_with_its_key_and_fix(
    load_changed: Loader, key: str, value: Any, fix: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_changed({key: value})
    (fault,) = caught.value.faults
    # Of a table the key within it.
    assert fault.key.startswith(key)
    assert caught.value.file == "config/test.toml"
    assert fault.value == (None if value is MISSING else value) or isinstance(value, dict)
    assert str(caught.value) == f"config/test.toml: {fault}"
    assert fix in fault.fix


@pytest.mark.parametrize(
    ("changes", "key", "fix"),
    [
        ({"connect": MISSING}, "connect.instance_arn", "or [connect.sandbox] with an instance_alias"),
        ({"region": "us-east-1"}, "connect.instance_arn", "in eu-west-2 but region is 'us-east-1'"),
        ({"account": "999988887777"}, "connect.instance_arn", f"account {ACCOUNT} but account is"),
        ({"connect.sandbox": {"instance_alias": "mine"}}, "connect.instance_arn", "remove one"),
        ({"connect.contact_flow_arn": FLOW, "connect.topics": {}}, "connect.verified_queue_arn", "adopted"),
        (sandboxed({"account": MISSING}), "account", "a sandbox has no instance to take it from"),
        (sandboxed({"region": MISSING}), "region", "a sandbox has no instance to take it from"),
        *(
            (sandboxed({"region": region}), "region", "eu-west-2")
            # Connect has in-app calling in the second, Lambda not all that the functions use.
            for region in ("eu-west-1", "us-gov-west-1")
        ),
        *(
            (
                sandboxed({"connect.sandbox": {"instance_alias": alias}}),
                "connect.sandbox.instance_alias",
                "1 to 45",
            )
            for alias in ("d-mine", "a" * 46, "", 7)
        ),
        (sandboxed({"connect.sandbox": {}}), "connect.sandbox.instance_alias", "1 to 45"),
        (sandboxed({"connect.sandbox": {"instance_alias": "a", "x": 1}}), "connect.sandbox.x", "known here"),
        (sandboxed({"connect.verified_queue_arn": FLOW}), "connect.verified_queue_arn", "has no queue yet"),
        (
            sandboxed({"connect.contact_flow_arn": FLOW}),
            "connect.contact_flow_arn",
            "has no contact-flow yet",
        ),
        (sandboxed({"connect.topics.billing": FLOW}), "connect.topics.billing", "has no contact-flow yet"),
        (
            {"connect.quotas.start_webrtc_contact_rate": 6},
            "connect.quotas.start_webrtc_contact_burst",
            "at least start_webrtc_contact_rate (6)",
        ),
        (
            {"api": {"web_acl": "none", "starts_per_ip_per_5_minutes": 100}},
            "api.starts_per_ip_per_5_minutes",
            "only the own web ACL has this limit",
        ),
        ({"tags": {f"tag{number}": "a" for number in range(41)}}, "tags.tag40", "at most 40"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    load_changed: Loader, changes: Changes, key: str, fix: str
) -> None:
    error = faults_of(load_changed, changes)
    assert (error.key, fix in error.fix) == (key, True), str(error)


@pytest.mark.parametrize(
    "instance",
    [
        "",
        UUID,
        FLOW,
        f"{INSTANCE}\n",
        INSTANCE.replace("connect", "lex"),
        INSTANCE.replace("arn:aws:", "arn:aws-us-gov:"),
    ],
)
def test_an_instance_is_named_by_its_arn(load_changed: Loader, instance: str) -> None:
    check_refused(
        load_changed, {"connect.instance_arn": instance}, "connect.instance_arn", "ARN of a Connect instance"
    )


def test_an_instance_where_connect_has_no_in_app_calling_is_refused(load_changed: Loader) -> None:
    there = {
        f"connect.{key}": value.replace("eu-west-2", "eu-west-1")
        for key, value in (
            ("instance_arn", INSTANCE),
            ("verified_queue_arn", f"{INSTANCE}/queue/{UUID}"),
            (
                "unverified_queue_arn",
                f"{OTHER_INSTANCE}/queue/{UUID}".replace(OTHER_INSTANCE, INSTANCE)[:-1] + "2",
            ),
        )
    }
    check_refused(load_changed, there, "connect.instance_arn", "an instance of a Region with in-app calling")


def test_one_queue_for_all_callers_is_refused(load_changed: Loader) -> None:
    same = {"connect.unverified_queue_arn": f"{INSTANCE}/queue/22222222-2222-4222-8222-222222222222"}
    check_refused(load_changed, same, "connect.unverified_queue_arn", "another queue than verified_queue_arn")


def test_what_a_client_lets_users_write_proves_nothing(load_changed: Loader) -> None:
    existing = {"identity.user_pool": MISSING, "identity.existing_user_pool": POOL}
    for claim in ("custom:plan", "nickname"):
        changes = {**existing, "attributes.from_claims": {"email": "mail", claim: "plan"}}
        check_refused(load_changed, changes, f"attributes.from_claims.{claim}", "proves nothing")
    load_changed({**existing, "attributes.from_claims": {"custom:tier": "tier"}})


@pytest.mark.parametrize(
    ("change", "key", "fix"),
    [
        ({"arn": POOL["arn"].replace("eu-west-2:", "us-east-1:")}, "arn", "of this account and Region"),
        ({"arn": "eu-west-2_AbCdEf123"}, "arn", f"arn:aws:cognito-idp:eu-west-2:{ACCOUNT}:userpool/"),
        ({"client_id": ""}, "client_id", "the id of the app's client"),
        ({"client_writes": "name"}, "client_writes", "describe-user-pool-client"),
    ],
)
def test_an_existing_user_pool_is_named_with_its_client(
    load_changed: Loader, change: Changes, key: str, fix: str
) -> None:
    changes = {"identity.user_pool": MISSING, "identity.existing_user_pool": {**POOL, **change}}
    check_refused(load_changed, changes, f"identity.existing_user_pool.{key}", fix)
    check_refused(
        load_changed, {"identity.existing_user_pool": POOL}, "identity.existing_user_pool", "remove one"
    )
