"""Finds the baseline that a user names, tells whose it is, and refuses one whose bytes were changed.

A baseline is ours (baseline.json, with its digest beside it), Model Monitor's (statistics.json, constraints.json), or
that of a model package, by its ARN: then the digest recorded in the registry must be the file's.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from seatrial.contracts.model_monitor import CONSTRAINTS_FILE, STATISTICS_FILE
from seatrial.contracts.model_monitor_files import (
    Constraints,
    ModelMonitorFileError,
    parse_constraints,
    parse_statistics,
)
from seatrial.contracts.schema import Feature, FeatureSchema
from seatrial.contracts.serving import BASELINE_DIGEST, BASELINE_URI
from seatrial.monitoring.model_monitor_baseline import convert
from seatrial.monitoring.places import InputError, Place, place_of, read_text
from seatrial.statistics.baseline import Baseline

BASELINE_FILE = "baseline.json"
DIGEST_SUFFIX = ".sha256"
Clients = Callable[[], Any]


@dataclass(frozen=True, kw_only=True)
class KnownBaseline:
    """A baseline with its origin; `notes` are sentences on what it does not tell.

    `digest` is the SHA-256 of the file. A baseline of Model Monitor judges inputs only.
    """

    baseline: Baseline
    origin: Literal["seatrial", "model-monitor"]
    place: str
    digest: str
    package_arn: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def judges_outcomes(self) -> bool:
        """Whether predictions and labels can be compared as well."""
        return self.origin == "seatrial"

    def without(self, columns: Sequence[str]) -> "KnownBaseline":
        """Leave columns out that are no inputs: Model Monitor's baselines often begin with the label.

        Raises `InputError` for a column that is not there, and for a baseline of ours, which holds inputs only.
        """
        if columns and self.judges_outcomes:
            raise InputError(f"--ignore: {self.place} holds inputs of the model only; leave the option out")
        absent = [name for name in columns if name not in self.baseline.schema.names]
        if absent:
            known = ", ".join(self.baseline.schema.names)
            raise InputError(f"--ignore: the baseline has no column {absent[0]!r}; it has {known}")
        kept = tuple(item for item in self.baseline.features if item.name not in columns)
        schema = FeatureSchema(tuple(Feature(item.name, item.type) for item in kept))
        notes = tuple(f"{name}: is left out, as it is no input of the model" for name in columns)
        return replace(self, baseline=replace(self.baseline, schema=schema, features=kept), notes=self.notes + notes)


def find_baseline(name: str, clients: Clients) -> KnownBaseline:
    """Read the baseline at a file, folder, s3:// address or model package ARN; raises `InputError`."""
    if name.startswith("arn:"):
        return _of_package(name, clients)
    place = place_of(name, clients)
    if not place.is_file():
        return _in_folder(place, clients)
    document = _document(place)
    if "schema" in document:
        return _ours(place)
    folder, _, file = place.name.rpartition("/")
    if file == CONSTRAINTS_FILE:
        return _in_folder(place_of(folder or ".", clients), clients)
    return _model_monitors(place, _beside(place))


def _in_folder(folder: Place, clients: Clients) -> KnownBaseline:
    names = folder.files()
    if BASELINE_FILE in names:
        return _ours(place_of(f"{folder.name.rstrip('/')}/{BASELINE_FILE}", clients))
    if STATISTICS_FILE in names:
        statistics = place_of(f"{folder.name.rstrip('/')}/{STATISTICS_FILE}", clients)
        return _model_monitors(statistics, _beside(statistics))
    raise InputError(
        f"{folder.name}: holds neither {BASELINE_FILE} nor {STATISTICS_FILE}; name the output folder of the Baseline "
        "step or of Model Monitor's baselining job"
    )


def _ours(place: Place, recorded: str | None = None) -> KnownBaseline:
    body = place.read()
    digest = hashlib.sha256(body).hexdigest()
    written = recorded or _written_digest(place)
    if written is not None and written != digest:
        raise InputError(
            f"{place.name}: SHA-256 is {digest[:12]}..., but {written[:12]}... was recorded when the model was made; "
            "take the file that the Baseline step wrote, a baseline is never replaced"
        )
    try:
        baseline = Baseline.from_json(body.decode())
    except ValueError as error:
        raise InputError(f"{place.name}: {error}; take the file that the Baseline step wrote") from None
    notes = () if written else ("no digest lies beside the baseline: whether it was changed cannot be told",)
    return KnownBaseline(baseline=baseline, origin="seatrial", place=place.name, digest=digest, notes=notes)


