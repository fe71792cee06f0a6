"""CloudWatch alarms and dashboards."""

from collections.abc import Mapping
from typing import Any

from seatrial.offline.types.base import Call, Handler, Made, tag_list


class Alarm(Handler):
    """AWS::CloudWatch::Alarm and AWS::CloudWatch::CompositeAlarm: one API puts anew and changes."""

    def __init__(self, operation: str, method: str) -> None:
        self._operation = operation
        self._method = method

    def create(self, call: Call) -> Made:
        """Put the alarm."""
        return self._put(call, call.chosen_name("AlarmName", 255))

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Put the alarm again; a name of its own would mean another alarm."""
        del old
        return self._put(call, physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteAlarms."""
        call.client("cloudwatch").delete_alarms(AlarmNames=[physical_id])

    def _put(self, call: Call, name: str) -> Made:
        source = {**call.rest("Tags"), "AlarmName": name, "Tags": tag_list(call.tags()) or None}
        getattr(call.client("cloudwatch"), self._method)(**call.request("cloudwatch", self._operation, source))
        return Made(name, {"Arn": call.arn("cloudwatch", f"alarm:{name}")})


class Dashboard(Handler):
    """AWS::CloudWatch::Dashboard."""

    def create(self, call: Call) -> Made:
        """PutDashboard."""
        return self._put(call, call.chosen_name("DashboardName", 255))

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """PutDashboard."""
        del old
        return self._put(call, physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteDashboards."""
        call.client("cloudwatch").delete_dashboards(DashboardNames=[physical_id])

    def _put(self, call: Call, name: str) -> Made:
        body, tags = call.get("DashboardBody"), tag_list(call.tags())
        call.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=body, Tags=tags)
        return Made(name)


HANDLERS: dict[str, Handler] = {
    "AWS::CloudWatch::Alarm": Alarm("PutMetricAlarm", "put_metric_alarm"),
    "AWS::CloudWatch::CompositeAlarm": Alarm("PutCompositeAlarm", "put_composite_alarm"),
    "AWS::CloudWatch::Dashboard": Dashboard(),
}
