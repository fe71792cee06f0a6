"""CREATE MODEL, SHOW MODEL and DROP MODEL of Redshift ML; the prediction function is used like any other.

On AWS training goes on after the statement; here it is over when the statement is, and the state is READY at once.
Grammar and limits: "CREATE MODEL" and its usage notes in the Amazon Redshift developer guide.
"""

import hashlib
import re
from typing import Any

from botocore.exceptions import ClientError
from sqlglot import exp

from seatrial.offline.warehouse import learning, user_functions
from seatrial.offline.warehouse.catalog import Column, Entry
from seatrial.offline.warehouse.datatypes import DATES, NUMBERS, TEXTS, Kind, shown
from seatrial.offline.warehouse.engine import Outcome, Session
from seatrial.offline.warehouse.errors import SqlError
from seatrial.offline.warehouse.model_options import Options, read
from seatrial.offline.warehouse.queries import compile_query
from seatrial.offline.warehouse.relations import resolver

MODEL = "model"
FEWEST_ROWS, MOST_FEATURES = 500, 256
_PROBLEMS = (learning.REGRESSION, learning.BINARY, learning.MULTICLASS)
_TIMES = DATES | {Kind.TIME, Kind.TIMETZ}


def create(session: Session, text: str) -> Outcome:
    """Train on the rows of a table or query; the function that it names predicts from then on."""
    options = read(text)
    _check_bucket(session, options)
    names, kinds, rows = _rows(session, options)
    target = _position(names, options.target)
    inputs = [index for index in range(len(names)) if index != target]
    table = exp.to_table(options.name.lower(), dialect="redshift")
    model = Entry(table.db or session.search_path[0], table.name, MODEL)
    entry = user_functions.named(session, options.function, user_functions.PREDICTION, len(inputs), model.schema)
    _check_names(session, model, entry)
    order = learning.Order(
        options.learner, _problem(options, kinds, rows, target), _kinds(options, kinds, inputs), options.parameters
    )
    wanted = [row[target] for row in rows] if target is not None else [None] * len(rows)
    try:
        learned = learning.train(order, [[row[index] for index in inputs] for row in rows], wanted)
    except ValueError as error:  # XGBoost's own error is one too
        raise SqlError(f"training failed: {_reason(error)}") from error
    key = hashlib.sha256(f"{model.schema}.{model.name} {session.facts().now} {text}".encode()).hexdigest()[:16]
    session.database.models[key] = learned
    entry.columns = [Column(names[index], kinds[index].sql("redshift")) for index in inputs]
    returns = "int" if order.problem == learning.CLUSTERS else "float8"
    if learned.labels and target is not None:
        returns = kinds[target].sql("redshift")
    entry.details = {"returns": returns, "model_key": key, "model": model.name}
    session.catalog.put(entry)
    model.details = _details(session, options, order, entry, learned.score)
    session.catalog.put(model)
    return Outcome()


def _reason(error: Exception) -> str:
    """The first line of an error, without the time and the place in the source that XGBoost puts before it."""
    return re.sub(r"^\[[\d:]+\] \S+: ", "", str(error).strip().splitlines()[0])


def _check_bucket(session: Session, options: Options) -> None:
    try:
        session.database.lake.client("s3").head_bucket(Bucket=options.bucket)
    except ClientError as error:
        raise SqlError(f"S3_BUCKET: the bucket {options.bucket!r} is not there or not ours") from error


def _check_names(session: Session, model: Entry, function: Entry) -> None:
    if session.catalog.find(model.schema, model.name, MODEL):
        raise SqlError(f'model "{model.name}" already exists')
    if model.schema != "public" and session.catalog.find(model.schema, model.schema, "schema") is None:
        raise SqlError(f'schema "{model.schema}" does not exist')
    if session.catalog.find(function.schema, function.name, user_functions.SQL, user_functions.PREDICTION):
        raise SqlError(f'function "{user_functions.plain_name(function)}" already exists with same argument types')


