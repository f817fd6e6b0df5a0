"""What can go wrong with a resource.

CloudFormation shows these texts to who deploys: they say what failed, with which value and how to fix it,
and never hold a credential.
"""


class ResourceError(Exception):
    """The resource could not be brought to what the template says."""


class NothingDone(ResourceError):
    """The resource failed before anything was made of it."""


class InvalidProperty(NothingDone):
    """The template gives a property that cannot be used."""


class OperationFailed(ResourceError):
    """AWS refused an operation, or did not answer it: it may have been done."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code
        """AWS's, or the name of botocore's error."""


class Gone(OperationFailed):
    """What the operation is about does not exist."""


class Conflict(OperationFailed):
    """AWS is still busy with another request for the same thing."""


class Forbidden(OperationFailed):
    """The function has no right to the operation, or AWS has yet to hear of it."""
