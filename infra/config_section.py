"""TO BE DELETED once everything imports infra.configuration: the names as they were."""

from infra.configuration import ConfigurationError

__all__ = ["ConfigurationError"]
