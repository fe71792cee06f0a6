"""Reads YAML as its version 1.2 means it and remembers on which line every key stands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong: the line it stands on, its dotted path (empty: the file), and the sentence about it."""

    line: int
    path: str
    message: str


@dataclass
class Document:
    """A parsed file: plain data, the line of each path (from 1), and the mistakes of the YAML itself."""

    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """Line of `path`, or of the nearest parent that is in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def dotted(path: Path) -> str:
    """Write a path as people do.

    >>> dotted(("network", "existing", "subnet_ids", 0))
    'network.existing.subnet_ids[0]'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


class _Loader(yaml.SafeLoader):
    """PyYAML is YAML 1.1, where `Yes` is true, 012 is ten and 10:42 is 642; people expect text."""

    yaml_implicit_resolvers = {}


_RESOLVERS = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)([eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)", "-+.0123456789"),
    ("merge", r"<<", "<"),
)
for _tag, _pattern, _first in _RESOLVERS:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))


def read(text: str) -> Document:
    """Parse `text`; what cannot be parsed becomes a mistake and leaves `data` None."""
    document = Document()
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is not None:
            document.data = _Reader(loader, document).value(node, ())
    except yaml.MarkedYAMLError as error:
        document.mistakes.append(_syntax_mistake(error))
    except yaml.YAMLError as error:
        document.mistakes.append(Mistake(1, "", f"not readable as YAML: {' '.join(str(error).split())}"))
    except RecursionError:
        document.mistakes.append(Mistake(1, "", "nested too deeply to be an engagement"))
    return document


def _syntax_mistake(error: yaml.MarkedYAMLError) -> Mistake:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    reason = ", ".join(part for part in (error.context, error.problem) if part)
    return Mistake(line, "", f"not valid YAML at column {column}: {reason}")


class _Reader:
    """Walks the node tree once: builds plain data, notes lines, finds repeated keys."""

    def __init__(self, loader: _Loader, document: Document) -> None:
        self._loader = loader
        self._document = document
        self._open: list[Node] = []

    def value(self, node: Node, path: Path) -> Any:
        """Plain data of `node`, which stands at `path`."""
        self._document.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, ScalarNode):
            return self._loader.construct_object(node)
        if any(node is above for above in self._open):
            self._complain(node, path, "refers to itself")
            return None
        self._open.append(node)
        try:
            return self._mapping(node, path) if isinstance(node, MappingNode) else self._sequence(node, path)
        finally:
            self._open.pop()

    def _sequence(self, node: Node, path: Path) -> list[Any]:
        assert isinstance(node, SequenceNode)  # noqa: S101 - the only kind of node left
        return [self.value(item, (*path, number)) for number, item in enumerate(node.value)]

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        self._find_repeated_keys(node, path)
        self._loader.flatten_mapping(node)
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            if key is not None:
                self._document.lines[(*path, key)] = key_node.start_mark.line + 1
                result[key] = self.value(value_node, (*path, key))
        return result

    def _key(self, node: Node, path: Path) -> str | None:
        key = self._loader.construct_object(node) if isinstance(node, ScalarNode) else None
        if isinstance(key, str):
            return key
        text = node.value if isinstance(node, ScalarNode) else "a list or mapping"
        self._complain(node, path, f"keys must be text, got {text}: write it in quotes")
        return None

    def _find_repeated_keys(self, node: MappingNode, path: Path) -> None:
        first: dict[str, int] = {}
        for key_node in self._scalar_keys(node):
            line = key_node.start_mark.line + 1
            if key_node.value in first:
                where = (*path, key_node.value)
                self._complain(key_node, where, f"given twice, first on line {first[key_node.value]}: keep one")
            first.setdefault(key_node.value, line)

    @staticmethod
    def _scalar_keys(node: MappingNode) -> Iterator[ScalarNode]:
        return (key for key, _ in node.value if isinstance(key, ScalarNode) and key.value != "<<")

    def _complain(self, node: Node, path: Path, message: str) -> None:
        self._document.mistakes.append(Mistake(node.start_mark.line + 1, dotted(path), message))
