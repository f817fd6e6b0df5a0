"""Users: the mail that a user pool sends, its domain, or the keys of an issuer."""

from __future__ import annotations

import json
from collections.abc import Iterator

from infra.configuration import Issuer, KmsKeys, PublishedKeys
from infra.outputs import Output
from operations.doctor.check import Check, Finding, Read, failed, passed, passed_if, passed_or_warned
from operations.doctor.subject import Subject

_SES_FIX = "docs/deploy.md, “Mail”: Cognito itself sends some dozens of messages a day."


def _signs_up(subject: Subject) -> bool:
    return subject.user_pool is not None and subject.user_pool.self_sign_up


def _look_at_mail(subject: Subject) -> Iterator[Finding]:
    production = subject.client("sesv2").get_account().get("ProductionAccessEnabled", False)
    yield passed_or_warned(
        production,
        f"Amazon SES is {'in production' if production else 'in its sandbox'}",
        "Amazon SES may mail people who sign up",
        "Amazon SES console, Account dashboard: request production access.",
    )
    pool_id = subject.outputs.get(Output.USER_POOL_ID)
    if pool_id is not None:
        pool = subject.client("cognito-idp").describe_user_pool(UserPoolId=pool_id)["UserPool"]
        sends = pool.get("EmailConfiguration", {}).get("EmailSendingAccount", "COGNITO_DEFAULT")
        yield passed_or_warned(
            sends == "DEVELOPER",
            f"the user pool sends mail by {sends}",
            "it sends by Amazon SES (DEVELOPER)",
            _SES_FIX,
        )


def _has_domain(subject: Subject) -> bool:
    return subject.user_pool is not None and subject.user_pool.managed_login is not None


def _look_at_domain(subject: Subject) -> Iterator[Finding]:
    pool = subject.user_pool
    assert pool is not None  # noqa: S101  # as `_has_domain` says
    assert pool.managed_login is not None  # noqa: S101
    prefix = pool.managed_login.domain_prefix
    found = subject.client("cognito-idp").describe_user_pool_domain(Domain=prefix)["DomainDescription"]
    owner = found.get("UserPoolId")
    wanted = "no other user pool has the prefix"
    if owner is None:
        # Prefixes are unique in the Region across all accounts, and those of others are not shown.
        yield passed(f"no user pool of this account has {prefix!r}; another account's is not shown", wanted)
    else:
        yield passed_if(
            owner == subject.outputs.get(Output.USER_POOL_ID),
            f"{prefix!r} belongs to the user pool {owner}",
            wanted,
            "another identity.user_pool.managed_login.domain_prefix; or, where a failed or removed "
            f"deployment left that pool: aws cognito-idp delete-user-pool-domain --domain {prefix} "
            f"--user-pool-id {owner}",
        )


def _keys(subject: Subject) -> PublishedKeys | KmsKeys | None:
    source = subject.configuration.identity.source
    keys = source.keys if isinstance(source, Issuer) else None
    return keys if isinstance(keys, PublishedKeys | KmsKeys) else None


def _look_at_keys(subject: Subject) -> Iterator[Finding]:
    match _keys(subject):
        case PublishedKeys(url=url):
            yield _published_finding(subject, url)
        case KmsKeys(arns=arns):
            for arn in arns:
                yield _kms_finding(subject, arn)


def _published_finding(subject: Subject, url: str) -> Finding:
    wanted = "the issuer publishes a JSON Web Key Set"
    fix = "correct identity.issuer.jwks_url, or see that it can be reached from the internet."
    try:
        document = json.loads(subject.fetch(url))
        keys = len(document["keys"])
    except OSError as error:
        return failed(f"{url} cannot be read: {error}", wanted, fix)
    except (ValueError, KeyError, TypeError):
        return failed(f"{url} has no JSON Web Key Set", wanted, fix)
    return passed_if(keys, f"{url} has {keys} keys", wanted, fix)


def _kms_finding(subject: Subject, arn: str) -> Finding:
    wanted = "the key exists, and signs"
    fix = "correct identity.issuer.kms_keys."
    client = subject.client("kms")
    try:
        usage = client.get_public_key(KeyId=arn)["KeyUsage"]
    except (client.exceptions.NotFoundException, client.exceptions.DisabledException) as error:
        return failed(f"{arn}: {type(error).__name__.removesuffix('Exception')}", wanted, fix)
    return passed_if(usage == "SIGN_VERIFY", f"{arn} is for {usage}", wanted, fix)


CHECKS = (
    Check(
        name="mail",
        reads=(
            Read("ses:GetAccount"),
            Read("cognito-idp:DescribeUserPool", "arn:aws:cognito-idp:*:*:userpool/*"),
        ),
        look=_look_at_mail,
        applies=_signs_up,
    ),
    Check(
        name="sign-in domain",
        reads=(Read("cognito-idp:DescribeUserPoolDomain"),),
        look=_look_at_domain,
        applies=_has_domain,
    ),
    Check(
        name="issuer keys",
        reads=(Read("kms:GetPublicKey", "arn:aws:kms:*:*:key/*"),),
        look=_look_at_keys,
        applies=lambda subject: _keys(subject) is not None,
    ),
)
