"""Hooks for texts and embeddings: the how-to runs as it stands, real messages drift when their kind changes."""

import csv
import gzip
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from seatrial.contracts.schema import FeatureSchema
from seatrial.monitoring.watch import Watch
from seatrial.monitoring.window_data import WindowData
from seatrial.statistics.baseline import build_baseline
from seatrial.statistics.monitor import MonitorLimits
from seatrial.statistics.multivariate.embedding_features import EmbeddingFeatures, projected
from seatrial.statistics.multivariate.embeddings import EmbeddingSummary, frechet_distance
from seatrial.statistics.multivariate.text_features import TextFeatures
from seatrial.statistics.performance.errors import ShapeError
from seatrial.statistics.window import summarise_window

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("SEATRIAL_DATA", "/nowhere")) / "text" / "sms_spam_collection.tsv.gz"


def test_the_how_to_runs_as_it_stands(capsys):
    page = (ROOT / "docs" / "how-to" / "monitor-text-and-images.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)

    names = {}
    for block in blocks:
        exec(compile(block, "how-to", "exec"), names)

    verdicts = [line.split()[1] for line in capsys.readouterr().out.splitlines()]
    assert len(blocks) == 3
    assert set(verdicts[:6]) == {"ok"}
    assert "drift" in verdicts[6:]


@pytest.mark.skipif(not DATA.is_file(), reason="needs SEATRIAL_DATA")
def test_real_messages_of_one_kind_are_quiet_and_spam_is_told():
    with gzip.open(DATA, "rt", encoding="utf-8") as lines:
        rows = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
    ham, spam = ([text for label, text in rows if label == kind] for kind in ("ham", "spam"))
    hook = TextFeatures.fit(ham[:1500])
    baseline = build_baseline(FeatureSchema(hook.features), hook.rows(ham[1500:3500]), [0.5] * 2000, [0, 1] * 1000)
    watch = Watch(baseline, MonitorLimits())

    def judged(texts):
        summary = summarise_window(baseline, hook.rows(texts), [])
        return watch.judge(WindowData(start=None, summary=summary, files=1))

    quiet = [judged(ham[start : start + 100]).decision.verdict for start in range(3500, 4700, 100)]
    told = [judged(spam[start : start + 100]) for start in range(0, 300, 100)]

    assert "drift" not in quiet
    assert told[-1].decision.verdict == "drift"
    assert "text_digit_share" in {finding.feature for finding in told[-1].evaluation.drift}


def test_hooks_survive_their_files():
    rng = np.random.default_rng(1)
    embeddings = rng.normal(size=(60, 12))
    texts, hook = ["no signal", "bill 24"], EmbeddingFeatures.fit(embeddings)

    words = TextFeatures.from_json(json.loads(json.dumps(TextFeatures.fit(texts).to_json())))
    again = EmbeddingFeatures.from_json(json.loads(json.dumps(hook.to_json())))

    assert words == TextFeatures.fit(texts)
    assert again.rows(embeddings) == hook.rows(embeddings)


def test_equal_embeddings_in_another_order_give_the_same_directions():
    embeddings = np.random.default_rng(2).normal(size=(80, 6)) * [5, 4, 3, 1, 1, 1]

    first, second = EmbeddingFeatures.fit(embeddings), EmbeddingFeatures.fit(embeddings[::-1])

    assert np.allclose(first.directions, second.directions)


def test_a_text_without_words_has_gaps():
    assert TextFeatures.fit(["a b"]).rows(["", "!?"]) == [["0", "", "", "", ""]] * 2


def test_projection_keeps_the_order_of_distances():
    rng = np.random.default_rng(3)
    near, far = rng.normal(size=(400, 300)) + 0.1, rng.normal(size=(400, 300)) + 0.4
    base = EmbeddingSummary.of(projected(rng.normal(size=(400, 300))))

    distances = [frechet_distance(base, EmbeddingSummary.of(projected(rows))) for rows in (near, far)]

    assert distances[0] < distances[1]


def test_embeddings_without_sense_are_refused():
    with pytest.raises(ShapeError, match="components: must lie between 1 and 3, got 9"):
        EmbeddingFeatures.fit(np.eye(3), components=9)
    with pytest.raises(ShapeError, match=r"embeddings: must have shape \(n, 3\)"):
        EmbeddingFeatures.fit(np.eye(3), components=1).rows(np.zeros((2, 4)))
