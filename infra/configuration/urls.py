"""How URLs are written."""

from __future__ import annotations

_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?"
# Of what a URL may hold (RFC 3986) no star, which some would take for a wildcard, no user and no fragment.
# An issuer has no query either (OpenID Connect Discovery 1.0, section 2).
_PATH = r"(/[A-Za-z0-9._~!$&'()+,;=:@%/-]*)?"
HTTPS_URL = rf"(?=.{{1,512}}$)https://{_HOST}{_PATH}"
# Some issuers tell their key sets apart by a query: Microsoft's user flows, "…/discovery/v2.0/keys?p=<flow>".
JWKS_URL = rf"(?=.{{1,512}}$)https://{_HOST}{_PATH}(\?[A-Za-z0-9._~!$&'()+,;=:@%/?-]+)?"
_PATH_AND_QUERY = r"([/?][A-Za-z0-9._~!$&'()+,;=:@%/?-]*)?"
APP_URL = (
    r"(?=.{1,1024}$)("  # Amazon Cognito API reference, RedirectUrlType
    rf"https://{_HOST}{_PATH_AND_QUERY}"
    rf"|http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{{1,5}})?{_PATH_AND_QUERY}"
    # A private-use scheme is the app's domain name in reverse order, so it has a dot (RFC 8252, section 7.1).
    r"|[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:/[A-Za-z0-9._~!$&'()+,;=:@%/?-]*"
    r")"
)
METADATA_URL = rf"(?=.{{1,1024}}$)https://{_HOST}{_PATH_AND_QUERY}"

APP_URLS_FIX = (
    'a list of the app\'s URLs: "com.example.calls://signed-in" (a domain name in reverse order), '
    '"https://…", or http on localhost, 127.0.0.1 or [::1]; no fragment, no wildcard'
)
