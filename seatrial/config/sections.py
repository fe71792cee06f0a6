"""The sections of the engagement file; the text below each key is its reference documentation."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from seatrial.config.bias_section import BiasSection
from seatrial.config.data_sections import CatalogSection
from seatrial.config.source_section import SourceSection
from seatrial.config.values import (
    AccountId,
    AvailabilityZone,
    Blackout,
    Cidr,
    Days,
    EngagementName,
    ImageUri,
    InstanceType,
    PrefixListId,
    Region,
    RoleArn,
    Schedule,
    Section,
    SecurityGroupId,
    Share,
    SubnetId,
    Text,
    VpcEndpointId,
    VpcId,
    log_retention_schema,
)

LogRetentionDays = Annotated[int, Field(json_schema_extra=log_retention_schema)]


class Environment(Section):
    """Where one environment of the engagement lives."""

    account: AccountId
    """Account number in quotes. Required: deploying to a guessed account is never right."""
    region: Region
    """Region of everything in this environment. Required: data must not leave the region that was agreed."""


class ExistingNetwork(Section):
    """A VPC that the customer already has; nothing is looked up, so every id is given."""

    vpc_id: VpcId
    """The VPC."""
    subnet_ids: Annotated[tuple[SubnetId, ...], Field(min_length=2)]
    """Private subnets for jobs, endpoints and functions: at least two."""
    availability_zones: Annotated[tuple[AvailabilityZone, ...], Field(min_length=2)]
    """Zone of each subnet, in the same order."""
    security_group_id: SecurityGroupId
    """Security group of jobs, endpoints and functions; it must reach the VPC endpoints of the services used."""


class PrefixLists(Section):
    """AWS's managed prefix lists of one region; `aws ec2 describe-managed-prefix-lists --region REGION` shows them."""

    s3: PrefixListId
    """That of com.amazonaws.REGION.s3."""
    dynamodb: PrefixListId
    """That of com.amazonaws.REGION.dynamodb."""


class NetworkSection(Section):
    """The VPC in which every job, endpoint and function runs."""

    max_azs: Annotated[int, Field(ge=2, le=3)] = 2
    """Availability zones. Each interface endpoint is paid for in each zone."""
    cidr: Cidr = "10.42.0.0/16"
    """Address range of the VPC, /16 to /24; choose one that does not overlap with networks it may be peered with."""
    nat_gateways: Annotated[int, Field(ge=0, le=3)] = 0
    """NAT gateways. 0 keeps the subnets isolated: only the VPC endpoints of the services used are reachable."""
    flow_log_retention_days: LogRetentionDays = 365
    """How long flow logs are kept."""
    prefix_lists: Mapping[Region, PrefixLists] = Field(default_factory=dict)
    """Prefix lists by region, for regions whose ids Seatrial does not know: the security groups name them, and nothing
    is looked up while stacks are made."""
    existing: ExistingNetwork | None = None
    """Use this VPC instead of making one; the keys above are then without effect."""


class LakeSection(Section):
    """The buckets and how long they keep what."""

    raw_retention_days: Days = 730
    """How long raw data is kept."""
    capture_retention_days: Days = 90
    """How long captured requests and answers are kept; they may hold personal data."""
    noncurrent_retention_days: Days = 30
    """How long overwritten or deleted versions of objects can be brought back."""
    log_retention_days: Days = 365
    """How long access logs of the buckets are kept."""
    vpc_endpoint_ids: tuple[VpcEndpointId, ...] = ()
    """Objects are reached through these S3 endpoints alone, besides by AWS services for this account. The VPC that
    Seatrial makes gives its own as the output S3EndpointId. The console then shows no objects."""
    break_glass_roles: tuple[RoleArn, ...] = ()
    """Roles that reach objects from anywhere all the same, for the day on which the network is what is broken."""
    catalog: CatalogSection = Field(default_factory=CatalogSection)
    """Features zone, tables and Athena; off unless asked for."""


class Dataset(Section):
    """What the raw data looks like and what is to be predicted."""

    name: EngagementName = "churn"
    """Folder of this data set in the raw bucket."""
    kind: Literal["telecom", "table", "lake"] = "telecom"
    """`telecom`: the operator's tables (crm, cdr, billing, care, network_kpi, labels). `table`: one table with one row
    a subscriber, mapped by `columns`. `lake`: the features that the data flow computes, with the labels about the days
    after them; docs/how-to/train-on-the-lake.md."""
    id: Text | None = "subscriber_id"
    """Column that names the subscriber; null when there is none, then a hash of the row's content is used."""
    label: Text = "churned"
    """Column that says whether the subscriber left."""
    positive: Text = "1"
    """Value of the label, as text in quotes, that means churn; any other value means no churn, no value means not yet
    known."""
    columns: Mapping[Text, Literal["numeric", "categorical"]] = Field(default_factory=dict)
    """Features of a `table` data set by column name, in the order in which the endpoint receives them. Blank values
    count as missing."""
    time_column: Text | None = None
    """Column of a `table` data set that says when a row came (ISO 8601 to the second; UTC where it names no zone). It
    is no feature: the baseline learns from it how traffic moves by hour and weekday, see docs/reference/drift.md."""
    history_days: Annotated[int, Field(ge=31, le=3650)] = 180
    """Of a `lake` data set: features as of days up to so long ago are trained on, where their labels are known."""


