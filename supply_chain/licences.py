"""Holds the licences of everything that is shipped or installed to a list.

`python -m supply_chain.licences [folder …]` checks what `cdk deploy` uploads, and what is installed in the
folders: virtual environments, or a `node_modules`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from cyclonedx.model.license import License, LicenseExpression

from infra.bundling import BundlingError
from supply_chain.declared_licence import UnknownLicenceError, declared_licence, normalised, permits
from supply_chain.sbom import BillOfMaterialsError, bills

# They ask for a notice at most.
PERMISSIVE = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "CNRI-Python",
        "ISC",
        "MIT",
        "MIT-0",
        "PSF-2.0",
        "Unicode-3.0",
        "Zlib",
    }
)

# They ask for the publication of changes to a package's own files, and say nothing of what uses it.
WEAK_COPYLEFT = frozenset({"MPL-2.0"})

# The packages under a weak copyleft: tools that are used unchanged and never shipped, each with what for.
TOOLS = {
    "certifi": "the root certificates of requests, which the tests and checkov import",
    "fqdn": "a format of the schema that the bills of materials are held to in a test",
    "hypothesis": "makes the cases of the tests",
    "orjson": "reads JSON for checkov",
    "pathspec": "the file patterns of mypy",
    "tqdm": "the progress bar of checkov",
}

# A package that the CDK's command line is bundled with, as it lists them.
_BUNDLED = re.compile(r"^\*\* (?P<name>\S+)@(?P<version>\S+) - \S+ \| (?P<licence>.+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package, what it says of its licence, and the SPDX expression if one can be read of that."""

    place: str
    name: str
    version: str
    said: str
    licence: str | None
    shipped: bool


def main(arguments: list[str]) -> int:
    """Prints each package whose licence is not allowed; returns the exit status, 1 if there is any."""
    checkout = Path(__file__).resolve().parents[1]
    try:
        packages = [*shipped(checkout), *(found for folder in arguments for found in installed(Path(folder)))]
    except (BillOfMaterialsError, BundlingError) as error:
        print(f"\n{error}\n", file=sys.stderr)
        return 1
    found = list(faults(packages))
    print("\n".join([*found, f"licences: {len(packages)} packages, {len(found)} not allowed"]))
    return int(bool(found))


def faults(packages: Iterable[Package]) -> Iterator[str]:
    """What is wrong with the licence of each package where something is, with the fix."""
    for package in packages:
        wrong = _wrong(package)
        if wrong is not None:
            package_says = f"{package.place}: {package.name} {package.version} says {package.said!r}"
            yield f"{package_says}: {wrong[0]}.\n  Fix: {wrong[1]}."


def _wrong(package: Package) -> tuple[str, str] | None:
    """What is wrong with a package's licence, and what to do about it."""
    if package.licence is None:
        return (
            "no SPDX expression can be read of it",
            "read the licence file of the package, and name it in supply_chain/declared_licence.py",
        )
    if permits(package.licence, PERMISSIVE):
        return None
    if package.shipped or not permits(package.licence, PERMISSIVE | WEAK_COPYLEFT):
        return (
            "this is not a permissive licence",
            "use another package; PERMISSIVE in supply_chain/licences.py lists the licences that are",
        )
    if package.name not in TOOLS:
        return (
            "this is a weak copyleft",
            "use another package, or say in TOOLS of supply_chain/licences.py what it is used for",
        )
    return None


def shipped(checkout: Path) -> Iterator[Package]:
    """The packages in what `cdk deploy` uploads, and those that are compiled into them.

    Raises supply_chain.sbom.BillOfMaterialsError and infra.bundling.BundlingError.
    """
    for asset, bill in bills(checkout).items():
        for component in bill.components:
            for part in component.get_all_nested_components(include_self=True):
                said = " AND ".join(sorted(f"({_expression(licence)})" for licence in part.licenses))
                yield _package(asset, part.name, part.version or "", said, shipped=True)


def installed(folder: Path) -> Iterator[Package]:
    """The packages in a virtual environment or a `node_modules`.

    Raises FileNotFoundError when `folder` is neither.
    """
    if folder.name == "node_modules":
        yield from _of_node_modules(folder)
        return
    place = next(folder.glob("lib/python3.*/site-packages"), None)
    if place is None:
        raise FileNotFoundError(f"{folder} holds no packages of Python, and is no node_modules.")
    for distribution in distributions(path=[str(place)]):
        try:
            said = licence = declared_licence(distribution)
        except UnknownLicenceError as error:
            said, licence = str(error), None
        yield Package(
            place=folder.name,
            name=distribution.name.lower(),
            version=distribution.version,
            said=said,
            licence=licence,
            shipped=False,
        )


def _of_node_modules(folder: Path) -> Iterator[Package]:
    lock = json.loads((folder / ".package-lock.json").read_text(encoding="utf-8"))
    for place, package in lock["packages"].items():
        yield _package(
            folder.name, place.removeprefix("node_modules/"), package["version"], package.get("license")
        )
        attributions = folder.parent / place / "THIRD_PARTY_LICENSES"
        if attributions.exists():
            for bundled in _BUNDLED.finditer(attributions.read_text(encoding="utf-8")):
                yield _package(place, bundled["name"], bundled["version"], bundled["licence"])


def _package(place: str, name: str, version: str, said: str | None, *, shipped: bool = False) -> Package:
    try:
        licence = normalised(said or "")
    except UnknownLicenceError:
        licence = None
    return Package(
        place=place, name=name, version=version, said=said or "nothing", licence=licence, shipped=shipped
    )


def _expression(licence: License) -> str:
    if isinstance(licence, LicenseExpression):
        return licence.value
    return licence.id or licence.name or ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
