"""Loads an engagement file, and when it is wrong tells every mistake at once with its line."""

import copy
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from seatrial.config.document import Document, Mistake, Path, dotted, read
from seatrial.config.engagement import Engagement
from seatrial.config.rules import broken_rules
from seatrial.config.sentences import probable_key, sentence

_STAND_INS = {
    "name": "stand-in",
    "owner": "stand-in@example.com",
    "environments": {"dev": {"account": "111111111111", "region": "eu-central-1"}},
    "account": "111111111111",
    "region": "eu-central-1",
}
"""Put in for required keys that are missing or wrong, so that the rules between the other keys can still be checked."""
_PYTHON: Path = ("processing", "python_environment")
_WHEELS: Path = ("training", "serving_wheels")
_UNION_TAGS = {"str", "int", "float", "bool"}


class EngagementError(Exception):
    """The engagement file cannot be used; `mistakes` holds every reason, the text has one line for each."""

    def __init__(self, file: FilePath, mistakes: list[Mistake]) -> None:
        self.file = file
        self.mistakes = sorted(mistakes, key=lambda mistake: (mistake.line, mistake.path))
        super().__init__("\n".join(self._lines()))

    def _lines(self) -> Iterator[str]:
        for mistake in self.mistakes:
            path = f"{mistake.path}: " if mistake.path else ""
            yield f"{self.file}:{mistake.line}: {path}{mistake.message}"


def load(path: FilePath) -> Engagement:
    """Read and check the engagement file at `path`.

    Files that it names come back resolved against its folder. Raises `EngagementError` with every mistake.
    """
    document = _read(path)
    if not isinstance(document.data, dict):
        raise EngagementError(path, document.mistakes or [Mistake(1, "", _not_a_mapping(document.data))])
    checked = _validate(document.data)
    found = list(checked.found)
    if checked.engagement is not None:
        found += broken_rules(checked.engagement, checked.doubtful)
        found += [(("training", "definition"), text) for text in _definition_mistakes(checked.engagement, path)]
        found += [(_PYTHON, text) for text in _python_mistakes(checked.engagement, path)]
        found += [(_WHEELS, text) for text in _wheel_mistakes(checked.engagement, path)]
    mistakes = [*document.mistakes, *(_located(document, where, text) for where, text in found)]
    if mistakes or checked.engagement is None:
        raise EngagementError(path, mistakes)
    return _with_wheels(_with_python(_with_definition(checked.engagement, path), path), path)


