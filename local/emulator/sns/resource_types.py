"""SNS topics: the key, which MiniStack's CloudFormation drops."""

from ministack.services import sns

from local.emulator.cloudformation.provisioners import Properties, after


def install() -> None:
    """Finish what MiniStack makes of a topic."""
    after("AWS::SNS::Topic", _finish_topic)


def _finish_topic(arn: str, _old: Properties, new: Properties) -> None:
    if key := new.get("KmsMasterKeyId"):
        sns._topics[arn]["attributes"]["KmsMasterKeyId"] = key
