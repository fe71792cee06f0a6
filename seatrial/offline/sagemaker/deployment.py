"""Blue/green deployments: the plan is data, timers of the cloud's clock carry it out, alarms roll it back."""

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from seatrial.offline.sagemaker import endpoints, models
from seatrial.offline.sagemaker.api import Operation
from seatrial.offline.sagemaker.endpoints import DEPLOYMENT_EVENT, Endpoint, Generation
from seatrial.offline.sagemaker.errors import ValidationError
from seatrial.offline.sagemaker.fleet import FleetError
from seatrial.offline.sagemaker.models import EndpointConfig
from seatrial.offline.sagemaker.service import Request, Response, Service

CHECK_SECONDS = 15
PROVISION_SECONDS = 300
DEFAULT_TIMEOUT_SECONDS = 14_400


@dataclass(frozen=True)
class Shift:
    """Give the new fleet this share of the traffic, then watch the alarms for so long."""

    share: float
    bake_seconds: float


@dataclass(frozen=True)
class DeploymentPlan:
    """What a deployment will do, in order."""

    shifts: tuple[Shift, ...]
    termination_seconds: float
    timeout_seconds: float
    alarms: tuple[str, ...]


def plan(config: Request, instances: int) -> DeploymentPlan:
    """Read a DeploymentConfig; `instances` is the new fleet's size.

    >>> wait = {"Type": "CANARY", "WaitIntervalInSeconds": 60, "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50}}
    >>> plan({"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": wait}}, 2).shifts
    (Shift(share=0.5, bake_seconds=60.0), Shift(share=1.0, bake_seconds=60.0))
    """
    blue_green = config.get("BlueGreenUpdatePolicy", {})
    rolling = config.get("RollingUpdatePolicy")
    alarms = config.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    timeout = (rolling or blue_green).get("MaximumExecutionTimeoutInSeconds", DEFAULT_TIMEOUT_SECONDS)
    shifts = _rolling_shifts(rolling, instances) if rolling else _shifts(blue_green, instances)
    termination = float(blue_green.get("TerminationWaitInSeconds", 0))
    return DeploymentPlan(tuple(shifts), termination, float(timeout), tuple(alarm["AlarmName"] for alarm in alarms))


def _shifts(policy: Request, instances: int) -> Iterator[Shift]:
    routing = policy.get("TrafficRoutingConfiguration", {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0})
    bake = float(routing["WaitIntervalInSeconds"])
    if routing["Type"] == "CANARY":
        yield Shift(_fraction(routing["CanarySize"], instances), bake)
    elif routing["Type"] == "LINEAR":
        step = _fraction(routing["LinearStepSize"], instances)
        for index in range(1, math.ceil(1 / step - 1e-9)):
            yield Shift(round(step * index, 6), bake)
    yield Shift(1.0, bake)


def _rolling_shifts(policy: Request, instances: int) -> Iterator[Shift]:
    step = _fraction(policy["MaximumBatchSize"], instances)
    for index in range(1, math.ceil(1 / step - 1e-9) + 1):
        yield Shift(min(1.0, round(step * index, 6)), float(policy["WaitIntervalInSeconds"]))


def _fraction(size: Request, instances: int) -> float:
    value = float(size["Value"])
    return min(1.0, value / 100 if size["Type"] == "CAPACITY_PERCENT" else value / max(1, instances))


def update(service: Service, request: Request) -> Response:
    """UpdateEndpoint: begin a deployment."""
    endpoint = endpoints.find(service, request["EndpointName"])
    config = models.find_config(service, request["EndpointConfigName"])
    with service.lock:
        live = endpoints.require_in_service(endpoint)
        wanted = request.get("DeploymentConfig")
        if wanted is None and request.get("RetainDeploymentConfig"):
            wanted = endpoint.deployment_config
        _check_variants(live, config)
        _check_alarms(service, wanted or {})
        endpoint.target_config = config.name
        endpoint.deployment_started = service.now()
        endpoint.deployment_config = wanted
        instances = max(int(v.get("InitialInstanceCount", 1)) for v in config.request["ProductionVariants"])
        deployment = Deployment(service, endpoint, config, plan(wanted or {}, instances), request)
        endpoint.status = "Updating"
    endpoints.set_status(service, endpoint, "Updating")
    deployment.begin()
    return {"EndpointArn": endpoint.arn}


def _check_variants(live: Generation, config: EndpointConfig) -> None:
    names = {variant["VariantName"] for variant in config.request["ProductionVariants"]}
    if len(names) != len(config.request["ProductionVariants"]):
        raise ValidationError(f"variant names of {config.name} are not unique")


def _check_alarms(service: Service, config: Request) -> None:
    for alarm in config.get("AutoRollbackConfiguration", {}).get("Alarms", ()):
        try:
            service.neighbours.alarm_state(service.context, alarm["AlarmName"])
        except KeyError as error:
            raise ValidationError(
                f"AutoRollbackConfiguration: the alarm {alarm['AlarmName']!r} does not exist"
            ) from error


