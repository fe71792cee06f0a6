"""The jobs as processes of their own: killed halfway, on a cluster of several workers, with the staged library."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import date, timedelta

import pytest

from seatrial.constructs.staging import library_files, zip_bytes
from seatrial.offline.spark.releases import OTHER_PYTHON
from tests.pipelines.churn.operator import CURATED
from tests.pipelines.lake import PIPELINES, SPARK_SETTINGS, Lake, customer, event, moment, spark_session

pytestmark = pytest.mark.slow

AS_OF = date(2026, 7, 1)
FIRST = AS_OF - timedelta(days=7)
STEPS = {
    "curate_cdr": "cdr/steps/curate_cdr.py",
    "curate_tables": "cdr/steps/curate_tables.py",
    "crm_history": "network/steps/crm_history.py",
    "network_kpi": "network/steps/network_kpi.py",
    "usage_features": "churn/steps/usage_features.py",
}
PROGRAM = """
import json, runpy, sys
for script, arguments in json.loads(sys.argv[1]):
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")
from pyspark.sql import SparkSession
# A cluster that merely loses its driver starts executors by the dozen until it is gone itself.
SparkSession.builder.getOrCreate().stop()
"""


def land(lake):
    """A week of events with copies, late and bad ones after three silent weeks, and the operator's tables."""
    for back in range(8, 31):
        lake.put("cdr", "curate_cdr", [], AS_OF - timedelta(days=back), CURATED)
    for index in range(0, 7, 2):
        day = FIRST + timedelta(days=index)
        noon = moment(f"{day:%m-%d} 12:00")
        rows = [event(f"e{index}-{n}", noon + timedelta(minutes=20 * n), subscriber_id=f"s{n % 4}") for n in range(12)]
        lake.land([*rows, rows[0], event(f"bad{index}", noon, kind="fax")], day)
        lake.land([rows[1], event(f"late{index}", noon, received_at=noon + timedelta(hours=30))], day, "stream")
    lake.extract("crm", [customer(f"s{n}") for n in range(5)], date(2026, 6, 1))
    moved = [customer(f"s{n}", plan_type="family" if n == 1 else "prepaid") for n in range(4)]
    lake.extract("crm", moved, date(2026, 6, 20))
    invoice = {"invoice_month": "2026-06", "amount": 20.5, "overdue_days": 3}
    lake.extract("billing", [{"subscriber_id": f"s{n}", **invoice} for n in range(4)], date(2026, 6, 28))
    care = {"opened_at": moment("06-15 10:00"), "category": "billing"}
    lake.extract("care", [{"subscriber_id": "s2", **care}], date(2026, 6, 15))


def commands(lake):
    """Each step's arguments, in the order in which they read each other."""
    places = ["--curated", str(lake.root / "curated"), "--dataset", "telecom"]
    raw, features = ["--raw", str(lake.root / "raw")], ["--features", str(lake.root / "features")]
    days = ["--from", str(FIRST), "--to", str(AS_OF - timedelta(days=1)), "--maximum-quarantined-share", "0.1"]
    return {
        "curate_cdr": [*places, *raw, *days],
        "curate_tables": [*places, *raw],
        "crm_history": [*places, "--date", "2026-06-30"],
        "network_kpi": [*places, *features, "--date", "2026-06-30"],
        "usage_features": [*places, *features, "--as-of", str(AS_OF)],
    }


def start(lake, names, master, python=sys.executable, **settings):
    """A process that runs these steps on a master, with nothing of the project but the staged library."""
    library = lake.root / "library.zip"
    sources = [(PIPELINES / script).read_bytes() for script in STEPS.values()]
    library.write_bytes(zip_bytes(library_files(sources)))
    conf = SPARK_SETTINGS | {"spark.submit.pyFiles": str(library)} | settings
    submit = ["--master", master, *(part for key, value in conf.items() for part in ("--conf", f"'{key}={value}'"))]
    steps = [(str(PIPELINES / STEPS[name]), arguments) for name, arguments in commands(lake).items() if name in names]
    environment = {"PYSPARK_SUBMIT_ARGS": " ".join([*submit, "pyspark-shell"]), "PYTHONPATH": str(library)}
    environment |= {"PYSPARK_PYTHON": str(python), "PYTHONSAFEPATH": "1", "SPARK_LOCAL_IP": "127.0.0.1"}
    return subprocess.Popen(
        [python, "-c", PROGRAM, json.dumps(steps)],
        env={name: value for name, value in os.environ.items() if name != "SPARK_HOME"} | environment,
        cwd=lake.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process):
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors[-3000:]
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def results(lake):
    """What the jobs published: rows and checksums of every partition."""
    found = {}
    for bucket in ("curated", "features"):
        for path in (lake.root / bucket / "telecom" / "accounts").rglob("*=*.json"):
            if "_seen" not in path.parts:
                account = json.loads(path.read_text())
                found[f"{path.parent.name}/{path.stem}"] = (account["rows"], account["checksum"])
    return found


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The results of the same raw data in one process with two threads."""
    lake = Lake(tmp_path_factory.mktemp("reference"), spark_session())
    land(lake)
    for name, script in STEPS.items():
        arguments = commands(lake)[name]
        at = arguments.index("--curated")
        lake.job(script.removesuffix(".py"), *arguments[:at], *arguments[at + 4 :])
    return lake


def test_the_jobs_give_the_same_on_a_cluster_of_two_workers(reference, tmp_path):
    lake = Lake(tmp_path, None)
    land(lake)

    quick = {"spark.executor.extraJavaOptions": SPARK_SETTINGS["spark.driver.extraJavaOptions"]}
    summaries = finish(start(lake, STEPS, "local-cluster[2,1,2048]", **{"spark.executor.memory": "1g", **quick}))

    assert results(lake) == results(reference)
    assert len(results(lake)) > 30
    assert [summaries[0][name] for name in ("read", "used", "late_used", "duplicate")] == [64, 48, 4, 8]


def test_a_job_killed_halfway_leaves_no_trace_in_the_rerun(reference, tmp_path):
    lake = Lake(tmp_path, spark_session())
    land(lake)
    process = start(lake, ["curate_cdr"], "local[2]")
    accounts = tmp_path / "curated/telecom/accounts/curate_cdr"

    _wait(lambda: len(list(accounts.glob("date=2026-06-2[4-9].json"))) > 1, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    published = len(list(accounts.glob("date=*.json")))
    arguments = commands(lake)["curate_cdr"]
    at = arguments.index("--curated")
    lake.job("cdr/steps/curate_cdr", *arguments[at + 4 :])

    assert published < 30
    assert {key: value for key, value in results(reference).items() if key.startswith("curate_cdr/")} == results(lake)
    assert [*lake.rows(), *lake.rows("quarantine/cdr")] == [*reference.rows(), *reference.rows("quarantine/cdr")]
    assert [path for path in lake.tree() if "_staging" in path] == []


def _wait(condition, process, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[1][-3000:]
        assert time.monotonic() < end, "the job did not get so far"
        time.sleep(0.005)


def test_spark_4_with_ansi_rules_gives_the_same(reference, tmp_path):
    python = os.environ.get(OTHER_PYTHON)
    if not python:
        pytest.skip(f"{OTHER_PYTHON} names no Python with pyspark 4.0.2: make check ARGS=spark4 makes one")
    lake = Lake(tmp_path, None)
    land(lake)

    finish(start(lake, STEPS, "local[2]", python=python, **{"spark.sql.ansi.enabled": "true"}))

    assert results(lake) == results(reference)