class Tuning(Section):
    """Search for hyperparameters."""

    max_jobs: Annotated[int, Field(ge=0, le=500)] = 0
    """Training jobs of one search; 0 trains once with `training.hyperparameters`."""
    max_parallel_jobs: Annotated[int, Field(ge=1, le=100)] = 2
    """How many of them run at a time."""


class QualityGate(Section):
    """What the training data must be like; otherwise the pipeline ends before anything is trained."""

    minimum_rows: Annotated[int, Field(ge=1)] = 500
    """Fewest rows with a known label."""
    maximum_duplicate_share: Share = 0.2
    """Largest share of rows that repeat another row."""
    maximum_missing_label_share: Share = 0.05
    """Largest share of rows without a label."""


class Campaign(Section):
    """The retention campaign that follows the model: what its expected profit is made of, in one currency."""

    lifetime_value: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 200.0
    """Worth of a subscriber who stays."""
    offer_cost: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 10.0
    """Cost of an offer that is accepted; subscribers who would have stayed anyway accept it as well."""
    contact_cost: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    """Cost of contacting a subscriber."""
    acceptance_rate: Annotated[float, Field(ge=0.05, le=0.95, allow_inf_nan=False)] = 0.3
    """Share of the contacted subscribers about to leave whom the offer keeps."""


class Acceptance(Section):
    """What a new model must achieve on the test split before it is registered."""

    minimum_auc: Annotated[float, Field(ge=0.5, le=1, allow_inf_nan=False)] = 0.65
    """Smallest area under the ROC curve; 0.5 is a coin toss."""
    minimum_gain: Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)] = 0.0
    """By how much the new model must beat the one that serves, on the same rows, in ROC AUC."""
    significance: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.05
    """Largest chance that is accepted of such a gain where there is none (DeLong's paired test); 1 does not ask."""
    maximum_brier_increase: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.05
    """By how much the new model's Brier loss may exceed that of the one that serves, as a share of it: a larger
    increase must be ruled out with 95 % confidence on the same rows. 1 does not ask, for models of which only the order
    of scores is used."""
    campaign: Campaign = Field(default_factory=Campaign)
    """What the expected profit is made of."""
    minimum_profit_gain: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    """By how much the campaign's expected profit for a subscriber must exceed that with the model that serves."""
    segments: tuple[Text, ...] = ()
    """Columns of categories, such as protected attributes, of which each category must reach `minimum_segment_auc`;
    empty: every column of at most 12 categories."""
    minimum_segment_auc: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.5
    """Floor of ROC AUC within a category of at least 50 rows; what is proven to lie below it objects."""
    maximum_latency_milliseconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 250.0
    """Longest time that the model may take for a single row (95th percentile, on `training.instance_type`)."""


class Leakage(Section):
    """Signs that the model was shown what it could not know; each keeps it from being registered."""

    maximum_shared_share: Share = 0.05
    """Largest share, of churners or of others in the test split, whose values are also in the training data under
    another id: resampling before the split leaves such copies. 1 for tables of few distinct rows."""
    maximum_single_feature_auc: Annotated[float, Field(ge=0.5, le=1, allow_inf_nan=False)] = 0.98
    """Largest ROC AUC of a single feature; one that reaches more knows the answer. 1 does not ask."""


class ContainerImages(Section):
    """Images in place of AWS's own, such as copies in a registry of yours that are pinned by digest; null: AWS's, by a
    tag that AWS moves when it patches them. They must contain what AWS's contain."""

    spark: ImageUri | None = None
    """In place of sagemaker-spark-processing."""
    xgboost: ImageUri | None = None
    """In place of sagemaker-xgboost."""
    scikit_learn: ImageUri | None = None
    """In place of sagemaker-scikit-learn, on which the monitor reads large windows as well."""


