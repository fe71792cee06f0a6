"""`seatrial status`: from its options to the text that it prints."""

import argparse

from botocore.exceptions import BotoCoreError, ClientError

from seatrial.config import load
from seatrial.decisions.retraining import RetrainingSettings
from seatrial.status import show
from seatrial.status.aws import Aws, StatusError
from seatrial.status.facts import Request, gather


def run_status(options: argparse.Namespace) -> str:
    """The text to print; raises `StatusError` with one line when it cannot be told."""
    engagement = load(options.engagement)
    target = engagement.environments[options.environment]
    request = Request(
        prefix=f"{engagement.name}-{options.environment}",
        account=target.account,
        region=target.region,
        windows=options.windows,
        decisions=options.decisions,
        settings=RetrainingSettings.from_json(engagement.retraining.model_dump_json()),
    )
    try:
        facts = gather(Aws.of_region(target.region), request)
    except ClientError as error:
        answer = error.response["Error"]
        raise StatusError(f"{error.operation_name}: {answer['Code']}: {answer['Message']}") from None
    except BotoCoreError as error:
        raise StatusError(f"AWS cannot be asked: {' '.join(str(error).split())}") from None
    return show.as_json(facts) if options.json else show.as_text(facts)
