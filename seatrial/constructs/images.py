"""Where AWS keeps its SageMaker images: registry accounts by region, and the tags that are in use here."""

from seatrial.constructs.errors import ConstructError

FRAMEWORK_REGISTRIES: dict[str, str] = {
    "af-south-1": "510948584623",
    "ap-east-1": "651117190479",
    "ap-northeast-1": "354813040037",
    "ap-northeast-2": "366743142698",
    "ap-northeast-3": "867004704886",
    "ap-south-1": "720646828776",
    "ap-south-2": "628508329040",
    "ap-southeast-1": "121021644041",
    "ap-southeast-2": "783357654285",
    "ap-southeast-3": "951798379941",
    "ap-southeast-4": "106583098589",
    "ca-central-1": "341280168497",
    "ca-west-1": "190319476487",
    "cn-north-1": "450853457545",
    "cn-northwest-1": "451049120500",
    "eu-central-1": "492215442770",
    "eu-central-2": "680994064768",
    "eu-north-1": "662702820516",
    "eu-south-1": "978288397137",
    "eu-south-2": "104374241257",
    "eu-west-1": "141502667606",
    "eu-west-2": "764974769150",
    "eu-west-3": "659782779980",
    "il-central-1": "898809789911",
    "me-central-1": "272398656194",
    "me-south-1": "801668240914",
    "sa-east-1": "737474898029",
    "us-east-1": "683313688378",
    "us-east-2": "257758044811",
    "us-gov-east-1": "237065988967",
    "us-gov-west-1": "414596584902",
    "us-iso-east-1": "833128469047",
    "us-isob-east-1": "281123927165",
    "us-isof-east-1": "108575199400",
    "us-isof-south-1": "124985052026",
    "us-west-1": "746614075791",
    "us-west-2": "246618743249",
}
"""Accounts of `sagemaker-xgboost` and `sagemaker-scikit-learn`, as `image_uri_config/{xgboost,sklearn}.json` of the
SageMaker Python SDK 3.27 has them (Apache-2.0, github.com/aws/sagemaker-python-sdk)."""

SPARK_REGISTRIES: dict[str, str] = {
    "af-south-1": "309385258863",
    "ap-east-1": "732049463269",
    "ap-east-2": "533267296287",
    "ap-northeast-1": "411782140378",
    "ap-northeast-2": "860869212795",
    "ap-northeast-3": "102471314380",
    "ap-south-1": "105495057255",
    "ap-south-2": "873151114052",
    "ap-southeast-1": "759080221371",
    "ap-southeast-2": "440695851116",
    "ap-southeast-3": "800295151634",
    "ap-southeast-4": "819679513684",
    "ap-southeast-5": "841784149062",
    "ap-southeast-7": "471112967968",
    "ca-central-1": "446299261295",
    "ca-west-1": "000907499111",
    "cn-north-1": "671472414489",
    "cn-northwest-1": "844356804704",
    "eu-central-1": "906073651304",
    "eu-central-2": "142351485170",
    "eu-north-1": "330188676905",
    "eu-south-1": "753923664805",
    "eu-south-2": "833944533722",
    "eu-west-1": "571004829621",
    "eu-west-2": "836651553127",
    "eu-west-3": "136845547031",
    "il-central-1": "408426139102",
    "me-central-1": "395420993607",
    "me-south-1": "750251592176",
    "mx-central-1": "211125459255",
    "sa-east-1": "737130764395",
    "us-east-1": "173754725891",
    "us-east-2": "314815235551",
    "us-gov-east-1": "260923028637",
    "us-gov-west-1": "271483468897",
    "us-west-1": "667973535471",
    "us-west-2": "153931337802",
}
"""Accounts of `sagemaker-spark-processing`, as `image_uri_config/spark.json` of the same release has them."""

XGBOOST_TAG = "3.2-0"
SCIKIT_LEARN_TAG = "1.4-2-py312-cpu-py3"
SPARK_TAG = "3.5-cpu-py312-v1"
CHINA = "cn-"


def xgboost_image(region: str) -> str:
    """Image of XGBoost's script mode for training, processing and inference.

    >>> xgboost_image("eu-central-1")
    '492215442770.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-xgboost:3.2-0'
    """
    return _uri(FRAMEWORK_REGISTRIES, "sagemaker-xgboost", XGBOOST_TAG, region)


def scikit_learn_image(region: str) -> str:
    """Image of scikit-learn for training, processing and inference."""
    return _uri(FRAMEWORK_REGISTRIES, "sagemaker-scikit-learn", SCIKIT_LEARN_TAG, region)


def spark_image(region: str) -> str:
    """Image of Spark for processing."""
    return _uri(SPARK_REGISTRIES, "sagemaker-spark-processing", SPARK_TAG, region)


def _uri(registries: dict[str, str], repository: str, tag: str, region: str) -> str:
    if region not in registries:
        raise ConstructError(f"region: AWS has no image {repository} in {region!r}, choose of {', '.join(registries)}")
    suffix = "amazonaws.com.cn" if region.startswith(CHINA) else "amazonaws.com"
    return f"{registries[region]}.dkr.ecr.{region}.{suffix}/{repository}:{tag}"
