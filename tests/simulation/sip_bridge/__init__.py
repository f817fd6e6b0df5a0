"""A call over the SIP bridge, simulated: meetings, phone calls and the media application beside the rest."""

# The media application's function reads its environment at import, so it is set before.
import tests.lambdas.sip_bridge.fake_sip_media_application as _environment  # noqa: F401
