"""Training job on Spark: logistic regression or boosted trees, from features to an artifact that serves as ONNX.

Features are Parquet of the lake, or the parts of a pipeline's split (`--train`, `--validation`, `--schema`).
It writes nothing unless ONNX Runtime, behind the artifact's own inference code, scores every held-out row as Spark
does. The driver needs Python 3.10 or newer with onnx, onnxruntime 1.23 or newer and numpy; executors need Spark alone.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import io
import json
import re
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from pyspark.ml import Pipeline
from pyspark.ml.classification import GBTClassifier, LogisticRegression
from pyspark.ml.feature import Imputer, OneHotEncoder, StringIndexerModel, VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as fn
from pyspark.sql.types import NumericType, StringType

from seatrial.contracts.schema import FeatureSchema
from seatrial.spark import onnx_export, onnx_pipeline
from seatrial.spark.errors import DataError
from seatrial.spark.files import Files, location
from seatrial.spark.parity import Parity
from seatrial.spark.session import run_job
from seatrial.statistics.auc import estimate_auc

JOB = "sparkml_train"
ALGORITHMS = ("sparkml-logistic", "sparkml-gbt")
SERVING_CODE = ("inference.py", "inference_onnx.py", "encoding.py")
MISSING_TEXTS = ("", "na", "n/a", "nan", "null", "none", "?")
MISSING = "(missing)"
LARGEST_MAGNITUDE = 1e150
"""These three are encoding.py's: what serving takes for missing, calls a missing category, and refuses."""
BATCH_ROWS = 5_000
TOLERANCE = 1e-9
"""Splits are compared exactly; what remains is the order of sums, about 1e-15 of a margin."""
LABEL, PROBABILITY, BUCKET, RAW = "_label", "_probability", "_bucket", "_raw_"
Columns = dict[str, str]
"""Feature to "numeric" or "categorical", in the order in which rows are served."""


def run(spark: SparkSession, options: argparse.Namespace) -> dict[str, Any]:
    """Train, prove and publish; gives the content of metrics.json."""
    frame, columns = prepare(read(spark, options), options)
    unlabelled = _check_values(frame, columns, options)
    frame = frame.where(fn.col(LABEL).isNotNull())
    training, held_out = (frame.where(rule) for rule in _split(options.held_out_percent))
    _check_labels(training.cache(), options)
    model = pipeline(training, columns, options).fit(training)
    metrics = release(onnx_pipeline.read(model), model.transform(held_out), columns, options)
    training.unpersist()
    return {**metrics, "unlabelled": unlabelled}


def release(plan: onnx_export.Plan, scored: DataFrame, columns: Columns, options: argparse.Namespace) -> dict[str, Any]:
    """Pack a model, prove it on rows that Spark has scored, and write it; gives the metrics."""
    files = Files(scored.sparkSession)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "model"
        write_artifact(folder, files, columns, onnx_export.export(plan), options)
        metrics = prove(folder, scored, columns, options)
        publish(folder, files, metrics, options)
    return metrics


def read(spark: SparkSession, options: argparse.Namespace) -> DataFrame:
    """Features with their label; a table of labels is joined by id, and by as_of when it tells one."""
    if options.train:
        return read_split(spark, options)
    frame = _features(spark, [location(uri) for uri in options.features])
    if options.labels:
        labels = spark.read.parquet(location(options.labels))
        keys = [options.id, *(["as_of"] if "as_of" in labels.columns else [])]
        _require(labels, [*keys, options.label])
        _require(frame, keys)
        label = fn.max(options.label).alias(options.label)  # extracts of two days may hold the same label
        frame = frame.drop(options.label).join(labels.groupBy(*keys).agg(label), keys)
    _require(frame, [options.id, options.label])
    return frame


def read_split(spark: SparkSession, options: argparse.Namespace) -> DataFrame:
    """The parts as features.py writes them: CSV with id, label and features; the validation part is held out."""
    schema = _schema(spark, options)
    kinds = {feature.name: "double" if feature.type == "numeric" else "string" for feature in schema.features}
    parts = []
    for bucket, uri in ((0, options.train), (99, options.validation)):
        part = spark.read.csv(location(uri), header=True, escape='"', multiLine=True, mode="FAILFAST")
        if part.columns[2:] != list(kinds):
            raise DataError(f"{uri}: columns must be {list(kinds)} after id and label, got {part.columns[2:]}")
        values = [fn.col(f"`{name}`").cast(kind).alias(name) for name, kind in kinds.items()]
        given = part.select(part[0].alias(options.id), part[1].alias(options.label), *values)
        parts.append(given.withColumn(BUCKET, fn.lit(bucket).cast("long")))
    return parts[0].unionByName(parts[1])


