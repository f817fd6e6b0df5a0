"""One environment's stacks as the CDK synthesizes them, read back from what it writes."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from infra.app import add_stacks
from infra.checks import add_checks
from infra.configuration import NATIVE, Configuration, Issuer, UserPool, environments, load

CHECKOUT = Path(__file__).parents[2]

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """A rule (with its detail) that a resource breaks, and the acknowledgement if there is one."""

    pack: str
    rule: str
    resource: str
    acknowledged_id: str = ""
    acknowledged_at: str = ""


class Synthesis:
    """The files of a cloud assembly, of all stacks or of one."""

    def __init__(self, directory: Path, configuration: Configuration, stack: str = "*") -> None:
        self.directory, self.configuration = directory, configuration
        self.environment, self._stack = configuration.environment, stack

    @property
    def issuer(self) -> Issuer | None:
        """Whose tokens are taken instead of a user pool's."""
        source = self.configuration.identity.source
        return source if isinstance(source, Issuer) else None

    def alone(self, stack: str) -> Synthesis:
        """The same, of one stack, by the last part of its name: "Calling"."""
        return Synthesis(self.directory, self.configuration, stack)

    @property
    def names_with_functions(self) -> list[str]:
        """The names of the stacks that have functions, logs, a key and alarms of their own."""
        return [name for name in self.templates if self.alone(name).resources("AWS::Lambda::Function")]

    @property
    def with_functions(self) -> list[Synthesis]:
        """Each of those stacks."""
        return [self.alone(name) for name in self.names_with_functions]

    def variables(self, package: str) -> Mapping[str, Any]:
        """The environment variables of the function of `lambdas/<package>`."""
        (function,) = [
            function
            for function in self.resources("AWS::Lambda::Function").values()
            if function["Handler"] == f"{package}.handler.handler"
        ]
        variables: Mapping[str, Any] = function["Environment"]["Variables"]
        return variables

    def asset(self, code: Properties) -> dict[str, bytes]:
        """What a function (its `Code`) or a layer (its `Content`) ships, by the path of each file."""
        with zipfile.ZipFile(self._assets[code["S3Key"]]) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    @cached_property
    def _assets(self) -> dict[str, Path]:
        """By the key that it is uploaded under."""
        return {
            destination["objectKey"]: self.directory / file["source"]["path"]
            for manifest in self.directory.glob("*.assets.json")
            for file in _read(manifest)["files"].values()
            for destination in file["destinations"].values()
        }

    @cached_property
    def templates(self) -> dict[str, Any]:
        """Template by the last part of the stack's name."""
        return {
            path.name.removesuffix(".template.json").rpartition("-")[2]: _read(path)
            for path in sorted(self.directory.glob(f"*-{self._stack}.template.json"))
        }

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """What the stacks publish, without what they export to each other."""
        return {
            name: output
            for template in self.templates.values()
            for name, output in template["Outputs"].items()
            if "Export" not in output
        }

    def resources(self, *types: str) -> dict[str, Properties]:
        """The properties of each resource of these types, by logical id, of all stacks."""
        return {
            id_: resource.get("Properties", {})
            for id_, resource in self.declarations()
            if resource["Type"] in types
        }

    def the(self, type_: str) -> Properties:
        """The properties of the only resource of this type."""
        (properties,) = self.resources(type_).values()
        return properties

    @property
    def table_of_calls(self) -> Properties:
        """The properties of the table of calls."""
        tables = self.alone("Calling").resources("AWS::DynamoDB::Table")
        (table,) = (of for of in tables.values() if of["KeySchema"][0]["AttributeName"] == "UserId")
        return table

    def declarations(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for template in self.templates.values():
            yield from template["Resources"].items()

    def findings(self) -> tuple[set[Finding], set[Finding]]:
        """What the packs, and the CDK's own validation, find: open, and acknowledged."""
        open_: set[Finding] = set()
        acknowledged: set[Finding] = set()
        for report in _read(self.directory / "validation-report.json")["pluginReports"]:
            for violation in report["violations"]:
                open_.update(
                    Finding(report["pluginName"], violation["ruleName"], construct["constructPath"])
                    for construct in violation["violatingConstructs"]
                )
            for violation in report.get("suppressedViolations", []):
                acknowledged.update(
                    Finding(
                        report["pluginName"],
                        violation["ruleName"],
                        construct["constructPath"],
                        violation["acknowledgedId"],
                        violation["acknowledgedAt"],
                    )
                    for construct in violation["violatingConstructs"]
                )
        return open_, acknowledged

    def warnings(self) -> list[str]:
        """What a person who synthesizes is warned of."""
        return [
            entry["data"]
            for file in sorted(self.directory.glob("*.metadata.json"))
            for entries in _read(file).values()
            for entry in entries
            if entry["type"] == "aws:cdk:warning"
        ]

    def acknowledgements(self) -> set[tuple[str, str]]:
        """What the code acknowledges: the finding's id, and the path of the construct."""
        return {
            (id_, path.removeprefix("/"))
            for file in self.directory.glob("*.metadata.json")
            for path, entries in _read(file).items()
            for entry in entries
            if entry["type"] == "aws:cdk:acknowledged-rules"
            for id_ in entry["data"]
        }

    def manifest(self, stack: str) -> dict[str, Any]:
        """The properties of a stack in the assembly's manifest."""
        artifacts = _read(self.directory / "manifest.json")["artifacts"]
        properties: dict[str, Any] = artifacts[f"InAppCalling-{self.environment}-{stack}"]["properties"]
        return properties


def context() -> dict[str, Any]:
    """cdk.json's context, which an app made in a test does not read by itself."""
    values: dict[str, Any] = _read(CHECKOUT / "cdk.json")["context"]
    return values


def native_environments() -> list[str]:
    """Those of which calls take no other way than Amazon Connect's own."""
    return [
        environment
        for environment in environments(CHECKOUT)
        if load(CHECKOUT, environment).transport_name == NATIVE
    ]


def environments_with_a_user_pool() -> list[str]:
    return [
        environment
        for environment in environments(CHECKOUT)
        if isinstance(load(CHECKOUT, environment).identity.source, UserPool)
    ]


def synthesize(configuration: Configuration, directory: Path) -> Synthesis:
    app = cdk.App(context=context(), outdir=str(directory))
    add_stacks(app, configuration, CHECKOUT)
    finish(app)
    return Synthesis(directory, configuration)


def synthesize_unchecked(configuration: Configuration, directory: Path) -> Synthesis:
    """Without the packs and the CDK's own validation, which take most of the time."""
    app = cdk.App(context=context(), builtin_cloud_formation_validation=False, outdir=str(directory))
    add_stacks(app, configuration, CHECKOUT)
    app.synth()
    return Synthesis(directory, configuration)


def finish(app: cdk.App) -> None:
    """Attaches the checks and synthesizes; open findings are left to the report."""
    add_checks(app)
    try:
        app.synth()
    except RuntimeError as error:
        if "ValidationFailed" not in str(error):
            raise


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
