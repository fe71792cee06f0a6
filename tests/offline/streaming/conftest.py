"""The cloud that the tests of this folder share, one for each file."""

from tests.offline.support import cloud

__all__ = ["cloud"]
