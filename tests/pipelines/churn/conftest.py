import pytest

from tests.pipelines.lake import Lake, spark_session


@pytest.fixture(scope="module")
def spark():
    return spark_session()


@pytest.fixture
def lake(tmp_path, spark):
    return Lake(tmp_path, spark)