def _schema(spark: SparkSession, options: argparse.Namespace) -> FeatureSchema:
    document = Files(spark).read_json(f"{location(options.schema)}/schema.json")
    if document is None:
        raise DataError(f"--schema: {options.schema} holds no schema.json")
    return FeatureSchema.from_json(json.dumps(document))


def _features(spark: SparkSession, folders: Sequence[str]) -> DataFrame:
    """Parquet, with the column as_of also where a folder is named that is one day's partition."""
    bases = {folder.rpartition("/as_of=")[0] for folder in folders}
    reader = spark.read
    if bases != {""}:
        if len(bases) > 1:
            raise DataError(f"--features: must lie in one folder, got {sorted(folders)}")
        reader = reader.option("basePath", bases.pop())
    return reader.parquet(*folders)


def _require(frame: DataFrame, names: Sequence[str]) -> None:
    absent = [name for name in names if name not in frame.columns]
    if absent:
        raise DataError(f"column {absent[0]!r} is missing; there are {', '.join(frame.columns)}")


def prepare(frame: DataFrame, options: argparse.Namespace) -> tuple[DataFrame, Columns]:
    """Label, split and features in the types that the pipeline reads; categories also as they came."""
    leave = {options.id, options.label, "as_of", BUCKET, *options.ignore}
    fields = [field for field in frame.schema.fields if field.name not in leave]
    odd = [f.name for f in fields if not isinstance(f.dataType, (NumericType, StringType))]
    if odd or not fields:
        raise DataError(f"features: must be numbers or texts; name others with --ignore, got {odd or 'no column'}")
    if unfit := [field.name for field in fields if not re.fullmatch(r"[A-Za-z]\w*", field.name)]:
        raise DataError(f"features: names must be letters, digits and underscores, got {unfit}")
    columns = {f.name: "categorical" if isinstance(f.dataType, StringType) else "numeric" for f in fields}
    values = []
    for name, kind in columns.items():
        values += _category(name) if kind == "categorical" else [fn.col(f"`{name}`").cast("double").alias(name)]
    label = fn.col(f"`{options.label}`").cast("double")
    drawn = fn.conv(fn.substring(fn.md5(fn.col(options.id).cast("string")), 1, 8), 16, 10).cast("long") % 100
    bucket = fn.col(BUCKET) if BUCKET in frame.columns else drawn
    return frame.select(label.alias(LABEL), bucket.alias(BUCKET), *values), columns


def _category(name: str) -> list[Column]:
    """The text as it came, and as encoding.py reads it: stripped of what Python calls space."""
    text = fn.regexp_replace(fn.col(f"`{name}`"), r"(?U)^[\s\x1c-\x1f]+|[\s\x1c-\x1f]+$", "")
    known = fn.when(text.isNull() | fn.lower(text).isin(*MISSING_TEXTS), MISSING).otherwise(text)
    return [known.alias(name), fn.col(f"`{name}`").alias(RAW + name)]


def _split(percent: int) -> tuple[Column, Column]:
    """Rows by a hash of the id: all rows of a subscriber fall on one side, in every run."""
    return fn.col(BUCKET) < 100 - percent, fn.col(BUCKET) >= 100 - percent


def _check_values(frame: DataFrame, columns: Columns, options: argparse.Namespace) -> int:
    """One pass over all rows; gives the number of those without label, which take no part."""
    numbers = [name for name, kind in columns.items() if kind == "numeric"]
    given = {name: fn.nanvl(name, fn.lit(None)) for name in numbers}
    wild = [fn.count_if(fn.abs(value) > LARGEST_MAGNITUDE).alias(name) for name, value in given.items()]
    known = [fn.count(value).alias(f"known {name}") for name, value in given.items()]
    odd = fn.count_if(~fn.col(LABEL).isin(0.0, 1.0)).alias("odd labels")
    unlabelled = fn.count_if(fn.col(LABEL).isNull()).alias("unlabelled")
    found = frame.agg(odd, unlabelled, *wild, *known).collect()[0]
    if found["odd labels"]:
        raise DataError(f"label {options.label!r}: must be 0, 1 or missing, {found['odd labels']} rows have another")
    for name in numbers:
        if found[name]:
            raise DataError(f"column {name!r}: {found[name]} values are larger than {LARGEST_MAGNITUDE:g}")
        if not found[f"known {name}"]:
            raise DataError(f"column {name!r}: every value is missing; leave it out with --ignore {name}")
    return int(found["unlabelled"])


def _check_labels(training: DataFrame, options: argparse.Namespace) -> None:
    counts = {row[0]: row[1] for row in training.groupBy(LABEL).count().collect()}
    if set(counts) != {0.0, 1.0}:
        raise DataError(f"label {options.label!r}: training needs rows of 0 and of 1, got {counts or 'no rows'}")


