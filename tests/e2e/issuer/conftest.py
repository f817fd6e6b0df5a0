"""Another local AWS, with the app deployed whose users an OpenID issuer signs in."""

from tests.e2e.environments import fixtures_of

running, aws, phone, new_caller = fixtures_of("local-issuer")
