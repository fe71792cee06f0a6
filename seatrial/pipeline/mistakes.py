"""A mistake in a pipeline definition: where it stands and what is wrong, in the user's words."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Mistake:
    """`path` is dotted, with list positions in brackets and steps by name: `Steps[Train].Arguments.RoleArn`."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class DefinitionError(ValueError):
    """A definition that SageMaker Pipelines would refuse; carries every mistake."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(map(str, self.mistakes)))


def hint(name: str, known: Iterable[str]) -> str:
    """A suggestion for a name that is nearly one of the known ones, empty when none is near.

    >>> hint("RolArn", ["RoleArn", "Tags"])
    ", did you mean 'RoleArn'?"
    """
    near = difflib.get_close_matches(str(name), list(known), n=1)
    return f", did you mean {near[0]!r}?" if near else ""
