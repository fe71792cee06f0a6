"""Everything this function asks of AWS; the client is made at its first use and kept for the next invocation."""

from functools import cached_property
from typing import Any

import boto3


class Aws:
    """The function's client."""

    @cached_property
    def dynamodb(self) -> Any:
        """The service of the table of claims."""
        return boto3.client("dynamodb")
