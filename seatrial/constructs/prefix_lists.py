"""AWS's managed prefix lists of S3 and DynamoDB by region: a security group names them, and synth looks nothing up."""

PREFIX_LISTS: dict[str, dict[str, str]] = {
    "ap-northeast-1": {"s3": "pl-61a54008", "dynamodb": "pl-78a54011"},
    "ap-southeast-1": {"s3": "pl-6fa54006", "dynamodb": "pl-67a5400e"},
    "ap-southeast-2": {"s3": "pl-6ca54005", "dynamodb": "pl-62a5400b"},
    "eu-central-1": {"s3": "pl-6ea54007", "dynamodb": "pl-66a5400f"},
    "eu-west-1": {"s3": "pl-6da54004", "dynamodb": "pl-6fa54006"},
    "us-east-1": {"s3": "pl-63a5400a", "dynamodb": "pl-02cd2c6b"},
    "us-east-2": {"s3": "pl-7ba54012", "dynamodb": "pl-4ca54025"},
    "us-west-1": {"s3": "pl-6ba54002", "dynamodb": "pl-6ea54007"},
    "us-west-2": {"s3": "pl-68a54001", "dynamodb": "pl-00a54069"},
}
"""Only regions whose ids are published; see them with `aws ec2 describe-managed-prefix-lists --region REGION`."""
