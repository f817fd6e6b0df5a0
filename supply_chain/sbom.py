"""`make sbom`: a bill of materials of everything that `cdk deploy` uploads, in CycloneDX 1.6.

What is written down is what lies in the built assets. On the way it is checked that pinned requirements
explain all of it, and that nothing of what they pin is missing. The same assets give the same bytes.
"""

from __future__ import annotations

import json
import sys
import tarfile
import tempfile
import tomllib
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions, version
from pathlib import Path, PurePath

import aws_cdk
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.model.lifecycle import LifecyclePhase, PredefinedLifecycle
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra.bundling import FUNCTIONS, BundlingError, _dependencies, bundle, bundle_dependencies
from supply_chain.declared_licence import UnknownLicenceError, declared_licence

# Each package of an asset, with those of the others that it requires.
Packages = Mapping[Component, Collection[Component]]

LAYER = "dependencies"
FRAMEWORK = "custom_resource_framework"

_CHECKOUT = Path(__file__).resolve().parents[1]

# What Lambda answers to the markers of a requirement.
_LAMBDA = {
    "os_name": "posix",
    "platform_machine": "aarch64",
    "platform_system": "Linux",
    "sys_platform": "linux",
}

# Pinned packages of which an asset holds nothing, each with why that breaks nothing.
_LEFT_OUT = {
    "pycparser": "cffi reads declarations in C with it when a package is built, not when it runs",
}

# What is taken over from the bill of materials of a package, whatever edition of CycloneDX it is in.
_KEPT = ("type", "name", "version", "purl", "licenses", "hashes", "externalReferences", "properties")

# The licences of compiled-in parts whose bill names none. OpenSSL's is this one since 3.0.
_UNDECLARED = {"openssl": "Apache-2.0"}

# The folder of aws-cdk-lib with the function that answers CloudFormation for the custom resources.
_FRAMEWORK_SOURCES = "package/custom-resources/lib/provider-framework/runtime"


