"""Kinds of values in the engagement file, each with the sentence that says what is allowed."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

LOG_RETENTION_DAYS = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)
"""What CloudWatch Logs accepts (PutRetentionPolicy, retentionInDays)."""

_NAME = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
_EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
_ACCOUNT = r"^[0-9]{12}$"
_REGION = r"^[a-z]{2}(-[a-z]+)+-[0-9]$"
_CIDR = r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$"
_INSTANCE_TYPE = r"^ml\.[a-z0-9-]+\.[a-z0-9]+$"
_SCHEDULE = r"^(cron\([^ ()]+( [^ ()]+){5}\)|rate\([1-9][0-9]* (minutes?|hours?|days?)\))$"
_BOUNDARY = r"^arn:aws[a-z-]*:iam::[0-9]{12}:policy/.+$"
_VPC = r"^vpc-[0-9a-f]{8,17}$"
_SUBNET = r"^subnet-[0-9a-f]{8,17}$"
_SECURITY_GROUP = r"^sg-[0-9a-f]{8,17}$"
_PREFIX_LIST = r"^pl-[0-9a-f]{8,17}$"
_VPC_ENDPOINT = r"^vpce-[0-9a-f]{8,17}$"
_ROLE = r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$"
_ZONE = r"^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$"
_IMAGE = (
    r"^[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9._/-]+(:[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})$"
)
_OBJECT_KEY = r"^[A-Za-z0-9][A-Za-z0-9._/-]*$"
_SHA256 = r"^[0-9a-f]{64}$"
_BUCKET = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
_PREFIX = r"^[^/*?$][^*?$]*/$"
_KEY_ARN = r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$"
_DATABASE = r"^[a-z][a-z0-9_]{0,62}$"
_CRON = r"^cron\([^ ()]+( [^ ()]+){5}\)$"
_DAY = "(mon|tue|wed|thu|fri|sat|sun)"
_WINDOW = rf"^{_DAY}:[0-2][0-9]:[0-5][0-9]-{_DAY}:[0-2][0-9]:[0-5][0-9]$"
_TIME_OF_DAY = "([01][0-9]|2[0-3]):[0-5][0-9]"
_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_BLACKOUT = rf"^({_DAY}:{_TIME_OF_DAY}-{_DAY}:{_TIME_OF_DAY}|{_DATE}/{_DATE})$"

SENTENCES = {
    _NAME: "lower-case letters, digits and single hyphens, starting with a letter, such as 'telecom-churn'",
    _EMAIL: "an e-mail address",
    _ACCOUNT: 'an AWS account number: 12 digits in quotes, such as "111111111111"',
    _REGION: "an AWS region, such as 'eu-central-1'",
    _CIDR: "an IPv4 range, such as '10.42.0.0/16'",
    _INSTANCE_TYPE: "a SageMaker instance type, such as 'ml.m5.large'",
    _SCHEDULE: "an EventBridge Scheduler expression, such as 'cron(0 3 ? * SUN *)' or 'rate(7 days)'",
    _BOUNDARY: "the ARN of a managed policy, such as 'arn:aws:iam::111111111111:policy/boundary'",
    _VPC: "the id of a VPC, such as 'vpc-0123456789abcdef0'",
    _SUBNET: "the id of a subnet, such as 'subnet-0123456789abcdef0'",
    _SECURITY_GROUP: "the id of a security group, such as 'sg-0123456789abcdef0'",
    _PREFIX_LIST: "the id of a managed prefix list, such as 'pl-6ea54007'",
    _VPC_ENDPOINT: "the id of a VPC endpoint, such as 'vpce-0123456789abcdef0'",
    _ROLE: "the ARN of a role, such as 'arn:aws:iam::111111111111:role/break-glass'",
    _ZONE: "an availability zone, such as 'eu-central-1a'",
    _IMAGE: "an image in ECR with tag or digest, such as '111111111111.dkr.ecr.eu-central-1.amazonaws.com/spark:1'",
    _DATABASE: "lower-case letters, digits and underscores, starting with a letter, such as 'telecom'",
    _CRON: "a cron expression of six fields, such as 'cron(0 20 ? * MON-FRI *)'",
    _BLACKOUT: "times of the week or dates in UTC, such as 'fri:18:00-mon:06:00' or '2026-12-20/2027-01-05'",
    _WINDOW: "two times of the week in UTC, such as 'sun:01:00-sun:01:30'",
    _SHA256: "a SHA-256 in 64 lower-case hexadecimal digits",
    _BUCKET: "'raw', 'curated', 'features', 'artifacts', 'capture', or the name of another bucket of the account",
    _PREFIX: "a prefix without a leading and with a final slash, such as 'scored/'",
    _KEY_ARN: "the ARN of a key, such as 'arn:aws:kms:eu-central-1:111111111111:key/0123abcd'",
    _OBJECT_KEY: "a key in the bucket without a leading slash, such as 'emr/certificates.zip'",
}
"""What a pattern means, for people: a regular expression is no error message."""


def _text(pattern: str) -> StringConstraints:
    return StringConstraints(pattern=pattern)


EngagementName = Annotated[str, StringConstraints(pattern=_NAME, min_length=3, max_length=32)]
Email = Annotated[str, _text(_EMAIL)]
AccountId = Annotated[str, _text(_ACCOUNT)]
Region = Annotated[str, _text(_REGION)]
Cidr = Annotated[str, _text(_CIDR)]
InstanceType = Annotated[str, _text(_INSTANCE_TYPE)]
Schedule = Annotated[str, _text(_SCHEDULE)]
PolicyArn = Annotated[str, _text(_BOUNDARY)]
VpcId = Annotated[str, _text(_VPC)]
SubnetId = Annotated[str, _text(_SUBNET)]
SecurityGroupId = Annotated[str, _text(_SECURITY_GROUP)]
PrefixListId = Annotated[str, _text(_PREFIX_LIST)]
VpcEndpointId = Annotated[str, _text(_VPC_ENDPOINT)]
RoleArn = Annotated[str, _text(_ROLE)]
AvailabilityZone = Annotated[str, _text(_ZONE)]
ImageUri = Annotated[str, _text(_IMAGE)]
ObjectKey = Annotated[str, _text(_OBJECT_KEY)]
SourceName = Annotated[str, StringConstraints(pattern=_NAME, max_length=24)]
Sha256 = Annotated[str, _text(_SHA256)]
BucketName = Annotated[str, _text(_BUCKET)]
KeyPrefix = Annotated[str, _text(_PREFIX)]
KeyArn = Annotated[str, _text(_KEY_ARN)]
DatabaseName = Annotated[str, _text(_DATABASE)]
CronExpression = Annotated[str, _text(_CRON)]
MaintenanceWindow = Annotated[str, _text(_WINDOW)]
Blackout = Annotated[str, _text(_BLACKOUT)]
Text = Annotated[str, StringConstraints(min_length=1)]
Days = Annotated[int, Field(ge=1, le=36500)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


def log_retention_schema(schema: dict[str, Any]) -> None:
    """Tell the JSON Schema which retentions CloudWatch Logs knows."""
    schema["enum"] = list(LOG_RETENTION_DAYS)


class Section(BaseModel):
    """Base of every part of the engagement: immutable, no unknown keys, no guessing of types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)
