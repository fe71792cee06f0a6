"""SUPER in queries: navigation by dots and brackets, and unnesting in the FROM clause (PartiQL)."""

import json

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import MappingSchema

from seatrial.offline.warehouse.errors import NotSupportedError


def rewrite_paths(tree: exp.Expr, schema: MappingSchema) -> None:
    """Turn `a.b[0].c` into calls of RS_PATH, and `FROM t, t.items AS i` into an unnesting join; in place."""
    for scope in traverse_scope(tree):
        select = scope.expression
        if isinstance(select, exp.Select):
            aliases = _sources(scope)
            unnested: set[str] = set()
            _unnest(select, aliases, unnested)
            _navigate(select, aliases, unnested)


def _sources(scope: Scope) -> set[str]:
    names = set(scope.sources)
    parent = scope.parent
    while parent is not None:
        names |= set(parent.sources)
        parent = parent.parent
    return {str(name) for name in names}


def _unnest(select: exp.Select, aliases: set[str], unnested: set[str]) -> None:
    """Redshift unnests in order; an array that is missing or empty drops the row, a scalar counts as one element."""
    for join in select.args.get("joins") or []:
        source = join.this
        if isinstance(source, exp.Unnest):
            expression, alias = source.expressions[0], _unnest_alias(source)
        elif isinstance(source, exp.Table) and (source.catalog or source.db) in aliases:
            parts = [part.name for part in source.parts]
            expression, alias = exp.column(*reversed(parts)) if len(parts) < 3 else _dotted(parts), source.alias_or_name
        else:
            continue
        if not _is_true(join.args.get("on")):
            raise NotSupportedError("joins of unnested SUPER values with a condition")
        values = exp.Anonymous(this="RS_EACH", expressions=[_path(expression, aliases, unnested)])
        source = exp.Unnest(
            expressions=[values],
            alias=exp.TableAlias(this=exp.to_identifier(f"_u_{alias}"), columns=[exp.to_identifier(alias)]),
        )
        join.replace(exp.Join(this=source, kind="CROSS"))
        aliases.discard(alias)
        unnested.add(alias)


def _unnest_alias(source: exp.Unnest) -> str:
    columns = source.args["alias"].args.get("columns") or []
    return columns[0].name if columns else source.alias


def _is_true(condition: exp.Expr | None) -> bool:
    return condition is None or (isinstance(condition, exp.Boolean) and bool(condition.this))


def _dotted(parts: list[str]) -> exp.Expr:
    return exp.Dot.build([exp.to_identifier(part) for part in parts])


def _navigate(select: exp.Select, aliases: set[str], unnested: set[str]) -> None:
    for node in list(select.find_all(exp.Dot, exp.Bracket, exp.Column)):
        if node.find_ancestor(exp.Select) is not select or isinstance(node.parent, exp.Dot | exp.Bracket):
            continue
        if isinstance(node, exp.Column) and _is_plain(node, aliases, unnested):
            continue
        if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Star):
            raise NotSupportedError("the star of a SUPER path")
        if node.parent is not None:
            found = _path(node, aliases, unnested)
            node.replace(exp.alias_(found, _last_name(node), quoted=True) if node.parent is select else found)


def _last_name(node: exp.Expr) -> str:
    """The name that a column of the result has after a path."""
    while isinstance(node, exp.Bracket):
        node = node.this
    return node.expression.name if isinstance(node, exp.Dot) else node.name


def _is_plain(node: exp.Column, aliases: set[str], unnested: set[str]) -> bool:
    """A column of a table, or a star; an unnested value by itself is none."""
    if isinstance(node.this, exp.Star):
        return True
    return node.table in aliases if node.table else node.name not in unnested


def _path(node: exp.Expr, aliases: set[str], unnested: set[str]) -> exp.Expr:
    """A call of RS_PATH, or the bare column when nothing is navigated."""
    root, steps = _steps(node)
    if isinstance(root, exp.Column):
        names = [part.name for part in root.parts]
        if names[0] in aliases and len(names) > 1:
            column, rest = exp.column(names[1], table=names[0]), names[2:]
        else:
            column, rest = exp.column(names[0]), names[1:]
        steps = [*rest, *steps]
        root = column
    if not steps and isinstance(root, exp.Column) and not root.table and root.name in unnested:
        return exp.Anonymous(this="RS_SUPER", expressions=[root])
    if not steps:
        return root
    path = "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{json.dumps(step)}" for step in steps)
    return exp.Anonymous(this="RS_PATH", expressions=[root, exp.Literal.string(path)])


def _steps(node: exp.Expr) -> tuple[exp.Expr, list[str | int]]:
    if isinstance(node, exp.Dot):
        root, steps = _steps(node.this)
        return root, [*steps, node.expression.name]
    if isinstance(node, exp.Bracket):
        root, steps = _steps(node.this)
        index = node.expressions[0]
        if isinstance(index, exp.Literal) and index.is_string:
            return root, [*steps, index.name]
        if not (isinstance(index, exp.Literal) and index.is_int):
            raise NotSupportedError("a SUPER index that is no literal")
        return root, [*steps, int(index.name) - int(node.args.get("offset") or 0)]
    if isinstance(node, exp.Paren):
        return _steps(node.this)
    return node, []
