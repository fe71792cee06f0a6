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
        "sagemaker:DescribeEndpoint",
        "sagemaker:DescribeEndpointConfig",
        "sagemaker:DescribeModel",
        "sagemaker:DescribeModelPackage",
        "sagemaker:DescribePipelineExecution",
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
