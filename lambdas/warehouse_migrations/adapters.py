"""The warehouse through the Redshift Data API: submits, waits, reads; backs off while it is busy."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import boto3
from botocore.exceptions import ClientError
from parse import Configuration

BUSY = frozenset(
    {
        "ActiveSessionsExceededException",
        "ActiveStatementsExceededException",
        "InternalServerException",
        "ServiceUnavailableException",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Answers that pass when one waits."""
UNDER_WAY = ("SUBMITTED", "PICKED", "STARTED")
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.25, 5.0


class OutOfTimeError(Exception):
    """The time of this invocation is over before the warehouse has answered; the next one goes on."""


class PausedError(Exception):
    """The cluster is paused: nothing can be run before it is resumed."""


class StatementError(Exception):
    """A statement failed or was aborted; nothing of its transaction is left."""


class Clock:
    """Time left for this invocation."""

    def __init__(
        self,
        seconds_left: Callable[[], float],
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._left, self._sleep, self._jitter = seconds_left, sleep, jitter

    def pauses(self) -> Iterator[None]:
        """Pauses of growing length with full jitter; raises `OutOfTimeError` when the next would not fit."""
        longest = FIRST_PAUSE_SECONDS
        while True:
            yield
            if self._left() < LONGEST_PAUSE_SECONDS:
                raise OutOfTimeError
            self._sleep(self._jitter(FIRST_PAUSE_SECONDS / 2, longest))
            longest = min(2 * longest, LONGEST_PAUSE_SECONDS)


class Warehouse:
    """One database, as its administrator."""

    def __init__(self, configuration: Configuration, clock: Clock, data: Any = None, serverless: Any = None) -> None:
        self._configuration, self._clock = configuration, clock
        if data is not None:
            self.data = data
        if serverless is not None:
            self.serverless = serverless

    @cached_property
    def data(self) -> Any:
        """The Redshift Data API."""
        return boto3.client("redshift-data")

    @cached_property
    def serverless(self) -> Any:
        """The API of Redshift Serverless."""
        return boto3.client("redshift-serverless")

    @cached_property
    def _address(self) -> dict[str, str]:
        configuration = self._configuration
        kind = "WorkgroupName" if configuration.workgroup_name else "ClusterIdentifier"
        return {kind: configuration.name, "Database": configuration.database}

    @cached_property
    def _secret_arn(self) -> str:
        # CloudFormation has no attribute for the secret of a namespace (cloudformation-coverage-roadmap#2021).
        configuration = self._configuration
        if configuration.secret_arn:
            return configuration.secret_arn
        answer = self.serverless.get_namespace(namespaceName=configuration.namespace_name)
        return answer["namespace"]["adminPasswordSecretArn"]

    def run(self, statements: Sequence[str], name: str) -> str:
        """Run statements as one transaction and wait for the end; returns the id.

        Raises `StatementError`, `OutOfTimeError`, `PausedError`.
        """
        return self.wait(self.submit(statements, name))

    def submit(self, statements: Sequence[str], name: str) -> str:
        """Hand over statements as one transaction (a single one runs by itself); returns the id."""
        common = {**self._address, "SecretArn": self._secret_arn, "StatementName": name}
        if len(statements) == 1:
            return self._call(lambda: self.data.execute_statement(**common, Sql=statements[0]))["Id"]
        return self._call(lambda: self.data.batch_execute_statement(**common, Sqls=[*statements]))["Id"]

    def wait(self, statement: str) -> str:
        """Wait for the end of a statement; raises `StatementError`, `OutOfTimeError`."""
        for _ in self._clock.pauses():
            answer = self._call(lambda: self.data.describe_statement(Id=statement))
            if answer["Status"] == "FINISHED":
                return statement
            if answer["Status"] not in UNDER_WAY:
                raise StatementError(f"{answer['Status'].lower()}: {answer.get('Error', 'no reason was given')}")
        raise AssertionError("the pauses end by an exception")

    def query(self, statement: str, name: str) -> list[list[Any]]:
        """Rows of a query, NULL as None."""
        identifier = self.run([statement], name)
        pages = self.data.get_paginator("get_statement_result").paginate(Id=identifier)
        return [[_value(field) for field in record] for page in pages for record in page["Records"]]

    def under_way(self, prefix: str) -> list[str]:
        """Ids of statements that run under a name with this prefix, whoever of this function has started them."""
        found = []
        for status in UNDER_WAY:
            pages = self.data.get_paginator("list_statements").paginate(
                **self._address, StatementName=prefix, Status=status, RoleLevel=True
            )
            found += [one["Id"] for page in pages for one in page["Statements"]]
        return found

    def _call(self, call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        for _ in self._clock.pauses():
            try:
                return call()
            except ClientError as error:
                if "paused" in str(error).lower():
                    raise PausedError(str(error)) from error
                if error.response["Error"]["Code"] not in BUSY:
                    raise
        raise AssertionError("the pauses end by an exception")


def _value(field: dict[str, Any]) -> Any:
    return None if field.get("isNull") else next(iter(field.values()))
