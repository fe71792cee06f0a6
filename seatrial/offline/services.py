"""Which services the offline cloud vouches for, by the name that requests are signed with; others answer loudly."""

from typing import Literal, NamedTuple


class Vouched(NamedTuple):
    """Whose work a service's answers are, and why they can be believed."""

    by: Literal["ours", "moto"]
    reason: str


SERVICES = {
    "application-autoscaling": Vouched("ours", "targets and policies are kept by moto, endpoints follow them"),
    "athena": Vouched("ours", "queries run over the tables of the catalog, within their workgroup's limits"),
    "cloudformation": Vouched("ours", "the engine deploys, changes, rolls back and destroys stacks"),
    "dynamodb": Vouched("moto", "tables, conditions and transactions are really kept and checked"),
    "ec2": Vouched("moto", "networks are kept and described; nothing here runs in one"),
    "ecr": Vouched("moto", "repositories and image records are kept; cdk bootstrap asks for one"),
    "elasticmapreduce": Vouched("ours", "clusters run the Spark jobs of their steps, on the cloud's clock"),
    "emr-serverless": Vouched("ours", "applications run the Spark jobs of their job runs"),
    "events": Vouched("ours", "rules match and deliver to targets on the cloud's clock"),
    "firehose": Vouched("ours", "delivery streams convert, partition and deliver to S3; other destinations say so"),
    "glue": Vouched("moto", "databases, tables and partitions are kept; jobs, crawlers and others are refused"),
    "iam": Vouched("moto", "roles and policies are kept; the rehearsal tells that rights are not enforced"),
    "iot": Vouched("ours", "topic rules are read when they are made; things and policies are kept, jobs are refused"),
    "iotdata": Vouched("ours", "published messages go through the topic rules to their actions"),
    "kinesis": Vouched("ours", "shards keep records for their retention; functions and delivery streams read them"),
    "kms": Vouched("moto", "keys, aliases and encryption round trips"),
    "lambda": Vouched("ours", "functions run in processes, with retries, destinations and event sources"),
    "logs": Vouched("moto", "groups, streams and events are kept; functions and jobs write into them"),
    "monitoring": Vouched("ours", "metrics keep their own timestamps and alarms are judged as CloudWatch does"),
    "redshift": Vouched("ours", "clusters are kept, paused and resumed, and hold databases; other calls are refused"),
    "redshift-data": Vouched("ours", "statements run in Redshift's dialect on DuckDB, asynchronously"),
    "redshift-serverless": Vouched("ours", "namespaces, workgroups and usage limits are kept and hold databases"),
    "s3": Vouched("moto", "objects are kept unchanged, and notifications are delivered"),
    "sagemaker": Vouched("ours", "jobs, pipelines and endpoints run; what is not emulated says so itself"),
    "scheduler": Vouched("ours", "schedules fire on the cloud's clock"),
    "secretsmanager": Vouched("moto", "secrets are kept and read; rotation functions are not called"),
    "sns": Vouched("ours", "topics deliver to queues and functions"),
    "sqs": Vouched("moto", "queues keep, hide and redrive messages; functions read them"),
    "ssm": Vouched("moto", "parameters are kept; the CDK reads its bootstrap version from one"),
    "states": Vouched("ours", "state machines are interpreted on the cloud's clock"),
    "sts": Vouched("moto", "identities and assumed roles, as the CDK asks for them"),
    "tagging": Vouched("moto", "tags of the services above are read"),
}
"""CloudWatch signs as `monitoring`, Step Functions as `states`, the tagging API as `tagging`; SageMaker Runtime
as `sagemaker`. An entry here is a promise: no call of the service may answer OK where AWS would start work and
nothing here does."""
