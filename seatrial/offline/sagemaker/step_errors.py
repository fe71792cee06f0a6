"""How a pipeline's step ends when it does not succeed."""


class StepFailedError(Exception):
    """The step ends as Failed with this reason; trying again would not help."""


class StepStoppedError(Exception):
    """The step ends as Stopped."""
