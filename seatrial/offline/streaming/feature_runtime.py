"""The feature store's runtime API over HTTP: put, get and delete records."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, unquote

from botocore.session import get_session
from botocore.validate import ParamValidator

from seatrial.offline import routes
from seatrial.offline.routes import Environ, StartResponse
from seatrial.offline.sagemaker.errors import SagemakerError
from seatrial.offline.streaming.feature_groups import FeatureGroup, FeatureStore, duration
from seatrial.offline.streaming.feature_values import FeatureValueError, event_time, typed
from seatrial.offline.streaming.online_store import Stored

_STORES = {"OnlineStore", "OfflineStore"}
_BATCHES = {"/BatchGetRecord": "BatchGetRecord", "/BatchWriteRecord": "BatchWriteRecord"}
_VERBS = {"PUT": "PutRecord", "GET": "GetRecord", "DELETE": "DeleteRecord"}
_LISTS = {"FeatureNames": "FeatureName", "TargetStores": "TargetStores"}
"""Members that the query string repeats, with their names there."""
_PLAIN = {"FeatureName", "ValueAsString"}
_MOST_GROUPS, _MOST_IDENTIFIERS = 10, 100


class RecordError(Exception):
    """A request that the runtime refuses with ValidationError."""


def is_runtime_path(path: str) -> bool:
    """Whether a path is one of the runtime's; no bucket can be called so."""
    return path.startswith("/FeatureGroup/") or path in _BATCHES


class Runtime:
    """The WSGI application."""

    def __init__(self, store: FeatureStore) -> None:
        self._store = store
        self._model: Any = get_session().get_service_model("sagemaker-featurestore-runtime")
        self._operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "PutRecord": self._put,
            "GetRecord": self._get,
            "DeleteRecord": self._delete,
            "BatchGetRecord": self._batch_get,
            "BatchWriteRecord": self._batch_write,
        }

    def __call__(self, environ: Environ, start_response: StartResponse) -> list[bytes]:
        """Answer one request."""
        operation, request = _request(environ)
        try:
            self._check(operation, request)
            return routes.answer_json(start_response, self._operations[operation](request))
        except (RecordError, FeatureValueError) as error:
            return _refuse(start_response, "ValidationError", str(error), "400 Bad Request")
        except SagemakerError as error:
            return _refuse(start_response, "ResourceNotFound", str(error), "404 Not Found")

    def _check(self, operation: str, request: dict[str, Any]) -> None:
        shape = self._model.operation_model(operation).input_shape
        report = ParamValidator().validate(_sample(request), shape)
        if report.has_errors():
            raise RecordError(f"1 validation error in {operation}: {report.generate_report()}")

    def _put(self, request: dict[str, Any]) -> dict[str, Any]:
        group = self._group(request["FeatureGroupName"])
        values, row = _values(group, request["Record"])
        when = event_time(values[group.event_time], group.features[group.event_time])
        stores = _stores(group, request.get("TargetStores"))
        ttl = duration(request.get("TtlDuration")) or group.ttl
        if "OnlineStore" in stores and group.online is not None:
            expires = when + ttl if ttl else None
            group.online.put(values[group.identifier], Stored(when, values, expires))
        if "OfflineStore" in stores and group.offline is not None:
            group.offline.put(row, is_deleted=False)
        return {}

    def _get(self, request: dict[str, Any]) -> dict[str, Any]:
        group = self._online(request["FeatureGroupName"])
        names = _names(group, request.get("FeatureNames"))
        return self._found(group, request["RecordIdentifierValueAsString"], names, request)

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        group = self._group(request["FeatureGroupName"])
        identifier, moment = request["RecordIdentifierValueAsString"], request["EventTime"]
        when = event_time(moment, group.features[group.event_time])
        stores = _stores(group, request.get("TargetStores"))
        if "OnlineStore" in stores and group.online is not None:
            group.online.delete(identifier, when, hard=request.get("DeletionMode") == "HardDelete")
        if "OfflineStore" in stores and group.offline is not None:
            values = {group.identifier: identifier, group.event_time: moment}
            group.offline.put(_typed(group, values), is_deleted=True)
        return {}

    def _batch_get(self, request: dict[str, Any]) -> dict[str, Any]:
        if len(request["Identifiers"]) > _MOST_GROUPS:
            raise RecordError(f"Identifiers: at most {_MOST_GROUPS} feature groups")
        answer: dict[str, list[Any]] = {"Records": [], "Errors": [], "UnprocessedIdentifiers": []}
        for wanted in request["Identifiers"]:
            name, identifiers = wanted["FeatureGroupName"], wanted["RecordIdentifiersValueAsString"]
            if len(identifiers) > _MOST_IDENTIFIERS:
                raise RecordError(f"RecordIdentifiersValueAsString: at most {_MOST_IDENTIFIERS}")
            for identifier in identifiers:
                self._collect(answer, {**request, **wanted}, name, identifier)
        return answer

    def _collect(self, answer: dict[str, list[Any]], wanted: dict[str, Any], name: str, identifier: str) -> None:
        told = {"FeatureGroupName": name, "RecordIdentifierValueAsString": identifier}
        try:
            group = self._online(name)
            found = self._found(group, identifier, _names(group, wanted.get("FeatureNames")), wanted)
        except (RecordError, SagemakerError) as error:
            code = "ValidationError" if isinstance(error, RecordError) else "ResourceNotFound"
            answer["Errors"].append({**told, "ErrorCode": code, "ErrorMessage": str(error)})
            return
        if found:
            answer["Records"].append({**told, **found})

    def _batch_write(self, request: dict[str, Any]) -> dict[str, Any]:
        errors = []
        for entry in request["Entries"]:
            try:
                self._put({"TtlDuration": request.get("TtlDuration"), **entry})
            except (RecordError, FeatureValueError, SagemakerError) as error:
                code = "ResourceNotFound" if isinstance(error, SagemakerError) else "ValidationError"
                errors.append({"Entry": entry, "ErrorCode": code, "ErrorMessage": str(error)})
        return {"Errors": errors, "UnprocessedEntries": []}

    def _group(self, name: str) -> FeatureGroup:
        group = self._store.find(name)
        if group.status != "Created":
            raise RecordError(f"feature group {group.name} is {group.status}: {group.failure}")
        return group

    def _online(self, name: str) -> FeatureGroup:
        group = self._group(name)
        if group.online is None:
            raise RecordError(f"feature group {group.name} has no online store")
        return group

    def _found(self, group: FeatureGroup, identifier: str, names: list[str], request: dict[str, Any]) -> dict[str, Any]:
        stored = group.online.get(identifier) if group.online is not None else None
        if stored is None:
            return {}
        record = [
            {"FeatureName": name, "ValueAsString": stored.features[name]} for name in names if name in stored.features
        ]
        expires = request.get("ExpirationTimeResponse") == "Enabled" and stored.expires is not None
        return {"Record": record, **({"ExpiresAt": _iso(stored.expires)} if expires and stored.expires else {})}


