"""One self-contained HTML page from a package's template, and files that nobody ever reads half of."""

import os
from collections.abc import Callable, Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

STYLE = ("seatrial.pages", "report.css")
TEMPLATE = "report.html.j2"


def render_page(
    package: str, words: Iterable[Callable[..., object]], *, styles: Iterable[tuple[str, str]] = (), **context: Any
) -> str:
    """The HTML of `package`'s report template: no script, no link to anything outside of itself.

    `words` become the template's filters, by their names; `styles` are (package, file) of further CSS, after the
    reports' own. A name that `context` lacks is jinja2's UndefinedError.
    """
    environment = Environment(
        loader=PackageLoader(package), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update((word.__name__, word) for word in words)
    style = "".join(files(owner).joinpath(name).read_text(encoding="utf-8") for owner, name in (STYLE, *styles))
    return environment.get_template(TEMPLATE).render(style=style, **context)


def write_whole(path: Path, text: str) -> None:
    """Write beside and rename, so that nobody ever reads half a file; the folder must exist."""
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, path)  # noqa: PTH105 - the atomic one on every platform