def _written_digest(place: Place) -> str | None:
    """The digest that the training wrote beside the baseline, None when there is none."""
    beside = place.sibling(place.name.rpartition("/")[2].removesuffix(".json") + DIGEST_SUFFIX)
    return beside.read().decode(errors="replace").strip() if beside.is_file() else None


def _of_package(arn: str, clients: Clients) -> KnownBaseline:
    """The baseline with which a model version was registered, which must have the digest that the registry holds."""
    package = described(arn, clients)
    metadata = package.get("CustomerMetadataProperties", {})
    uri, digest = metadata.get(BASELINE_URI), metadata.get(BASELINE_DIGEST)
    found = _ours(place_of(uri, clients), digest) if uri else _registered_statistics(arn, package, clients)
    unbound = () if digest else ("the registry holds no digest of the baseline: that it is unchanged cannot be told",)
    return replace(found, package_arn=arn, notes=(*found.notes, *unbound))


def described(arn: str, clients: Clients) -> dict[str, Any]:
    """The registry's entry of a model package; raises `InputError` when there is none."""
    from seatrial.monitoring.aws import FAILURES, reason

    try:
        return clients().model_package(arn)
    except FAILURES as error:
        raise InputError(
            f"{arn}: SageMaker answers: {reason(error)}; give the ARN of a version in the registry"
        ) from None


def _registered_statistics(arn: str, package: dict[str, Any], clients: Clients) -> KnownBaseline:
    """Model Monitor's files that the SageMaker SDK registers with a package, by their digests where it gave any."""
    quality = package.get("DriftCheckBaselines", {}).get("ModelDataQuality", {})
    quality = quality or package.get("ModelMetrics", {}).get("ModelDataQuality", {})
    if not quality.get("Statistics"):
        raise InputError(
            f"{arn}: was registered without {BASELINE_URI} and without data quality statistics; name a file"
        )
    places = {key: place_of(source["S3Uri"], clients) for key, source in quality.items()}
    for key, source in quality.items():
        digest = hashlib.sha256(places[key].read()).hexdigest()
        if source.get("ContentDigest") and source["ContentDigest"].removeprefix("sha256:") != digest:
            raise InputError(f"{source['S3Uri']}: is not the file whose digest was registered with {arn}")
    return _model_monitors(places["Statistics"], places.get("Constraints"))


def _beside(statistics: Place) -> Place | None:
    constraints = statistics.sibling(CONSTRAINTS_FILE)
    return constraints if constraints.is_file() else None


def _model_monitors(statistics: Place, constraints: Place | None) -> KnownBaseline:
    notes = ["the baseline is Model Monitor's: it judges inputs, it knows no predictions and no labels"]
    limits = Constraints()
    if constraints is None:
        notes.append(f"there is no {CONSTRAINTS_FILE}: no category is known to be forbidden")
    else:
        limits = _parsed(constraints, parse_constraints)
    converted = convert(_parsed(statistics, parse_statistics), limits)
    if limits.comparison_threshold is not None:
        notes.append(
            f"its comparison threshold {limits.comparison_threshold:g} is not used: thresholds follow from the alarm "
            "budget"
        )
    return KnownBaseline(
        baseline=converted.baseline,
        origin="model-monitor",
        place=statistics.name,
        digest=hashlib.sha256(statistics.read()).hexdigest(),
        notes=(*notes, *converted.notes),
    )


def _parsed(place: Place, parse: Callable[[Any], Any]) -> Any:
    try:
        return parse(_document(place))
    except ModelMonitorFileError as error:
        raise InputError(f"{place.name}: {error}; take a file of Model Monitor's baselining job") from None


def _document(place: Place) -> dict[str, Any]:
    try:
        document = json.loads(read_text(place))
    except ValueError as error:
        raise InputError(f"{place.name}: is no JSON: {error}; name a baseline") from None
    if not isinstance(document, dict):
        raise InputError(f"{place.name}: must hold a JSON object, got {type(document).__name__}; name a baseline")
    return document
