"""Honest figures on real churn data; skipped unless SEATRIAL_DATA names the folder that holds it."""

import argparse
import csv
import gzip
import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.model_selection import StratifiedKFold

from tests.pipelines.conftest import dataset_file, load_step

DATA = Path(os.environ.get("SEATRIAL_DATA", "nowhere"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (DATA / "churn").is_dir(), reason="SEATRIAL_DATA does not name a folder with churn/*.csv.gz"
    ),
]
IBM_NUMBERS = ("SeniorCitizen", "tenure", "MonthlyCharges", "TotalCharges")
IRAN_CATEGORIES = ("Age Group", "Tariff Plan", "Status", "Complains")
FOLDS = 5


def ingest(name, raw):
    """The CSV file as a raw table of strings."""
    with gzip.open(DATA / "churn" / name, "rt", encoding="utf-8", newline="") as lines:
        header, *rows = list(csv.reader(lines))
    columns = zip(*rows, strict=True)
    folder = raw / "snapshot=all" / "table"
    folder.mkdir(parents=True)
    arrays = {title: pa.array(column, pa.string()) for title, column in zip(header, columns, strict=True)}
    pq.write_table(pa.table(arrays), folder / "part-00000.parquet")
    return header


def features_of(tmp_path, name, spec_of):
    """All rows of the data set through the features step: schema entries, rows, labels, quality."""
    features = load_step("features")
    header = ingest(name, tmp_path / "raw")
    dataset = dataset_file(tmp_path, **spec_of(header))
    session = features.session()
    limits = {"minimum_rows": 500, "maximum_duplicate_share": 0.2, "maximum_missing_label_share": 0.05}
    paths = {"input": str(tmp_path / "raw"), "dataset": str(dataset), "output": str(tmp_path / "out")}
    try:
        quality = features.run(session, argparse.Namespace(mode="score", digest="unpinned", **paths, **limits))
    finally:
        session.stop()
    train = load_step("train")
    schema = json.loads((tmp_path / "out/schema/schema.json").read_text())["features"]
    rows, labels = train.read_split(tmp_path / "out/features/snapshot=all", [feature["name"] for feature in schema])
    return schema, rows, labels, quality


def cross_validated(schema, rows, labels, algorithm, folder):
    """AUC of each fold: preprocessing and early stopping see nothing of the fold that is scored."""
    train, evaluate = load_step("train"), load_step("evaluate")
    areas = []
    for fold, (rest, held_out) in enumerate(StratifiedKFold(FOLDS, shuffle=True, random_state=1).split(rows, labels)):
        model = folder / f"{algorithm}-{fold}"
        options = train.parse(["--algorithm", algorithm, "--model-dir", str(model)])
        model.mkdir()
        stop = np.random.default_rng(fold).random(len(rest)) < 0.15
        fit, early = rest[~stop], rest[stop]
        encoder = train.Encoder.fit(schema, [rows[i] for i in fit], options.rare_below)
        encoded = [(encoder.encode([rows[i] for i in part]), labels[part]) for part in (fit, early)]
        sets = (*encoded[0], *encoded[1])
        train.train_xgboost(options, sets) if algorithm == "xgboost" else train.train_logistic(options, encoder, sets)
        train.save_beside(model, encoder, "{}", {})
        inference = evaluate.load_code(model / "code")
        scores = inference.predict_fn([rows[i] for i in held_out], inference.model_fn(str(model)))
        areas.append(evaluate.auc_interval(labels[held_out], np.asarray(scores, float)).auc)
    return float(np.mean(areas))


def ibm_spec(header):
    names = [name for name in header if name not in ("customerID", "Churn")]
    kinds = {name: "numeric" if name in IBM_NUMBERS else "categorical" for name in names}
    return {"id": "customerID", "label": "Churn", "positive": "Yes", "columns": kinds}


def iran_spec(header):
    kinds = {name: "categorical" if name in IRAN_CATEGORIES else "numeric" for name in header if name != "Churn"}
    return {"id": None, "label": "Churn", "positive": "1", "columns": kinds}


def test_ibm_telco_churn_gives_the_honest_figure(tmp_path):
    schema, rows, labels, quality = features_of(tmp_path, "ibm_telco_customer_churn.csv.gz", ibm_spec)

    areas = {name: cross_validated(schema, rows, labels, name, tmp_path) for name in ("xgboost", "scikit-learn")}

    print(areas)  # noqa: T201 - the figures to quote
    assert (quality["rows"], quality["duplicates"], quality["gate"]) == (7043, 0, 1)
    assert quality["invalid_values"] == {}
    assert all(0.835 < area < 0.86 for area in areas.values()), areas


def test_the_real_operators_data_needs_nothing_but_another_mapping(tmp_path):
    schema, rows, labels, quality = features_of(tmp_path, "iranian_churn_uci563.csv.gz", iran_spec)

    areas = {name: cross_validated(schema, rows, labels, name, tmp_path) for name in ("xgboost", "scikit-learn")}

    print(areas)  # noqa: T201 - the figures to quote
    assert (quality["raw_rows"], quality["duplicates"], quality["rows"]) == (3150, 300, 2850)
    assert areas["xgboost"] > 0.96, areas
    assert areas["scikit-learn"] > 0.9, areas
