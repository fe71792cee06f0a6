"""What must hold between the keys of training: SparkML, the lake, images; as in rules.py, which asks them."""

from collections.abc import Callable, Iterator, Mapping

from seatrial.config.document import Path
from seatrial.config.engagement import Engagement

Finding = tuple[Path, str]
_ALGORITHM: Path = ("training", "algorithm")
_WHEELS: Path = ("training", "serving_wheels")
_TUNING: Path = ("training", "tuning", "max_jobs")
_PYTHON: Path = ("processing", "python_environment")


def _by_sparkml(engagement: Engagement) -> bool:
    return engagement.training.definition is None and engagement.training.algorithm.startswith("sparkml-")


def _engine(engagement: Engagement) -> Iterator[Finding]:
    algorithm, engine = engagement.training.algorithm, engagement.processing.engine
    if _by_sparkml(engagement) and engine != "emr-serverless":
        text = f"must be 'xgboost' or 'scikit-learn', got {algorithm!r}, while processing.engine is {engine!r}"
        yield _ALGORITHM, f"{text}: SparkML trains on 'emr-serverless'"


def _python(engagement: Engagement) -> Iterator[Finding]:
    processing = engagement.processing
    given = processing.python_environment or processing.serverless.custom_image
    if _by_sparkml(engagement) and processing.engine == "emr-serverless" and not given:
        why = (
            f"because training.algorithm is {engagement.training.algorithm!r}: EMR's Python has no onnx and onnxruntime"
        )
        yield _PYTHON, f"must be set (or processing.serverless.custom_image), got None, {why}"


def _tuning(engagement: Engagement) -> Iterator[Finding]:
    jobs, algorithm = engagement.training.tuning.max_jobs, engagement.training.algorithm
    if _by_sparkml(engagement) and jobs:
        yield _TUNING, f"must be 0, got {jobs}, because training.algorithm is {algorithm!r}, which is not tuned"


def _wheels(engagement: Engagement) -> Iterator[Finding]:
    training = engagement.training
    if _by_sparkml(engagement) and not training.serving_wheels:
        why = f"because training.algorithm is {training.algorithm!r}: the endpoint's image lacks ONNX Runtime"
        yield _WHEELS, f"must name at least one wheel, got none, {why}"
    if not _by_sparkml(engagement) and training.serving_wheels:
        got = ", ".join(map(str, training.serving_wheels))
        yield _WHEELS, f"must be left out, got {got}: only models of SparkML bring wheels"


def _lake(engagement: Engagement) -> Iterator[Finding]:
    training, engine = engagement.training, engagement.processing.engine
    if training.dataset.kind != "lake":
        return
    if engine == "none":
        text = "must be 'telecom' or 'table', got 'lake', while processing.engine is 'none': no job makes its features"
        yield _KIND, text
    if training.definition is not None:
        yield _KIND, "must be 'telecom' or 'table', got 'lake', while training.definition is a pipeline of your own"


def _images(engagement: Engagement) -> Iterator[Finding]:
    regions = {environment.region for environment in engagement.environments.values()}
    for name, uri in engagement.training.images.model_dump(exclude_none=True).items():
        if {uri.split(".")[3]} != regions:
            where = f"must lie in the environments' region ({', '.join(sorted(regions))}), got {uri!r}"
            yield (*_IMAGES, name), f"{where}: SageMaker pulls images from its own region"


_IMAGES: Path = ("training", "images")
_KIND: Path = ("training", "dataset", "kind")
_CHOICE: tuple[Path, ...] = (_ALGORITHM, ("training", "definition"))
TRAINING_RULES: Mapping[Callable[[Engagement], Iterator[Finding]], tuple[Path, ...]] = {
    _engine: (*_CHOICE, ("processing", "engine")),
    _python: (*_CHOICE, ("processing", "engine"), _PYTHON, ("processing", "serverless")),
    _tuning: (*_CHOICE, _TUNING),
    _wheels: (*_CHOICE, _WHEELS),
    _images: (_IMAGES, ("environments",)),
    _lake: (_KIND, ("processing", "engine"), ("training", "definition")),
}
"""Each rule with the keys it reads."""
