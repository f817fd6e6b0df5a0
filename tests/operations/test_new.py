"""`make new`: an account's instances and queues, as Amazon Connect's own model shapes them, become a file."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import botocore.handlers
import pytest
from botocore.awsrequest import AWSResponse

from infra.configuration import load
from operations.__main__ import main
from operations.commands import new

REGION = "eu-west-2"
ACCOUNT = "111122223333"


def instance_arn(number: int) -> str:
    return f"arn:aws:connect:{REGION}:{ACCOUNT}:instance/{str(number) * 8}-1111-4111-8111-111111111111"


def queue_arn(instance: str, number: int) -> str:
    return f"{instance}/queue/{str(number) * 8}-2222-4222-8222-222222222222"


SUPPORT, SALES = instance_arn(1), instance_arn(2)


@dataclass
class Account:
    """Answers Connect's requests in the process; one entry a page, so that pages are read."""

    instances: dict[str, tuple[str, str]] = field(default_factory=dict)  # alias and status by ARN
    queues: dict[str, list[str]] = field(default_factory=dict)  # names by the instance's ARN
    refusal: tuple[int, str, str] | None = None
    requests: list[str] = field(default_factory=list)

    def add(self, arn: str, alias: str, *queues: str, status: str = "ACTIVE") -> None:
        self.instances[arn] = (alias, status)
        self.queues[arn] = list(queues)

    def answer(self, request: Any, **_: object) -> AWSResponse:
        url = urlsplit(request.url)
        self.requests.append(f"{request.method} {url.netloc} {unquote(url.path)}")
        status, document = self._document(unquote(url.path), parse_qs(url.query))
        headers: Any = {"Content-Type": "application/json"}
        if status != 200:
            headers["x-amzn-ErrorType"] = document.pop("Type")
        answer: Any = AWSResponse(request.url, status, headers, None)
        answer._content = json.dumps(document).encode()
        sent: AWSResponse = answer
        return sent

    def _document(self, path: str, query: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        if self.refusal is not None:
            return self.refusal[0], {"Type": self.refusal[1], "message": self.refusal[2]}
        match path.strip("/").split("/", 1):
            case ["instance"]:
                return 200, self._page("InstanceSummaryList", [*map(self._instance, self.instances)], query)
            case ["instance", instance_id] if arn := self._arn(instance_id):
                return 200, {"Instance": self._instance(arn)}
            case ["queues-summary", instance_id] if arn := self._arn(instance_id):
                assert query["queueTypes"] == ["STANDARD"]
                entries = [
                    {"Arn": queue_arn(arn, number), "Name": name}
                    for number, name in enumerate(self.queues[arn], 1)
                ]
                return 200, self._page("QueueSummaryList", entries, query)
        return 404, {"Type": "ResourceNotFoundException", "message": "Not found"}

    def _arn(self, instance_id: str) -> str | None:
        return next((arn for arn in self.instances if arn.endswith(f"/{instance_id}")), None)

    def _instance(self, arn: str) -> dict[str, str]:
        alias, status = self.instances[arn]
        named = {"InstanceAlias": alias} if alias else {}
        return {"Id": arn.rpartition("/")[2], "Arn": arn, "InstanceStatus": status, **named}

    @staticmethod
    def _page(name: str, entries: list[Any], query: dict[str, list[str]]) -> dict[str, Any]:
        start = int(query.get("nextToken", ["0"])[0])
        following = {"NextToken": str(start + 1)} if start + 1 < len(entries) else {}
        return {name: entries[start : start + 1], **following}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/dev.toml").touch()
    monkeypatch.setattr(new, "CHECKOUT", tmp_path)
    for name in ("INSTANCE", "VERIFIED", "UNVERIFIED"):
        monkeypatch.delenv(f"OPERATIONS_{name}", raising=False)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", REGION)
    return tmp_path


@pytest.fixture
def account(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    there = Account()
    handlers = [*botocore.handlers.BUILTIN_HANDLERS, ("before-send.connect", there.answer)]
    monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", handlers)
    return there


@pytest.fixture
def without_credentials(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A person in front of it, who types these lines."""

    def types(*lines: str) -> None:
        answers = iter(lines)
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: next(answers))

    return types


def run(*arguments: str, name: str = "acme") -> int:
    return main(["new", "--environment", name, *arguments])


def written(checkout: Path, name: str = "acme") -> str:
    return (checkout / f"config/{name}.toml").read_text(encoding="utf-8")


def refused(checkout: Path, capsys: pytest.CaptureFixture[str], *arguments: str, name: str = "acme") -> str:
    """What it says; nothing is written."""
    before = sorted(path.name for path in (checkout / "config").iterdir())
    assert run(*arguments, name=name) == 1
    assert sorted(path.name for path in (checkout / "config").iterdir()) == before
    said = capsys.readouterr()
    assert said.out == ""
    assert "\n  Fix: " in said.err
    return said.err


def test_the_only_instance_and_named_queues_become_three_values(
    account: Account, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    account.add(SUPPORT, "acme-support", "General", "Verified callers", "VIP")
    assert run("--verified", "Verified callers", "--unverified", "general") == 0
    assert (
        written(checkout)
        == f"""#:schema ./schema.json
# The environment acme: make deploy ENV=acme. Account and Region are the instance's.
# Every other key has a default: docs/configuration.md.

[connect]
# The instance 'acme-support'.
instance_arn = "{SUPPORT}"
# Callers whose identity is proved: the queue 'Verified callers'.
verified_queue_arn = "{queue_arn(SUPPORT, 2)}"
# All others, whom the agent must identify: the queue 'General'.
unverified_queue_arn = "{queue_arn(SUPPORT, 1)}"
"""
    )
    said = capsys.readouterr().out
    assert "make synth ENV=acme" in said
    assert "Verified callers" in said
    assert all(request.startswith(f"GET connect.{REGION}.") for request in account.requests)


def test_what_it_writes_is_a_configuration(account: Account, checkout: Path) -> None:
    account.add(SUPPORT, "acme-support", "General", "Verified callers")
    assert run("--verified", "Verified callers", "--unverified", "General") == 0
    (checkout / "infra/contact_flows").mkdir(parents=True)
    configuration = load(checkout, "acme", transports={})
    assert (configuration.account, configuration.region) == (ACCOUNT, REGION)
    assert configuration.connect.verified_queue_arn == queue_arn(SUPPORT, 2)
    assert configuration.connect.unverified_queue_arn == queue_arn(SUPPORT, 1)


def test_a_person_chooses_among_instances_and_queues(
    account: Account, checkout: Path, terminal: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    account.add(SUPPORT, "support", "A", "B", "C")
    account.add(SALES, "sales", "D")
    terminal("2", "9", "3", "1")
    assert run() == 0
    assert f'instance_arn = "{SUPPORT}"' in written(checkout)
    assert f'verified_queue_arn = "{queue_arn(SUPPORT, 3)}"' in written(checkout)
    assert f'unverified_queue_arn = "{queue_arn(SUPPORT, 1)}"' in written(checkout)
    said = capsys.readouterr().out
    assert "    1  sales\n    2  support\n" in said
    assert "9 is not in the range 1<=x<=3" in said


def test_without_a_terminal_several_instances_are_listed(
    account: Account, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    account.add(SUPPORT, "support", "A", "B")
    account.add(SALES, "sales", "C", "D")
    said = refused(checkout, capsys)
    assert f"    sales  {SALES}\n    support  {SUPPORT}\n" in said
    assert "INSTANCE='sales'" in said
    assert run("--instance", "SUPPORT", "--verified", "A", "--unverified", "B") == 0
    assert f'instance_arn = "{SUPPORT}"' in written(checkout)


def test_without_a_terminal_queues_are_listed(
    account: Account, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    account.add(SUPPORT, "support", "A", "B")
    assert "VERIFIED='A'" in refused(checkout, capsys)
    assert "UNVERIFIED='B'" in refused(checkout, capsys, "--verified", "A")


def test_an_arn_names_the_instance_its_region_and_queues(
    account: Account, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And reads no list of instances, which a role may not be allowed."""
    monkeypatch.delenv("AWS_REGION")
    account.add(SUPPORT, "support", "A", "B")
    queues = ("--verified", queue_arn(SUPPORT, 1), "--unverified", queue_arn(SUPPORT, 2).rpartition("/")[2])
    assert run("--instance", SUPPORT, *queues) == 0
    assert f'unverified_queue_arn = "{queue_arn(SUPPORT, 2)}"' in written(checkout)
    assert account.requests[0] == f"GET connect.{REGION}.amazonaws.com /instance/{SUPPORT.rpartition('/')[2]}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--instance", "nobody"), "INSTANCE=nobody: There is none of this name. There are:\n    support"),
        (("--instance", SALES), f"There is no Amazon Connect instance {SALES} in this account"),
        (("--verified", "Z"), "VERIFIED=Z: There is none of this name"),
        (("--verified", "A", "--unverified", "A"), "the same queue, 'A'"),
        (("--verified", "twice"), "VERIFIED=twice: 2 are of this name"),
    ],
)
def test_a_name_that_decides_nothing_is_refused_with_those_that_do(
    account: Account,
    checkout: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    account.add(SUPPORT, "support", "A", "B", "Twice", "twicE")
    assert message in refused(checkout, capsys, *arguments)


def test_an_exact_name_goes_before_another_case(account: Account, checkout: Path) -> None:
    account.add(SUPPORT, "support", "general", "General", "B")
    assert run("--verified", "General", "--unverified", "B") == 0
    assert f'\nverified_queue_arn = "{queue_arn(SUPPORT, 2)}"' in written(checkout)


@pytest.mark.parametrize(("queues", "says"), [((), "0 standard queues"), (("A",), "1 standard queue;")])
def test_fewer_than_two_queues_are_too_few(
    account: Account,
    checkout: Path,
    capsys: pytest.CaptureFixture[str],
    queues: tuple[str, ...],
    says: str,
) -> None:
    account.add(SUPPORT, "support", *queues)
    assert says in refused(checkout, capsys)


def test_an_instance_that_is_not_active_is_not_taken(
    account: Account, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    account.add(SUPPORT, "support", "A", "B", status="CREATION_IN_PROGRESS")
    assert "no active Amazon Connect instance in eu-west-2" in refused(checkout, capsys)
    assert "is CREATION_IN_PROGRESS" in refused(checkout, capsys, "--instance", SUPPORT)


def test_an_instance_without_an_alias_goes_by_its_id(account: Account, checkout: Path) -> None:
    account.add(SUPPORT, "", "A", "B")
    identifier = SUPPORT.rpartition("/")[2]
    assert run("--instance", identifier, "--verified", "A", "--unverified", "B") == 0
    assert f"# The instance '{identifier}'." in written(checkout)


def test_a_name_cannot_write_a_line_of_its_own(account: Account, checkout: Path) -> None:
    account.add(SUPPORT, "support", 'A\nevil = "x"\x1b[2J', "B")
    assert run("--verified", queue_arn(SUPPORT, 1), "--unverified", "B") == 0
    assert "\nevil" not in written(checkout)
    assert "\x1b" not in written(checkout)


@pytest.mark.usefixtures("without_credentials")
def test_without_credentials_it_writes_places_to_fill_in(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 0
    assert written(checkout).count("<uuid>") == 5 + 1
    said = capsys.readouterr().out
    assert "no AWS credentials" in said
    assert "<uuid>" in said


@pytest.mark.usefixtures("without_credentials")
def test_without_credentials_names_cannot_be_looked_up(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "aws sso login" in refused(checkout, capsys, "--verified", "A")


def test_places_that_nobody_filled_in_are_replaced(
    account: Account, checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patched:
        patched.delenv("AWS_ACCESS_KEY_ID")
        patched.delenv("AWS_SECRET_ACCESS_KEY")
        assert run() == 0
    capsys.readouterr()
    account.add(SUPPORT, "support", "A", "B")
    assert run("--verified", "A", "--unverified", "B") == 0
    before = written(checkout)
    assert "<uuid>" not in before
    capsys.readouterr()
    assert "is not overwritten" in refused(checkout, capsys)
    assert written(checkout) == before


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("dev", "config/dev.toml exists"),
        ("", "'' cannot name an environment"),
        ("Acme", "'Acme' cannot name"),
        ("../acme", "'../acme' cannot name"),
        ("a" * 33, "cannot name an environment"),
        ("1acme", "cannot name an environment"),
    ],
)
def test_a_name_that_cannot_be_is_refused_before_aws_is_called(
    account: Account, checkout: Path, capsys: pytest.CaptureFixture[str], name: str, says: str
) -> None:
    assert says in refused(checkout, capsys, name=name)
    assert account.requests == []


def test_a_shell_without_a_region_is_asked_for_one(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AWS_REGION")
    assert "set AWS_REGION" in refused(checkout, capsys)
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    assert "no in-app calling in eu-north-1" in refused(checkout, capsys)


def test_a_role_without_the_rights_is_answered_with_the_missing_one(
    account: Account, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    account.refusal = (
        403,
        "AccessDeniedException",
        "User: arn:aws:iam::1:user/x is not authorized to perform: connect:ListInstances on resource: *",
    )
    assert "is allowed connect:ListInstances." in refused(checkout, capsys)
    account.refusal = (403, "ExpiredTokenException", "The security token included in the request is expired")
    assert "credentials of the shell have expired" in refused(checkout, capsys)


def test_nothing_but_reads_are_sent(account: Account, checkout: Path) -> None:
    account.add(SUPPORT, "support", "A", "B")
    account.add(SALES, "sales", "A", "B")
    assert run("--instance", "sales", "--verified", "A", "--unverified", "B") == 0
    assert {request.split()[0] for request in account.requests} == {"GET"}
