"""Records in batches: what the service leaves over is put again, what it refuses ends the job with its reason."""

import pytest

from seatrial.spark.errors import DataError
from seatrial.spark.feature_store import _put_batch

ENTRIES = [{"FeatureGroupName": "g", "Record": [], "TargetStores": ["OnlineStore"], "number": n} for n in range(3)]


class Runtime:
    """Answers with what it was given, in order, and keeps what it was asked."""

    def __init__(self, *answers):
        self._answers, self.asked = list(answers), []

    def batch_write_record(self, *, Entries):  # noqa: N803
        self.asked.append([entry["number"] for entry in Entries])
        left, errors = self._answers.pop(0)
        return {"UnprocessedEntries": [ENTRIES[number] for number in left], "Errors": errors}


def test_what_was_left_over_is_put_again():
    runtime = Runtime(([1, 2], []), ([2], []), ([], []))

    put = _put_batch(runtime, ENTRIES)

    assert put == 3
    assert runtime.asked == [[0, 1, 2], [1, 2], [2]]


def test_a_refused_record_ends_the_job_with_its_reason():
    refused = {"Entry": ENTRIES[0], "ErrorCode": "ValidationError", "ErrorMessage": "no feature x"}

    with pytest.raises(DataError, match="1 records were refused: ValidationError: no feature x"):
        _put_batch(Runtime(([], [refused])), ENTRIES)
