"""The promotion policy: whatever is delivered in whatever order, only approved packages serve, never older ones."""

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from seatrial.decisions.promotion import Approved, Attempt, PromotionRequest, select


def package(version: int) -> Approved:
    return Approved(f"package/{version}", version)


def request(approved: list[int], serving: int | None = None, **more: object) -> PromotionRequest:
    facts = {"event_id": "e", "time": "2026-11-01T10:00:00Z", "requested_arn": None, **more}
    packages = [package(version) for version in approved]
    return PromotionRequest(approved=packages, serving=package(serving) if serving else None, **facts)


def test_the_newest_approved_package_is_chosen_whatever_the_order() -> None:
    assert select(request([2, 10, 9], 1)).arn == "package/10"


def test_nothing_approved_is_no_promotion() -> None:
    assert select(request([])).reason == "no model package is approved"


def test_the_serving_package_is_not_promoted_again() -> None:
    assert select(request([3], 3)).reason == "package/3 serves already"


def test_an_alarm_without_data_does_not_stop_the_first_promotion() -> None:
    assert select(request([1], guard_alarms={"errors": "INSUFFICIENT_DATA"})).proceed


class ApprovalsInAnyOrder(RuleBasedStateMachine):
    """Approvals are given and withdrawn; events arrive repeatedly and out of order; promotions may roll back."""

    def __init__(self) -> None:
        super().__init__()
        self.status: dict[int, str] = {}
        self.events: list[tuple[str, str, int, bool]] = []
        self.attempts: dict[str, Attempt] = {}
        self.serving: int | None = None
        self.served: list[int] = []
        self.tries: dict[int, int] = {}
        self.approvals: dict[int, int] = {}

    @rule(version=st.integers(1, 6), status=st.sampled_from(["Approved", "Rejected"]))
    def judge(self, version: int, status: str) -> None:
        self.status[version] = status
        if status == "Approved":
            self.approvals[version] = self.approvals.get(version, 0) + 1
            self._announce(version, approval=True)

    @rule(version=st.integers(1, 6))
    def edit(self, version: int) -> None:
        if self.status.get(version) == "Approved":
            self._announce(version, approval=False)

    def _announce(self, version: int, *, approval: bool) -> None:
        number = len(self.events)
        self.events.append((f"event-{number}", f"2026-11-01T{number:05d}", version, approval))

    @rule(data=st.data(), works=st.booleans())
    def deliver(self, data: st.DataObject, works: bool) -> None:
        if not self.events:
            return
        event_id, time, version, approval = data.draw(st.sampled_from(self.events))
        approved = [number for number, status in self.status.items() if status == "Approved"]
        facts = {
            "event_id": event_id,
            "time": time,
            "requested_arn": f"package/{version}",
            "approval": approval,
            "attempts": self.attempts,
        }
        decision = select(request(approved, self.serving, **facts))
        if not decision.proceed:
            return
        chosen = int(decision.arn.rpartition("/")[2])
        assert self.status[chosen] == "Approved"
        assert chosen == max(approved)
        known = self.attempts.get(decision.arn)
        if known is None or known.event_id != event_id:
            self.tries[chosen] = self.tries.get(chosen, 0) + 1
        self.attempts[decision.arn] = Attempt(event_id, time)
        if works:
            self.serving = chosen
            self.served.append(chosen)

    @invariant()
    def versions_only_grow(self) -> None:
        assert self.served == sorted(set(self.served))

    @invariant()
    def no_package_is_tried_more_often_than_it_was_approved(self) -> None:
        # One try may come from another event that arrived first: another package's approval, or an edit.
        assert all(tries <= self.approvals[version] + 1 for version, tries in self.tries.items())


TestApprovalsInAnyOrder = ApprovalsInAnyOrder.TestCase
TestApprovalsInAnyOrder.settings = hypothesis_settings(max_examples=60, stateful_step_count=40, deadline=None)
