"""What moto does once instead of anew gives the same as moto's own."""

import pytest
from moto.core import utils
from moto.dynamodb.responses import DynamoHandler
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

from seatrial.offline import patches
from seatrial.offline.thrift import Dispatcher, MethodNames


@pytest.mark.parametrize(
    "host", ["s3", "s3.eu-central-1.amazonaws.com", "runtime.sagemaker.eu-central-1.amazonaws.com"]
)
def test_the_dispatcher_finds_the_services_that_moto_finds(host):
    ours, motos = Dispatcher(lambda name: None), DomainDispatcherApplication(lambda name: None)

    found = [ours.get_backend_for_host(host) for _ in range(2)]

    assert found == [motos.get_backend_for_host(host)] * 2


def test_a_class_has_the_methods_that_moto_lists():
    listed = patches.original(utils, "method_names_from_class")(DynamoHandler)

    ours = MethodNames(DynamoHandler)

    assert [name for name in dir(DynamoHandler) if name in ours] == listed
    assert "get_item" in ours
    assert "no_such_action" not in ours


def test_a_backend_is_prepared_once():
    made = []
    dispatcher = Dispatcher(lambda name: made.append(name) or object())

    dispatcher.prepare("s3")
    dispatcher.prepare("s3")

    assert made == ["s3"]
