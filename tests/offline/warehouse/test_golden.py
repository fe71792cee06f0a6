"""Results per function as the Amazon Redshift developer guide prints them: golden.tsv names the page of each."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from seatrial.offline.warehouse.engine import Session
from seatrial.offline.warehouse.errors import NotSupportedError, SqlError

LINES = (Path(__file__).parent / "golden.tsv").read_text(encoding="utf-8").splitlines()
CASES = [tuple(line.split("\t")) for line in LINES]
SALES = """insert into winsales values
    (30001, '8/2/2003', 3, 'b', 10, 10), (10001, '12/24/2003', 1, 'c', 10, 10), (10005, '12/24/2003', 1, 'a', 30, null),
    (40001, '1/9/2004', 4, 'a', 40, null), (10006, '1/18/2004', 1, 'c', 10, null), (20001, '2/12/2004', 2, 'b', 20, 20),
    (40005, '2/12/2004', 4, 'a', 10, 10), (20002, '2/16/2004', 2, 'c', 20, 20), (30003, '4/18/2004', 3, 'b', 15, null),
    (30004, '4/18/2004', 3, 'b', 20, null), (30007, '9/7/2004', 3, 'c', 30, null)"""
"""Table WINSALES of the guide's page "Window functions"."""


@pytest.fixture(scope="module")
def sales(database) -> Session:
    opened = database.session()
    opened.execute(
        "create table if not exists winsales "
        "(salesid int, dateid date, sellerid int, buyerid char(10), qty int, qty_shipped int)"
    )
    opened.execute(SALES)
    return opened


def test_the_list_is_long_enough_to_mean_something():
    assert len({page for page, _, _ in CASES}) > 80
    assert len(CASES) > 200


@pytest.mark.parametrize(("page", "sql", "expected"), CASES, ids=[f"{number}" for number in range(len(CASES))])
def test_a_function_gives_what_the_guide_prints(sales, page, sql, expected):
    if expected == "ERROR":
        with pytest.raises(SqlError) as raised:
            sales.execute(sql)
        assert not isinstance(raised.value, NotSupportedError), page
        return

    rows = sales.execute(sql).rows

    assert " / ".join(";".join(as_printed(value) for value in row) for row in rows) == expected, page


def as_printed(value: Any) -> str:
    """As the guide prints values; floats with 15 digits, decimals without trailing zeros."""
    if value is None or isinstance(value, bool):
        return {None: "NULL", True: "t", False: "f"}[value]
    for kind, printed in PRINTED.items():
        if isinstance(value, kind):
            return printed(value)
    return str(value)


PRINTED: dict[type, Any] = {
    float: lambda value: f"{value:.15g}",
    Decimal: lambda value: format(value.normalize(), "f"),
    bytes: lambda value: value.hex(),
    datetime: lambda value: value.isoformat(sep=" ").replace("+00:00", "+00"),
}
