"""Training script of the example pipelines: a logistic regression on CSV with a `label` column."""

import argparse
import os
from pathlib import Path

import joblib
import pandas as pd
from sklearn.linear_model import LogisticRegression


def main() -> None:
    """Fit on the train channel, write model.joblib into the model folder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--inverse-regularization", type=float, default=1.0)
    arguments = parser.parse_args()
    data = pd.read_csv(Path(os.environ["SM_CHANNEL_TRAIN"]) / "data.csv")
    model = LogisticRegression(C=arguments.inverse_regularization, max_iter=500)
    model.fit(data.drop(columns="label"), data["label"])
    joblib.dump(model, Path(os.environ["SM_MODEL_DIR"]) / "model.joblib")


if __name__ == "__main__":
    main()
