"""What is said where AWS cannot be reached with the shell's credentials, and the help of each command."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    ProxyConnectionError,
    UnauthorizedSSOTokenError,
)

from operations.__main__ import main, operations
from operations.session import explain


def aws_error(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeUserPool")


@pytest.mark.parametrize(
    ("error", "first", "fix"),
    [
        (NoCredentialsError(), "The shell has no AWS credentials that work", "aws sso login"),
        (ProfileNotFound(profile="acme"), "The shell has no AWS credentials that work", "AWS_PROFILE"),
        (UnauthorizedSSOTokenError(), "The shell has no AWS credentials that work", "aws sso login"),
        (aws_error("InvalidClientTokenId"), "The shell has no AWS credentials that work", "sign in"),
        (aws_error("ExpiredTokenException"), "The AWS credentials of the shell have expired", "sign in"),
        (aws_error("ExpiredToken"), "The AWS credentials of the shell have expired", "sign in"),
        (
            aws_error("AccessDeniedException", "User: x is not authorized to perform: ssm:GetParameter on y"),
            "AWS did not do it",
            "use a role that is allowed ssm:GetParameter.",
        ),
        (aws_error("AccessDenied"), "AWS did not do it", "use a role that is allowed DescribeUserPool."),
        (NoRegionError(), "The shell names no AWS Region", "AWS_REGION"),
        (ConnectTimeoutError(endpoint_url="https://x"), "AWS cannot be reached from here", "network"),
        (ProxyConnectionError(proxy_url="http://x"), "AWS cannot be reached from here", "HTTPS_PROXY"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_of_aws_says_what_to_do(error: Any, first: str, fix: str) -> None:
    said = explain(error)
    assert said.startswith(first)
    assert fix in said.partition("\n  Fix: ")[2]
    if not isinstance(error, NoRegionError):
        assert str(error) in said


def test_an_error_that_nobody_foresaw_is_shown_as_it_is() -> None:
    assert explain(aws_error("ThrottlingException", "Rate exceeded")) == (
        "AWS did not do it: An error occurred (ThrottlingException) when calling the DescribeUserPool "
        "operation: Rate exceeded"
    )


@pytest.mark.parametrize("command", ["stop-calls", "outputs", "check-credentials", "check-transport"])
def test_a_shell_without_credentials_is_asked_to_sign_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    assert main([command, "--environment", "local"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "aws sso login" in said.err


@pytest.mark.parametrize("command", sorted(operations.commands))
def test_each_command_has_its_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    printed = capsys.readouterr().out
    for part in ("--environment", "Example:\n", "ENV=acme", "Exit status:\n", "  0  done\n"):
        assert part in printed


def test_without_a_command_it_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    printed = capsys.readouterr().err
    assert all(f"  {command} " in printed for command in operations.commands)
