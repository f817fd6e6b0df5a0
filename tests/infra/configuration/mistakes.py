"""What people get wrong in a first configuration file: the file, and what they are to read."""

from __future__ import annotations

from tests.infra.configuration.files import FLOW, INSTANCE, OTHER_QUEUE, QUEUE, THREE_VALUES

QUEUES = f'verified_queue_arn = "{QUEUE}"\nunverified_queue_arn = "{OTHER_QUEUE}"\n'
EU_WEST_1 = THREE_VALUES.replace("eu-west-2", "eu-west-1")


def added(text: str) -> str:
    """A good file, and this behind it."""
    return THREE_VALUES + text + "\n"


def edited(old: str, new: str) -> str:
    """A good file with this in place of that."""
    assert old in THREE_VALUES
    return THREE_VALUES.replace(old, new)


# By what went wrong.
MISTAKES: dict[str, str | bytes] = {
    # How TOML is written.
    "a text without quotes": edited(f'"{INSTANCE}"', INSTANCE),
    "a text without quotes in a list": added("[attributes]\nfrom_caller = [order_id]"),
    "quotes of a word processor": edited(f'"{INSTANCE}"', f"“{INSTANCE}”"),
    "a quote that is not closed": edited(f'"{INSTANCE}"', f'"{INSTANCE}'),
    "a mixed pair of quotes": edited(f'"{INSTANCE}"', f"\"{INSTANCE}'"),
    "a colon as in YAML": added("[calls]\nreplay_seconds: 60"),
    "JSON": '{\n  "connect": {}\n}',
    "a value that is missing": added("[calls]\nreplay_seconds ="),
    "True as in Python": added("[capabilities]\nvideo = True"),
    "yes for true": added("[capabilities]\nvideo = yes"),
    "null as in JSON": added("[alarms]\nemail = null"),
    "an account that begins with 0": "account = 012345678901\n" + THREE_VALUES,
    "a number with commas": added("[calls]\nlongest_call_seconds = 14,400"),
    "a number with a unit": added("[calls]\nreplay_seconds = 120s"),
    "a bracket that is not closed": edited("[connect]", "[connect"),
    "a section with a space": added("[connect quotas]\nstart_webrtc_contact_rate = 2"),
    "a list that is not closed": added('[attributes]\nfrom_caller = ["order_id"'),
    "a list without commas": added('[attributes]\nfrom_caller = ["order_id" "page"]'),
    "a semicolon behind the value": added("[calls]\nreplay_seconds = 60;"),
    "a comma behind the value": added("[calls]\nreplay_seconds = 60,"),
    "a comment of another language": "// production\n" + THREE_VALUES,
    "a line of prose": "This is production.\n" + THREE_VALUES,
    "a key with a space": added('[connect.topics]\npay now = "billing"'),
    "a backslash in double quotes": added('[identity.issuer]\njwks_file = "config\\keys.json"'),
    "a key twice": edited("[connect]\n", f'[connect]\ninstance_arn = "{INSTANCE}"\n'),
    "a section twice": added("[calls]\nreplay_seconds = 60\n\n[calls]\nwindow_seconds = 60"),
    "a key that is a section too": added(
        '[attributes]\nfrom_claims = { email = "mail" }\n[attributes.from_claims]'
    ),
    "UTF-16": THREE_VALUES.encode("utf-16"),
    "an umlaut in latin-1": b"# f\xfcr die Produktion\n" + THREE_VALUES.encode(),
    "nothing at all": "",
    # Names of sections and keys.
    "a section misspelt": edited("[connect]", "[conect]"),
    "a section in capitals": edited("[connect]", "[Connect]"),
    "a key misspelt": edited("verified_queue_arn = ", "verfied_queue_arn = ").replace(
        "unverfied", "unverified"
    ),
    "a key in camel case": edited("instance_arn = ", "instanceArn = "),
    "a key with hyphens": edited("instance_arn = ", "instance-arn = "),
    "keys without their section": THREE_VALUES.removeprefix("[connect]\n"),
    "a section in another": added("[connect.calls]\nreplay_seconds = 60"),
    "a key of another section": added('[calls]\nemail = "on-call@example.com"'),
    "a key of an earlier release": added("[identity]\nself_sign_up = true"),
    "a key that does not exist": added("[functions]\ntimeout = 30"),
    # Values of the wrong kind.
    "a number as text": added('[calls]\nreplay_seconds = "60"'),
    "an account as a number": "account = 111122223333\n" + THREE_VALUES,
    "true as text": added('[capabilities]\nvideo = "true"'),
    "1 for true": added("[capabilities]\nvideo = 1"),
    "a text for a list": added('[attributes]\nfrom_caller = "order_id"'),
    "a list for a table": added('[attributes]\nfrom_claims = ["email"]'),
    "a text for a section": added('[connect.topics]\nbilling = "billing"\n')
    .replace("[connect.topics]", "[x]")
    .replace('[x]\nbilling = "billing"', 'quotas = "default"'),
    "a fraction": added("[connect.quotas]\nstart_webrtc_contact_rate = 2.5"),
    "zero": added("[connect.quotas]\nstart_webrtc_contact_rate = 0"),
    "minutes for seconds": added("[calls]\nlongest_call_seconds = 30"),
    # The instance, its queues and flows.
    "the instance's id": edited(INSTANCE + '"\nverified', INSTANCE.rpartition("/")[2] + '"\nverified'),
    "the instance's alias": edited(INSTANCE + '"\nverified', 'my-instance"\nverified'),
    "a queue's name": edited(QUEUE, "Verified callers"),
    "a queue's id": edited(OTHER_QUEUE, OTHER_QUEUE.rpartition("/")[2]),
    "a flow for a queue": edited(OTHER_QUEUE, FLOW),
    "one queue twice": edited(OTHER_QUEUE, QUEUE),
    "a queue of another instance": edited(OTHER_QUEUE, OTHER_QUEUE.replace("instance/1", "instance/2")),
    "only one queue": THREE_VALUES.rpartition("unverified_queue_arn")[0],
    "no instance": f"[connect]\n{QUEUES}",
    "another account": 'account = "999988887777"\n' + THREE_VALUES,
    "another Region": 'region = "us-east-1"\n' + THREE_VALUES,
    "a Region without in-app calling": EU_WEST_1,
    "a topic whose flow does not exist": added('[connect.topics]\nbilling = "payments"'),
    "a sandbox beside the instance": added('[connect.sandbox]\ninstance_alias = "mine"'),
    "a sandbox without an account": '[connect.sandbox]\ninstance_alias = "mine"\n',
    # What the flows do.
    "an analysis without a recording": added("[connect.flow]\nanalytics = true"),
    "a recording of an adopted flow": (
        f'[connect]\ninstance_arn = "{INSTANCE}"\ncontact_flow_arn = "{FLOW}"\n[connect.flow]\n'
        "recording = true\n"
    ),
    "callers that overflow into their own queue": added(f'[connect.flow]\noverflow_queue_arn = "{QUEUE}"'),
    "the overflow queue's name": added('[connect.flow]\noverflow_queue_arn = "Overflow"'),
    "a prompt's name": added('[connect.flow]\nmusic_prompt_arn = "Music_Jazz.wav"'),
    "a wait in minutes": added("[connect.flow]\noverflow_seconds = 2"),
    "a language without its country": added('[connect.flow]\nlanguage = "en"'),
    "a voice in lower case": added('[connect.flow]\nvoice = "amy"'),
    "an engine in capitals": added('[connect.flow]\nvoice_engine = "Neural"'),
    "a reference in what is spoken": added('[connect.flow]\nwaiting_text = "One moment, $.Name."'),
    "a text of two lines": added('[connect.flow]\nclosed_text = "Closed.\\nCall again."'),
    "an opening without a day": added('[connect.flow]\nopening_text = "We open at {time}."'),
    "an opening with another place": added('[connect.flow]\nopening_text = "{day} at {time}, {city}."'),
    "seven days of the week": added('[connect.flow]\nopening_days = "Mon, Tue, Wed, Thu, Fri, Sat, Sun"'),
    # What does not fit together.
    "a burst below its rate": added(
        "[connect.quotas]\nstart_webrtc_contact_rate = 10\nstart_webrtc_contact_burst = 5"
    ),
    "a rate above the burst that AWS gives": added("[connect.quotas]\ncall_control_rate = 10"),
    "a longest call below the replay": added("[calls]\nreplay_seconds = 200\nlongest_call_seconds = 120"),
    "a reference below the lease": added("[calls]\nreference_seconds = 20"),
    "a day below its window": added("[calls]\nstarts_per_window = 50"),
    "too few executions reserved": added("[functions]\nreserved_concurrency = 5"),
    "an odd retention": added("[functions]\nlog_retention_days = 100"),
    # Who calls.
    "a name as proof": added('[attributes]\nfrom_claims = { name = "customer_name" }'),
    "a claim of one's own that is not declared": added(
        '[attributes]\nfrom_claims = { "custom:plan" = "plan" }'
    ),
    "a trusted attribute from the caller": added('[attributes]\nfrom_caller = ["customer_id"]'),
    "two sources of users": added(
        '[identity.user_pool]\n[identity.issuer]\nissuer = "https://login.example.com/"\n'
        'audiences = ["calls"]\njwks_url = "https://login.example.com/jwks"'
    ),
    "an issuer without keys": added(
        '[identity.issuer]\nissuer = "https://login.example.com/"\naudiences = ["calls"]'
    ),
    "an issuer without https": added(
        '[identity.issuer]\nissuer = "login.example.com"\naudiences = ["calls"]\n'
        'jwks_url = "https://login.example.com/jwks"'
    ),
    "a shared secret": added(
        '[identity.issuer]\nissuer = "https://login.example.com/"\naudiences = ["calls"]\n'
        'jwks_url = "https://login.example.com/jwks"\nalgorithms = ["HS256"]'
    ),
    "a provider without pages": added(
        '[[identity.user_pool.providers]]\ntype = "SAML"\nname = "Corp"\n'
        'metadata_url = "https://sso.example.com/metadata"'
    ),
    "a provider of no known type": added('[[identity.user_pool.providers]]\ntype = "Google"'),
    "a secret in the file": added(
        '[[identity.user_pool.providers]]\ntype = "OIDC"\nname = "Acme"\n'
        'issuer = "https://acme.eu.auth0.com/"\nclient_id = "acme"\n'
        'client_secret_arn = "s3cret"'
    ),
    "a rule for a topic that does not exist": added(
        '[identity.authentication.topics.billing]\namr = ["mfa"]'
    ),
    # The API and the platform.
    "an origin with a path": added('[api]\nallowed_origins = ["https://app.example.com/"]'),
    "every origin": added('[api]\nallowed_origins = ["*"]'),
    "an address for alarms that is none": added('[alarms]\nemail = "on-call"'),
    "a certificate for CloudFront": added(
        '[api.domain]\nname = "calls.example.com"\ncertificate_arn = '
        '"arn:aws:acm:us-east-1:111122223333:certificate/11111111-1111-4111-8111-111111111111"'
    ),
    "an alias of a key": added('[platform]\nkms_key_arn = "arn:aws:kms:eu-west-2:111122223333:alias/calls"'),
    "the name of a boundary": added('[platform]\npermissions_boundary_arn = "developers"'),
    "a tag of AWS": added('[tags]\n"aws:owner" = "team"'),
}
