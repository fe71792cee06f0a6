"""Functions of text that DuckDB lacks: regular expressions with positions, hashes, JSON as text. NULL gives NULL."""

import functools
import hashlib
import json
import re
from typing import Any

_SOUNDS = {
    letter: digit for digit, group in enumerate(("BFPV", "CGJKQSXZ", "DT", "L", "MN", "R"), 1) for letter in group
}
_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_HASHES = {0: "sha256", 224: "sha224", 256: "sha256", 384: "sha384", 512: "sha512"}
_CLASSES = {"alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "space": r"\s"}
_CLASSES |= {"punct": r"!-/:-@\[-`{-~", "blank": r" \t", "xdigit": "0-9a-fA-F", "print": r"\x20-\x7e"}
_FNV_PRIME = 0x100000001B3


def _cut_bytes(text: str, most: int) -> str:
    return text.encode()[: max(0, most)].decode(errors="ignore")


def _octet_index(part: str, text: str) -> int:
    return text.encode().find(part.encode()) + 1


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_CRC = _crc_table()


def crc32(text: str) -> str:
    """Redshift's CRC32, which is CRC-32C (Castagnoli): the example of its guide tells.

    >>> crc32("Amazon Redshift")
    'f2726906'
    """
    value = 0xFFFFFFFF
    for byte in text.encode():
        value = (value >> 8) ^ _CRC[(value ^ byte) & 0xFF]
    return f"{value ^ 0xFFFFFFFF:08x}"


def soundex(text: str) -> str:
    """American Soundex.

    >>> soundex("Redshift")
    'R321'
    """
    letters = [letter for letter in text.upper() if letter.isascii() and letter.isalpha()]
    if not letters:
        return ""
    code, last = letters[0], _SOUNDS.get(letters[0])
    for letter in letters[1:]:
        digit = _SOUNDS.get(letter)
        if digit is not None and digit != last:
            code += str(digit)
        if letter not in "HW":
            last = digit
    return code[:4].ljust(4, "0")


def _difference(one: str, other: str) -> int:
    return sum(a == b for a, b in zip(soundex(one), soundex(other), strict=False))


def _initcap(text: str) -> str:
    return re.sub(r"[A-Za-z0-9\u0080-\uffff]+", lambda found: found[0][:1].upper() + found[0][1:].lower(), text)


def _sha2(text: str, bits: int) -> str | None:
    name = _HASHES.get(bits)
    return hashlib.new(name, text.encode()).hexdigest() if name else None


def _quote_ident(text: str) -> str:
    return text if re.fullmatch(r"[a-z_][a-z0-9_]*", text) else '"' + text.replace('"', '""') + '"'


def _quote_literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


@functools.lru_cache(maxsize=256)
def compiled(pattern: str, parameters: str) -> re.Pattern[str]:
    """A POSIX (or, with `p`, Perl) pattern of Redshift for Python; `i` ignores case."""
    for name, members in _CLASSES.items():
        pattern = pattern.replace(f"[:{name}:]", members)
    return re.compile(pattern, re.IGNORECASE if "i" in parameters else 0)


def _found(text: str, pattern: str, position: int, parameters: str) -> list[re.Match[str]]:
    return list(compiled(pattern, parameters).finditer(text, max(0, position - 1)))


def _regexp_count(text: str, pattern: str, position: int, parameters: str) -> int:
    return len(_found(text, pattern, position, parameters))


def _regexp_instr(  # noqa: PLR0917 - the arguments are SQL's
    text: str, pattern: str, position: int, occurrence: int, option: int, parameters: str
) -> int:
    found = _found(text, pattern, position, parameters)
    if len(found) < max(1, occurrence):
        return 0
    match = found[max(1, occurrence) - 1]
    return (match.end() if option else match.start()) + 1


def _regexp_replace(text: str, pattern: str, replacement: str, position: int, parameters: str) -> str:
    expanded = re.sub(r"\\\\(\d)|\$(\d)", lambda found: f"\\g<{found[1] or found[2]}>", replacement)
    start = max(0, position - 1)
    return text[:start] + compiled(pattern, parameters).sub(expanded, text[start:])


def _regexp_substr(text: str, pattern: str, position: int, occurrence: int, parameters: str) -> str:
    found = _found(text, pattern, position, parameters)
    if len(found) < max(1, occurrence):
        return ""
    match = found[max(1, occurrence) - 1]
    return (match[1] or "") if "e" in parameters and match.re.groups else match[0]


def _strtol(text: str, base: int) -> int:
    return int(text, base)


def _little_endian(number: int, size: int) -> bytes:
    return number.to_bytes(size, "little", signed=True)


def _json_at(text: str, path: str, null_if_invalid: bool) -> str | None:
    """The element at `path`, a JSON list of names, as text; None when it is not there."""
    value = _parsed(text, null_if_invalid)
    for name in json.loads(path):
        if isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        elif isinstance(value, dict) and name in value:
            value = value[name]
        else:
            return None
    return as_text(value)


def _json_element(text: str, position: int, null_if_invalid: bool) -> str | None:
    value = _parsed(text, null_if_invalid)
    if not isinstance(value, list):
        return None if null_if_invalid else _raise("invalid json array object " + text)
    return as_text(value[position]) if 0 <= position < len(value) else None


def _json_array_length(text: str, null_if_invalid: bool) -> int | None:
    value = _parsed(text, null_if_invalid)
    if isinstance(value, list):
        return len(value)
    return None if null_if_invalid else _raise("invalid json array object " + text)


def _parsed(text: str, null_if_invalid: bool) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None if null_if_invalid else _raise("invalid json object " + text)


def _raise(message: str) -> Any:
    raise ValueError(f"{message}: JSON parsing error")


def as_text(value: Any) -> str | None:
    """A JSON value as Redshift's text functions give it: strings bare, containers compact."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _weekday(name: str) -> int:
    found = [day for day, full in enumerate(_DAYS) if full.startswith(name.lower()) and len(name) >= 1]
    if not found:
        raise ValueError(f"{name!r} is not a day of the week")
    return found[0]


def _fnv_hash(content: bytes, seed: int) -> int:
    """FNV-1a of 64 bits, as Redshift chains it by the seed."""
    value = seed % 2**64
    for byte in content:
        value = ((value ^ byte) * _FNV_PRIME) % 2**64
    return value - 2**64 if value >= 2**63 else value


_T, _I, _B = "VARCHAR", "BIGINT", "BOOLEAN"
FUNCTIONS: tuple[tuple[str, Any, tuple[str, ...], str], ...] = (
    ("rs_cut_bytes", _cut_bytes, (_T, _I), _T),
    ("rs_octet_index", _octet_index, (_T, _T), "INTEGER"),
    ("rs_crc32", crc32, (_T,), _T),
    ("rs_soundex", soundex, (_T,), _T),
    ("rs_difference", _difference, (_T, _T), "INTEGER"),
    ("rs_initcap", _initcap, (_T,), _T),
    ("rs_sha2", _sha2, (_T, _I), _T),
    ("rs_quote_ident", _quote_ident, (_T,), _T),
    ("rs_quote_literal", _quote_literal, (_T,), _T),
    ("rs_regexp_count", _regexp_count, (_T, _T, _I, _T), "INTEGER"),
    ("rs_regexp_instr", _regexp_instr, (_T, _T, _I, _I, _I, _T), "INTEGER"),
    ("rs_regexp_replace", _regexp_replace, (_T, _T, _T, _I, _T), _T),
    ("rs_regexp_substr", _regexp_substr, (_T, _T, _I, _I, _T), _T),
    ("rs_strtol", _strtol, (_T, "INTEGER"), _I),
    ("rs_json_at", _json_at, (_T, _T, _B), _T),
    ("rs_json_element", _json_element, (_T, _I, _B), _T),
    ("rs_json_array_length", _json_array_length, (_T, _B), "INTEGER"),
    ("rs_weekday", _weekday, (_T,), "INTEGER"),
    ("rs_little_endian", _little_endian, (_I, _I), "BLOB"),
    ("rs_fnv_hash", _fnv_hash, ("BLOB", _I), _I),
)
"""Name in DuckDB, function, types of the arguments and of the result."""
