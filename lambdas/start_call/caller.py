"""Who calls: the verified claims of the identity token, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass

from start_call.request import LONGEST_DISPLAY_NAME, is_display_name


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A signed-in user."""

    user_id: str
    display_name: str
    context: Mapping[str, str]
    """What the contact center may rely on: `customer_id`, `auth_time` and the mapped claims ("" where
    absent).
    """


def read_caller(
    claims: Mapping[str, str], claim_attributes: Mapping[str, str], display_name_claim: str
) -> Caller:
    """Reads the caller from the claims that the authorizer verified (every value is a string).

    `claim_attributes` maps a claim to the name of its contact attribute.
    """
    user_id = claims["sub"]
    auth_time = claims.get("auth_time", "")
    name = claims.get(display_name_claim, "").strip()[:LONGEST_DISPLAY_NAME]
    return Caller(
        user_id=user_id,
        display_name=name if is_display_name(name) else "Customer",
        context={
            "customer_id": user_id,
            "auth_time": auth_time if auth_time.isascii() and auth_time.isdigit() else "",
            **{attribute: claims.get(claim, "") for claim, attribute in claim_attributes.items()},
        },
    )
