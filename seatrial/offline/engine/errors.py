"""Errors of the CloudFormation engine: those that an API call answers with, and those that fail a resource."""

from moto.core.exceptions import ServiceException


class ValidationError(ServiceException):
    """The request or the template is wrong; nothing has been started."""

    code = "ValidationError"


class AlreadyExistsError(ServiceException):
    """A stack or change set of that name is there."""

    code = "AlreadyExistsException"


class ChangeSetNotFoundError(ServiceException):
    """There is no such change set."""

    code = "ChangeSetNotFound"


class InvalidChangeSetStatusError(ServiceException):
    """The change set cannot be executed in its status."""

    code = "InvalidChangeSetStatus"


class ResourceError(Exception):
    """A resource could not be created, updated or deleted; the text is the stack event's reason."""
