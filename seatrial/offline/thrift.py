"""What moto does anew for every request or service is done once, or only as far as it is asked for; answers stay."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from moto.core import loaders, utils
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

from seatrial.offline import patches


def install() -> None:
    """Replace moto's functions; those that look alike again are replaced by the same."""
    patches.replace(utils, "create_loader", _loader)
    patches.replace_everywhere(utils, "method_names_from_class", MethodNames)


class MethodNames:
    """The methods of a class, looked up one by one: moto lists and sorts all of them to find the request's."""

    def __init__(self, owner: type) -> None:
        self._owner = owner

    def __contains__(self, name: str) -> bool:
        return inspect.isfunction(getattr(self._owner, name, None))


class Dispatcher(DomainDispatcherApplication):
    """Moto's, but a host's service is looked up once: moto lists its own folder for every request."""

    def __init__(self, create_app: Callable[[Any], Any]) -> None:
        super().__init__(create_app)
        self._services: dict[str, Any] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        """Name of the moto backend for a host name, None when there is none."""
        if host is None:
            return None
        if host not in self._services:
            self._services[host] = super().get_backend_for_host(host)
        return self._services[host]

    def prepare(self, backend: Any) -> None:
        """Make a backend's application now; the first request would do so otherwise."""
        with self.lock:
            if backend not in self.app_instances:
                self.app_instances[backend] = self.create_app(backend)


@functools.cache
def _loader() -> loaders.Loader:
    """One for all services: each new one lists botocore's folders again."""
    return loaders.create_loader()
