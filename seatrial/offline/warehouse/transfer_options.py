"""The options behind COPY and UNLOAD: read one by one, refused by name, and never without a role."""

import re
from collections.abc import Iterator

from seatrial.offline.warehouse.errors import NotSupportedError, SqlError


def options_in(rest: str, option: re.Pattern[str], statement: str) -> Iterator[re.Match[str]]:
    """Each option of `rest` as a match of `option`, whose group `role` is the IAM_ROLE.

    Raises `NotSupportedError` at the first that does not match, `SqlError` at the end when there was no role.
    """
    position, role = 0, False
    while rest[position:].strip(" \n\t;"):
        match = option.match(rest, position)
        if match is None:
            raise NotSupportedError(f"the {statement} option {rest[position:].strip()[:30]!r}")
        role = role or bool(match["role"])
        yield match
        position = match.end()
    if not role:
        raise SqlError(f"{statement} needs IAM_ROLE: credentials in statements are not supported")
