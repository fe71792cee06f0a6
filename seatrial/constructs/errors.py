"""The one error that constructs raise for a property that cannot work."""


class ConstructError(ValueError):
    """A property of a construct is not allowed; the text says which, what it was and what is allowed."""