def pipeline(training: DataFrame, columns: Columns, options: argparse.Namespace) -> Pipeline:
    """Indexers, imputer, assembler and classifier; trees split on categories, regression sees them one-hot."""
    numbers = [name for name, kind in columns.items() if kind == "numeric"]
    texts = [name for name, kind in columns.items() if kind == "categorical"]
    labels = [frequent_labels(training, name, options) for name in texts]
    stages: list[Any] = []
    if numbers:
        stages.append(Imputer(strategy="median", inputCols=numbers, outputCols=[f"_known_{name}" for name in numbers]))
    indices = [f"_index_{name}" for name in texts]
    for known, name, index in zip(
        labels, texts, indices, strict=True
    ):  # several in one model would be padded with nulls
        stages.append(StringIndexerModel.from_labels(known, name, index, handleInvalid="keep"))
    assembled = [f"_known_{name}" for name in numbers] + indices
    if options.algorithm == "sparkml-logistic":
        slots = [f"_slots_{name}" for name in texts]
        stages += [OneHotEncoder(inputCols=indices, outputCols=slots)] if texts else []
        assembled = assembled[: len(numbers)] + slots
    stages.append(VectorAssembler(inputCols=assembled, outputCol="_features"))
    return Pipeline(stages=[*stages, _classifier(options, max(map(len, labels), default=0))])


def frequent_labels(training: DataFrame, name: str, options: argparse.Namespace) -> list[str]:
    """Categories with enough training rows, the most frequent first; all others share the last index."""
    counts = training.groupBy(name).count().where(fn.col("count") >= options.rare_below)
    kept = counts.orderBy(fn.desc("count"), name).limit(options.maximum_categories).collect()
    if not kept:
        few = f"no category has {options.rare_below} training rows"
        raise DataError(f"column {name!r}: {few}; leave it out with --ignore {name}")
    return [row[0] for row in kept]


def _classifier(options: argparse.Namespace, categories: int) -> Any:
    shared = {"featuresCol": "_features", "labelCol": LABEL}
    if options.algorithm == "sparkml-logistic":
        return LogisticRegression(
            **shared, family="binomial", maxIter=options.iterations, regParam=options.regularization
        )
    return GBTClassifier(
        **shared,
        maxIter=options.iterations,
        maxDepth=options.maximum_depth,
        stepSize=options.step_size,
        subsamplingRate=options.subsample,
        maxBins=max(options.bins, categories + 1),
        seed=options.seed,
    )


def write_artifact(folder: Path, files: Files, columns: Columns, model: bytes, options: argparse.Namespace) -> None:
    """What the endpoint unpacks: the model, its schema, the inference code and the libraries that the image lacks."""
    code = folder / "code"
    code.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model)
    features = [{"name": name, "type": kind} for name, kind in columns.items()]
    _write(folder / "schema.json", {"version": 1, "features": features})
    training = {name: getattr(options, name) for name in vars(options) if name not in _PLACES}
    _write(folder / "training.json", training)
    _serving_code(files, location(options.code), code)
    for uri in options.serving_wheels:
        wheel = folder.parent / uri.rsplit("/", 1)[-1]
        files.download(uri, wheel)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(code / "lib")  # noqa: S202 - zipfile drops what would lead out of the folder


_PLACES = {"features", "labels", "train", "validation", "schema", "model", "code", "serving_wheels"}


def _serving_code(files: Files, source: str, code: Path) -> None:
    """The serving scripts out of a folder, or of the tar.gz that the pipeline trains with."""
    if not source.endswith(".gz"):  # assets keep the last suffix only
        for name in SERVING_CODE:
            files.download(f"{source}/{name}", code / name)
        return
    archive = code.parent.parent / "source.tar.gz"
    files.download(source, archive)
    with tarfile.open(archive) as packed:
        for name in SERVING_CODE:
            packed.extract(name, code, filter="data")


def prove(folder: Path, scored: DataFrame, columns: Columns, options: argparse.Namespace) -> dict[str, Any]:
    """Score every held-out row by the artifact's code, from the text that a client would send; gives the metrics.

    Rows pass the driver in batches: about 20,000 a second, in constant memory but for two numbers a row.
    """
    inference, parity = load_code(folder / "code"), Parity(options.tolerance)
    model = inference.model_fn(str(folder))
    scores: list[float] = []
    labels: list[int] = []
    for batch in _batches(scored, columns):
        rows = [[_text(value) for value in row[2:]] for row in batch]
        served = inference.predict_fn(inference.input_fn(_csv(rows), "text/csv"), model).tolist()
        parity.compare([row[1] for row in batch], served)
        scores += served
        labels += [int(row[0]) for row in batch]
    parity.require()
    _write(folder / "parity.json", parity.to_json())
    area = estimate_auc(scores, labels)
    if area is None or area.area < options.minimum_auc:
        got = "one class only" if area is None else f"{area.area:.4f}"
        raise DataError(f"held-out ROC AUC: must be at least {options.minimum_auc}, got {got}; nothing was written")
    return {"algorithm": options.algorithm, "auc": area.to_json(), "positives": sum(labels), **parity.to_json()}


