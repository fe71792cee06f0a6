"""Regions of AWS, as botocore knows them."""

import difflib

from botocore.session import get_session


def region_mistake(name: str) -> str | None:
    """What is wrong with the name of a region, with the one that may be meant; None for one that there is.

    >>> region_mistake("eu-centrl-1")
    "'eu-centrl-1' is no region of AWS; did you mean 'eu-central-1'?"
    """
    session = get_session()
    known = [
        region for part in session.get_available_partitions() for region in session.get_available_regions("s3", part)
    ]
    if name in known:
        return None
    close = difflib.get_close_matches(name, known, 1)
    return f"{name!r} is no region of AWS" + (f"; did you mean {close[0]!r}?" if close else "")
