"""The AWS actions that take no resource: the only ones for which a policy here may say Resource "*"."""

SERVICE_AUTHORIZATION_REFERENCE = "https://docs.aws.amazon.com/service-authorization/latest/reference/"

UNSCOPED_ACTIONS: dict[str, str] = {
    "cloudwatch:GetMetricStatistics": "list_amazoncloudwatch.html",
    "cloudwatch:PutMetricData": "list_amazoncloudwatch.html",
    "ec2:DescribeAccountAttributes": "list_amazonec2.html",
    "ec2:DescribeCapacityReservations": "list_amazonec2.html",
    "ec2:DescribeDhcpOptions": "list_amazonec2.html",
    "ec2:DescribeImages": "list_amazonec2.html",
    "ec2:DescribeInstances": "list_amazonec2.html",
    "ec2:DescribeLaunchTemplates": "list_amazonec2.html",
    "ec2:DescribeNetworkAcls": "list_amazonec2.html",
    "ec2:DescribeNetworkInterfaces": "list_amazonec2.html",
    "ec2:DescribePlacementGroups": "list_amazonec2.html",
    "ec2:DescribeRouteTables": "list_amazonec2.html",
    "ec2:DescribeSecurityGroups": "list_amazonec2.html",
    "ec2:DescribeSubnets": "list_amazonec2.html",
    "ec2:DescribeVolumeStatus": "list_amazonec2.html",
    "ec2:DescribeVolumes": "list_amazonec2.html",
    "ec2:DescribeVpcAttribute": "list_amazonec2.html",
    "ec2:DescribeVpcEndpoints": "list_amazonec2.html",
    "ec2:DescribeVpcs": "list_amazonec2.html",
    "ecr:GetAuthorizationToken": "list_amazonelasticcontainerregistry.html",
    "elasticmapreduce:RunJobFlow": "list_amazonelasticmapreduce.html",
    "lakeformation:GetDataAccess": "list_awslakeformation.html",
    "logs:CreateLogDelivery": "list_amazoncloudwatchlogs.html",
    "logs:DeleteLogDelivery": "list_amazoncloudwatchlogs.html",
    "logs:DescribeLogGroups": "list_amazoncloudwatchlogs.html",
    "logs:DescribeResourcePolicies": "list_amazoncloudwatchlogs.html",
    "logs:GetLogDelivery": "list_amazoncloudwatchlogs.html",
    "logs:ListLogDeliveries": "list_amazoncloudwatchlogs.html",
    "logs:PutResourcePolicy": "list_amazoncloudwatchlogs.html",
    "logs:UpdateLogDelivery": "list_amazoncloudwatchlogs.html",
    "redshift-data:DescribeStatement": "list_amazonredshiftdataapi.html",
    "redshift-data:GetStatementResult": "list_amazonredshiftdataapi.html",
    "redshift-data:ListStatements": "list_amazonredshiftdataapi.html",
    "xray:PutTelemetryRecords": "list_awsx-ray.html",
    "xray:PutTraceSegments": "list_awsx-ray.html",
}
"""Action to page of the service authorization reference; its resource column is empty (or, for the Step Functions
log delivery actions, Step Functions' own documentation demands "*")."""


def reference(action: str) -> str:
    """Address of the page that shows that the action takes no resource.

    >>> reference("xray:PutTraceSegments").endswith("list_awsx-ray.html")
    True
    """
    return SERVICE_AUTHORIZATION_REFERENCE + UNSCOPED_ACTIONS[action]
