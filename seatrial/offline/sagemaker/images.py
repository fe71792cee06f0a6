"""Which program stands in for a container image, by the image's repository name."""

import importlib.metadata
import re
from collections.abc import Callable
from dataclasses import dataclass

from seatrial.offline.journal import Journal
from seatrial.offline.sagemaker.errors import ValidationError

_IMAGE = re.compile(r"(?:(?P<registry>[^/]+)/)?(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@.+)?")


@dataclass(frozen=True)
class Family:
    """A kind of image that runs offline: the library that decides its behaviour, and who versions its tag."""

    name: str
    distribution: str
    library: str
    tag_version: Callable[[str], str]


@dataclass(frozen=True)
class Image:
    """An image URI taken apart; the tag is empty where a digest stands alone."""

    uri: str
    repository: str
    tag: str
    family: Family


def _leading(tag: str) -> str:
    """`1.7-1` and `3.5-cpu-py39-v1` name version 1.7 and 3.5."""
    return tag.split("-", maxsplit=1)[0]


FAMILIES = {
    "sagemaker-xgboost": Family("xgboost", "xgboost-cpu", "XGBoost", _leading),
    "xgboost": Family("xgboost", "xgboost-cpu", "XGBoost", _leading),
    "sagemaker-scikit-learn": Family("scikit-learn", "scikit-learn", "scikit-learn", _leading),
    "sagemaker-spark-processing": Family("spark", "pyspark", "Spark", _leading),
}
"""Repository name (its last part) to family; an image of your own that only holds such a library can be added."""


def parse_image(uri: str) -> Image:
    """Take an image URI apart; raises `ValidationError` for one that no program stands in for.

    >>> parse_image("4.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-xgboost:1.7-1").tag
    '1.7-1'
    """
    match = _IMAGE.fullmatch(uri)
    repository = match["repository"] if match else uri
    family = FAMILIES.get(repository.rpartition("/")[2])
    if match is None or family is None:
        raise ValidationError(
            f"no program stands in for the image {uri!r} in the offline cloud: it knows {', '.join(sorted(FAMILIES))}; "
            "use one of these, or name the image's repository in FAMILIES of seatrial/offline/sagemaker/images.py"
        )
    return Image(uri, repository, match["tag"] or ("" if "@" in uri else "latest"), family)


def note_version(journal: Journal, image: Image) -> None:
    """Put into the fidelity report which version the image names and which one ran."""
    try:
        installed = importlib.metadata.version(image.family.distribution)
    except importlib.metadata.PackageNotFoundError:
        installed = importlib.metadata.version(image.family.distribution.removesuffix("-cpu"))
    library = image.family.library
    if not image.tag:
        detail = f"the image is named by its digest, which does not tell its {library}; {installed} ran"
        journal.fidelity(image.repository, "version", detail)
        return
    wanted = image.family.tag_version(image.tag)
    same = installed == wanted or installed.startswith(f"{wanted}.")
    detail = f"the image has {library} {wanted}; {installed} ran"
    journal.fidelity(f"{image.repository}:{image.tag}", "real" if same else "version", detail)
