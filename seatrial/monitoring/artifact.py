"""A model.tar.gz as the pipeline makes it, asked by the inference code that it carries: scores and explanations.

The artifact's code runs in this process, as it does where it serves: name only artifacts of your own.
"""

import importlib
import io
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seatrial.monitoring.places import InputError, Place
from seatrial.statistics.explanations.explain import explain

OWN_MODULES = ("inference", "inference_onnx", "encoding")
Row = Sequence[str]


class Artifact:
    """A loaded model."""

    def __init__(self, inference: Any, model: Any) -> None:
        self._inference, self._model = inference, model
        self.names: tuple[str, ...] = tuple(model.names)
        """Features in the order in which rows give them."""

    def score(self, rows: Sequence[Row]) -> list[float]:
        """Probability of each row."""
        return [float(score) for score in self._inference.predict_fn(rows, self._model)]

    def exact(self, rows: Sequence[Row]) -> dict[str, Any] | None:
        """Exact SHAP values as `explain` wants them, None where the artifact's code knows no way."""
        known = getattr(self._inference, "explain_fn", None)
        return known(rows, self._model) if known else None

    def explain(self, rows: Sequence[Row]) -> Any:
        """Attributions on a bounded sample of rows."""
        return explain(self.names, rows, self.score, self.exact)


@contextmanager
def opened(place: Place) -> Iterator[Artifact]:
    """The artifact, unpacked for as long as it is used; raises `InputError` for another file."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with tarfile.open(fileobj=io.BytesIO(place.read())) as archive:
                archive.extractall(folder, filter="data")
        except tarfile.TarError as error:
            raise InputError(f"{place.name}: is no model.tar.gz: {error}; name the artifact of a training") from None
        if not (Path(folder) / "code" / "inference.py").is_file():
            raise InputError(f"{place.name}: has no code/inference.py; name an artifact of the churn pipeline")
        yield _loaded(Path(folder), place.name)


def _loaded(folder: Path, name: str) -> Artifact:
    code = str(folder / "code")
    for module in OWN_MODULES:  # those of an artifact that was loaded before
        sys.modules.pop(module, None)
    sys.path.insert(0, code)
    try:
        importlib.invalidate_caches()
        inference = importlib.import_module("inference")
        return Artifact(inference, inference.model_fn(str(folder)))
    except ImportError as error:
        raise InputError(f"{name}: {error}; the model's library must be installed here to ask it") from None
    finally:
        sys.path.remove(code)
