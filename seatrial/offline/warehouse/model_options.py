"""The words of a CREATE MODEL statement; what the offline warehouse cannot do as Redshift does is refused by name."""

import re
from dataclasses import dataclass, field

from seatrial.offline.warehouse import learning
from seatrial.offline.warehouse.errors import NotSupportedError, SqlError
from seatrial.offline.warehouse.scripts import parenthesized, top_level

_HEAD = re.compile(r"create\s+model\s+(?P<name>[\w.\"]+)\s+from\s+", re.IGNORECASE)
_LEARNERS = ("xgboost", "mlp", "linear_learner", "kmeans")
_PROBLEMS = {one.upper(): one for one in (learning.REGRESSION, learning.BINARY, learning.MULTICLASS)}
_OBJECTIVES = {
    "mse": learning.REGRESSION,
    "f1": learning.BINARY,
    "accuracy": learning.MULTICLASS,
    "reg:squarederror": learning.REGRESSION,
    "reg:logistic": learning.REGRESSION,
    "reg:pseudohubererror": learning.REGRESSION,
    "reg:tweedie": learning.REGRESSION,
    "binary:logistic": learning.BINARY,
    "multi:softmax": learning.MULTICLASS,
}
"""The problem that an objective belongs to; AUTO ON takes the first three, AUTO OFF the others."""
_PARAMETERS = {
    "xgboost": "num_round eta max_depth subsample colsample_bytree gamma lambda alpha min_child_weight max_delta_step "
    "scale_pos_weight base_score num_class tree_method booster",
    "kmeans": "k",
}
_SETTINGS = ("s3_bucket", "kms_key_id", "tags", "s3_garbage_collect", "max_cells", "max_runtime")


@dataclass
class Options:
    """What a statement asks for; `query` or `table` is the training data."""

    name: str
    query: str = ""
    table: str = ""
    target: str | None = None
    function: str = ""
    role: str = ""
    auto: bool = True
    model_type: str = ""
    problem: str = ""
    objective: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    bucket: str = ""
    max_cells: int = 1_000_000
    max_runtime: int = 5400
    place: int = -1
    """The last clause that was read, by its place in `_CLAUSES`."""

    @property
    def learner(self) -> str:
        """The kind of model: XGBoost unless another is asked for."""
        return self.model_type or "xgboost"


def read(text: str) -> Options:
    """The options of a statement; raises `SqlError`, naming every word that is not understood."""
    head = _HEAD.match(text)
    if head is None:
        raise SqlError("syntax error in CREATE MODEL: want a name and FROM")
    options, rest = Options(name=head["name"]), text[head.end() :].rstrip("; \n")
    if rest.startswith("("):
        options.query, end = parenthesized(rest, 0)
    elif rest.startswith("'"):
        raise NotSupportedError(
            "CREATE MODEL FROM a SageMaker job", "train by a table or query; models of jobs are not there"
        )
    else:
        found = re.match(r"[\w.\"]+", rest)
        options.table, end = (found[0], found.end()) if found else ("", 0)
    rest = rest[end:].strip()
    while rest:
        rest = _clause(options, rest).strip()
    _check(options)
    return options


def _clause(options: Options, rest: str) -> str:
    """Take one clause off the front."""
    for place, (pattern, take) in enumerate(_CLAUSES):
        found = re.match(pattern + r"(?=\s|\(|$)", rest, re.IGNORECASE)
        if found:
            if place <= options.place:
                raise SqlError(
                    f"syntax error at or near {found[0]!r}: CREATE MODEL takes each clause once, in the guide's order"
                )
            options.place = place
            return take(options, found, rest)
    for word, advice in _REFUSED.items():
        if rest.upper().startswith(word):
            raise NotSupportedError(f"CREATE MODEL with {word}", advice)
    raise SqlError(f"syntax error at or near {rest[:40]!r} in CREATE MODEL")


_REFUSED = {
    "RETURNS": "it is for models of one's own (BYOM), which are not there",
    "SAGEMAKER": "it is for models behind an endpoint (BYOM), which are not there",
}


def _target(options: Options, found: re.Match[str], rest: str) -> str:
    options.target = found[1].strip('"').lower()
    return rest[found.end() :]


def _function(options: Options, found: re.Match[str], rest: str) -> str:
    options.function, rest = found[1], rest[found.end() :].strip()
    if rest.startswith("("):
        raise NotSupportedError("CREATE MODEL with types of the function", "they are for models of one's own (BYOM)")
    return rest


def _role(options: Options, found: re.Match[str], rest: str) -> str:
    options.role = found[1].strip("'")
    return rest[found.end() :]


def _auto(options: Options, found: re.Match[str], rest: str) -> str:
    options.auto = found[1].upper() == "ON"
    return rest[found.end() :]


def _model_type(options: Options, found: re.Match[str], rest: str) -> str:
    options.model_type = found[1].lower()
    if options.model_type not in _LEARNERS:
        raise NotSupportedError(f"MODEL_TYPE {found[1].upper()}", f"use {', '.join(one.upper() for one in _LEARNERS)}")
    return rest[found.end() :]


def _problem(options: Options, found: re.Match[str], rest: str) -> str:
    if found[1].upper() not in _PROBLEMS:
        raise SqlError(f"PROBLEM_TYPE must be among {', '.join(_PROBLEMS)}, got {found[1]!r}")
    options.problem = _PROBLEMS[found[1].upper()]
    return rest[found.end() :]


