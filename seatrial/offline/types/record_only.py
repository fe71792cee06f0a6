"""Properties and types that are kept in the stack and checked by schema, but that nothing offline acts on."""

RECORD_ONLY: dict[str, dict[str, str]] = {
    "AWS::DynamoDB::Table": {
        "ContributorInsightsSpecification": "moto has no UpdateContributorInsights",
        "KinesisStreamSpecification": "streams to Kinesis are not used",
        "WarmThroughput": "capacity is not modelled",
        "OnDemandThroughput": "capacity is not modelled",
        "ResourcePolicy": "resource policies are not enforced offline",
    },
    "AWS::EC2::VPCEndpoint": {"PrivateDnsEnabled": "names resolve to the loopback anyway"},
    "AWS::EC2::FlowLog": {
        "DestinationOptions": "moto has no field for it; no traffic is logged offline",
        "MaxAggregationInterval": "moto has no field for it; no traffic is logged offline",
    },
    "AWS::EC2::Subnet": {
        "EnableDns64": "no traffic flows offline",
        "PrivateDnsNameOptionsOnLaunch": "no traffic flows offline",
        "Ipv6CidrBlock": "no traffic flows offline",
        "AssignIpv6AddressOnCreation": "no traffic flows offline",
    },
    "AWS::KMS::Key": {
        "RotationPeriodInDays": "keys do not rotate offline",
        "BypassPolicyLockoutSafetyCheck": "key policies are not enforced offline",
    },
    "AWS::Lambda::Function": {
        "RecursiveLoop": "loops are not detected offline",
        "SnapStart": "functions have no snapshots offline",
        "RuntimeManagementConfig": "the runtime is this machine's Python",
    },
    "AWS::Logs::LogGroup": {
        "DataProtectionPolicy": "moto has no PutDataProtectionPolicy",
        "FieldIndexPolicies": "queries are not run offline",
        "LogGroupClass": "storage classes are not modelled",
        "DeletionProtectionEnabled": "moto has no field for it",
        "BearerTokenAuthenticationEnabled": "the offline cloud takes any key",
    },
    "AWS::S3::Bucket": {
        "AccelerateConfiguration": "transfer acceleration has no meaning on the loopback",
        "IntelligentTieringConfigurations": "storage classes are not modelled",
        "InventoryConfigurations": "inventories are not written offline",
        "MetricsConfigurations": "request metrics are not published offline",
        "AnalyticsConfigurations": "storage analysis is not run offline",
        "ObjectLockConfiguration": "needs ObjectLockEnabled, which the stacks do not use",
    },
    "AWS::SNS::Topic": {
        "DeliveryStatusLogging": "delivery logs are not written offline",
        "DataProtectionPolicy": "moto has no PutDataProtectionPolicy",
        "ArchivePolicy": "messages are not archived offline",
        "FifoThroughputScope": "throughput is not modelled",
    },
    "AWS::CDK::Metadata": {"Analytics": "CDK's usage analytics"},
}
"""By resource type: each property with the reason why recording it is enough."""

RECORD_ONLY_TYPES: dict[str, str] = {
    "AWS::CDK::Metadata": "CDK's usage analytics; AWS makes nothing of it either",
    "AWS::LakeFormation::PrincipalPermissions": "no rights are enforced offline, neither IAM's nor Lake Formation's",
    "AWS::LakeFormation::Resource": "Lake Formation vends no credentials offline; data is reached as without it",
}
"""Types of which nothing is made, each with the reason."""
