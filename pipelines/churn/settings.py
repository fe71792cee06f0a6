"""What a deployment fills in before the churn pipeline can be defined; every value may be a CDK token."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from seatrial.contracts.bias import BiasSettings
from seatrial.contracts.dataset import DatasetSpec


@dataclass(frozen=True, kw_only=True)
class JobSettings:
    """Where and as whom every job of the pipeline runs."""

    role_arn: str
    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]
    kms_key_arn: str
    max_runtime_seconds: int
    volume_gib: int = 30


@dataclass(frozen=True, kw_only=True)
class Images:
    """URIs of AWS's container images; Spark 3.5 and images with Python 3.10 or newer."""

    spark: str
    xgboost: str
    scikit_learn: str


@dataclass(frozen=True, kw_only=True)
class Code:
    """S3 URIs of content-addressed assets, and the file name that ends each (a token cannot be split)."""

    features: str
    features_name: str
    evaluate: str
    evaluate_name: str
    baseline: str
    baseline_name: str
    training_source: str
    """A tar.gz with the content of `pipelines/churn/steps` at its top level."""
    training_source_name: str
    library: str
    """A zip with `seatrial/contracts` and `seatrial/statistics`."""
    library_name: str
    dataset: str
    dataset_name: str
    no_champion: str
    """A small JSON file: what `ChampionModelUri` points to while nothing serves."""


@dataclass(frozen=True, kw_only=True)
class SparkTraining:
    """Where and as whom SparkML trains: an EMR Serverless application; the script is `steps/sparkml_train.py`."""

    application_id: str
    role_arn: str
    script: str
    submit_options: tuple[str, ...]
    serving_wheels: tuple[str, ...]
    """S3 URIs of wheels that the serving image lacks."""
    max_runtime_minutes: int


@dataclass(frozen=True, kw_only=True)
class ChurnSettings:
    """Everything `churn_pipeline` needs."""

    jobs: JobSettings
    images: Images
    code: Code
    artifacts_bucket: str
    model_package_group: str
    default_input_uri: str
    dataset: DatasetSpec
    algorithm: str
    hyperparameters: Mapping[str, str]
    instance_type: str
    features_instance_type: str
    tuning_max_jobs: int
    tuning_max_parallel_jobs: int
    minimum_rows: int
    maximum_duplicate_share: float
    maximum_missing_label_share: float
    minimum_auc: float
    minimum_gain: float
    inference_instance_type: str
    bias: BiasSettings = field(default_factory=BiasSettings)
    acceptance: Mapping[str, float] = field(default_factory=dict)
    """What else is asked of a challenger, by the names of `seatrial.decisions.acceptance` and of the campaign."""
    segments: tuple[str, ...] = ()
    """Columns whose categories have the floor of quality; all with few categories when there are none."""
    spark: SparkTraining | None = None
    """Needed by the algorithms of SparkML, and by no other."""

    @property
    def model_image(self) -> str:
        """The image that trains, evaluates and serves the chosen algorithm."""
        return self.images.xgboost if self.algorithm == "xgboost" else self.images.scikit_learn
