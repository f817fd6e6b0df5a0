"""All values of one environment, and how they are read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

from pydantic import TypeAdapter, ValidationError

from infra.configuration.alarms import Alarms
from infra.configuration.api import Api
from infra.configuration.attributes import Attributes
from infra.configuration.calls import Calls
from infra.configuration.capabilities import Capabilities
from infra.configuration.checks import CROSS_CHECKS, run_checks
from infra.configuration.connect import Connect, ContactFlow, OwnContactFlow
from infra.configuration.document import Document, read_document
from infra.configuration.faults import MISSING, ConfigurationError, Fault
from infra.configuration.functions import Functions
from infra.configuration.identity import Identity
from infra.configuration.instance_arn import INSTANCE_ARN
from infra.configuration.likely_mistakes import WARNINGS
from infra.configuration.pipeline import Pipeline
from infra.configuration.place import Place
from infra.configuration.platform import Platform, tags_value
from infra.configuration.regions import IN_APP_CALLING_REGIONS, REGION_FIX
from infra.configuration.section import NATIVE, Frozen, Transport, TransportSection
from infra.configuration.smoke import SMOKE_CONTACT_FLOW, SMOKE_TOPIC, Smoke
from infra.configuration.transports import find_transports
from infra.configuration.unknown_keys import known_keys, unknown_key
from infra.configuration.values import Text

ACCOUNT = Text('the 12 digits of the AWS account, in quotes: "111122223333"', r"[0-9]{12}")
REGION = Text(
    REGION_FIX,
    "|".join(IN_APP_CALLING_REGIONS),
    'Amazon Connect administrator guide, "Availability of Amazon Connect features by Region"',
)

ENVIRONMENT_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")

type Transports = Mapping[str, type[TransportSection]]
"""The sections that name another transport than the native one, by their names in the file."""


class Configuration(Frozen):
    """All values of one environment; `warnings` are what may be meant otherwise."""

    environment: str
    account: Annotated[str, ACCOUNT]
    """The AWS account. By default the instance's; a sandbox needs it."""

    region: Annotated[str, REGION]
    """The Region. By default the instance's; a sandbox needs it."""

    connect: Connect
    calls: Calls = Calls()
    attributes: Attributes = Attributes()
    capabilities: Capabilities = Capabilities()
    identity: Identity = Identity()
    api: Api = Api()
    functions: Functions = Functions()
    alarms: Alarms = Alarms()
    smoke: Smoke = Smoke()
    pipeline: Pipeline = Pipeline()
    platform: Platform = Platform()
    tags: Annotated[Mapping[str, str], tags_value()] = {}  # of a frozen model
    """Tags of every resource, beside `Application` and `Environment`."""

    transport: Transport | None = None
    warnings: tuple[str, ...] = ()

    @property
    def transport_name(self) -> str:
        """How calls reach Amazon Connect: NATIVE, or the name of the section that says so."""
        return NATIVE if self.transport is None else self.transport.name

    @property
    def topics(self) -> Mapping[str, ContactFlow]:
        """The contact flow of each topic: those of `[connect]`, and the smoke test's where it has one."""
        smoke = {SMOKE_TOPIC: OwnContactFlow(name=SMOKE_CONTACT_FLOW)} if self.smoke.has_topic else {}
        return {**self.connect.topics, **smoke}


NOT_IN_FILES = ("environment", "transport", "warnings")
SECTIONS = tuple(
    name for name in Configuration.model_fields if name not in {*NOT_IN_FILES, "account", "region"}
)


def environments(checkout: Path) -> list[str]:
    """The names of the environments that have a file under `checkout/config`, sorted."""
    return sorted(path.stem for path in (checkout / "config").glob("*.toml"))


def load(checkout: Path, environment: object, *, transports: Transports | None = None) -> Configuration:
    """The checked configuration of one environment.

    In: the checkout's root, the environment's name as it was given (None where it was not), and the sections
    that choose another transport (by default those of this checkout). Raises ConfigurationError with every
    fault of the file.
    """
    transports = find_transports() if transports is None else transports
    name = _check_name(checkout, environment)
    file = f"config/{name}.toml"
    document = read_document(file, (checkout / file).read_bytes())
    sections, faults = _read_sections(document, _place(document.values, checkout), transports)
    sections["environment"] = name
    transport: Transport | None = sections.get("transport")
    more = transport.section.cross_checks if transport is not None else ()
    faults += run_checks([*CROSS_CHECKS, *more], sections)
    if faults:
        raise ConfigurationError(file, *_in_order(faults, document))
    warnings = [f"{file}: {text}" for text in (*document.warnings, *run_checks(WARNINGS, sections))]
    return Configuration.model_construct(**sections, warnings=tuple(warnings))


