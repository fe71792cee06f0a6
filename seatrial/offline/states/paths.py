"""JSONPath as Step Functions reads it: a path that can only name one thing gives that thing, not a list of it."""

import re
from typing import Any

from moto.stepfunctions.parser.asl.utils import json_path

from seatrial.offline import patches

_DEFINITE = re.compile(r"""\$\$?(?:\.[\w-]+|\[\d+\]|\['[^']+'\])*""")


def replace_all(package: str) -> None:
    """Moto wraps `$.Stacks[0].StackStatus` in a list; AWS gives the value (moto knows `$.Stacks[0]` alone)."""
    patches.replace_everywhere(json_path, "extract_json", _extract_json, package=package)


def is_definite(path: str) -> bool:
    """Whether a path has neither wildcard, slice, filter nor descent.

    >>> is_definite("$.Stacks[0].StackStatus"), is_definite("$.Stacks[*].StackStatus")
    (True, False)
    """
    return _DEFINITE.fullmatch(path) is not None


def _extract_json(path: str, data: Any) -> Any:
    try:
        found = patches.original(json_path, "extract_json")(path, data)
    except json_path.NoSuchJsonPathError:
        # On AWS a filter that nothing passes gives an empty list; to moto it is a path that does not exist.
        if "[?(" not in path:
            raise
        return []
    if not is_definite(path):
        return found
    matches = json_path.parse(path).find(data)
    return matches[0].value if matches else found
