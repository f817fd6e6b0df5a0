"""User pools and their clients: properties that MiniStack's CloudFormation drops. Identity providers."""

from ministack.services import cognito

from local.emulator.cloudformation.provisioners import PROVISIONERS, Attributes, Properties, accepted, after
from local.emulator.cloudformation.registry import Registry


def install(registry: Registry) -> None:
    """Finish what MiniStack makes of user pools; add identity providers."""
    _add_identity_providers(registry)
    after("AWS::Cognito::UserPool", _finish_user_pool)
    after("AWS::Cognito::UserPoolClient", _finish_user_pool_client)


def _finish_user_pool(pool_id: str, _old: Properties, new: Properties) -> None:
    given = {
        "RelyingPartyId": new.get("WebAuthnRelyingPartyID"),
        "UserVerification": new.get("WebAuthnUserVerification"),
    }
    if configuration := {name: value for name, value in given.items() if value}:
        cognito._user_pools[pool_id]["WebAuthnConfiguration"] = configuration


def _finish_user_pool_client(client_id: str, _old: Properties, new: Properties) -> None:
    if rotation := new.get("RefreshTokenRotation"):
        cognito._user_pools[new["UserPoolId"]]["_clients"][client_id]["RefreshTokenRotation"] = rotation


def _add_identity_providers(registry: Registry) -> None:
    """MiniStack's Cognito has them, its CloudFormation does not. Nobody signs in with one here."""
    resource_type = "AWS::Cognito::UserPoolIdentityProvider"

    def create(_logical_id: str, properties: Properties, _stack: str) -> tuple[str, Attributes]:
        checked = registry.checked(resource_type, properties)
        accepted(cognito._create_identity_provider(checked))
        return checked["ProviderName"], {}

    def update(physical_id: str, old: Properties, new: Properties, stack: str) -> tuple[str, Attributes]:
        fixed = registry.names(resource_type, "createOnlyProperties")
        if any(old.get(name) != new.get(name) for name in fixed):
            created = create("", new, stack)
            delete(physical_id, old)
            return created
        accepted(cognito._update_identity_provider(registry.checked(resource_type, new)))
        return physical_id, {}

    def delete(_physical_id: str, properties: Properties) -> None:
        accepted(cognito._delete_identity_provider(properties))

    PROVISIONERS[resource_type] = {"create": create, "update": update, "delete": delete}
