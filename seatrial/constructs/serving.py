"""Serving: model, endpoint configuration and endpoint of one model package, with canary, roll-back and autoscaling."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
import aws_cdk.aws_applicationautoscaling as autoscaling
import aws_cdk.aws_cloudwatch as cloudwatch
import aws_cdk.aws_kms as kms
import aws_cdk.aws_s3 as s3
import aws_cdk.aws_sagemaker as sagemaker
import aws_cdk.aws_sns as sns
from constructs import Construct

from seatrial.constructs.alarms import metric_alarm, share_alarm
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.training import SAGEMAKER, allow_sagemaker_runtime
from seatrial.constructs.workload import WorkloadNetwork
from seatrial.contracts.instances import has_local_storage
from seatrial.contracts.layout import DATA_CAPTURE_PREFIX

VARIANT = "primary"
PARAMETER = "ModelPackageArn"
NAMESPACE = "AWS/SageMaker"


@dataclass(frozen=True, kw_only=True)
class Canary:
    """How an endpoint changes over: the share of the capacity that goes first, and how long it takes."""

    variant_name: str = VARIANT
    percent: int = 50
    bake_seconds: int = 1800
    """How long a new fleet is watched: as the canary, with all the traffic, until the old one ends."""
    update_seconds: int = 4800
    """When SageMaker gives an update up."""


class ServingEndpoint(Construct):
    """An endpoint that serves the model package named by the stack's parameter `ModelPackageArn`.

    While the parameter is empty there is no endpoint; alarms exist from the start. A new value replaces model and
    configuration and updates the endpoint: a canary takes `canary_percent` of the capacity, is watched for
    `canary_wait_minutes`, and either alarm rolls it back. Autoscaled capacity survives updates.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint_name: str,
        network: WorkloadNetwork,
        encryption_key: kms.IKey,
        artifacts: s3.IBucket,
        capture: s3.IBucket,
        notification_topic: sns.ITopic,
        image_arns: Sequence[str],
        instance_type: str = "ml.m5.large",
        instance_count: int = 2,
        maximum_instance_count: int = 4,
        invocations_per_instance: int = 600,
        capture_percent: int = 100,
        canary_percent: int = 50,
        canary_wait_minutes: int = 10,
        termination_wait_minutes: int = 10,
        maximum_error_percent: float = 1.0,
        maximum_latency_milliseconds: int = 500,
    ) -> None:
        super().__init__(scope, construct_id)
        _check(instance_count, maximum_instance_count, canary_percent, capture_percent)
        self.endpoint_name, self._topic = endpoint_name, notification_topic
        self.model_package = self._parameter()
        self.canary = Canary(
            percent=canary_percent,
            bake_seconds=60 * (2 * canary_wait_minutes + termination_wait_minutes),
            update_seconds=3600 + 60 * (canary_wait_minutes + termination_wait_minutes),
        )
        self.has_model = cdk.CfnCondition(
            self, "HasModel", expression=cdk.Fn.condition_not(cdk.Fn.condition_equals(self.model_package, ""))
        )
        self.has_model.override_logical_id("HasModel")
        self.role = self._role(network, encryption_key, artifacts, capture, image_arns)
        self.alarms = [self._error_alarm(maximum_error_percent), self._latency_alarm(maximum_latency_milliseconds)]
        self.model = self._model(network)
        self.config = self._config(
            instance_type, instance_count, encryption_key, _capture_config(capture, capture_percent, encryption_key)
        )
        self.endpoint = self._endpoint(
            _canary(canary_percent, canary_wait_minutes, termination_wait_minutes, self.canary.update_seconds),
            self.alarms,
        )
        self.scaling_target, self.scaling_policy = self._scaling(
            instance_count, maximum_instance_count, invocations_per_instance
        )
        for part in (self.model, self.config, self.endpoint, self.scaling_target, self.scaling_policy):
            part.cfn_options.condition = self.has_model

    @property
    def dimensions(self) -> Mapping[str, str]:
        """Dimensions of the endpoint's metrics."""
        return {"EndpointName": self.endpoint_name, "VariantName": VARIANT}

    def _parameter(self) -> cdk.CfnParameter:
        parameter = cdk.CfnParameter(
            self,
            PARAMETER,
            type="String",
            default="",
            description="Model package to serve; empty: no endpoint. Set by the promotion state machine.",
        )
        parameter.override_logical_id(PARAMETER)
        return parameter

    def _role(
        self,
        network: WorkloadNetwork,
        key: kms.IKey,
        artifacts: s3.IBucket,
        capture: s3.IBucket,
        image_arns: Sequence[str],
    ) -> ServiceRole:
        role = ServiceRole(self, "Identity", service=SAGEMAKER, description=f"Endpoint {self.endpoint_name}")
        role.allow_reading(artifacts)
        role.allow_writing(capture, f"{DATA_CAPTURE_PREFIX}/")
        role.allow_key(key, volumes=True)
        allow_sagemaker_runtime(role, image_arns)
        role.allow_network_interfaces(network, permission=True)
        return role

    def _model(self, network: WorkloadNetwork) -> sagemaker.CfnModel:
        return sagemaker.CfnModel(
            self,
            "Model",
            containers=[
                sagemaker.CfnModel.ContainerDefinitionProperty(model_package_name=self.model_package.value_as_string)
            ],
            execution_role_arn=self.role.role_arn,
            enable_network_isolation=True,
            vpc_config=sagemaker.CfnModel.VpcConfigProperty(
                subnets=[*network.subnet_ids], security_group_ids=[*network.security_group_ids]
            ),
        )

    def _config(
        self,
        instance_type: str,
        instance_count: int,
        key: kms.IKey,
        capture: sagemaker.CfnEndpointConfig.DataCaptureConfigProperty,
    ) -> sagemaker.CfnEndpointConfig:
        local = has_local_storage(instance_type)
        return sagemaker.CfnEndpointConfig(
            self,
            "Config",
            production_variants=[
                sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                    variant_name=VARIANT,
                    model_name=self.model.attr_model_name,
                    instance_type=instance_type,
                    initial_instance_count=instance_count,
                    initial_variant_weight=1,
                )
            ],
            data_capture_config=capture,
            kms_key_id=None if local else key.key_arn,
        )

    def _endpoint(
        self,
        policy: sagemaker.CfnEndpoint.BlueGreenUpdatePolicyProperty,
        alarms: Sequence[cloudwatch.CfnAlarm],
    ) -> sagemaker.CfnEndpoint:
        watched = [sagemaker.CfnEndpoint.AlarmProperty(alarm_name=alarm.ref) for alarm in alarms]
        deployment = sagemaker.CfnEndpoint.DeploymentConfigProperty(
            blue_green_update_policy=policy,
            auto_rollback_configuration=sagemaker.CfnEndpoint.AutoRollbackConfigProperty(alarms=watched),
        )
        return sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=self.endpoint_name,
            endpoint_config_name=self.config.attr_endpoint_config_name,
            deployment_config=deployment,
            retain_all_variant_properties=True,
            exclude_retained_variant_properties=[
                sagemaker.CfnEndpoint.VariantPropertyProperty(variant_property_type="DataCaptureConfig")
            ],
        )

    def _error_alarm(self, maximum_percent: float) -> cloudwatch.CfnAlarm:
        return share_alarm(
            self,
            "ErrorAlarm",
            description=f"More than {maximum_percent} % of the requests to {self.endpoint_name} fail",
            namespace=NAMESPACE,
            part="Invocation5XXErrors",
            whole="Invocations",
            dimensions=self.dimensions,
            topic=self._topic,
            maximum_percent=maximum_percent,
        )

    def _latency_alarm(self, maximum_milliseconds: int) -> cloudwatch.CfnAlarm:
        return metric_alarm(
            self,
            "LatencyAlarm",
            description=f"The model of {self.endpoint_name} takes more than {maximum_milliseconds} ms",
            namespace=NAMESPACE,
            metric="ModelLatency",
            dimensions=self.dimensions,
            topic=self._topic,
            statistic="p99",
            comparison="GreaterThanThreshold",
            threshold=maximum_milliseconds * 1000,
            period_seconds=60,
            evaluation_periods=3,
            datapoints_to_alarm=2,
        )

    def _scaling(
        self, minimum: int, maximum: int, invocations: int
    ) -> tuple[autoscaling.CfnScalableTarget, autoscaling.CfnScalingPolicy]:
        target = autoscaling.CfnScalableTarget(
            self,
            "ScalingTarget",
            service_namespace="sagemaker",
            scalable_dimension="sagemaker:variant:DesiredInstanceCount",
            resource_id=f"endpoint/{self.endpoint_name}/variant/{VARIANT}",
            min_capacity=minimum,
            max_capacity=maximum,
        )
        target.add_resource_dependency(self.endpoint)
        tracking = autoscaling.CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty(
            predefined_metric_specification=autoscaling.CfnScalingPolicy.PredefinedMetricSpecificationProperty(
                predefined_metric_type="SageMakerVariantInvocationsPerInstance"
            ),
            target_value=invocations,
            scale_in_cooldown=300,
            scale_out_cooldown=60,
        )
        policy = autoscaling.CfnScalingPolicy(
            self,
            "ScalingPolicy",
            policy_name=f"{self.endpoint_name}-invocations",
            policy_type="TargetTrackingScaling",
            scaling_target_id=target.ref,
            target_tracking_scaling_policy_configuration=tracking,
        )
        return target, policy


