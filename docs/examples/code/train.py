"""Training script of the example pipelines: a logistic regression on CSV with a `label` column."""

import argparse
import os
import shutil
from pathlib import Path

import joblib
import pandas as pd
from sklearn.linear_model import LogisticRegression


def main() -> None:
    """Fit on the train channel; write model.joblib, and beside it the code that serves it, into the model folder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--inverse-regularization", type=float, default=1.0)
    arguments = parser.parse_args()
    data = pd.read_csv(Path(os.environ["SM_CHANNEL_TRAIN"]) / "data.csv")
    model = LogisticRegression(C=arguments.inverse_regularization, max_iter=500)
    model.fit(data.drop(columns="label").to_numpy(), data["label"])
    folder = Path(os.environ["SM_MODEL_DIR"])
    joblib.dump(model, folder / "model.joblib")
    (folder / "code").mkdir()
    shutil.copy(Path(__file__).with_name("inference.py"), folder / "code")


if __name__ == "__main__":
    main()
