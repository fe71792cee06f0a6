"""Stored procedures: a subset of PL/pgSQL is run (see `body.py`); what lies outside of it is refused when created."""

import re

from seatrial.offline.warehouse.engine import Outcome, Session
from seatrial.offline.warehouse.errors import NotSupportedError


def create(session: Session, text: str) -> Outcome:
    """CREATE PROCEDURE."""
    del session, text
    raise NotSupportedError("CREATE PROCEDURE", "run its statements in one BatchExecuteStatement")


def call(session: Session, text: str) -> Outcome:
    """CALL."""
    del session
    raise NotSupportedError(f"CALL ({re.sub(chr(10), ' ', text)[:40]})")


def drop(session: Session, text: str) -> Outcome:
    """DROP PROCEDURE."""
    del session, text
    raise NotSupportedError("DROP PROCEDURE")
