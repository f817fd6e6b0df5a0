"""An AWS account of canned answers, each validated against AWS's own model of the operation."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import boto3
import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.model import OperationModel
from botocore.validate import ParamValidator

Answer = Mapping[str, Any] | Exception | Callable[[Mapping[str, Any]], Mapping[str, Any]]


class AwsRefusal(Exception):
    """An error that an operation answers with, by its code."""

    def __init__(self, code: str, message: str = "no", status: int = 400) -> None:
        super().__init__(code)
        self.code, self.message, self.status = code, message, status


class FakeAws:
    """Answers by operation, as "connect.DescribeInstance"; what has none is an error of the test.

    `calls` are the operations that were called, in order, each with its parameters. Of several, the last one
    answers: all share their clients, which take long to create.
    """

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers: dict[str, Answer] = dict(answers)
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.session = _session()
        self.session.answering = self

    def answer(self, model: OperationModel) -> tuple[AWSResponse, dict[str, Any]]:
        """To the last call."""
        name, given = self.calls[-1]
        answer = self.answers[name]
        if callable(answer):
            try:
                answer = answer(given)
            except AwsRefusal as refusal:
                answer = refusal
        if isinstance(answer, AwsRefusal):
            refused = {"Error": {"Code": answer.code, "Message": answer.message}, "ResponseMetadata": {}}
            return _http(answer.status), refused
        if isinstance(answer, Exception):
            raise answer
        if model.output_shape is not None:
            report = ParamValidator().validate(dict(answer), model.output_shape)
            assert not report.has_errors(), f"{name}: {report.generate_report()}"
        return _http(200), {**answer, "ResponseMetadata": {"HTTPStatusCode": 200}}


class _Session(boto3.Session):
    """Keeps its clients, and has the last `FakeAws` answer them."""

    answering: FakeAws

    def __init__(self) -> None:
        core = botocore.session.get_session()
        core.set_credentials("testing", "testing")
        core.set_default_client_config(Config(retries={"total_max_attempts": 1}))
        events = core.get_component("event_emitter")
        events.register("before-parameter-build", self._note)
        events.register("before-call", self._answer)
        super().__init__(botocore_session=core, region_name="eu-west-2")
        self._clients: dict[str, Any] = {}

    def client(self, service_name: Any, *_: Any, **__: Any) -> Any:
        """The same each time."""
        if service_name not in self._clients:
            self._clients[service_name] = super().client(service_name)
        return self._clients[service_name]

    def _note(self, params: Mapping[str, Any], model: OperationModel, **_: Any) -> None:
        self.answering.calls.append((f"{model.service_model.service_name}.{model.name}", dict(params)))

    def _answer(self, model: OperationModel, **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        return self.answering.answer(model)


@functools.cache
def _session() -> _Session:
    return _Session()


def _http(status: int) -> AWSResponse:
    return AWSResponse("https://aws.invalid", status, HTTPHeaders(), None)
