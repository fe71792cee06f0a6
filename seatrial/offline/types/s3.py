"""S3 buckets and bucket policies."""

import json
from collections.abc import Mapping
from typing import Any

from seatrial.offline.types.base import Call, Handler, Made, tag_list, truth


class Bucket(Handler):
    """AWS::S3::Bucket."""

    def create(self, call: Call) -> Made:
        """CreateBucket, then each configuration by its own API."""
        name = call.get("BucketName") or call.name(63).lower()
        arguments: dict[str, Any] = {"Bucket": name}
        if call.context.region != "us-east-1":
            arguments["CreateBucketConfiguration"] = {"LocationConstraint": call.context.region}
        if call.flag("ObjectLockEnabled"):
            arguments["ObjectLockEnabledForBucket"] = True
        call.get("AccessControl")
        call.client("s3").create_bucket(**arguments)
        call.begin(name)
        for configure in _CONFIGURATIONS.values():
            configure(call, name, {})
        call.used |= set(_CONFIGURATIONS)
        return self._made(call, name)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Configure again what differs."""
        for name, configure in _CONFIGURATIONS.items():
            if call.properties.get(name) != old.get(name):
                configure(call, physical_id, old)
        return self._made(call, physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteBucket; a bucket with objects stays, as on AWS."""
        call.client("s3").delete_bucket(Bucket=physical_id)

    def _made(self, call: Call, name: str) -> Made:
        region = call.context.region
        attributes = {
            "Arn": f"arn:aws:s3:::{name}",
            "DomainName": f"{name}.s3.amazonaws.com",
            "RegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
            "DualStackDomainName": f"{name}.s3.dualstack.{region}.amazonaws.com",
            "WebsiteURL": f"http://{name}.s3-website.{region}.amazonaws.com",
        }
        return Made(name, attributes)


