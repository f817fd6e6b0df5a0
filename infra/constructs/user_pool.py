"""Who may call: the users of the app."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Duration, RemovalPolicy, SecretValue
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from infra.acknowledgements import acknowledge

# What of a user Cognito takes over from another provider, each time the user signs in. Without the provider's
# word for it that an address is verified, the address is not trusted.
_TAKEN_OVER = {"email": "email", "email_verified": "email_verified", "name": "name"}

_Risks = cognito.CfnUserPoolRiskConfigurationAttachment


@dataclass(frozen=True, kw_only=True)
class SignInPages:
    """Cognito's managed login: its domain's prefix, and the URLs of apps that it sends users back to."""

    domain_prefix: str
    callback_urls: Sequence[str]
    logout_urls: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Provider:
    """Another provider whose users sign in through Cognito's pages.

    `type` and `details` are as Cognito has them (CreateIdentityProvider); `secrets` maps a detail to the ARN
    of the secret in Secrets Manager whose text it is.
    """

    name: str
    type: str
    details: Mapping[str, str]
    secrets: Mapping[str, str]


class UserPool(Construct):
    """A user pool with sign-in by email over SRP or passkey, and a client without a secret for the apps.

    With sign-in pages, users of other providers can sign in too.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        self_sign_up: bool,
        password_length: int,
        token_validity: Duration,
        refresh_token_validity: Duration,
        passkey_relying_party: str | None,
        custom_attributes: Sequence[str],
        pages: SignInPages | None,
        providers: Sequence[Provider],
    ) -> None:
        """`custom_attributes` are names without the prefix `custom:`; only the backend may write them."""
        super().__init__(scope, id_)
        self.pool = cognito.UserPool(
            self,
            "Pool",
            feature_plan=cognito.FeaturePlan.PLUS,
            standard_threat_protection_mode=cognito.StandardThreatProtectionMode.FULL_FUNCTION,
            self_sign_up_enabled=self_sign_up,
            sign_in_aliases=cognito.SignInAliases(email=True),
            sign_in_case_sensitive=False,
            sign_in_policy=cognito.SignInPolicy(
                allowed_first_auth_factors=cognito.AllowedFirstAuthFactors(password=True, passkey=True)
            ),
            passkey_relying_party_id=passkey_relying_party,
            passkey_user_verification=cognito.PasskeyUserVerification.REQUIRED,
            auto_verify=cognito.AutoVerifiedAttrs(email=True),
            # A changed address counts only once its owner has confirmed it: it becomes a contact attribute.
            keep_original=cognito.KeepOriginalAttrs(email=True),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            mfa=cognito.Mfa.OPTIONAL,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            password_policy=cognito.PasswordPolicy(
                min_length=password_length,
                require_lowercase=True,
                require_uppercase=True,
                require_digits=True,
                require_symbols=True,
                temp_password_validity=Duration.days(1),
            ),
            # No standard attributes: the address is the user name, so it is there. With an entry for it in
            # the schema Cognito refuses every later change of the pool (aws/aws-cdk#8585).
            custom_attributes={name: cognito.StringAttribute(mutable=True) for name in custom_attributes}
            or None,
            deletion_protection=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        acknowledge(
            self.pool,
            "AwsSolutions::AwsSolutions-COG2",
            reason="A second factor is each user's choice (TOTP, or a passkey with user verification). Of "
            "sign-ins with a password, threat protection blocks those that it rates as of high risk. At "
            "medium risk it asks users who have set up TOTP for a code; others need the password alone.",
        )
        self._answer_risks()
        self.client = self.pool.add_client(
            "App",
            generate_secret=False,
            auth_flows=cognito.AuthFlow(user_srp=True, user=True),
            disable_o_auth=pages is None,
            o_auth=_code_grant(pages) if pages is not None else None,
            supported_identity_providers=[
                cognito.UserPoolClientIdentityProvider.COGNITO,
                *(cognito.UserPoolClientIdentityProvider.custom(provider.name) for provider in providers),
            ],
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            access_token_validity=token_validity,
            id_token_validity=token_validity,
            refresh_token_validity=refresh_token_validity,
            # What a user may write himself. Everything else in his token is somebody else's word for it.
            # Cognito takes over from a provider only what the client may write, and email_verified, which no
            # client may.
            write_attributes=cognito.ClientAttributes().with_standard_attributes(email=True, fullname=True),
        )
        self.client.apply_removal_policy(RemovalPolicy.RETAIN)
        for provider in providers:
            self.client.node.add_dependency(self._add_provider(provider))
        # Where the sign-in pages are, without a slash at its end.
        self.pages_url = self._add_pages(pages) if pages is not None else None

    def _answer_risks(self) -> None:
        """What Cognito does about sign-ins that it finds risky, and about passwords that others know.

        Its defaults block sign-in at every level of risk, and the user gets no reason (developer guide,
        "Advanced security with threat protection"): on a new phone or network one could not sign in at all.
        """
        answers = _Risks(
            self,
            "RiskAnswers",
            user_pool_id=self.pool.user_pool_id,
            # Each client of the pool.
            client_id="ALL",
            account_takeover_risk_configuration=_Risks.AccountTakeoverRiskConfigurationTypeProperty(
                actions=_Risks.AccountTakeoverActionsTypeProperty(
                    low_action=_on_risk("NO_ACTION"),
                    medium_action=_on_risk("MFA_IF_CONFIGURED"),
                    # Not MFA_REQUIRED: it may ask whoever has the password to set up a second factor.
                    high_action=_on_risk("BLOCK"),
                )
            ),
            # Cognito sees a password when it is set, and at a sign-in on its pages; over SRP it sees none.
            compromised_credentials_risk_configuration=_Risks.CompromisedCredentialsRiskConfigurationTypeProperty(
                actions=_Risks.CompromisedCredentialsActionsTypeProperty(event_action="BLOCK"),
                event_filter=["SIGN_IN", "SIGN_UP", "PASSWORD_CHANGE"],
            ),
        )
        # They stay with their pool: when it outlives the stack, it does not fall back on the defaults.
        answers.apply_removal_policy(RemovalPolicy.RETAIN)

    def _add_provider(self, provider: Provider) -> cognito.CfnUserPoolIdentityProvider:
        return cognito.CfnUserPoolIdentityProvider(
            self,
            f"Provider-{provider.name}",
            user_pool_id=self.pool.user_pool_id,
            provider_name=provider.name,
            provider_type=provider.type,
            provider_details={
                **provider.details,
                # CloudFormation reads the secret when it makes or changes the provider. The template holds
                # the secret's name.
                **{
                    detail: SecretValue.secrets_manager(arn).unsafe_unwrap()
                    for detail, arn in provider.secrets.items()
                },
            },
            attribute_mapping=_TAKEN_OVER,
        )

    def _add_pages(self, pages: SignInPages) -> str:
        domain = self.pool.add_domain(
            "Domain",
            cognito_domain=cognito.CognitoDomainOptions(domain_prefix=pages.domain_prefix),
            managed_login_version=cognito.ManagedLoginVersion.NEWER_MANAGED_LOGIN,
        )
        # Without a style of its own a client has no pages.
        cognito.CfnManagedLoginBranding(
            self,
            "Style",
            user_pool_id=self.pool.user_pool_id,
            client_id=self.client.user_pool_client_id,
            use_cognito_provided_values=True,
        )
        return domain.base_url()


def _on_risk(action: str) -> _Risks.AccountTakeoverActionTypeProperty:
    # A mail to the user would need an identity of Amazon SES.
    return _Risks.AccountTakeoverActionTypeProperty(event_action=action, notify=False)


def _code_grant(pages: SignInPages) -> cognito.OAuthSettings:
    """The authorization code grant alone: no token is ever part of a URL.

    An app can keep no secret, so it has to send a code challenge (PKCE, RFC 7636): Cognito requires
    the verifier when there was a challenge, and has no setting to require a challenge.
    """
    return cognito.OAuthSettings(
        flows=cognito.OAuthFlows(authorization_code_grant=True),
        scopes=[cognito.OAuthScope.OPENID, cognito.OAuthScope.EMAIL, cognito.OAuthScope.PROFILE],
        callback_urls=list(pages.callback_urls),
        logout_urls=list(pages.logout_urls) or None,
    )
