"""Who may call: the users of the app."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from infra.acknowledgements import acknowledge


class UserPool(Construct):
    """A user pool with sign-in by email over SRP or passkey, and a client without a secret for the apps."""

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
            standard_attributes=cognito.StandardAttributes(
                email=cognito.StandardAttribute(required=True, mutable=True)
            ),
            custom_attributes={name: cognito.StringAttribute(mutable=True) for name in custom_attributes}
            or None,
            deletion_protection=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        acknowledge(
            self.pool,
            "AwsSolutions::AwsSolutions-COG2",
            reason="A second factor is each user's choice (TOTP, or a passkey with user verification); "
            "threat protection is enforced and blocks or challenges risky sign-ins of those who chose none.",
        )
        self.client = self.pool.add_client(
            "App",
            generate_secret=False,
            auth_flows=cognito.AuthFlow(user_srp=True, user=True),
            disable_o_auth=True,
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            access_token_validity=token_validity,
            id_token_validity=token_validity,
            refresh_token_validity=refresh_token_validity,
            # What a user may write himself. Everything else in his token is somebody else's word for it.
            write_attributes=cognito.ClientAttributes().with_standard_attributes(email=True, fullname=True),
        )
        self.client.apply_removal_policy(RemovalPolicy.RETAIN)