class BillOfMaterialsError(Exception):
    """An asset is not what the pinned requirements say; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Pin:
    """A requirement of one version, and the SHA-256 hashes of the archives that it may be installed from."""

    name: str
    version: str
    hashes: tuple[str, ...]


def main() -> int:
    """Writes `build/sbom/<asset>.cdx.json` of each asset; returns the exit status, 1 if one is at fault."""
    folder = _CHECKOUT / "build" / "sbom"
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.cdx.json"):
        stale.unlink()
    try:
        for name, bill in bills(_CHECKOUT).items():
            file = folder / f"{name}.cdx.json"
            file.write_text(rendered(bill), encoding="utf-8")
            print(f"{file.relative_to(_CHECKOUT)}: {len(bill.components)} packages")
    except (BillOfMaterialsError, BundlingError) as error:
        print(f"\n{error}\n", file=sys.stderr)
        return 1
    return 0


def bills(checkout: Path) -> dict[str, Bom]:
    """The bill of materials of each asset that an environment may upload, by the asset's name.

    Builds the assets that are not there. Raises BillOfMaterialsError and infra.bundling.BundlingError.
    """
    lambdas = checkout / "lambdas"
    layer = bundle_dependencies(checkout)
    requirements = lambdas / "requirements.txt"
    packages = components(layer / "python", requirements, _dependencies(checkout, requirements))
    made = {LAYER: _bill(checkout, LAYER, layer, packages)}
    for name, source in FUNCTIONS.items():
        asset = bundle(checkout, name)
        packages = {}
        if source.requirements is not None:
            requirements = lambdas / source.requirements
            installed = _dependencies(checkout, requirements)
            packages = components(asset, requirements, installed, own=source.packages)
        made[name] = _bill(checkout, name, asset, packages, layer=made[LAYER])
    made[FRAMEWORK] = _framework(checkout)
    return made


def rendered(bill: Bom) -> str:
    """A bill of materials in JSON, the same each time."""
    return f"{JsonV1Dot6(bill).output_as_string(indent=2)}\n"


def pins(requirements: Path) -> dict[str, Pin]:
    """What a file of pinned requirements asks for on Lambda, by normalised name.

    Raises BillOfMaterialsError when a requirement has no single version, or no hash.
    """
    found: dict[str, Pin] = {}
    for line in requirements.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        text, *hashes = line.partition("#")[0].split("--hash=sha256:")
        if not text.strip():
            continue
        requirement = Requirement(text.strip())
        versions = [specifier.version for specifier in requirement.specifier if specifier.operator == "=="]
        if len(versions) != 1 or not hashes:
            raise BillOfMaterialsError(
                f"{requirements} has {text.strip()!r}: not one version, with hashes.\n"
                "  Fix: compile it from its .in file, with --generate-hashes."
            )
        if requirement.marker is None or requirement.marker.evaluate(_LAMBDA):
            name = canonicalize_name(requirement.name)
            found[name] = Pin(name=name, version=versions[0], hashes=tuple(sorted(map(str.strip, hashes))))
    return found


def components(packages: Path, requirements: Path, installed: Path, *, own: Collection[str] = ()) -> Packages:
    """The packages that lie in the folder `packages` of an asset, beside those of the project (`own`).

    `requirements` pins them. `installed` is the folder that they were copied from: it still has what says
    which files are whose, and which parts of other people's are compiled into them.

    Raises BillOfMaterialsError.
    """
    pinned = pins(requirements)
    found = _by_name(packages)
    originals = _by_name(installed)
    faults = [*_differences(found, pinned), *_strangers(packages, originals.values(), own)]
    if faults:
        fix = (
            f"  Fix: compile {requirements.name} from its .in file and remove .cache/assets; what is left "
            "out on purpose is named in _LEFT_OUT of supply_chain/sbom.py."
        )
        raise BillOfMaterialsError("\n".join([*faults, fix]))
    made = {name: _component(pinned[name], found[name]) for name in sorted(found)}
    for name, component in made.items():
        component.components.update(_compiled_in(originals[name]))
    return {made[name]: [made[other] for other in _required(found[name]) if other in made] for name in made}


def _by_name(folder: Path) -> dict[str, Distribution]:
    return {canonicalize_name(found.name): found for found in distributions(path=[str(folder)])}


def _required(distribution: Distribution) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in distribution.requires or ()}


def _differences(found: Mapping[str, Distribution], pinned: Mapping[str, Pin]) -> Iterator[str]:
    """What is in an asset but not pinned, or the other way round."""
    for name, distribution in found.items():
        if name not in pinned:
            yield f"{name} {distribution.version} is in the asset, and no requirement pins it."
        elif distribution.version != pinned[name].version:
            yield f"{name} {distribution.version} is in the asset, where {pinned[name].version} is pinned."
        elif name in _LEFT_OUT:
            yield f"{name} {distribution.version} is in the asset, and _LEFT_OUT says that it is not."
    for name in pinned.keys() - found.keys() - _LEFT_OUT.keys():
        yield f"{name} {pinned[name].version} is pinned, and not in the asset."


def _strangers(packages: Path, originals: Iterable[Distribution], own: Collection[str]) -> Iterator[str]:
    """What lies in an asset and belongs to no package."""
    known = {_import_name(file) for original in originals for file in original.files or ()} | set(own)
    for path in sorted(packages.iterdir()):
        if _import_name(PurePath(path.name)) not in known:
            yield f"{path.name} is in the asset, and belongs to no package that is pinned."


def _import_name(file: PurePath) -> str:
    """The first part of a path; of a single module its name, for a source becomes bytecode in an asset."""
    first = PurePath(file.parts[0])
    return first.stem if first.suffix in {".py", ".pyc"} else first.name


def _component(pin: Pin, distribution: Distribution) -> Component:
    try:
        licences = [_licence(declared_licence(distribution))]
    except UnknownLicenceError:
        licences = []  # supply_chain.licences refuses it
    purl = PackageURL("pypi", name=pin.name, version=pin.version)
    return Component(
        type=ComponentType.LIBRARY,
        name=pin.name,
        version=pin.version,
        purl=purl,
        bom_ref=str(purl),
        licenses=licences,
        external_references=[
            ExternalReference(
                type=ExternalReferenceType.DISTRIBUTION,
                url=XsUri(str(purl)),
                comment="The archives that the pinned requirement allows; it was installed from one of them.",
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=value) for value in pin.hashes],
            )
        ],
    )


def _compiled_in(distribution: Distribution) -> Iterator[Component]:
    """What a package's own bills of materials (PEP 770) say is compiled into it."""
    for file in distribution.files or ():
        if file.parent.name == "sboms" and file.suffix == ".json":
            for described in json.loads(file.read_text(encoding="utf-8"))["components"]:
                kept = {key: described[key] for key in _KEPT if key in described}
                part: Component = Component.from_json(kept)  # type: ignore[attr-defined]
                if len(part.licenses) == 0 and part.name in _UNDECLARED:
                    part.licenses.add(_licence(_UNDECLARED[part.name]))
                part.bom_ref.value = str(part.purl or f"{distribution.name}/{part.name}@{part.version}")
                yield part