class TrainingSection(Section):
    """The pipeline that turns raw data into a registered model."""

    dataset: Dataset = Field(default_factory=Dataset)
    """The data."""
    algorithm: Literal["xgboost", "scikit-learn", "sparkml-logistic", "sparkml-gbt"] = "xgboost"
    """`xgboost`: gradient boosting. `scikit-learn`: logistic regression, the interpretable alternative.
    `sparkml-logistic`, `sparkml-gbt`: both by SparkML, for more rows than one instance holds; trained on EMR
    Serverless, served by ONNX Runtime. docs/how-to/train-with-sparkml.md says what they need."""
    hyperparameters: Mapping[Text, str | int | float | bool] = Field(default_factory=dict)
    """Handed to the training script as they are; what is not named keeps the script's default."""
    instance_type: InstanceType = "ml.m5.xlarge"
    """Instance of training, evaluation and baseline."""
    features_instance_type: InstanceType = "ml.m5.xlarge"
    """Instance of the Spark feature job."""
    max_runtime_minutes: Annotated[int, Field(ge=1, le=7200)] = 60
    """A job that runs longer is stopped: the bound of a run's cost."""
    images: ContainerImages = Field(default_factory=ContainerImages)
    """Container images of the jobs and the endpoint."""
    tuning: Tuning = Field(default_factory=Tuning)
    """Search for hyperparameters, off unless asked for."""
    quality_gate: QualityGate = Field(default_factory=QualityGate)
    """Bounds on the training data."""
    acceptance: Acceptance = Field(default_factory=Acceptance)
    """Bounds on the new model."""
    leakage: Leakage = Field(default_factory=Leakage)
    """Bounds on what training and test split share, and on single features."""
    serving_wheels: tuple[Path, ...] = ()
    """Wheels that a SparkML model brings to the endpoint's image: ONNX Runtime, for the image's Python (3.12) and the
    instance's architecture; relative to the engagement file."""
    schedule: Schedule | None = "cron(0 3 ? * SUN *)"
    """When retraining is considered even without an alert (UTC); null: never. `retraining` decides whether it runs."""
    definition: Path | None = None
    """A pipeline definition (JSON) written with the SageMaker SDK's `pipeline.definition()`, which then replaces the
    churn pipeline; relative to the engagement file. docs/how-to/bring-your-own-pipeline.md says what it may name."""


class ServingSection(Section):
    """The endpoint and how a new model takes over."""

    instance_type: InstanceType = "ml.m5.large"
    """Instance of the endpoint."""
    instance_count: Annotated[int, Field(ge=1, le=100)] = 2
    """Fewest instances; a canary needs two."""
    maximum_instance_count: Annotated[int, Field(ge=1, le=100)] = 4
    """Most instances that autoscaling may start: the bound of the endpoint's cost."""
    invocations_per_instance: Annotated[int, Field(ge=1)] = 600
    """Requests a minute and instance that autoscaling aims at."""
    capture_percent: Annotated[int, Field(ge=0, le=100)] = 100
    """Share of requests kept for monitoring; 0 keeps none, so nothing can be monitored."""
    canary_percent: Annotated[int, Field(ge=1, le=50)] = 50
    """Share of the capacity that tries the new model first; SageMaker allows 50 at most."""
    canary_wait_minutes: Annotated[int, Field(ge=1, le=60)] = 10
    """How long the canary is watched before the rest follows."""
    termination_wait_minutes: Annotated[int, Field(ge=0, le=60)] = 10
    """How long the old model is kept running after the switch, for a fast way back."""
    maximum_error_percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 1.0
    """Share of failed requests that raises the alarm and rolls a canary back."""
    maximum_latency_milliseconds: Annotated[int, Field(ge=1, le=60000)] = 500
    """Model latency (99th percentile) that raises the alarm and rolls a canary back."""
    approval_valid_hours: Annotated[int, Field(ge=1, le=8760)] = 72
    """How long an approval may be used: it was given to what was there at the time."""


class VolumeSection(Section):
    """Who reads a window of data capture, by its size."""

    larger: Literal["processing", "sample"] = "processing"
    """Windows above `lambda_maximum_mib`: a SageMaker Processing job reads all of them, or the function a sample."""
    lambda_maximum_mib: Annotated[int, Field(ge=1, le=512)] = 96
    """Largest window, in bytes of its capture files, that the monitor's function reads itself."""
    processing_maximum_gib: Annotated[int, Field(ge=1, le=512)] = 64
    """Above it Spark reads the window, or the job a sample; a disk of twice the size must be within the account's
    quota."""
    spark: Literal["shared", "own", "none"] = "shared"
    """Who reads all of a window above `processing_maximum_gib`. `shared`: Spark on the application of
    `processing.engine: emr-serverless`, where its Python is yours (`processing.python_environment` or
    `processing.serverless.custom_image`, with numpy and pyarrow); where there is none, a job reads a sample.
    `own`: Spark on an application of the monitor's own, made as `processing` says; it costs nothing while idle.
    `none`: a job reads a sample."""
    instance_type: InstanceType = "ml.m5.xlarge"
    """Of the processing job; one is started for each large window, and billed while it runs."""
    max_runtime_minutes: Annotated[int, Field(ge=10, le=1440)] = 120
    """A job, Spark's too, that runs longer is stopped, and tried once more."""


