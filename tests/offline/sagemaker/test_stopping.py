import os
import time
from pathlib import Path

from seatrial.offline.sagemaker import api


def test_stopping_the_cloud_ends_every_process_of_jobs_and_endpoints(bench):
    bench.endpoint_config("ending", {"primary": (bench.model("ending"), 1.0)})
    bench.sagemaker.create_endpoint(EndpointName="ending", EndpointConfigName="ending")
    bench.wait_for_endpoint("ending")
    request = bench.processing("ending", "import time; time.sleep(300)")
    bench.sagemaker.create_processing_job(ProcessingJobName="ending", **request)
    containers = bench.wait(lambda: _containers(bench))

    bench.cloud.stop()

    assert not any(container.alive() for container in containers)
    assert not _running_below(bench.cloud.folder)


def _containers(bench):
    service = api.current()
    job = service.jobs["ProcessingJob", "ending"].container
    fleet = service.endpoints["ending"].live.fleets["primary"].process
    return [job, fleet] if job is not None and job.alive() and fleet.alive() else None


def _running_below(folder):
    time.sleep(0.2)
    found = []
    for entry in os.scandir("/proc"):
        try:
            directory = str(Path("/proc", entry.name, "cwd").readlink()) if entry.name.isdigit() else ""
        except OSError:
            continue
        found += [entry.name] if directory.startswith(str(folder)) else []
    return found
