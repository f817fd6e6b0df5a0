"""What others' readers say of request models, policies and templates. `make test-slow` installs them."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from infra.configuration import environments
from tests.infra.synthesis import CHECKOUT, Synthesis
from tests.infra.test_api import BODIES
from tests.infra.test_permissions import listed, statements

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
ANSWERS = tomllib.loads((HERE / "answers.toml").read_text(encoding="utf-8"))
GUARD = HERE / "node_modules" / "@cdklabs" / "cdk-validator-cfnguard"

# Each would pass where `$` also means "before a last newline", or where blanks are others.
ODD_BODIES: list[Any] = [
    *(
        {member: f"{value}\n"}
        for member, value in (("Topic", "billing"), ("Digits", "1"), ("DisplayName", "a"))
    ),
    *(
        {"DisplayName": name}
        for name in ("\ufeff", "\u3000", "\u2028", "\x85", "\u180e", "a\u200bb", "é", "👩‍🚀")
    ),
    *({"Topic": topic} for topic in ("é", "a\u0000", "billing\r", "\nbilling")),
    *({"Digits": digits} for digits in ("\u0661", "1\r\n")),
    {"Attributes": {"page": "http://192.168.0.10:3000/help"}},
]


def test_ajv_takes_the_bodies_that_python_takes(synthesized: Callable[[str], Synthesis]) -> None:
    # Not on top: every process of the tests would pay the seconds that it takes to import.
    import jsonschema  # noqa: PLC0415

    models = synthesized("prod").resources("AWS::ApiGateway::Model")
    schemas = [model["Schema"] for model in models.values()]
    values = [*BODIES, *ODD_BODIES]
    answer = subprocess.run(
        ["node", HERE / "ajv.mjs"],
        input=json.dumps({"schemas": schemas, "values": values}),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    for schema, verdicts in zip(schemas, json.loads(answer.stdout), strict=True):
        validator = jsonschema.Draft4Validator(schema)
        assert [
            (value, taken)
            for value, taken in zip(values, verdicts, strict=True)
            if validator.is_valid(value) is not taken
        ] == []


@pytest.fixture(scope="module")
def reference(synthesized: Callable[[str], Synthesis]) -> Mapping[str, list[str]]:
    """The formats of ARNs of every action of every environment."""
    actions = {
        action
        for environment in environments(CHECKOUT)
        for statement in statements(synthesized(environment))
        for action in listed(statement["Action"])
    }
    answer = subprocess.run(
        [CHECKOUT / ".venv-judges" / "bin" / "python", HERE / "service_authorization.py"],
        input=json.dumps(sorted(actions)),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    formats: Mapping[str, list[str]] = json.loads(answer.stdout)
    return formats


def patterns(resource: Any) -> Iterator[str]:
    """A resource's ARN with `*` for what is known at deployment only; none if that is all of it."""
    if isinstance(resource, str):
        yield resource
    elif "Fn::Join" in resource:
        yield "".join(part if isinstance(part, str) else "*" for part in resource["Fn::Join"][1])


def fits(pattern: str, format_: str) -> bool:
    """Whether an ARN of this format could be meant."""
    wanted = re.sub(r"\$\{\w+\}", "x", format_)
    # An index of a table, a parameter below folders: a format's last part may be longer.
    shape = re.sub(r"(?<=[:/])[^:/*]+", "?*", pattern.replace("arn:aws:", "arn:x:"))
    return fnmatchcase(wanted, shape) or fnmatchcase(
        pattern, re.sub(r"\$\{\w+\}", "*", format_).replace("arn:*:", "arn:aws:", 1)
    )


def test_every_action_is_one_of_awss(reference: Mapping[str, list[str]]) -> None:
    assert [action for action, formats in reference.items() if not formats] == []


def test_every_action_is_granted_on_what_it_is_evaluated_on(
    synthesis: Synthesis, reference: Mapping[str, list[str]]
) -> None:
    wrong = [
        (action, pattern)
        for statement in statements(synthesis)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
        for pattern in patterns(resource)
        # An action may be evaluated on several things; the statement's others are checked in their turn.
        if pattern != "*" and not any(fits(pattern, format_) for format_ in reference[action])
    ]
    assert wrong == []


def test_every_resource_is_granted_only_where_there_is_none_to_name(
    synthesized: Callable[[str], Synthesis], reference: Mapping[str, list[str]]
) -> None:
    wide = {
        action
        for environment in environments(CHECKOUT)
        for statement in statements(synthesized(environment))
        if "*" in listed(statement["Resource"])
        for action in listed(statement["Action"])
    }
    answered = {action for action in ANSWERS["service_authorization"] if action in reference}
    assert {action for action in wide if "*" not in reference[action]} == answered


def guard(template: Path) -> Iterator[tuple[str, str]]:
    """Each rule of Control Tower that a resource breaks, and the resource's logical id."""
    machine = {"arm64": "aarch64"}.get(platform.machine(), platform.machine())
    system = {"Darwin": "macos"}.get(platform.system(), "ubuntu")
    program = GUARD / "bin" / system / machine / "cfn-guard"
    # Without its install script nothing has made it a program yet.
    program.chmod(0o755)
    rules = GUARD / "rules" / "control-tower" / "cfn-guard"
    run = subprocess.run(
        [
            *(program, "validate", "--rules", rules, "--data", template),
            *("--output-format", "json", "--show-summary", "none"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    # 0: all is well. 19: a rule is broken.
    assert run.returncode in {0, 19}, run.stderr
    decoder, text = json.JSONDecoder(), run.stdout.strip()
    reports = 0
    while text:
        report, end = decoder.raw_decode(text)
        text, reports = text[end:].strip(), reports + 1
        for broken in report["not_compliant"]:
            rule = broken["Rule"]
            paths = re.findall(r'"path": "/Resources/(\w+)', json.dumps(rule))
            yield from ((rule["name"], resource) for resource in {*paths})
    assert reports > 200


def test_control_towers_rules_hold_or_are_answered(synthesized: Callable[[str], Synthesis]) -> None:
    answers = ANSWERS["control_tower"]
    needed = set()
    unanswered = []
    for environment in environments(CHECKOUT):
        for template in sorted(synthesized(environment).directory.glob("*.template.json")):
            for rule, resource in guard(template):
                if rule in answers and any(name in resource for name in answers[rule]["resources"]):
                    needed.add(rule)
                else:
                    unanswered.append((template.name, rule, resource))
    assert unanswered == []
    assert set(answers) == needed
    assert all(len(answer["reason"].split()) > 10 for answer in answers.values())
