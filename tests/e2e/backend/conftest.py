"""Another local AWS, with the app deployed whose users' tokens the customer's own backend signs."""

from tests.e2e.environments import fixtures_of

running, aws, phone, new_caller = fixtures_of("local-backend")
