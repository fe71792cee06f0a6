"""The AWS services reached through VPC endpoints, with the actions that each endpoint lets through."""

GATEWAY_ACTIONS: dict[str, tuple[str, ...]] = {
    "s3": (
        "s3:AbortMultipartUpload",
        "s3:GetBucketLocation",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:ListMultipartUploadParts",
        "s3:PutObject",
    ),
    "dynamodb": (
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
    ),
}
INTERFACE_ACTIONS: dict[str, tuple[str, ...]] = {
    "sagemaker.api": (
        "sagemaker:CreateProcessingJob",
        "sagemaker:DescribeEndpoint",
        "sagemaker:DescribeEndpointConfig",
        "sagemaker:DescribeModel",
        "sagemaker:DescribeModelPackage",
        "sagemaker:DescribePipelineExecution",
        "sagemaker:DescribeProcessingJob",
        "sagemaker:ListModelPackages",
        "sagemaker:StartPipelineExecution",
    ),
    "sagemaker.runtime": ("sagemaker:InvokeEndpoint",),
    "events": ("events:PutEvents",),
    "monitoring": ("cloudwatch:DescribeAlarms", "cloudwatch:GetMetricStatistics"),
    "sns": ("sns:Publish",),
}
"""Service, as in `com.amazonaws.<region>.<service>`, to actions. Exactly what the functions in the VPC call: jobs and
model containers are isolated from the network and need S3 only, which SageMaker reaches for them."""

OPTIONAL_ACTIONS: dict[str, tuple[str, ...]] = {
    "emr-serverless": ("emr-serverless:CancelJobRun", "emr-serverless:GetJobRun", "emr-serverless:StartJobRun"),
    "glue": (
        "glue:BatchCreatePartition",
        "glue:CreateTable",
        "glue:GetDatabase",
        "glue:GetDatabases",
        "glue:GetPartition",
        "glue:GetPartitions",
        "glue:GetTable",
        "glue:GetTables",
        "glue:UpdateTable",
    ),
    "redshift-data": (
        "redshift-data:BatchExecuteStatement",
        "redshift-data:DescribeStatement",
        "redshift-data:ExecuteStatement",
        "redshift-data:GetStatementResult",
        "redshift-data:ListStatements",
    ),
    "redshift-serverless": (
        "redshift-serverless:CreateUsageLimit",
        "redshift-serverless:GetNamespace",
        "redshift-serverless:ListUsageLimits",
        "redshift-serverless:UpdateUsageLimit",
    ),
    "sagemaker.featurestore-runtime": ("sagemaker:PutRecord",),
}
"""Interface endpoints of the data layer: made only for services that the engagement uses, they are paid by the hour."""

SPARK_GATEWAY_ACTIONS: dict[str, tuple[str, ...]] = {"s3": ("s3:DeleteObject",)}
"""What Spark jobs do in addition: overwriting a partition deletes what lay there."""


INGESTION_ACTIONS: dict[str, tuple[str, ...]] = {
    "sagemaker.api": ("sagemaker:DescribeFeatureGroup",),
    "sagemaker.featurestore-runtime": ("sagemaker:BatchWriteRecord",),
}
"""What a Spark job that puts features into a group does in addition."""


def emr_buckets(region: str) -> tuple[str, ...]:
    """ARN patterns of the buckets of AWS's own that nodes of EMR on EC2 read: packages, releases, application history.

    Source: EMR Management Guide, "Sample policies for private subnets that access Amazon S3".
    """
    return (
        f"arn:aws:s3:::al2023-repos-{region}-de612dc2/*",
        f"arn:aws:s3:::prod.{region}.appinfo.src/*",
        f"arn:aws:s3:::repo.{region}.emr.amazonaws.com/*",
        f"arn:aws:s3:::{region}.elasticmapreduce/*",
    )
