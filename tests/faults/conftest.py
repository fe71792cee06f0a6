"""Services in memory, as the tests of the functions have them."""

from tests.lambdas.conftest import cloud

__all__ = ["cloud"]