def _capture_config(
    bucket: s3.IBucket, percent: int, key: kms.IKey
) -> sagemaker.CfnEndpointConfig.DataCaptureConfigProperty:
    option = sagemaker.CfnEndpointConfig.CaptureOptionProperty
    return sagemaker.CfnEndpointConfig.DataCaptureConfigProperty(
        enable_capture=percent > 0,
        initial_sampling_percentage=percent,
        destination_s3_uri=bucket.s3_url_for_object(DATA_CAPTURE_PREFIX),
        capture_options=[option(capture_mode="Input"), option(capture_mode="Output")],
        capture_content_type_header=sagemaker.CfnEndpointConfig.CaptureContentTypeHeaderProperty(
            csv_content_types=["text/csv"], json_content_types=["application/json"]
        ),
        kms_key_id=key.key_arn,
    )


def _canary(
    percent: int, wait_minutes: int, termination_minutes: int, longest_update_seconds: int
) -> sagemaker.CfnEndpoint.BlueGreenUpdatePolicyProperty:
    return sagemaker.CfnEndpoint.BlueGreenUpdatePolicyProperty(
        traffic_routing_configuration=sagemaker.CfnEndpoint.TrafficRoutingConfigProperty(
            type="CANARY",
            canary_size=sagemaker.CfnEndpoint.CapacitySizeProperty(type="CAPACITY_PERCENT", value=percent),
            wait_interval_in_seconds=wait_minutes * 60,
        ),
        termination_wait_in_seconds=termination_minutes * 60,
        maximum_execution_timeout_in_seconds=longest_update_seconds,
    )


def _check(instance_count: int, maximum: int, canary_percent: int, capture_percent: int) -> None:
    if instance_count < 1:
        raise ConstructError(f"instance_count: must be at least 1, got {instance_count}")
    if maximum < instance_count:
        raise ConstructError(f"maximum_instance_count: must be at least instance_count {instance_count}, got {maximum}")
    if not 1 <= canary_percent <= 50:
        raise ConstructError(f"canary_percent: must be between 1 and 50 (SageMaker's limit), got {canary_percent}")
    if not 0 <= capture_percent <= 100:
        raise ConstructError(f"capture_percent: must be between 0 and 100, got {capture_percent}")
