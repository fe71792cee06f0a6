"""F50 with the real promotion machine and its functions: the topic is gone."""

from pathlib import Path

from seatrial.offline.cloud import OfflineCloud
from tests.faults.drydock import START, Drydock


def test_f50_a_promotion_ends_as_it_would_though_the_topic_is_gone(tmp_path: Path) -> None:
    with OfflineCloud(tmp_path, start=START) as cloud:
        dock = Drydock(cloud)
        (topic,) = [found["TopicArn"] for found in dock.client("sns").list_topics()["Topics"]]
        dock.client("sns").delete_topic(TopicArn=topic)

        status, reason = dock.promote(dock.register())

        assert (status, dock.served(), dock.told()) == ("SUCCEEDED", "1", [])
        assert reason.startswith("serves as asked")