def _rows(session: Session, options: Options) -> tuple[list[str], list[exp.DataType], list[tuple[Any, ...]]]:
    """Names, types and rows of the training data, no more than MAX_CELLS: then a sample."""
    from seatrial.offline.warehouse.statements import parse

    tree = parse(options.query or f"select * from {options.table}")
    compiled = compile_query(tree, resolver(session), session.facts())
    if len(compiled.names) < 2:
        raise SqlError("the training data must have at least two columns")
    if len(compiled.names) > MOST_FEATURES + 1:
        raise SqlError(
            f"the training data must have at most {MOST_FEATURES} input columns, got {len(compiled.names) - 1}"
        )
    most = options.max_cells // len(compiled.names)
    # In order of all columns before the sample: tables have no order, and the model must not depend on DuckDB's.
    rows = session.query(f"SELECT * FROM ({compiled.sql}) ORDER BY ALL").rows
    if len(rows) < FEWEST_ROWS:
        raise SqlError(f"the training data must have at least {FEWEST_ROWS} rows, got {len(rows)}")
    if len(rows) > most:
        rows = rows[:: -(-len(rows) // most)]
    return [name.lower() for name in compiled.names], list(compiled.types), rows


def _position(names: list[str], target: str | None) -> int | None:
    if target is None:
        return None
    if target not in names:
        raise SqlError(f'TARGET column "{target}" is not in the training data')
    return names.index(target)


def _kinds(options: Options, kinds: list[exp.DataType], inputs: list[int]) -> tuple[str, ...]:
    """How each input is encoded; AUTO OFF takes numbers and booleans alone, as the guide says."""
    groups = ((NUMBERS | {Kind.BOOLEAN}, learning.NUMBER), (TEXTS, learning.TEXT), (_TIMES, learning.TIME))
    found = []
    for index in inputs:
        kind = next((name for group, name in groups if kinds[index].this in group), None)
        if kind is None or (not options.auto and kind != learning.NUMBER):
            raise SqlError(
                f"AUTO {'ON' if options.auto else 'OFF'} does not support columns of type {shown(kinds[index])}"
            )
        found.append(kind)
    return tuple(found)


def _problem(options: Options, kinds: list[exp.DataType], rows: list[tuple[Any, ...]], target: int | None) -> str:
    """As PROBLEM_TYPE or the objective says, else by the target: two values, text, or numbers."""
    if target is None:
        return learning.CLUSTERS
    values = {row[target] for row in rows}
    if None in values:
        raise SqlError("the TARGET column has NULLs: leave those rows out by a query")
    found = options.problem or (
        learning.BINARY
        if len(values) == 2
        else learning.REGRESSION
        if kinds[target].this in NUMBERS
        else learning.MULTICLASS
    )
    if found == learning.BINARY and len(values) != 2:
        raise SqlError(f"binary classification needs two values of the TARGET column, got {len(values)}")
    if found == learning.REGRESSION and kinds[target].this not in NUMBERS:
        raise SqlError(f"regression needs a number as TARGET, got {shown(kinds[target])}")
    return found


def _details(
    session: Session, options: Options, order: learning.Order, function: Entry, score: float
) -> dict[str, Any]:
    """What SHOW MODEL tells, in its order."""
    data = {"Query": options.query} if options.query else {"Table": options.table}
    parameters = {
        "Model Type": "auto" if options.auto and not options.model_type else options.learner,
        **({"Problem Type": order.problem} if options.target else {}),
        "Objective": options.objective or learning.METRICS[order.problem],
        **({f"Hyperparameter {name}": value for name, value in options.parameters.items()}),
        "Function Name": user_functions.plain_name(function),
        "Function Parameters": " ".join(column.name for column in function.columns),
        "Function Parameter Types": " ".join(shown(column.data_type) for column in function.columns),
        "IAM Role": options.role,
        "S3 Bucket": options.bucket,
        "Max Runtime": str(options.max_runtime),
    }
    facts = session.facts()
    return {
        "function": function.name,
        "created": f"{facts.now:%a, %d.%m.%Y %H:%M:%S}",
        "owner": facts.session["user"],
        "score": [f"validation:{learning.METRICS[order.problem]}", f"{score:.6f}"],
        "data": {**data, **({"Target Column": options.target.upper()} if options.target else {})},
        "parameters": parameters,
    }


def show(session: Session, text: str) -> Outcome:
    """SHOW MODEL ALL, and SHOW MODEL name."""
    name = " ".join(text.rstrip("; \n").split()[2:])
    if name.upper() == "ALL":
        rows = [(one.schema, one.name) for one in session.catalog.all(MODEL)]
        return Outcome(["Schema Name", "Model Name"], ["VARCHAR", "VARCHAR"], list(rows), len(rows), True)
    model, details = _need(session, name), _need(session, name).details
    lines = [("Model Name", model.name), ("Schema Name", model.schema), ("Owner", details["owner"])]
    lines += [("Creation Time", details["created"]), ("Model State", "READY"), tuple(details["score"]), ("", "")]
    lines += [
        ("TRAINING DATA:", ""),
        *details["data"].items(),
        ("", ""),
        ("PARAMETERS:", ""),
        *details["parameters"].items(),
    ]
    return Outcome(["Key", "Value"], ["VARCHAR", "VARCHAR"], [(str(a), str(b)) for a, b in lines], len(lines), True)


def drop(session: Session, text: str) -> Outcome:
    """DROP MODEL, with its function."""
    found = re.match(r"drop\s+model\s+(if\s+exists\s+)?([\w.\"]+)(\s+cascade|\s+restrict)?\s*;?$", text, re.IGNORECASE)
    if found is None:
        raise SqlError(f"syntax error in {text!r}")
    try:
        model = _need(session, found[2])
    except SqlError:
        if found[1]:
            return Outcome()
        raise
    session.catalog.remove(model.schema, model.name, MODEL)
    for one in session.catalog.all(user_functions.PREDICTION):
        if one.name == model.details["function"] and one.details["model"] == model.name:
            session.catalog.remove(one.schema, one.name, one.kind)
    return Outcome()


def _need(session: Session, name: str) -> Entry:
    table = exp.to_table(name.lower(), dialect="redshift")
    for schema in [table.db] if table.db else session.search_path:
        if (found := session.catalog.find(schema, table.name, MODEL)) is not None:
            return found
    raise SqlError(f'model "{table.name}" does not exist')
