"""Which licence a package says it has, as an SPDX expression.

Packages say it in four ways: an SPDX expression (PEP 639), a name in a free field, a classifier, or the text
of the licence. The first three are read here; what cannot be read is left to a person.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import Distribution, PackageMetadata

from license_expression import ExpressionError, get_spdx_licensing  # type: ignore[import-untyped]

_SPDX = get_spdx_licensing()

# Names in the free field that mean one licence, in lower case.
_NAMES = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "bsd 2-clause license": "BSD-2-Clause",
    "mit license": "MIT",
    "psfl": "PSF-2.0",
}

# Classifiers that mean one licence.
_CLASSIFIERS = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: ISC License (ISCL)": "ISC",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}

# "BSD License" means any of several.
_BSD = "License :: OSI Approved :: BSD License"

# What the licence file of a package says, where its metadata (package, words) does not say enough.
_FILES = {
    ("cached-property", "BSD"): "BSD-3-Clause",
    ("colorama", _BSD): "BSD-3-Clause",
    ("dockerfile-parse", "BSD"): "BSD-3-Clause",
    ("gitdb", "BSD License"): "BSD-3-Clause",
    ("jinja2", _BSD): "BSD-3-Clause",
    ("mpmath", "BSD"): "BSD-3-Clause",
    ("networkx", _BSD): "BSD-3-Clause",
    ("ply", "BSD"): "BSD-3-Clause",
    # "The above BSD License Applies to all code, even that also covered by Apache 2.0."
    ("python-dateutil", "Dual License"): "BSD-3-Clause",
    ("semantic-version", "BSD"): "BSD-2-Clause",
    ("sympy", "BSD"): "BSD-3-Clause",
}


class UnknownLicenceError(Exception):
    """A licence cannot be read from what a package says; the message is what it says."""


def declared_licence(distribution: Distribution) -> str:
    """The SPDX expression of an installed package's licence.

    Raises UnknownLicenceError.
    """
    said = list(_said(distribution.metadata))
    for words in said:
        expression = _FILES.get((distribution.name.lower(), words)) or _expression(words)
        if expression is not None:
            return expression
    raise UnknownLicenceError(" | ".join(said) or "nothing")


def normalised(expression: str) -> str:
    """An SPDX expression in SPDX's own spelling.

    Raises UnknownLicenceError.
    """
    known = _expression(expression)
    if known is None:
        raise UnknownLicenceError(expression or "nothing")
    return known


def permits(expression: str, licences: frozenset[str]) -> bool:
    """Whether an SPDX expression lets one use a package under `licences` alone.

    Of alternatives one is enough. An exception (`WITH`) only adds to what a licence permits.
    """
    return _permits(_SPDX.parse(expression), licences)


def _permits(node: object, licences: frozenset[str]) -> bool:
    arguments = getattr(node, "args", ())
    if isinstance(node, _SPDX.OR):
        return any(_permits(argument, licences) for argument in arguments)
    if isinstance(node, _SPDX.AND):
        return all(_permits(argument, licences) for argument in arguments)
    licence = getattr(node, "license_symbol", node)
    return getattr(licence, "key", None) in licences


def _said(metadata: PackageMetadata) -> Iterator[str]:
    """What a package says of its licence, the most exact first."""
    fields = (metadata.get("License-Expression"), metadata.get("License"))
    # A free field of several lines is a licence's text.
    yield from (field for field in fields if field and "\n" not in field and field != "UNKNOWN")
    classifiers = metadata.get_all("Classifier") or []
    yield from (name for name in classifiers if name.startswith("License :: OSI Approved :: "))


def _expression(words: str) -> str | None:
    known = _NAMES.get(words.lower()) or _CLASSIFIERS.get(words)
    if known is not None:
        return known
    try:
        expression = _SPDX.parse(words, validate=True, strict=True)
    except ExpressionError:
        return None
    return None if expression is None else str(expression)  # of nothing it makes None
