"""InvokeEndpoint for live traffic: signed by botocore, sent over one connection that stays open.

boto3's client spends more CPU on a request than the model on its answer, and live traffic is thousands of them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from seatrial.offline.wire import Reply, Wire

SERVICE = "sagemaker"
"""Name of the runtime service in signatures."""
TIMEOUT_SECONDS = 70.0
"""Longer than the 60 seconds that a model may take."""


@dataclass(frozen=True)
class Answer:
    """What an endpoint said: HTTP status and body text (the error's message when the status is not 200)."""

    status: int
    body: str

    @property
    def ok(self) -> bool:
        """True when the endpoint answered."""
        return self.status == 200


class EndpointClient:
    """Invokes endpoints of the cloud whose environment (URL, region, keys) is given; one request at a time."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._url = environment["AWS_ENDPOINT_URL"]
        keys = Credentials(
            environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"], environment["AWS_SESSION_TOKEN"]
        )
        self._signer = SigV4Auth(keys, SERVICE, environment["AWS_REGION"])
        self._wire: Wire | None = None

    def invoke(self, endpoint: str, row: str, inference_id: str) -> Answer:
        """Ask the endpoint about one CSV row; raises OSError when the cloud does not answer."""
        path = f"/endpoints/{quote(endpoint, safe='')}/invocations"
        headers = {"Content-Type": "text/csv", "Accept": "text/csv", "X-Amzn-SageMaker-Inference-Id": inference_id}
        request = AWSRequest("POST", self._url + path, headers, row.encode())
        self._signer.add_auth(request)
        wire = self._wire or Wire(urlsplit(self._url).port or 80, timeout_seconds=TIMEOUT_SECONDS)
        self._wire = None  # kept only when it has answered whole
        reply = wire.post(path, row.encode(), dict(request.headers.items()))
        self._wire = wire
        return _answer(reply)


def _answer(reply: Reply) -> Answer:
    """The model's own status and message where the cloud tells them (ModelError).

    >>> _answer(Reply(424, {}, b'{"Message": "Received server error", "OriginalStatusCode": 500}'))
    Answer(status=500, body='Received server error')
    >>> _answer(Reply(200, {}, b"0.25"))
    Answer(status=200, body='0.25')
    """
    text = reply.body.decode(errors="replace")
    if reply.status == 200:
        return Answer(200, text)
    try:
        fields = json.loads(text)
    except ValueError:
        fields = {}
    message = fields.get("Message") or fields.get("message") or text
    return Answer(int(fields.get("OriginalStatusCode") or reply.status), message)
