"""Which form of the monitor looks at a window: the function, a processing job or a Spark job, by its volume."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

Form = Literal["lambda", "processing", "spark"]

MEBIBYTE = 1024**2
AVERAGE_ROW_BYTES = 600
"""Of a captured request with some 20 features; used where only one of bytes and rows is known."""


@dataclass(frozen=True)
class FormLimits:
    """The largest window that a form reads in full; a Spark job has no limit."""

    lambda_bytes: int = 96 * MEBIBYTE
    lambda_rows: int = 150_000
    processing_bytes: int = 64 * 1024 * MEBIBYTE
    processing_rows: int = 100_000_000

    @classmethod
    def of_mib(cls, *, function_mib: int, processing_mib: int) -> "FormLimits":
        """Limits by bytes, with as many rows to a byte as the standard ones have.

        >>> FormLimits.of_mib(function_mib=96, processing_mib=65_536) == FormLimits()
        True
        """
        known = cls()
        return cls(
            function_mib * MEBIBYTE,
            known.lambda_rows * function_mib * MEBIBYTE // known.lambda_bytes,
            processing_mib * MEBIBYTE,
            known.processing_rows * processing_mib * MEBIBYTE // known.processing_bytes,
        )


@dataclass(frozen=True)
class FormDecision:
    """The form, the share of requests that it reads (1.0 is all of them), and why."""

    form: Form
    sampled_share: float
    reason: str


def choose_form(
    volume_bytes: int,
    rows: int | None = None,
    *,
    available: Collection[Form] = ("lambda",),
    limits: FormLimits | None = None,
) -> FormDecision:
    """Choose the smallest available form that reads the whole window; the largest one samples when none does.

    `volume_bytes` is the size of the window's capture files, `rows` their requests where that is known. Equal
    volumes give equal answers, so a rerun goes the same way. Raises `ValueError` when no form is available.

    >>> choose_form(3_000_000).form
    'lambda'
    >>> choose_form(2 * 1024**3, available=("lambda", "processing")).form
    'processing'
    >>> choose_form(192 * 1024**2).reason
    'sampled: 192 MiB, about 335,544 requests, are more than the 96 MiB or 150,000 requests that lambda reads'
    """
    limits = limits or FormLimits()
    if not available:
        raise ValueError("no form of the monitor is available: name at least one of lambda, processing, spark")
    known = rows if rows is not None else volume_bytes // AVERAGE_ROW_BYTES
    told = f"{volume_bytes / MEBIBYTE:,.0f} MiB, about {known:,} requests"
    bounds: dict[Form, tuple[int, int]] = {
        "lambda": (limits.lambda_bytes, limits.lambda_rows),
        "processing": (limits.processing_bytes, limits.processing_rows),
    }
    for form, (most_bytes, most_rows) in bounds.items():
        if form in available and volume_bytes <= most_bytes and known <= most_rows:
            return FormDecision(form, 1.0, f"{form} reads all of {told}")
    if "spark" in available:
        return FormDecision("spark", 1.0, f"spark reads all of {told}")
    form: Form = "processing" if "processing" in available else "lambda"
    most_bytes, most_rows = bounds[form]
    share = min(most_bytes / max(volume_bytes, 1), most_rows / max(known, 1))
    largest = f"{most_bytes // MEBIBYTE:,} MiB or {most_rows:,} requests"
    return FormDecision(form, share, f"sampled: {told}, are more than the {largest} that {form} reads")
