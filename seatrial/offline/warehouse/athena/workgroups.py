"""Athena's workgroups: what they enforce on the queries that name them."""

from typing import Any

from seatrial.offline.warehouse.json_api import ApiError, Operation, Request, Response
from seatrial.offline.warehouse.service import Service

_ENGINE = {"SelectedEngineVersion": "Athena engine version 3", "EffectiveEngineVersion": "Athena engine version 3"}
_REMOVALS = {
    "RemoveOutputLocation": "OutputLocation",
    "RemoveEncryptionConfiguration": "EncryptionConfiguration",
    "RemoveExpectedBucketOwner": "ExpectedBucketOwner",
    "RemoveAclConfiguration": "AclConfiguration",
}


def invalid(message: str) -> ApiError:
    """Athena's answer to whatever is not allowed."""
    return ApiError("InvalidRequestException", message)


class Workgroups:
    """Operations on workgroups, by name in `operations`; `primary` is always there."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._found: dict[str, dict[str, Any]] = {}
        self._create({"Name": "primary"})
        self.operations: dict[str, Operation] = {
            "CreateWorkGroup": self._create,
            "GetWorkGroup": lambda request: {"WorkGroup": self.get(request["WorkGroup"])},
            "ListWorkGroups": self._list,
            "UpdateWorkGroup": self._update,
            "DeleteWorkGroup": self._delete,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTagsForResource": lambda request: {"Tags": service.tags.get(request["ResourceARN"], [])},
        }

    def get(self, name: str) -> dict[str, Any]:
        """A workgroup; raises `ApiError`."""
        found = self._found.get(name)
        if found is None:
            raise invalid(f"WorkGroup {name} is not found.")
        return found

    def arn(self, name: str) -> str:
        """ARN of a workgroup."""
        return self._service.arn("athena", f"workgroup/{name}")

    def _create(self, request: Request) -> Response:
        name = request["Name"]
        if name in self._found:
            raise invalid(f"WorkGroup {name} already exists")
        given = dict(request.get("Configuration") or {})
        settings = {
            "EnforceWorkGroupConfiguration": True,
            "PublishCloudWatchMetricsEnabled": False,
            "RequesterPaysEnabled": False,
            **given,
            "EngineVersion": _ENGINE,
        }
        self._found[name] = {
            "Name": name,
            "State": "ENABLED",
            "Description": request.get("Description", ""),
            "CreationTime": self._service.context.clock.now(),
            "Configuration": settings,
        }
        if request.get("Tags"):
            self._service.tags[self.arn(name)] = list(request["Tags"])
        return {}

    def _list(self, request: Request) -> Response:
        del request
        names = ("Name", "State", "Description", "CreationTime")
        return {"WorkGroups": [{key: one[key] for key in names} for one in self._found.values()]}

    def _update(self, request: Request) -> Response:
        found = self.get(request["WorkGroup"])
        found.update({key: request[key] for key in ("Description", "State") if key in request})
        updates = dict(request.get("ConfigurationUpdates") or {})
        result = updates.pop("ResultConfigurationUpdates", None)
        settings = found["Configuration"]
        if updates.pop("RemoveBytesScannedCutoffPerQuery", False):
            settings.pop("BytesScannedCutoffPerQuery", None)
        updates.pop("EngineVersion", None)
        settings.update(updates)
        if result:
            kept = settings.setdefault("ResultConfiguration", {})
            for flag, name in _REMOVALS.items():
                if result.pop(flag, False):
                    kept.pop(name, None)
            kept.update(result)
        return {}

    def _delete(self, request: Request) -> Response:
        name = request["WorkGroup"]
        self.get(name)
        if name == "primary":
            raise invalid("The primary WorkGroup cannot be deleted")
        del self._found[name]
        self._service.tags.pop(self.arn(name), None)
        return {}

    def _tag(self, request: Request) -> Response:
        kept = {one["Key"]: one for one in self._service.tags.get(request["ResourceARN"], [])}
        kept.update({one["Key"]: one for one in request["Tags"]})
        self._service.tags[request["ResourceARN"]] = list(kept.values())
        return {}

    def _untag(self, request: Request) -> Response:
        kept = self._service.tags.get(request["ResourceARN"], [])
        self._service.tags[request["ResourceARN"]] = [one for one in kept if one["Key"] not in request["TagKeys"]]
        return {}