def _read(path: FilePath) -> Document:
    try:
        return read(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise EngagementError(path, [Mistake(1, "", f"must be UTF-8 text: byte {error.start} is not")]) from None
    except OSError as error:
        raise EngagementError(path, [Mistake(1, "", f"cannot be read: {_reason(error)}")]) from None


def _not_a_mapping(data: Any) -> str:
    got = "an empty file" if data is None else f"a {type(data).__name__}"
    return f"must be a mapping with the keys name, owner and environments, got {got}"


@dataclass
class _Checked:
    """What the models say: an engagement, made of the right keys only when some are wrong, and what is wrong."""

    engagement: Engagement | None = None
    found: list[tuple[Path, str]] = field(default_factory=list)
    doubtful: list[Path] = field(default_factory=list)
    """Keys whose value in `engagement` is not what the user meant."""


def _validate(data: dict[str, Any]) -> _Checked:
    checked, patched = _Checked(), copy.deepcopy(data)
    for _ in range(4):  # a stand-in may uncover a deeper gap, never more than three levels down
        try:
            checked.engagement = Engagement.model_validate_json(json.dumps(patched))
        except ValidationError as error:
            details = {_path(detail): detail for detail in reversed(error.errors(include_url=False))}
            if not checked.found:
                checked.found = [(where, sentence(detail, where)) for where, detail in details.items()]
            for where, detail in details.items():
                checked.doubtful += _doubtful(where, detail, patched)
                _patch(patched, where)
        else:
            break
    return checked


def _doubtful(where: Path, detail: ErrorDetails, data: dict[str, Any]) -> list[Path]:
    """The key itself; for an unknown key the one that was probably meant, unless it is there as well."""
    if detail["type"] != "extra_forbidden":
        return [where]
    *above, _ = where
    meant = probable_key(where)
    return [(*above, meant)] if meant and meant not in (_at(data, above) or {}) else []


def _path(detail: ErrorDetails) -> Path:
    """Where the error is, without the marks that pydantic adds for keys and unions."""
    where = tuple(detail["loc"])
    if where and (where[-1] == "[key]" or (where[-1] in _UNION_TAGS and where[:2] == ("training", "hyperparameters"))):
        return where[:-1]
    return where


def _patch(data: dict[str, Any], where: Path) -> None:
    """Take the wrong value out, or put a stand-in for what is required; without one the whole section goes."""
    *above, last = where
    parent = _at(data, above)
    if parent is None:
        return
    if last in {*_required(above)}:
        parent[last] = copy.deepcopy(_STAND_INS[str(last)])
    elif isinstance(last, int) or last in parent:
        del parent[last]
    else:
        _patch(data, tuple(above))


def _at(data: dict[str, Any], where: Sequence[str | int]) -> Any:
    """What is at `where`; None when it has been taken out."""
    found: Any = data
    for part in where:
        if found is None or (isinstance(found, dict) and part not in found):
            return None
        found = found[part]
    return found


def _required(above: list[str | int]) -> tuple[str, ...]:
    if not above:
        return ("name", "owner", "environments")
    return ("account", "region") if above[0] == "environments" else ()


def _located(document: Document, where: Path, text: str) -> Mistake:
    return Mistake(document.line(where), dotted(where), text)


def _with_definition(engagement: Engagement, file: FilePath) -> Engagement:
    given = engagement.training.definition
    if given is None:
        return engagement
    training = engagement.training.model_copy(update={"definition": (file.parent / given).resolve()})
    return engagement.model_copy(update={"training": training})


def _definition_mistakes(engagement: Engagement, file: FilePath) -> Iterator[str]:
    given = engagement.training.definition
    if given is None:
        return
    try:
        definition = json.loads((file.parent / given).read_text(encoding="utf-8"))
    except OSError as error:
        yield f"must be a file, named from the engagement file's folder, got {str(given)!r}: {_reason(error)}"
    except ValueError as error:
        yield f"must be JSON, got {str(given)!r}: {error}"
    else:
        if not isinstance(definition, dict) or not isinstance(definition.get("Steps"), list):
            yield f"must be a pipeline definition with a list of Steps, got {str(given)!r}"


def _with_python(engagement: Engagement, file: FilePath) -> Engagement:
    given = engagement.processing.python_environment
    if given is None:
        return engagement
    processing = engagement.processing.model_copy(update={"python_environment": (file.parent / given).resolve()})
    return engagement.model_copy(update={"processing": processing})


def _python_mistakes(engagement: Engagement, file: FilePath) -> Iterator[str]:
    given = engagement.processing.python_environment
    if given is None:
        return
    if not given.name.endswith(".tar.gz"):
        yield f"must be a tar.gz archive of a virtual environment, got {str(given)!r}"
    elif not (file.parent / given).is_file():
        yield f"must be a file, named from the engagement file's folder, got {str(given)!r}: no such file"


def _with_wheels(engagement: Engagement, file: FilePath) -> Engagement:
    wheels = tuple((file.parent / given).resolve() for given in engagement.training.serving_wheels)
    training = engagement.training.model_copy(update={"serving_wheels": wheels})
    return engagement.model_copy(update={"training": training})


def _wheel_mistakes(engagement: Engagement, file: FilePath) -> Iterator[str]:
    for given in engagement.training.serving_wheels:
        if given.suffix != ".whl":
            yield f"must be wheels, got {str(given)!r}"
        elif not (file.parent / given).is_file():
            yield f"must be files, named from the engagement file's folder, got {str(given)!r}: no such file"


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
