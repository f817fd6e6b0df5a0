"""What the configuration takes of an issuer is what the functions take: both have it written down."""

from authorizer import keys
from infra import key_set, token_authorizer
from start_call import caller


def test_the_configuration_allows_the_algorithms_that_the_authorizer_knows() -> None:
    allowed = {kind: frozenset(names) for kind, names in key_set._ALGORITHMS.items()}
    assert allowed == keys._FITTING
    assert key_set._PRIVATE == keys._PRIVATE


def test_what_proves_a_claim_is_handed_on_with_it() -> None:
    assert token_authorizer._VERIFIED_BY == caller._VERIFIED_BY