def _check_name(checkout: Path, environment: object) -> str:
    known = environments(checkout)

    def refuse(fix: str) -> NoReturn:
        raise ConfigurationError(
            "ENV=… or -c environment=…", Fault(key="environment", value=environment, fix=fix)
        )

    if not known:
        refuse("write config/<environment>.toml first")
    choice = f"one of: {', '.join(known)} (the files of config/), as in: make … ENV={known[0]}, or: cdk … -c "
    choice += f"environment={known[0]}"
    if environment is None or not isinstance(environment, str):
        refuse(choice)
    if not environment.strip():
        refuse(f"a name behind ENV=, {choice}")
    if environment not in known:
        bare = Path(environment.strip()).name.removesuffix(".toml").strip()
        close = [bare] if bare in known else difflib.get_close_matches(bare.lower(), known, n=1)
        meant = f"did you mean {close[0]!r}? " if close else ""
        spaces = "without spaces: " if re.search(r"\s", environment) else ""
        refuse(f"{meant}{spaces}{choice}")
    if not ENVIRONMENT_NAME.fullmatch(environment):
        raise ConfigurationError(
            f"config/{environment}.toml",
            Fault(
                key="",
                value=environment,
                fix="name the file with at most 32 lower-case letters, digits and hyphens, a letter first: "
                "the name becomes part of stack names",
            ),
        )
    return environment


def _place(values: Mapping[str, Any], checkout: Path) -> Place:
    """Account and Region are the instance's where the file does not name them."""
    connect = values.get("connect")
    connect = connect if isinstance(connect, Mapping) else {}
    instance_arn = connect.get("instance_arn")
    region = account = None
    if isinstance(instance_arn, str) and re.fullmatch(INSTANCE_ARN, instance_arn):
        _, _, _, region, account, _ = instance_arn.split(":")
    else:
        instance_arn = None

    def valid(key: str, value: Text) -> str | None:
        text = values.get(key)
        return text if isinstance(text, str) and re.fullmatch(value.pattern, text) else None

    flows = (checkout / "infra" / "contact_flows").glob("*.json")
    return Place(
        account=valid("account", ACCOUNT) if "account" in values else account,
        region=valid("region", REGION) if "region" in values else region,
        instance_arn=instance_arn,
        sandbox="sandbox" in connect,
        checkout=checkout,
        contact_flows=tuple(sorted(path.stem for path in flows)),
    )


def _read_sections(
    document: Document, place: Place, transports: Transports
) -> tuple[dict[str, Any], list[Fault]]:
    """The sections that are valid by themselves, and what is wrong with the others."""
    values, faults = document.values, list(_account_and_region_faults(document.values, place))
    keys = known_keys(
        {name: Configuration.model_fields[name].annotation for name in SECTIONS} | {**transports}
    )
    sections: dict[str, Any] = {}
    for key in ("account", "region"):
        if (value := getattr(place, key)) is not None:
            sections[key] = value
    for name, adapter in section_adapters().items():
        with _collected(faults, name, values.get(name, {}), keys):
            sections[name] = adapter.validate_python(values.get(name, {}), context=place)
    chosen = next((name for name in transports if name in values), None)
    if chosen is None:
        sections["transport"] = None
    else:
        with _collected(faults, chosen, values[chosen], keys):
            section = transports[chosen].model_validate(values[chosen], context=place)
            sections["transport"] = Transport(chosen, section)
    faults.extend(
        Fault(key=name, value=values[name], fix=f"remove it: calls go by [{chosen}] already")
        for name in transports
        if name in values and name != chosen
    )
    known = [*Configuration.model_fields.keys() - set(NOT_IN_FILES), *transports]
    faults.extend(unknown_key(key, value, known, keys) for key, value in values.items() if key not in known)
    meant = {fault.meant for fault in faults if fault.meant}
    return sections, [
        fault for fault in faults if fault.value is not None or not _is_within(fault.key, meant)
    ]


def _is_within(key: str, others: set[str]) -> bool:
    return any(key == other or key.startswith(f"{other}.") for other in others)


