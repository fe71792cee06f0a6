"""What the rehearsal says while it goes on, and what it measures of its stages."""

import io
import subprocess
import sys

from seatrial.rehearsal.progress import Progress

WORK = "sum(number * number for number in range(1_000_000))"


def test_a_stage_is_charged_the_processor_time_of_the_processes_that_it_ran():
    progress = Progress(io.StringIO())
    progress.start("idle", "do nothing")
    progress.end("passed", "")
    progress.start("work", "work in another process")
    subprocess.run([sys.executable, "-S", "-c", WORK], check=True)
    progress.end("passed", "")

    idle, work = progress.stages

    assert work.cpu_seconds > idle.cpu_seconds + 0.01