class BucketPolicy(Handler):
    """AWS::S3::BucketPolicy."""

    def create(self, call: Call) -> Made:
        """PutBucketPolicy."""
        bucket, policy = call.get("Bucket"), call.get("PolicyDocument")
        call.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
        return Made(bucket)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """PutBucketPolicy."""
        del physical_id, old
        return self.create(call)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteBucketPolicy."""
        call.client("s3").delete_bucket_policy(Bucket=physical_id)


def _encryption(call: Call, bucket: str, old: Mapping[str, Any]) -> None:
    value = call.get("BucketEncryption")
    if value is None:
        return _gone(call, old, "BucketEncryption", "delete_bucket_encryption", bucket)
    rules = []
    for rule in value["ServerSideEncryptionConfiguration"]:
        entry: dict[str, Any] = {}
        if "ServerSideEncryptionByDefault" in rule:
            entry["ApplyServerSideEncryptionByDefault"] = rule["ServerSideEncryptionByDefault"]
        if "BucketKeyEnabled" in rule:
            entry["BucketKeyEnabled"] = truth(rule["BucketKeyEnabled"])
        rules.append(entry)
    call.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules})
    return None


def _versioning(call: Call, bucket: str, old: Mapping[str, Any]) -> None:
    value = call.get("VersioningConfiguration")
    if value is None and "VersioningConfiguration" in old:
        value = {"Status": "Suspended"}
    if value is not None:
        call.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": value["Status"]})


def _public_access(call: Call, bucket: str, old: Mapping[str, Any]) -> None:
    value = call.get("PublicAccessBlockConfiguration")
    if value is None:
        return _gone(call, old, "PublicAccessBlockConfiguration", "delete_public_access_block", bucket)
    flags = {name: truth(flag) for name, flag in value.items()}
    call.client("s3").put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=flags)
    return None


def _lifecycle(call: Call, bucket: str, old: Mapping[str, Any]) -> None:
    value = call.get("LifecycleConfiguration")
    if value is None:
        return _gone(call, old, "LifecycleConfiguration", "delete_bucket_lifecycle", bucket)
    rules = [_lifecycle_rule(rule, number) for number, rule in enumerate(value["Rules"])]
    call.client("s3").put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    return None


def _lifecycle_rule(rule: Mapping[str, Any], number: int) -> dict[str, Any]:
    result: dict[str, Any] = {"ID": rule.get("Id", f"rule-{number}"), "Status": rule["Status"]}
    result["Filter"] = _lifecycle_filter(rule)
    if "ExpirationInDays" in rule:
        result["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    if "ExpirationDate" in rule:
        result["Expiration"] = {"Date": rule["ExpirationDate"]}
    if truth(rule.get("ExpiredObjectDeleteMarker")):
        result["Expiration"] = {"ExpiredObjectDeleteMarker": True}
    moves = rule.get("Transitions") or ([rule["Transition"]] if "Transition" in rule else [])
    if moves:
        result["Transitions"] = [
            {"Days": int(move["TransitionInDays"]), "StorageClass": move["StorageClass"]} for move in moves
        ]
    if "NoncurrentVersionExpiration" in rule:
        result["NoncurrentVersionExpiration"] = {
            name: int(days) for name, days in rule["NoncurrentVersionExpiration"].items()
        }
    if "NoncurrentVersionExpirationInDays" in rule:
        result["NoncurrentVersionExpiration"] = {"NoncurrentDays": int(rule["NoncurrentVersionExpirationInDays"])}
    if "NoncurrentVersionTransitions" in rule:
        result["NoncurrentVersionTransitions"] = [
            {"NoncurrentDays": int(move["TransitionInDays"]), "StorageClass": move["StorageClass"]}
            for move in rule["NoncurrentVersionTransitions"]
        ]
    if "AbortIncompleteMultipartUpload" in rule:
        days = int(rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"])
        result["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": days}
    return result


def _lifecycle_filter(rule: Mapping[str, Any]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    if "Prefix" in rule:
        parts["Prefix"] = rule["Prefix"]
    for name in ("ObjectSizeGreaterThan", "ObjectSizeLessThan"):
        if name in rule:
            parts[name] = int(rule[name])
    tags = rule.get("TagFilters") or []
    if tags:
        return {"And": {**parts, "Tags": list(tags)}}
    return {"And": parts} if len(parts) > 1 else parts or {"Prefix": ""}


def _logging(call: Call, bucket: str, old: Mapping[str, Any]) -> None:
    value = call.get("LoggingConfiguration")
    status: dict[str, Any] = {}
    if value is not None:
        target = value.get("DestinationBucketName", bucket)
        status["LoggingEnabled"] = {"TargetBucket": target, "TargetPrefix": value.get("LogFilePrefix", "")}
    if status or "LoggingConfiguration" in old:
        call.client("s3").put_bucket_logging(Bucket=bucket, BucketLoggingStatus=status)


def _ownership(call: Call, bucket: str, old: Mapping[str, Any]) -> None:
    value = call.get("OwnershipControls")
    if value is None:
        return _gone(call, old, "OwnershipControls", "delete_bucket_ownership_controls", bucket)
    call.client("s3").put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=dict(value))
    return None


def _cors(call: Call, bucket: str, old: Mapping[str, Any]) -> None:
    value = call.get("CorsConfiguration")
    if value is None:
        return _gone(call, old, "CorsConfiguration", "delete_bucket_cors", bucket)
    rules = [
        {
            "AllowedMethods": rule["AllowedMethods"],
            "AllowedOrigins": rule["AllowedOrigins"],
            "AllowedHeaders": rule.get("AllowedHeaders", []),
            "ExposeHeaders": rule.get("ExposedHeaders", []),
            "MaxAgeSeconds": int(rule.get("MaxAge", 0)),
        }
        for rule in value["CorsRules"]
    ]
    call.client("s3").put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    return None


def _notifications(call: Call, bucket: str, old: Mapping[str, Any]) -> None:
    value = call.get("NotificationConfiguration")
    if value is None and "NotificationConfiguration" not in old:
        return
    value = value or {}
    result: dict[str, Any] = {}
    bridge = value.get("EventBridgeConfiguration")
    if bridge is not None and truth(bridge.get("EventBridgeEnabled", True)):
        result["EventBridgeConfiguration"] = {}
    for kind, target in (("Lambda", "Function"), ("Queue", "Queue"), ("Topic", "Topic")):
        entries = value.get(f"{kind}Configurations") or []
        arn = "LambdaFunctionArn" if kind == "Lambda" else f"{kind}Arn"
        if entries:
            name = "LambdaFunctionConfigurations" if kind == "Lambda" else f"{kind}Configurations"
            result[name] = [_notification(entry, target, arn) for entry in entries]
    call.client("s3").put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration=result, SkipDestinationValidation=True
    )


def _notification(entry: Mapping[str, Any], source: str, arn: str) -> dict[str, Any]:
    result: dict[str, Any] = {arn: entry[source], "Events": [entry["Event"]]}
    rules = entry.get("Filter", {}).get("S3Key", {}).get("Rules")
    if rules:
        result["Filter"] = {"Key": {"FilterRules": [{"Name": rule["Name"], "Value": rule["Value"]} for rule in rules]}}
    return result


def _tagging(call: Call, bucket: str, old: Mapping[str, Any]) -> None:
    tags = call.tags()
    if tags:
        call.client("s3").put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tag_list(tags)})
    elif old.get("Tags"):
        call.client("s3").delete_bucket_tagging(Bucket=bucket)


def _gone(call: Call, old: Mapping[str, Any], name: str, delete: str, bucket: str) -> None:
    if name in old:
        getattr(call.client("s3"), delete)(Bucket=bucket)


_CONFIGURATIONS = {
    "BucketEncryption": _encryption,
    "VersioningConfiguration": _versioning,
    "PublicAccessBlockConfiguration": _public_access,
    "LifecycleConfiguration": _lifecycle,
    "LoggingConfiguration": _logging,
    "OwnershipControls": _ownership,
    "CorsConfiguration": _cors,
    "NotificationConfiguration": _notifications,
    "Tags": _tagging,
}

HANDLERS: dict[str, Handler] = {"AWS::S3::Bucket": Bucket(), "AWS::S3::BucketPolicy": BucketPolicy()}
