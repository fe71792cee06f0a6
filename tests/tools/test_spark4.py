"""The environment of Spark 4 is the project's own but for Spark, and is made on request alone."""

from seatrial.offline.spark.releases import OTHER_PYTHON, SPARK_OF_RELEASE
from tools.check import ON_REQUEST, STAGES
from tools.spark4 import PYTHON, ROOT, SPARK, without_spark


def packages(lock):
    return {line.partition(" ")[0] for line in lock.splitlines() if "==" in line and not line.startswith((" ", "#"))}


def test_of_the_locked_packages_spark_alone_is_replaced():
    lock = (ROOT / "requirements.lock").read_text()

    left = packages(lock) - packages(without_spark(lock))

    assert {name.partition("==")[0] for name in left} == {"py4j", "pyspark"}
    assert without_spark(lock).count("--hash") > 1000


def test_it_is_the_spark_of_emrs_release_where_the_offline_cloud_looks_for_it():
    assert SPARK_OF_RELEASE["emr-spark-8.0.0"] == SPARK
    assert PYTHON == OTHER_PYTHON


def test_the_gate_does_not_run_it_unless_asked():
    assert {stage.name for stage in ON_REQUEST} == {"spark4"}
    assert not {stage.name for stage in STAGES} & {stage.name for stage in ON_REQUEST}
