"""Promotion, whatever events come, get lost or come again, while people change their minds and updates take time."""

import io
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from seatrial.contracts.events import RECONCILIATION
from seatrial.contracts.serving import package_version
from tests.lambdas.desks import Selecting, approval
from tests.lambdas.fakes import PACKAGES, FakeRuntime, FakeTables, FakeWatch, Killed, load_function

verifying = load_function("promotion_verify")
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
KILLS = st.none() | st.integers(0, 1)
SMOKE = {"SmokeInputUri": "s3://a/smoke.csv", "SmokeOutputUri": "s3://a/smoke_expected.csv"}


class Smoke:
    """S3 with smoke rows and their answer."""

    def get_object(self, **_: str) -> dict:
        return {"Body": io.BytesIO(b"0.5\n")}


class Promotions(RuleBasedStateMachine):
    """The registry, the endpoint and the state machine around the two functions."""

    def __init__(self) -> None:
        super().__init__()
        self.desk, self.tables = Selecting(), FakeTables()
        self.desk.aws.dynamodb = self.tables
        self.desk.aws.cloudwatch = FakeWatch()
        self.registry = self.desk.sagemaker
        self.verify = verifying.adapters.Aws()
        self.verify.sagemaker, self.verify.s3, self.verify.runtime = self.registry, Smoke(), FakeRuntime("0.5\n")
        self.verify.cloudwatch = FakeWatch()
        self.minute, self.runs, self.events = 0, 0, []
        self.updating: dict | None = None
        self.doubtful, self.asked = False, ""

    @property
    def now(self) -> str:
        return f"{BEGIN + timedelta(minutes=self.minute):%Y-%m-%dT%H:%M:%SZ}"

    @rule(approved=st.booleans())
    def register(self, approved: bool) -> None:
        arn = self.registry.add_package(len(self.registry.packages) + 1, "PendingManualApproval", **SMOKE)
        self.registry.packages[arn]["CreationTime"] = BEGIN + timedelta(minutes=self.minute)
        if approved:
            self.judge(99, "Approved", lost=False)

    @rule(place=st.integers(0, 99), status=st.sampled_from(["Approved", "Rejected"]), lost=st.booleans())
    def judge(self, place: int, status: str, lost: bool) -> None:
        if not self.registry.packages:
            return
        self.minute += 1
        version = len(self.registry.packages) if place == 99 else place % len(self.registry.packages) + 1
        package = self.registry.packages[f"{PACKAGES}/{version}"]
        package |= {"ModelApprovalStatus": status, "LastModifiedTime": BEGIN + timedelta(minutes=self.minute)}
        if package["ModelPackageArn"] == self.registry.serving:
            self.doubtful = status == "Rejected"
        self.events.append(approval(version, f"event-{len(self.events)}", self.now))
        if not lost:
            self.promote(self.events[-1])

    @rule(versions=st.integers(1, 3))
    def launch(self, versions: int) -> None:
        """The common case: registered, approved, promoted, one after the other."""
        for _ in range(versions):
            if not self.updating:
                self.register(approved=True)
            if self.updating:
                self.settle("held")

    @precondition(lambda self: self.updating or self.registry.serving)
    @rule(lost=st.booleans())
    def take_back(self, lost: bool) -> None:
        """Reject what is being promoted, else what serves."""
        arn = self.updating["modelPackageArn"] if self.updating else self.registry.serving
        self.judge(package_version(arn) - 1, "Rejected", lost)

    @rule(place=st.integers(0, 99), kill=KILLS, before=st.booleans())
    def deliver_again(self, place: int, kill: int | None, before: bool) -> None:
        if self.events:
            self.promote(self.events[place % len(self.events)], kill, before)

    @rule(kill=KILLS, before=st.booleans())
    def reconcile(self, kill: int | None = None, before: bool = False) -> None:
        self.promote({"id": "reconciliation", "time": self.now, "detail": {RECONCILIATION: True}}, kill, before)

    def promote(self, event: dict, kill: int | None = None, before: bool = False) -> None:
        """A run of the state machine up to its stack update; while the stack is busy it would wait and choose anew."""
        self.runs += 1
        if self.updating:
            return
        serving = self.registry.serving
        self.tables.calls_left, self.tables.before_effect = kill, before
        request = {**event, "executionId": f"run-{self.runs}", "startedAt": self.now}
        try:
            answer = self.desk.deliver(request)
        except Killed:  # Step Functions calls again, for the same execution
            answer = self.desk.deliver(request)
        self.tables.calls_left = None
        if answer["proceed"]:
            arn = answer["modelPackageArn"]
            assert self.registry.packages[arn]["ModelApprovalStatus"] == "Approved"
            assert serving is None or package_version(arn) > package_version(serving) or self.doubtful
            self.updating, self.asked = answer, event["time"]

    @precondition(lambda self: self.updating)
    @rule(fate=st.sampled_from(["held", "rolled back", "no capacity"]))
    def settle(self, fate: str) -> None:
        answer, self.updating = self.updating, None
        self.minute += 20
        if fate == "no capacity":
            self.release(answer["modelPackageArn"])
        if fate != "held":
            return
        self.registry.serving = answer["modelPackageArn"]
        configuration = verifying.parse.Configuration("churn")
        verified = verifying.handler.run({**answer, "time": self.now}, configuration, self.verify)
        if verified["ok"]:
            self.doubtful = False
            champion = {"pk": {"S": "champion#churn"}, "sk": {"S": "current"}}
            names = {"model_package_arn": "modelPackageArn", "previous_model_package_arn": "previousModelPackageArn"}
            item = champion | {name: {"S": answer[key]} for name, key in names.items()}
            self.tables.items["state", "champion#churn", "current"] = item
        else:
            assert "is Rejected by now" in verified["reason"]
            self.registry.serving = answer["previousModelPackageArn"] or None
            before = self.registry.packages.get(self.registry.serving or "", {})
            self.doubtful = before.get("ModelApprovalStatus") == "Rejected"

    def release(self, arn: str) -> None:
        """What the machine writes after a failure that passes by itself."""
        key = ("state", "promotion#churn", f"attempt#{arn}")
        attempt = {"pk": {"S": key[1]}, "sk": {"S": key[2]}, "event_id": {"S": f"run-{self.runs}"}}
        self.tables.items[key] = {**attempt, "time": {"S": self.asked}, "released": {"S": "capacity"}}

    @invariant()
    def a_rejected_package_serves_only_until_somebody_looks(self) -> None:
        serving = self.registry.packages.get(self.registry.serving or "")
        if serving and serving["ModelApprovalStatus"] == "Rejected":
            assert self.doubtful

    def teardown(self) -> None:
        """Whatever was lost: one look brings the newest approved package not tried for good, or the way back."""
        if self.updating:
            self.settle("held")
        approved = [arn for arn, found in self.registry.packages.items() if found["ModelApprovalStatus"] == "Approved"]
        newest = max(approved, key=package_version, default=None)
        attempt = self.tables.items.get(("state", "promotion#churn", f"attempt#{newest}"), {"released": True})
        tried = "released" not in attempt
        newer = newest and (
            self.registry.serving is None or package_version(newest) > package_version(self.registry.serving)
        )
        proven = self.tables.items.get(("state", "champion#churn", "current"), {})
        back = self.doubtful and newest in {proven[name]["S"] for name in proven if name.endswith("model_package_arn")}
        if (newer and not tried) or (back and not newer):
            self.reconcile()
            assert self.updating["modelPackageArn"] == newest


TestPromotions = Promotions.TestCase
TestPromotions.settings = settings(max_examples=100, stateful_step_count=20, deadline=None, derandomize=True)
