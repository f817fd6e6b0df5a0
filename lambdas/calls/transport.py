"""Loads the transport that this deployment starts calls with, once per function."""

import importlib
import os
from typing import Any, Protocol

from calls import webrtc
from calls.interfaces import Calls, CallTransport, Function


class CreateTransport(Protocol):
    """The one function that the module of a transport has for this."""

    def __call__(self, function: Function, *, calls: Calls, dynamodb: Any) -> CallTransport:
        """The transport, with the AWS clients of the methods that `function` calls and with no others.

        `dynamodb` is a botocore client. Raises `KeyError` or `ValueError` on a missing or malformed
        environment variable.
        """


def load_transport(function: Function, *, calls: Calls, dynamodb: Any) -> CallTransport:
    """The transport of the package that the environment variable CALL_TRANSPORT names, or the native one."""
    package = os.environ.get("CALL_TRANSPORT")
    create: CreateTransport = webrtc.create_transport
    if package is not None:
        create = importlib.import_module(f"{package}.transport").create_transport
    return create(function, calls=calls, dynamodb=dynamodb)
