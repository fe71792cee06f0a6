"""The cloud's own routes below /_seatrial: read and move the clock, read the journal."""

import json
from urllib.parse import parse_qs

from seatrial.offline.clock import Clock
from seatrial.offline.journal import Journal
from seatrial.offline.routes import Environ, StartResponse, answer_json, body


class Admin:
    """WSGI application: `/_seatrial/clock` (GET; POST {"advance_seconds": n}) and `/_seatrial/journal?kind=`."""

    def __init__(self, clock: Clock, journal: Journal) -> None:
        self._clock = clock
        self._journal = journal

    def __call__(self, environ: Environ, start_response: StartResponse) -> list[bytes]:
        """Answer one request."""
        path = environ["PATH_INFO"].rstrip("/")
        if path == "/_seatrial/clock":
            return self._answer_clock(environ, start_response)
        if path == "/_seatrial/journal":
            kind = parse_qs(environ.get("QUERY_STRING", "")).get("kind", [None])[0]
            return answer_json(start_response, self._journal.entries(kind))
        known = "/_seatrial/clock, /_seatrial/journal"
        return answer_json(start_response, {"error": f"no such route: {path!r}; there are {known}"}, "404 Not Found")

    def _answer_clock(self, environ: Environ, start_response: StartResponse) -> list[bytes]:
        if environ["REQUEST_METHOD"] == "POST":
            try:
                seconds = float(json.loads(body(environ))["advance_seconds"])
            except (ValueError, KeyError, TypeError):
                problem = {"error": 'the body must be {"advance_seconds": <number>}'}
                return answer_json(start_response, problem, "400 Bad Request")
            self._clock.advance(seconds)
        return answer_json(start_response, {"now": self._clock.now().isoformat()})
