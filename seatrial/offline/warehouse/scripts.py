"""Texts of SQL taken apart with regard to quotes, dollar quotes and comments."""

import re

_PIECE = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^'\\]|''|\\.)*'|\"(?:[^\"]|\"\")*\"|(\$\w*\$).*?\1|;|[^;'\"$/-]+|.", re.DOTALL
)


def split(sql: str) -> list[str]:
    """The statements of a script, without their semicolons and without empty ones.

    >>> split("select ';' ; -- a; b\\nselect 2;")
    ["select ';'", '-- a; b\\nselect 2']
    """
    statements, current = [], ""
    for found in _PIECE.finditer(sql):
        if found[0] == ";":
            statements.append(current)
            current = ""
        else:
            current += found[0]
    return [one.strip() for one in (*statements, current) if without_comments(one).strip()]


def without_comments(sql: str) -> str:
    """The text without comments; those inside quotes stay."""
    pieces = (found[0] for found in _PIECE.finditer(sql))
    return "".join(" " if piece.startswith(("--", "/*")) else piece for piece in pieces)


def parenthesized(sql: str, start: int) -> tuple[str, int]:
    """What stands between the parenthesis at `start` and the one that closes it, and the position after that."""
    depth, position = 0, start
    for found in _PIECE.finditer(sql, start):
        piece = found[0]
        if piece[0] in "'\"" or piece.startswith(("--", "/*", "$")):
            continue
        for offset, letter in enumerate(piece):
            depth += {"(": 1, ")": -1}.get(letter, 0)
            if depth == 0:
                position = found.start() + offset
                return sql[start + 1 : position], position + 1
    raise ValueError(f"a parenthesis is not closed: {sql[start : start + 40]}")


def top_level(text: str) -> list[str]:
    """Parts of a list between commas that stand in no parenthesis or quote."""
    parts, current, depth = [], "", 0
    for found in _PIECE.finditer(text):
        piece = found[0]
        if piece[0] in "'\"" or piece.startswith(("--", "/*", "$")):
            current += piece
            continue
        for letter in piece:
            depth += {"(": 1, ")": -1}.get(letter, 0)
            if letter == "," and depth == 0:
                parts.append(current.strip())
                current = ""
            else:
                current += letter
    return [*parts, current.strip()] if current.strip() or parts else []
