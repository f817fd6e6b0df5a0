"""What runs with the rights of the repository."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import canary_metric

_CHECKOUT = Path(__file__).parents[2]
_WORKFLOWS = sorted((_CHECKOUT / ".github" / "workflows").glob("*.yml"))


def jobs(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from yaml.safe_load(path.read_text())["jobs"].items()


@pytest.mark.parametrize("path", _WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    used = re.findall(r"uses: (\S+)(.*)", path.read_text())
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action)
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment)


def test_one_action_has_one_commit_everywhere() -> None:
    used = {line for path in _WORKFLOWS for line in re.findall(r"uses: (\S+)@(\S+)", path.read_text())}
    assert len({name for name, _ in used}) == len(used)


@pytest.mark.parametrize("path", _WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_has_no_right_that_a_job_does_not_name(path: Path) -> None:
    assert yaml.safe_load(path.read_text())["permissions"] == {}
    for _, job in jobs(path):
        assert job["permissions"]["contents"] == "read"
        assert "timeout-minutes" in job


def test_nothing_is_deployed_unless_the_repository_says_so() -> None:
    """No stored secret, no deployment that was not asked for, and none of a pull request."""
    path = _CHECKOUT / ".github" / "workflows" / "deploy.yml"
    assert "secrets." not in path.read_text()
    for name, job in jobs(path):
        assert "vars." in job.get("if", "") or job.get("needs") == "dev", name
    found = dict(jobs(path))
    assert "pull_request" not in found["dev"]["if"]
    assert found["prod"]["environment"] == "prod"
    assert {
        name: job["concurrency"]["cancel-in-progress"] for name, job in found.items() if "concurrency" in job
    } == {
        "dev": False,
        "prod": False,
    }
    assert "head.repo.full_name == github.repository" in found["diff"]["if"]


def test_every_job_smokes_what_it_has_deployed() -> None:
    path = _CHECKOUT / ".github" / "workflows" / "deploy.yml"
    for name in ("dev", "prod"):
        runs = [step["run"] for step in dict(jobs(path))[name]["steps"] if "run" in step]
        assert runs == [f"make deploy ENV={name} UNATTENDED=1", f"make smoke ENV={name}"]


def test_the_canary_runs_as_often_as_its_alarm_and_its_users_expect() -> None:
    path = _CHECKOUT / ".github" / "workflows" / "canary.yml"
    workflow = yaml.safe_load(path.read_text())
    assert "secrets." not in path.read_text()
    # `on` is a boolean of YAML 1.1.
    ((schedule,),) = (workflow[True]["schedule"],)
    minutes, *rest = schedule["cron"].split()
    assert rest == ["*"] * 4
    assert len(minutes.split(",")) * 24 == canary_metric.RUNS_PER_DAY
    job = workflow["jobs"]["call"]
    assert "vars.CANARY_ROLE != ''" in job["if"]
    assert job["concurrency"]["cancel-in-progress"] is False
    assert job["steps"][-1]["run"] == 'make smoke ENV="$NAME" CANARY=1 MEDIA=1'