def _framework(checkout: Path) -> Bom:
    """The bill of the CDK's own function, which the SIP bridge's custom resources bring along."""
    pin = pins(checkout / "requirements.txt")["aws-cdk-lib"]
    assembly = next(Path(aws_cdk.__file__).parent.glob("_jsii/aws-cdk-lib@*.jsii.tgz"))
    with tempfile.TemporaryDirectory() as folder, tarfile.open(assembly) as archive:
        for member in archive:
            path = PurePath(member.name)
            if str(path.parent) == _FRAMEWORK_SOURCES and path.suffix == ".js":
                content = archive.extractfile(member)
                if content is not None:
                    Path(folder, path.name).write_bytes(content.read())
        return _bill(
            checkout, FRAMEWORK, Path(folder), {_component(pin, Distribution.from_name(pin.name)): []}
        )


def _bill(checkout: Path, name: str, asset: Path, packages: Packages, *, layer: Bom | None = None) -> Bom:
    project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    described = Component(
        type=ComponentType.APPLICATION,
        group=project["name"],
        name=name,
        version=project["version"],
        bom_ref=f"{project['name']}/{name}",
        description="The hash is what the CDK names the asset by: Code.S3Key in the template, without .zip.",
        licenses=[_licence(project["license"])],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=aws_cdk.FileSystem.fingerprint(str(asset)))],
    )
    if layer is not None:
        described.external_references.add(
            ExternalReference(
                type=ExternalReferenceType.BOM,
                url=XsUri(f"urn:cdx:{layer.serial_number}/{layer.version}"),
                comment="What the layer holds that the function runs with.",
            )
        )
    bill = Bom(components=packages, serial_number=uuid.UUID(int=0))
    bill.metadata.component = described
    bill.register_dependency(described, packages)
    for package, required in packages.items():
        bill.register_dependency(package, required)
    bill.metadata.lifecycles.add(PredefinedLifecycle(LifecyclePhase.BUILD))
    bill.metadata.tools.components.add(
        Component(name="cyclonedx-python-lib", version=version("cyclonedx-python-lib"))
    )
    # The time of writing says nothing of the asset, and would make each bill another.
    bill.metadata.timestamp = None  # type: ignore[assignment]
    bill.serial_number = uuid.uuid5(uuid.NAMESPACE_OID, rendered(bill))
    return bill


def _licence(expression: str) -> License:
    return LicenseFactory().make_from_string(expression)


if __name__ == "__main__":
    sys.exit(main())