def _objective(options: Options, found: re.Match[str], rest: str) -> str:
    options.objective = found[1].lower()
    if options.objective not in _OBJECTIVES:
        raise NotSupportedError(f"OBJECTIVE {found[1]!r}", f"use {', '.join(_OBJECTIVES)}")
    return rest[found.end() :]


def _preprocessors(options: Options, found: re.Match[str], rest: str) -> str:
    if found[1].lower() != "none":
        raise NotSupportedError(f"PREPROCESSORS {found[1]!r}", "use 'none', and prepare the columns in the query")
    return rest[found.end() :]


def _hyperparameters(options: Options, found: re.Match[str], rest: str) -> str:
    rest = rest[found.end() :].strip()
    if not found[1]:
        return rest
    inner, end = parenthesized(rest, 0)
    for part in top_level(inner):
        pair = re.fullmatch(r"(\w+)\s+(?:to\s+)?'([^']*)'", part.strip(), re.IGNORECASE)
        if pair is None:
            raise SqlError(f"syntax error at {part!r} in HYPERPARAMETERS: want NAME 'value'")
        options.parameters[pair[1].lower()] = pair[2]
    return rest[end:]


def _settings(options: Options, found: re.Match[str], rest: str) -> str:
    rest = rest[found.end() :].strip()
    inner, end = parenthesized(rest, 0)
    for part in top_level(inner):
        name, _, value = part.strip().partition(" ")
        _setting(options, name.lower(), value.strip().strip("'"))
    return rest[end:]


def _setting(options: Options, name: str, value: str) -> None:
    if name not in _SETTINGS:
        raise NotSupportedError(f"the setting {name.upper()}", f"use {', '.join(one.upper() for one in _SETTINGS)}")
    if name == "s3_bucket":
        options.bucket = value
    elif name == "s3_garbage_collect" and value.lower() == "off":
        raise NotSupportedError("S3_GARBAGE_COLLECT OFF", "nothing is written to the bucket that could be kept")
    elif name in {"max_cells", "max_runtime"}:
        if not value.isdigit() or not int(value):
            raise SqlError(f"{name.upper()} must be a whole number above 0, got {value!r}")
        setattr(options, name, int(value))


_CLAUSES = (
    (r"target\s+(\w+|\"[^\"]+\")", _target),
    (r"function\s+([\w.\"]+)", _function),
    (r"iam_role\s+(default|'[^']+')", _role),
    (r"auto\s+(on|off)", _auto),
    (r"model_type\s+(\w+)", _model_type),
    (r"problem_type\s+\(?\s*(\w+)\s*\)?", _problem),
    (r"objective\s+'([^']+)'", _objective),
    (r"preprocessors\s+'([^']*)'", _preprocessors),
    (r"hyperparameters\s+default(\s+except)?", _hyperparameters),
    (r"settings", _settings),
)
"""In the order in which Redshift wants them."""


def _check(options: Options) -> None:
    """What belongs together; each sentence says what to write."""
    missing = [name for name, value in (("FUNCTION", options.function), ("IAM_ROLE", options.role)) if not value]
    missing += [] if options.bucket else ["SETTINGS (S3_BUCKET '...')"]
    clusters = options.learner == "kmeans"
    missing += ["TARGET"] if not options.target and not clusters else []
    if missing:
        raise SqlError(f"CREATE MODEL needs {', '.join(missing)}")
    if clusters and (options.target or options.auto or "k" not in options.parameters):
        raise SqlError("MODEL_TYPE KMEANS needs AUTO OFF, no TARGET, and HYPERPARAMETERS DEFAULT EXCEPT (K 'number')")
    if not options.auto and not options.model_type:
        raise SqlError("AUTO OFF needs a MODEL_TYPE")
    if not options.auto and options.learner in ("mlp", "linear_learner"):
        raise SqlError(f"MODEL_TYPE {options.learner.upper()} needs AUTO ON")
    if options.auto and options.parameters:
        raise SqlError("HYPERPARAMETERS need AUTO OFF")
    known = _PARAMETERS.get(options.learner, "").split()
    if unknown := sorted(set(options.parameters) - set(known)):
        raise NotSupportedError(f"the hyperparameter {', '.join(unknown).upper()}", f"use {', '.join(known).upper()}")
    _check_objective(options, clusters)


def _check_objective(options: Options, clusters: bool) -> None:
    if not options.auto and not clusters and ":" not in options.objective:
        raise SqlError("MODEL_TYPE XGBOOST with AUTO OFF needs an OBJECTIVE such as 'binary:logistic'")
    if options.auto and ":" in options.objective:
        raise SqlError(f"OBJECTIVE {options.objective!r} needs AUTO OFF")
    if options.objective:
        meant = _OBJECTIVES[options.objective]
        if options.problem and options.problem != meant and options.auto and options.objective != "accuracy":
            raise SqlError(f"OBJECTIVE {options.objective!r} does not fit PROBLEM_TYPE {options.problem.upper()}")
        options.problem = options.problem or ("" if options.objective == "accuracy" else meant)
        if ":" in options.objective:
            options.parameters = {"objective": options.objective, **options.parameters}
