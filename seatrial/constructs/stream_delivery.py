"""From a stream into the lake: Firehose writes Parquet by hour of arrival, keeps the source records and the errors."""

from typing import Any

import aws_cdk.aws_cloudwatch as cloudwatch
import aws_cdk.aws_kinesisfirehose as firehose
import aws_cdk.aws_kms as kms
import aws_cdk.aws_logs as logs
import aws_cdk.aws_s3 as s3
import aws_cdk.aws_sns as sns
from constructs import Construct

from seatrial.constructs.alarms import metric_alarm
from seatrial.constructs.arns import place_of
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.event_stream import EventStream
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.justification import justify
from seatrial.constructs.storage import log_group

Types = firehose.CfnDeliveryStream
BY_HOUR = "date=!{partitionKeyFromQuery:date}/hour=!{partitionKeyFromQuery:hour}/"
ERRORS = "!{firehose:error-output-type}/!{timestamp:yyyy-MM-dd}/"
BACKUP = "!{timestamp:yyyy/MM/dd/HH}/"


class StreamDelivery(Construct):
    """Delivers JSON records into `prefix` of the bucket as Parquet with the columns of a Glue table.

    Files lie in `date=YYYY-MM-DD/hour=HH/` by the record's own field `time_field` (ISO 8601, UTC). Records that cannot
    be converted go below `error_prefix` with Firehose's reason; every source record goes below `backup_prefix` as it
    came.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stream: EventStream,
        bucket: s3.IBucket,
        prefix: str,
        error_prefix: str,
        backup_prefix: str,
        database_name: str,
        table_name: str,
        time_field: str,
        encryption_key: kms.IKey,
        notification_topic: sns.ITopic,
        buffer_seconds: int = 300,
        buffer_mib: int = 128,
        destroy_data: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        _check(buffer_seconds, buffer_mib, {"prefix": prefix, "error": error_prefix, "backup": backup_prefix})
        self._bucket, self._key = bucket, encryption_key
        self._seconds, self._mib = buffer_seconds, buffer_mib
        self.log_group = log_group(self, "LogGroup", key=encryption_key, destroy_data=destroy_data)
        self.role = ServiceRole(
            self, "Identity", service="firehose.amazonaws.com", description="Delivers a stream into the lake"
        )
        self._grant(stream, [prefix, error_prefix, backup_prefix], database_name, table_name)
        target = self._target(prefix, error_prefix, self._backup(backup_prefix), time_field)
        target["data_format_conversion_configuration"] = self._conversion(database_name, table_name)
        self.delivery_stream = Types(
            self,
            "Delivery",
            delivery_stream_type="KinesisStreamAsSource",
            kinesis_stream_source_configuration=Types.KinesisStreamSourceConfigurationProperty(
                kinesis_stream_arn=stream.arn, role_arn=self.role.role_arn
            ),
            extended_s3_destination_configuration=Types.ExtendedS3DestinationConfigurationProperty(**target),
        )
        self.delivery_stream.node.add_dependency(self.role.policy)
        justify(
            self.delivery_stream,
            "AwsSolutions-KDF1",
            "The source is a data stream, which encrypts its records; Firehose takes no further key for them.",
        )
        self.alarms = self._alarms(notification_topic)

    @property
    def name(self) -> str:
        """Of the delivery stream."""
        return self.delivery_stream.ref

    def _target(
        self, prefix: str, error_prefix: str, backup: Types.S3DestinationConfigurationProperty, time_field: str
    ) -> dict[str, Any]:
        return {
            "bucket_arn": self._bucket.bucket_arn,
            "role_arn": self.role.role_arn,
            "prefix": prefix + BY_HOUR,
            "error_output_prefix": error_prefix + ERRORS,
            "buffering_hints": self._buffering(),
            # Parquet compresses by itself; Firehose refuses a second compression around it.
            "compression_format": "UNCOMPRESSED",
            "encryption_configuration": self._encryption(),
            "dynamic_partitioning_configuration": Types.DynamicPartitioningConfigurationProperty(
                enabled=True, retry_options=Types.RetryOptionsProperty(duration_in_seconds=300)
            ),
            "processing_configuration": _partitioning(time_field),
            "s3_backup_mode": "Enabled",
            "s3_backup_configuration": backup,
            "cloud_watch_logging_options": self._logging("Delivery"),
        }

    def _grant(self, stream: EventStream, prefixes: list[str], database: str, table: str) -> None:
        place = place_of(self)
        stream.grant_reading(self.role)
        self.role.allow_reading(self._bucket, *prefixes)
        self.role.allow_writing(self._bucket, *prefixes, multipart=True)
        self.role.allow("s3:ListBucketMultipartUploads", on=[self._bucket.bucket_arn])
        self.role.allow_key(self._key)
        tables = [place.arn("glue", "database", database), place.arn("glue", "table", f"{database}/{table}")]
        schema = ("glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions")
        self.role.allow(*schema, on=[place.arn("glue", "catalog"), *tables])
        streams = f"{place.arn('logs', f'log-group:{self.log_group.log_group_name}')}:log-stream:*"
        because = "The two log streams of this delivery, delivery and backup, are all that is in this one log group."
        self.role.allow("logs:PutLogEvents", on=[streams], because=because)

    def _buffering(self) -> Types.BufferingHintsProperty:
        return Types.BufferingHintsProperty(interval_in_seconds=self._seconds, size_in_m_bs=self._mib)

    def _encryption(self) -> Types.EncryptionConfigurationProperty:
        key = Types.KMSEncryptionConfigProperty(awskms_key_arn=self._key.key_arn)
        return Types.EncryptionConfigurationProperty(kms_encryption_config=key)

    def _backup(self, prefix: str) -> Types.S3DestinationConfigurationProperty:
        return Types.S3DestinationConfigurationProperty(
            bucket_arn=self._bucket.bucket_arn,
            role_arn=self.role.role_arn,
            prefix=prefix + BACKUP,
            error_output_prefix=f"{prefix}failed/{ERRORS}",
            buffering_hints=self._buffering(),
            compression_format="GZIP",
            encryption_configuration=self._encryption(),
            cloud_watch_logging_options=self._logging("Backup"),
        )

    def _conversion(self, database: str, table: str) -> Types.DataFormatConversionConfigurationProperty:
        schema = Types.SchemaConfigurationProperty(
            catalog_id=place_of(self).account,
            database_name=database,
            table_name=table,
            region=place_of(self).region,
            role_arn=self.role.role_arn,
            version_id="LATEST",
        )
        reader = Types.DeserializerProperty(open_x_json_ser_de=Types.OpenXJsonSerDeProperty())
        writer = Types.SerializerProperty(parquet_ser_de=Types.ParquetSerDeProperty(compression="SNAPPY"))
        return Types.DataFormatConversionConfigurationProperty(
            enabled=True,
            schema_configuration=schema,
            input_format_configuration=Types.InputFormatConfigurationProperty(deserializer=reader),
            output_format_configuration=Types.OutputFormatConfigurationProperty(serializer=writer),
        )

    def _logging(self, name: str) -> Types.CloudWatchLoggingOptionsProperty:
        stream = logs.CfnLogStream(self, f"{name}Log", log_group_name=self.log_group.log_group_name)
        return Types.CloudWatchLoggingOptionsProperty(
            enabled=True, log_group_name=self.log_group.log_group_name, log_stream_name=stream.ref
        )

    def _alarms(self, topic: sns.ITopic) -> list[cloudwatch.CfnAlarm]:
        common = {"namespace": "AWS/Firehose", "dimensions": {"DeliveryStreamName": self.name}, "topic": topic}
        late = metric_alarm(
            self,
            "StaleAlarm",
            description="Events reach the lake late: the oldest one waiting is older than three buffers",
            metric="DeliveryToS3.DataFreshness",
            threshold=3 * self._seconds,
            statistic="Maximum",
            evaluation_periods=3,
            datapoints_to_alarm=2,
            **common,
        )
        broken = metric_alarm(
            self,
            "BrokenRecordsAlarm",
            description="Records could not be converted: look below the error prefix, has the schema changed?",
            metric="FailedConversion.Records",
            threshold=1,
            **common,
        )
        return [late, broken]


def _partitioning(time_field: str) -> Types.ProcessingConfigurationProperty:
    query = f"{{date: .{time_field}[0:10], hour: .{time_field}[11:13]}}"
    parameters = {"MetadataExtractionQuery": query, "JsonParsingEngine": "JQ-1.6"}
    extraction = Types.ProcessorProperty(
        type="MetadataExtraction",
        parameters=[
            Types.ProcessorParameterProperty(parameter_name=name, parameter_value=value)
            for name, value in parameters.items()
        ],
    )
    return Types.ProcessingConfigurationProperty(enabled=True, processors=[extraction])


def _check(seconds: int, mib: int, prefixes: dict[str, str]) -> None:
    if not 60 <= seconds <= 900:
        raise ConstructError(f"buffer_seconds: must be between 60 and 900, got {seconds}")
    if not 64 <= mib <= 128:
        raise ConstructError(f"buffer_mib: must be between 64 and 128 with dynamic partitioning, got {mib}")
    for name, prefix in prefixes.items():
        if not prefix.endswith("/"):
            raise ConstructError(f"{name}: must be a folder that ends with a slash, got {prefix!r}")
    if len(set(prefixes.values())) < len(prefixes):
        raise ConstructError(f"prefix, error_prefix, backup_prefix: must differ, got {[*prefixes.values()]}")