class MonitoringSection(Section):
    """What the hourly monitor regards as worth telling."""

    minimum_rows: Annotated[int, Field(ge=1)] = 50
    """Windows with fewer rows say `insufficient_data` instead of "no drift"."""
    alarm_budget_per_year: Annotated[float, Field(gt=0, le=365, allow_inf_nan=False)] = 1.0
    """False pages that are acceptable in a year; thresholds follow from it."""
    label_delay_hours: Annotated[int, Field(ge=0, le=8760)] = 2
    """How long after a prediction its label is normally known."""
    maximum_missing_share: Share = 0.05
    """Largest share of missing values in a feature above its share in the baseline."""
    minimum_effect: Annotated[float, Field(gt=0, le=3, allow_inf_nan=False)] = 0.05
    """Smallest shift worth a ticket, in standard deviations of the feature (or the distance that such a shift has);
    0.25 until the traffic's rhythm is known."""
    unknown_rhythm: Annotated[float, Field(gt=0, le=3, allow_inf_nan=False)] = 0.05
    """By how many standard deviations hours may wander around their day's mean until the rhythm is known, from the
    second day on. With strong daily rhythms and a baseline without times, 0.3 keeps these two days quiet."""
    allowed_lateness_minutes: Annotated[int, Field(ge=0, le=1440)] = 15
    """How long after its end an hour is judged: capture files may come minutes late."""
    late_hours: Annotated[int, Field(ge=0, le=168)] = 24
    """How long later files still count: they give their hour a revised result, without a second alarm."""
    volume: VolumeSection = Field(default_factory=VolumeSection)
    """Large windows."""
    explain_schedule: Schedule | None = None
    """When a processing job compares the explanations and the fairness of the last seven days with those of the model's
    validation (UTC), such as `cron(0 5 ? * MON *)`; null: never. Each look costs a few minutes of
    `volume.instance_type`."""
    bias: BiasSection = Field(default_factory=BiasSection)
    """Groups towards which the model is to be fair."""
    sources: Annotated[tuple[SourceSection, ...], Field(max_length=20)] = ()
    """What the monitor judges beside the endpoint: captures of batch transform, tables of the lake. Its drift makes a
    ticket, and starts no training."""


class RetrainingSection(Section):
    """When a new model is trained without anybody asking for it."""

    triggers: tuple[Literal["quality_loss", "schedule", "drift"], ...] = ("quality_loss", "schedule")
    """What may start a retraining. `drift` of inputs alone is left out: it says little about harm. A start by hand is
    always possible."""
    confirm_windows: Annotated[int, Field(ge=1, le=48)] = 2
    """Windows that must give the same verdict before it starts a retraining; 1 starts at the first."""
    confirm_within_hours: Annotated[int, Field(ge=1, le=168)] = 6
    """How near to each other these windows must lie."""
    cooldown_hours: Annotated[int, Field(ge=0, le=8760)] = 24
    """Pause after a retraining."""
    daily_budget: Annotated[int, Field(ge=0, le=100)] = 1
    """Most retrainings a day."""
    monthly_budget: Annotated[int, Field(ge=0, le=1000)] = 8
    """Most retrainings in a month. Half of them may follow each other at once, the rest is spread over the month: a
    budget that drift uses up in its first days is none for the weeks after."""
    minimum_labelled_rows: Annotated[int, Field(ge=1)] = 500
    """Fewest labelled rows that the newest data must hold in all, rows that were trained on before included."""
    minimum_fresh_rows: Annotated[int, Field(ge=0)] = 200
    """Fewest of them that must be new, where the data's publisher tells how many are (`fresh_rows`)."""
    breaker_after: Annotated[int, Field(ge=1, le=100)] = 3
    """Retrainings after an alarm that brought no better model, in a row, after which none is started until a run by
    hand brings one."""
    blackouts: tuple[Blackout, ...] = ()
    """Times (UTC) in which nothing is started but by hand: of the week, `fri:18:00-mon:06:00`, or dates, the last day
    included, `2026-12-20/2027-01-05`."""


class RemovalSection(Section):
    """What happens to data when a stack is deleted."""

    destroy_data: bool = False
    """true: buckets, tables and keys may go with their stacks. false: they stay and are removed by hand."""
