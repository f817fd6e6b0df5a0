"""What the SIP bridge publishes, for whoever runs the SIP host."""

from infra.outputs import DescribedName


class SipBridgeOutput(DescribedName):
    """The outputs of both stacks that are the bridge's."""

    CALLER_NUMBER = "CallerNumber", "The only number that calls reach the SIP host from: admit no other"
    CONNECT_PHONE_NUMBER = "ConnectPhoneNumber", "The only number that the SIP host sends calls on to"
    VOICE_CONNECTOR_HOST_NAME = (
        "VoiceConnectorHostName",
        "Where the SIP host sends calls on to, if not by a trunk of its own",
    )
    TERMINATION_CREDENTIALS_ARN = (
        "TerminationCredentialsArn",
        "The secret with the SIP host's username and password for that",
    )
