"""The monitor's drift tests at work on features that do not know of each other: each has incidents of its own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from seatrial.statistics.distribution_check import Distribution, DriftLimits
from seatrial.statistics.distribution_history import Counts
from seatrial.statistics.drift_state import DriftState

QUIET_WINDOWS_TO_CLEAR = 3
"""As the alerting policy has it."""


@dataclass
class DriftWatch:
    """State, and by feature with an open incident the quiet windows since it was last heard of."""

    watched: Sequence[Distribution]
    limits: DriftLimits
    state: DriftState
    minimum_rows: int = 1
    quiet: dict[str, int] = field(default_factory=dict)

    def branch(self) -> "DriftWatch":
        """The same watch with all incidents closed, free to see another future."""
        return replace(self, state=self.state.cleared(), quiet={})

    def see(self, hour: int, counts: Mapping[str, Counts]) -> list[str]:
        """Judge one window; the features whose incident opens with it."""
        _, self.state = self.state.observe(self.watched, counts, self.minimum_rows, hour)
        opened = []
        reports = self.state.check(self.watched, self.limits)
        self.state = self.state.parted(reports)
        for report in reports:
            if report.drifted:
                opened += [report.name] if report.name not in self.quiet else []
                self.quiet[report.name] = 0
            elif report.quiet and report.name in self.quiet:
                self.quiet[report.name] += 1
        self._clear([name for name, windows in self.quiet.items() if windows >= QUIET_WINDOWS_TO_CLEAR])
        return opened

    def _clear(self, names: Iterable[str]) -> None:
        """Close incidents: what led to them is no evidence any more."""
        gone = set(names)
        if gone:
            kept = {name: item for name, item in self.state.histories.items() if name not in gone}
            self.state = replace(self.state, histories=kept)
            self.quiet = {name: windows for name, windows in self.quiet.items() if name not in gone}
