"""Explanations and fairness of the model that serves, by schedule: a processing job beside the hourly monitor."""

import json
from collections.abc import Sequence

from constructs import Construct

from seatrial.constructs.assets import file_asset, zip_asset
from seatrial.constructs.staging import library_files, shipped
from seatrial.constructs.training import allow_sagemaker_runtime
from seatrial.constructs.window_job import WindowJob

SCRIPT = "monitor/steps/explain_window.py"


class ExplainJob(Construct):
    """What the monitor's function starts on `schedule` (UTC): a job of the kind of `window_job`, in the model's image.

    `image_arns` are the repositories that models' images come from. The job is isolated from the network, and runs as
    the other one does: the same role, instance type and beginning of the name.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, window_job: WindowJob, image_arns: Sequence[str], schedule: str
    ) -> None:
        super().__init__(scope, construct_id)
        self.schedule = schedule
        source = (shipped("pipelines") / SCRIPT).read_bytes()
        self.script = file_asset(self, "Script", source, ".py")
        self.library = zip_asset(self, "Library", library_files([source]))
        window_job.allow_code(self.script, self.library)
        allow_sagemaker_runtime(window_job.role, image_arns)

    @property
    def settings(self) -> str:
        """What the function is told, as JSON."""
        code = {"code_uri": self.script.s3_object_url, "library_uri": self.library.s3_object_url}
        return json.dumps(code, sort_keys=True)
