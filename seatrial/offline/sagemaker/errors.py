"""The errors that SageMaker's API answers with."""


class SagemakerError(Exception):
    """An error of the API: its code is the class's name in AWS's wire format."""

    code = "InternalFailure"
    status = 500


class ValidationError(SagemakerError):
    """The request is malformed or not allowed in the present state."""

    code = "ValidationException"
    status = 400


class NotFoundError(SagemakerError):
    """A pipeline, execution or experiment resource does not exist."""

    code = "ResourceNotFound"
    status = 400


class InUseError(SagemakerError):
    """A job or resource of that name exists already."""

    code = "ResourceInUse"
    status = 400


class ConflictError(SagemakerError):
    """The resource is in a state that forbids the change."""

    code = "ConflictException"
    status = 400


class NotEmulatedError(SagemakerError):
    """The offline cloud knows that it would be lying if it answered."""

    code = "NotEmulated"
    status = 501


def could_not_find(what: str, arn: str) -> ValidationError:
    """SageMaker's answer for absent models, endpoints, configs, packages and jobs."""
    return ValidationError(f'Could not find {what} "{arn}".')