def _request(environ: Environ) -> tuple[str, dict[str, Any]]:
    path = environ["PATH_INFO"]
    content = routes.body(environ)
    document = json.loads(content) if content else {}
    if path in _BATCHES:
        return _BATCHES[path], document
    name, _, rest = unquote(path).removeprefix("/FeatureGroup/").partition("/")
    if name.startswith("arn:"):
        name, rest = unquote(path).rpartition("/")[2], ""
    if rest or environ["REQUEST_METHOD"] not in _VERBS:
        raise NotImplementedError("UpdateRecord and ListRecords of the feature store")
    query = parse_qs(environ.get("QUERY_STRING", ""))
    for member, key in _LISTS.items():
        if key in query:
            document[member] = query.pop(key)
    document.update({key: values[0] for key, values in query.items()})
    return _VERBS[environ["REQUEST_METHOD"]], {"FeatureGroupName": name, **document}


def _sample(request: dict[str, Any]) -> dict[str, Any]:
    """The request with one feature of each plain record: botocore's check of every feature costs more than the rest."""
    entries = request.get("Entries")
    sampled: dict[str, Any] = {}
    if isinstance(entries, list):
        sampled["Entries"] = [_sample(entry) if isinstance(entry, dict) else entry for entry in entries]
    record = request.get("Record")
    if isinstance(record, list) and all(map(_is_plain, record)):
        sampled["Record"] = record[:1]
    return {**request, **sampled}


def _is_plain(feature: Any) -> bool:
    """Whether a feature is a name and a text, which no check of shapes can refuse."""
    if not isinstance(feature, dict) or feature.keys() != _PLAIN:
        return False
    name, text = feature["FeatureName"], feature["ValueAsString"]
    return isinstance(name, str) and isinstance(text, str) and name != ""


def _refuse(start_response: StartResponse, code: str, message: str, status: str) -> list[bytes]:
    return routes.answer_json(start_response, {"__type": code, "Message": message, "message": message}, status)


def _values(group: FeatureGroup, record: list[dict[str, Any]]) -> tuple[dict[str, str], dict[str, Any]]:
    """A record's texts, and the same as values of its features' types."""
    names = [each["FeatureName"] for each in record]
    if len(set(names)) < len(names):
        raise RecordError("Record: a feature is given twice")
    if any("ValueAsString" not in each for each in record):
        raise RecordError("Record: each feature needs a ValueAsString; leave out features without a value")
    _names(group, names)
    values = {each["FeatureName"]: each["ValueAsString"] for each in record}
    for required in (group.identifier, group.event_time):
        if not values.get(required):
            raise RecordError(f"Record: the feature {required} must have a value")
    return values, _typed(group, values)


def _names(group: FeatureGroup, names: list[str] | None) -> list[str]:
    unknown = sorted(set(names or ()) - set(group.features))
    if unknown:
        raise RecordError(f"feature group {group.name} has no feature {', '.join(unknown)}")
    return names or list(group.features)


def _typed(group: FeatureGroup, values: dict[str, str]) -> dict[str, Any]:
    return {name: typed(name, group.features[name], text) for name, text in values.items()}


def _stores(group: FeatureGroup, wanted: list[str] | None) -> set[str]:
    present = {name for name, store in (("OnlineStore", group.online), ("OfflineStore", group.offline)) if store}
    absent = sorted(set(wanted or ()) - present)
    if absent:
        raise RecordError(f"TargetStores: {', '.join(absent)} is not enabled for {group.name}")
    return set(wanted or _STORES) & present


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