@dataclass
class Deployment:
    """Carries out a plan."""

    service: Service
    endpoint: Endpoint
    config: EndpointConfig
    plan: DeploymentPlan
    request: Request
    _step: int = 0
    _until: datetime | None = None
    _provisioned: threading.Event = field(default_factory=threading.Event)
    _failure: str | None = None

    def begin(self) -> None:
        """Start the new fleet; the clock does not pass its start-up, so that moving time never outruns it."""
        tripped = self._tripped()
        if tripped:
            self._roll_back(f"the alarm {tripped} was in ALARM before the deployment started")
            return
        self.service.run(f"deploy-{self.endpoint.name}", self._provision)
        self.service.context.clock.after(1, self._when_provisioned)

    def _provision(self) -> None:
        try:
            generation = endpoints.start_generation(self.service, self.endpoint, self.config)
            self._retain(generation)
            self.endpoint.incoming = generation
        except FleetError as error:
            self._failure = str(error)
        finally:
            self._provisioned.set()

    def _when_provisioned(self) -> None:
        self._provisioned.wait(timeout=PROVISION_SECONDS)
        if self.service.stopping.is_set():
            return
        if self.endpoint.incoming is None:
            self._roll_back(self._failure or f"the new fleet was not ready within {PROVISION_SECONDS} seconds")
        else:
            self._next_shift()

    def _next_shift(self) -> None:
        shift = self.plan.shifts[self._step]
        self.endpoint.share = shift.share
        self._step += 1
        self._announce("Baking", f"{shift.share:.0%} of the traffic goes to the new fleet")
        last = self._step == len(self.plan.shifts)
        self._bake(shift.bake_seconds + (self.plan.termination_seconds if last else 0))

    def _bake(self, seconds: float) -> None:
        self._until = self.service.now() + timedelta(seconds=seconds)
        self._watch()

    def _watch(self) -> None:
        if self.service.stopping.is_set() or self._until is None:
            return
        now = self.service.now()
        tripped = self._tripped()
        if tripped:
            self._roll_back(f"the alarm {tripped} went into ALARM")
        elif self._overdue(now):
            self._roll_back(f"the deployment took longer than {self.plan.timeout_seconds:g} seconds")
        elif now < self._until:
            wait = min(CHECK_SECONDS, (self._until - now).total_seconds())
            self.service.context.clock.after(wait, self._watch)
        elif self._step < len(self.plan.shifts):
            self._next_shift()
        else:
            self._finish()

    def _overdue(self, now: datetime) -> bool:
        started = self.endpoint.deployment_started
        return started is not None and (now - started).total_seconds() > self.plan.timeout_seconds

    def _tripped(self) -> str | None:
        return next((name for name in self.plan.alarms if self._state(name) == "ALARM"), None)

    def _state(self, alarm: str) -> str | None:
        try:
            return self.service.neighbours.alarm_state(self.service.context, alarm)
        except KeyError:
            return None  # deleted in the meantime

    def _finish(self) -> None:
        endpoint = self.endpoint
        with self.service.lock:
            old, endpoint.live = endpoint.live, endpoint.incoming
            endpoint.config_name = self.config.name
            self._clear()
        if old is not None:
            old.stop(self.service)
        self._announce("Completed", f"the endpoint runs {self.config.name}")
        endpoints.set_status(self.service, endpoint, "InService")

    def _roll_back(self, why: str) -> None:
        endpoint = self.endpoint
        endpoint.share = 0.0
        endpoints.set_status(self.service, endpoint, "RollingBack")
        self._announce("RollingBack", why)
        with self.service.lock:
            new = endpoint.incoming
            self._clear()
        if new is not None:
            new.stop(self.service)
        reason = f"The deployment of {self.config.name} was rolled back to {endpoint.config_name}: {why}"
        endpoints.set_status(self.service, endpoint, "InService", reason[:1024])

    def _clear(self) -> None:
        self.endpoint.incoming, self.endpoint.share, self.endpoint.target_config = None, 0.0, None

    def _announce(self, step: str, sentence: str) -> None:
        self.service.context.journal.record(
            "endpoint",
            name=self.endpoint.name,
            status=step,
            reason=sentence,
            config=self.config.name,
            share=self.endpoint.share,
        )
        endpoints.announce(self.service, self.endpoint, DEPLOYMENT_EVENT)

    def _retain(self, generation: Generation) -> None:
        if not self.request.get("RetainAllVariantProperties") or self.endpoint.live is None:
            return
        excluded = {e["VariantPropertyType"] for e in self.request.get("ExcludeRetainedVariantProperties", ())}
        for name, fleet in generation.fleets.items():
            old = self.endpoint.live.fleets.get(name)
            if old is not None and "DesiredInstanceCount" not in excluded:
                fleet.instances = old.instances
            if old is not None and "DesiredWeight" not in excluded:
                fleet.weight = old.weight


OPERATIONS: dict[str, Operation] = {"UpdateEndpoint": update}
