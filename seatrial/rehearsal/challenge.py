"""Concept shift and what follows: decision, retraining, challenger against champion, canary; then a bad model."""

import io
import tarfile
from datetime import timedelta

from seatrial.contracts.serving import CHAMPION_MODEL_URI, MODEL_DIGEST
from seatrial.rehearsal import training
from seatrial.rehearsal.aws import split_uri
from seatrial.rehearsal.launch import publish_training_data
from seatrial.rehearsal.traffic import Traffic
from seatrial.rehearsal.voyage import Promotion, RehearsalError, Voyage
from seatrial.rehearsal.watch import CONCEPT, watch_scenario

CANARY_ROWS_PER_MINUTE = 12
FAILING_SHARE = 0.4
MOST_HOURS_TO_DECISION = 30
BINDINGS = {MODEL_DIGEST, CHAMPION_MODEL_URI}
"""Metadata that a sabotaged copy of a model package cannot carry: it would be refused before any canary."""
SABOTAGE = """

_seatrial_answer = predict_fn


def predict_fn(data, model):
    \"\"\"Fails for a share of the requests, as a model with an unhandled case does.\"\"\"
    import zlib

    if zlib.crc32(repr(data).encode()) % 100 < {percent}:
        raise RuntimeError("unhandled category in the input")
    return _seatrial_answer(data, model)
"""


def first_promotion(voyage: Voyage) -> str:
    """Approve the first model; its promotion creates the endpoint."""
    package = training.packages(voyage)[-1]["ModelPackageArn"]
    promotion = training.promote_or_fail(voyage, package, lambda: voyage.cloud.clock.advance(5))
    return f"version {promotion.version} serves"


def promote_registered(voyage: Voyage) -> str | None:
    """The same for a pipeline of the customer's own; nothing to do when it registered nothing."""
    return first_promotion(voyage) if training.packages(voyage) else None


def canary_traffic(voyage: Voyage, traffic: Traffic, stretch: str) -> None:
    """A minute of traffic while an endpoint update goes on."""
    traffic.send(stretch, CANARY_ROWS_PER_MINUTE)
    voyage.advance_to(voyage.now + timedelta(minutes=1))


def drift_to_decision(voyage: Voyage, traffic: Traffic) -> str:
    """Inject concept shift, land the fresh labels, and see the loss told and a retraining decided."""
    known = set(voyage.aws.executions(voyage.outputs["PipelineName"]))
    landed = publish_training_data(voyage, "v2", {"fresh": voyage.sets.fresh})
    sighting = watch_scenario(voyage, traffic, CONCEPT)
    if not sighting.as_expected:
        raise RehearsalError(f"concept shift: {sighting.verdict or 'not detected'}: {sighting.sentence}")
    voyage.retraining_arn = _wait_for_retraining(voyage, traffic, known)
    return f"told after {sighting.windows} h ({sighting.sentence}); retraining started on {landed}"


def _wait_for_retraining(voyage: Voyage, traffic: Traffic, known: set[str]) -> str:
    """The policy may first say no (cooldown, budget): the loss goes on and it is asked again each hour."""
    for _ in range(MOST_HOURS_TO_DECISION):
        if arn := training.new_execution(voyage, known):
            return arn
        traffic.run_hour("concept")
    raise RehearsalError(f"no retraining within {MOST_HOURS_TO_DECISION} hours of confirmed quality loss")


def retrain(voyage: Voyage) -> str:
    """Follow the retraining that the policy started; the challenger must have beaten the champion to register."""
    run = training.follow(voyage, voyage.retraining_arn, "quality loss")
    if run.package_arn is None:
        raise RehearsalError("the challenger did not beat the champion, nothing was registered")
    evaluation = training.evaluation_of(voyage, run.package_arn)
    challenger, champion = evaluation["auc"], evaluation["champion"]["auc"]
    return f"challenger {challenger:.3f} against champion {champion:.3f} on the same holdout"


def promote_challenger(voyage: Voyage, traffic: Traffic) -> str:
    """Approve the challenger; the canary passes under traffic."""
    package = training.packages(voyage)[-1]["ModelPackageArn"]
    started = voyage.now
    promotion = training.promote_or_fail(voyage, package, lambda: canary_traffic(voyage, traffic, "concept"))
    minutes = (voyage.now - started).total_seconds() / 60
    return f"version {promotion.version} serves after {minutes:.0f} min of cloud time"


def sink_bad_model(voyage: Voyage, traffic: Traffic) -> str:
    """Approve a model that fails for a share of the requests; the canary's alarm must roll it back."""
    champion = voyage.aws.served_package(voyage.endpoint)
    package = register_bad_model(voyage)
    promotion = training.promote(voyage, package, lambda: canary_traffic(voyage, traffic, "concept"))
    _insist_on_rollback(promotion, champion)
    answer = voyage.runtime.invoke(voyage.endpoint, voyage.rows["concept"][0][0], "after-rollback")
    if not answer.ok:
        raise RehearsalError(f"after the roll back the endpoint answers {answer.status}: {answer.body}")
    return f"version {promotion.version} rolled back, version {(champion or '').rpartition('/')[2]} serves"


def _insist_on_rollback(promotion: Promotion, champion: str | None) -> None:
    if promotion.outcome == "SUCCEEDED":
        raise RehearsalError("the bad model was promoted: no alarm stopped it")
    if promotion.serving_arn != champion:
        raise RehearsalError(f"after the roll back the endpoint serves {promotion.serving_arn}, not {champion}")


def register_bad_model(voyage: Voyage) -> str:
    """Register a copy of the newest package whose inference code fails for a share of the requests."""
    package = training.packages(voyage)[-1]
    container = dict(package["InferenceSpecification"]["Containers"][0])
    bucket, key = split_uri(container["ModelDataUrl"])
    artifact = sabotage(voyage.aws.read(container["ModelDataUrl"]), FAILING_SHARE)
    container["ModelDataUrl"] = voyage.aws.put(bucket, key.replace("model.tar.gz", "sabotaged/model.tar.gz"), artifact)
    allowed = ("Image", "ModelDataUrl", "Environment", "Framework", "FrameworkVersion", "NearestModelName")
    specification = package["InferenceSpecification"] | {
        "Containers": [{name: value for name, value in container.items() if name in allowed}]
    }
    request = {
        "ModelPackageGroupName": package["ModelPackageGroupName"],
        "ModelPackageDescription": "rehearsal: a model that fails for a share of the requests",
        "InferenceSpecification": specification,
        "ModelApprovalStatus": "PendingManualApproval",
    }
    kept = ("ModelMetrics", "DriftCheckBaselines", "CustomerMetadataProperties")
    copied = {name: package[name] for name in kept if name in package}
    metadata = copied.get("CustomerMetadataProperties", {})
    copied["CustomerMetadataProperties"] = {key: metadata[key] for key in metadata if key not in BINDINGS}
    return voyage.aws.create_package(request | copied)


def sabotage(artifact: bytes, share: float) -> bytes:
    """The same model.tar.gz with an inference.py that raises for `share` of the distinct inputs."""
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(artifact)) as source, tarfile.open(fileobj=out, mode="w:gz") as target:
        for member in source.getmembers():
            content = source.extractfile(member)
            body = content.read() if content else b""
            if member.name.removeprefix("./") == "code/inference.py":
                body += SABOTAGE.format(percent=round(share * 100)).encode()
                member.size = len(body)
            target.addfile(member, io.BytesIO(body) if member.isfile() else None)
    return out.getvalue()