def section_adapters() -> dict[str, TypeAdapter[Any]]:
    """What reads each section, by its name."""
    return {
        name: TypeAdapter(Annotated[field.annotation, *field.metadata])  # type: ignore[arg-type]
        if field.metadata
        else TypeAdapter(field.annotation)  # type: ignore[arg-type]
        for name, field in Configuration.model_fields.items()
        if name in SECTIONS
    }


@contextmanager
def _collected(faults: list[Fault], name: str, value: Any, keys: Sequence[str]) -> Iterator[None]:
    """Adds to `faults` what is found wrong with section `name` within."""
    try:
        yield
    except ValidationError as error:
        faults.extend(_fault(name, value, each, keys) for each in error.errors(include_url=False))


def _account_and_region_faults(values: Mapping[str, Any], place: Place) -> Iterable[Fault]:
    connect = values.get("connect")
    instance_is_at_fault = not place.sandbox and place.instance_arn is None
    for key, value in (("account", ACCOUNT), ("region", REGION)):
        if key in values:
            if getattr(place, key) is None:
                yield Fault(key=key, value=values[key], fix=value.fix)
        elif getattr(place, key) is None and not instance_is_at_fault:
            yield Fault(key=key, value=None, fix=f"{value.fix}; a sandbox has no instance to take it from")
    if "region" not in values and place.region is not None and place.region not in IN_APP_CALLING_REGIONS:
        assert isinstance(connect, Mapping)  # noqa: S101  # where the Region is from
        yield Fault(
            key="connect.instance_arn",
            value=connect["instance_arn"],
            fix=f"an instance of {REGION_FIX}",
        )


def _fault(name: str, value: Any, error: Any, keys: Sequence[str]) -> Fault:
    """What pydantic reports, by the key of the file."""
    key, found, here = name, True, value
    location: tuple[str | int, ...] = error["loc"]
    if error["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        location = (*location, "type")
    for number, part in enumerate(location):
        inside = (isinstance(here, Mapping) and part in here) or (
            isinstance(here, list | tuple) and isinstance(part, int) and part < len(here)
        )
        # Which of several models a table is read as stands there too; it is no key.
        if not inside and (number < len(location) - 1 or str(part).startswith("(")):
            continue
        key += f"[{part}]" if isinstance(part, int) else f".{part}"
        found = inside
        here = here[part] if inside else None
    if error["type"] == "unknown_key":
        return unknown_key(key, here, error["ctx"]["known"], keys)
    default = None if found or error["input"] is MISSING else error["input"]
    return Fault(key=key, value=here if found else None, fix=_fix_of(error, key), default=default)


def _fix_of(error: Any, key: str) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case "fix":
            return str(context["fix"])
        case "tables":
            return f"1 to {context['maximum']} tables: [[{key}]]"
        case "table" | "model_type" | "dict_type" | "mapping_type":
            return f"make it a table: [{key}]"
        case "union_tag_invalid" | "union_tag_not_found":
            return '"OIDC", "SAML" or "SignInWithApple"'
        case other:
            return f"{error['msg']} ({other})"


def _in_order(faults: list[Fault], document: Document) -> list[Fault]:
    """The faults in the order of the file; what is missing stands where its table does."""

    def line(fault: Fault) -> int:
        parts = tuple(_keys_of(fault.key, document))
        known = (
            document.lines[parts[:count]]
            for count in range(len(parts), 0, -1)
            if parts[:count] in document.lines
        )
        return next(known, 0)

    unique = {(fault.key, fault.fix): fault for fault in faults}
    return sorted(unique.values(), key=line)


def _keys_of(key: str, document: Document) -> Iterable[str]:
    """The parts of a dotted key; a part may have dots of its own, as a claim that is a URL."""
    rest = key
    parts: list[str] = []
    known = set(document.lines)
    while rest:
        candidates = [
            path[len(parts)]
            for path in known
            if path[: len(parts)] == tuple(parts)
            and len(path) > len(parts)
            and (
                rest == path[len(parts)] or rest.startswith((f"{path[len(parts)]}.", f"{path[len(parts)]}["))
            )
        ]
        part = max(candidates, key=len) if candidates else re.split(r"[.\[]", rest, maxsplit=1)[0] or rest
        parts.append(part)
        rest = rest[len(part) :].removeprefix(".")
    return parts
