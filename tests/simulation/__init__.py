"""A call's life, simulated: the real handlers, in every order and with every failure that AWS allows."""

# The functions read their environment at import, so it is set before.
import tests.lambdas.conftest as _environment  # noqa: F401
