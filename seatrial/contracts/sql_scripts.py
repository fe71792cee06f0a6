"""SQL files as the warehouse takes them: split into statements, with placeholders `${name}` filled in."""

import re
from collections.abc import Mapping

_TOKEN = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?\*/)"
    r"|(?P<quoted>'(?:[^'\\]|\\.|'')*'|\"(?:[^\"]|\"\")*\"|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)"
    r"|(?P<end>;)|(?P<open>['\"]|/\*)|(?P<other>[^'\"$;/-]+|.)",
    re.DOTALL,
)
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
_HARMLESS = re.compile(r"[A-Za-z0-9_./:@=+,*-]*")


class ScriptError(ValueError):
    """A SQL script cannot be run; the text says which and why."""


def split_statements(script: str) -> tuple[str, ...]:
    """Statements of a script without comments and semicolons; quotes and `$$` bodies are kept whole.

    Raises `ScriptError` on a quote or comment that is never closed.

    >>> split_statements("SELECT ';' -- one; two\\n; CREATE PROCEDURE p() AS $$ BEGIN NULL; END; $$ LANGUAGE plpgsql;")
    ("SELECT ';'", 'CREATE PROCEDURE p() AS $$ BEGIN NULL; END; $$ LANGUAGE plpgsql')
    """
    statements, current = [], ""
    for token in _TOKEN.finditer(script):
        if token["open"]:
            line = script.count("\n", 0, token.start()) + 1
            raise ScriptError(f"line {line}: {token['open']} is never closed")
        if token["end"]:
            statements.append(current.strip())
            current = ""
        else:
            current += " " if token["comment"] else token.group()
    return tuple(statement for statement in (*statements, current.strip()) if statement)


def placeholders(script: str) -> frozenset[str]:
    """Names of the placeholders.

    >>> sorted(placeholders("COPY t FROM 's3://${bucket}/${prefix}'"))
    ['bucket', 'prefix']
    """
    return frozenset(_PLACEHOLDER.findall(script))


def fill(script: str, values: Mapping[str, str]) -> str:
    """The script with every placeholder replaced; raises `ScriptError` for unknown ones and for unsafe values.

    A value may hold what names, ARNs and S3 addresses are made of; quotes, blanks and semicolons could change the
    statement around it.

    >>> fill("UNLOAD ('SELECT 1') TO '${uri}'", {"uri": "s3://bucket/a=1/"})
    "UNLOAD ('SELECT 1') TO 's3://bucket/a=1/'"
    """
    unknown = sorted(placeholders(script) - set(values))
    if unknown:
        known = ", ".join(sorted(values)) or "none"
        raise ScriptError(f"${{{unknown[0]}}}: unknown placeholder, known: {known}")
    return _PLACEHOLDER.sub(lambda found: _harmless(found[1], values[found[1]]), script)


def _harmless(name: str, value: str) -> str:
    if not _HARMLESS.fullmatch(value):
        raise ScriptError(f"${{{name}}}: must hold letters, digits and _./:@=+,*- only, got {value!r}")
    return value
