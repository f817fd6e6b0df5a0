"""What the configuration takes of an issuer is what the functions take: both have it written down."""

from authorizer import keys
from infra.assets import key_set
from infra.functions import authorizer as authorizer_function
from start_call import caller


def test_the_configuration_allows_the_algorithms_that_the_authorizer_has() -> None:
    allowed = {kind: frozenset(names) for kind, names in key_set._ALGORITHMS.items()}
    assert allowed == keys._FITTING
    assert key_set._PRIVATE == keys._PRIVATE


def test_what_proves_a_claim_is_passed_on_with_it() -> None:
    assert authorizer_function._VERIFIED_BY == caller._VERIFIED_BY