def _batches(scored: DataFrame, columns: Columns) -> Iterator[list[Any]]:
    """Label, Spark's probability and the features as they came, of the next rows."""
    given = [fn.col(RAW + name if kind == "categorical" else name) for name, kind in columns.items()]
    probability = vector_to_array(fn.col("probability"))[1]
    rows = iter(scored.select(LABEL, probability.alias(PROBABILITY), *given).toLocalIterator(prefetchPartitions=True))
    while batch := list(islice(rows, BATCH_ROWS)):
        yield batch


def _text(value: Any) -> str:
    """A value as a client sends it: a number so that it reads back as the same double."""
    if value is None or value != value:  # noqa: PLR0124 - a missing number
        return ""
    return repr(value) if isinstance(value, float) else str(value)


def _csv(rows: Sequence[Sequence[str]]) -> str:
    body = io.StringIO()
    csv.writer(body).writerows(rows)
    return body.getvalue()


def load_code(folder: Path) -> Any:
    """The artifact's inference module, also when another artifact's was loaded before."""
    for name in SERVING_CODE:
        sys.modules.pop(name.removesuffix(".py"), None)
    sys.path.insert(0, str(folder))
    try:
        importlib.invalidate_caches()
        return importlib.import_module("inference")
    finally:
        sys.path.remove(str(folder))


def publish(folder: Path, files: Files, metrics: dict[str, Any], options: argparse.Namespace) -> None:
    """Write model.tar.gz, and beside it what a reader wants to know without unpacking it."""
    archive, target = folder.parent / "model.tar.gz", location(options.model)
    with tarfile.open(archive, "w:gz") as packed:
        for path in sorted(folder.rglob("*")):
            if "__pycache__" not in path.parts:
                packed.add(path, str(path.relative_to(folder)), recursive=False, filter=_anonymous)
    for name in ("schema.json", "parity.json"):
        files.upload(folder / name, f"{target}/{name}")
    files.write_json(f"{target}/metrics.json", metrics)
    files.upload(archive, f"{target}/model.tar.gz")


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Places, data and hyperparameters; an unknown argument ends the job."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--features", nargs="+", help="Parquet folders, e.g. s3://b/d/churn/as_of=...")
    source.add_argument("--train", help="folder of CSV parts as features.py writes them; with --validation, --schema")
    parser.add_argument("--validation", help="folder of CSV parts that are held out")
    parser.add_argument("--schema", help="folder with schema.json")
    parser.add_argument("--labels", help="Parquet with id and label (and as_of), when the features do not hold it")
    parser.add_argument("--model", required=True, help="folder for model.tar.gz")
    parser.add_argument("--code", default=str(Path(__file__).parent), help="folder or tar.gz with the serving scripts")
    parser.add_argument("--serving-wheels", nargs="*", default=[], help="wheels that the serving image lacks")
    parser.add_argument("--algorithm", choices=ALGORITHMS, default="sparkml-gbt")
    parser.add_argument("--id", default="subscriber_id")
    parser.add_argument("--label", default="churned", help="column of 0 and 1; rows without are left out and counted")
    parser.add_argument("--ignore", nargs="*", default=[], help="columns that are no features")
    parser.add_argument("--held-out-percent", type=int, default=20, choices=range(1, 100), metavar="1..99")
    parser.add_argument("--iterations", type=int, default=50, help="trees, or steps of the regression's optimizer")
    parser.add_argument("--maximum-depth", type=int, default=4)
    parser.add_argument("--step-size", type=float, default=0.1)
    parser.add_argument("--subsample", type=float, default=0.8)
    parser.add_argument("--bins", type=int, default=64)
    parser.add_argument("--regularization", type=float, default=0.001)
    parser.add_argument("--rare-below", type=int, default=10, help="categories with fewer training rows are other")
    parser.add_argument("--maximum-categories", type=int, default=1000)
    parser.add_argument("--minimum-auc", type=float, default=0.0)
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help="largest difference from Spark's scores")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    if options.train and not (options.validation and options.schema):
        parser.error("--train: needs --validation and --schema")
    if options.train:  # names that no feature can have
        options.id, options.label = "_id", "_churned"
    return options


if __name__ == "__main__":
    run_job(JOB, parse, run)
