"""What a Python file that describes an experiment says, read as data: nothing in it is ever run.

Of the language as much is understood as experiment files use: numbers and texts, lists and dicts, `dict(...)`, arithmetic,
names that were given before, `LazyDict(...)`, `LazyCall(X)(...)`, and functions without arguments that return such.
Everything else becomes an `Expression`, which says what stands there.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cosmos_recipes.migrate.ledger import Expression, Leaf

MOST_VALUES = 10_000
_DEEPEST = 60
_LONGEST_TEXT = 10_000
_LARGEST = 1e18
_MOST_POWER = 64
_CASTS: Mapping[str, Callable[[Any], Any]] = {"float": float, "int": int, "str": str, "bool": bool}
_WRAPPERS = ("LazyDict", "DictConfig", "deepcopy")
_SIGNS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


class TooMuchError(ValueError):
    """The file says more values than an experiment has."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its line; a dict or a list holds nodes. `target` is what a `LazyCall` would call."""

    value: Any
    line: int
    target: str = ""


def module_values(text: str) -> dict[str, Node]:
    """Return the values of the names that a file gives, and of its functions that take nothing, in their order.

    Raises:
        SyntaxError: it is not Python.
        TooMuchError: it is too large or too deep.
    """
    try:
        tree = ast.parse(text)
        reader = _Reader(tree)
        return reader.read()
    except (RecursionError, MemoryError) as error:
        raise TooMuchError("it is nested too deep") from error


def leaves(node: Node) -> list[Leaf]:
    """Return every value below a node; lists of plain values are values.

    Raises:
        TooMuchError: there are more than an experiment has.
    """
    found: list[Leaf] = []
    for leaf in _leaves(node, (), 0):
        found.append(leaf)
        if len(found) > MOST_VALUES:
            raise TooMuchError(f"it says more than {MOST_VALUES:,} values")
    return found


def plain(node: Node) -> Any:
    """Return the value of a node without lines."""
    match node.value:
        case dict():
            return {key: plain(each) for key, each in node.value.items()}
        case list():
            return [plain(each) for each in node.value]
        case _:
            return node.value


def _leaves(node: Node, above: tuple[str, ...], depth: int) -> Iterator[Leaf]:
    if depth > _DEEPEST:
        raise TooMuchError("it is nested too deep")
    if node.target:
        yield Leaf((*above, "_target_"), node.target, node.line)
    if isinstance(node.value, dict) and (node.value or node.target):
        for key, each in node.value.items():
            yield from _leaves(each, (*above, str(key)), depth + 1)
    elif isinstance(node.value, list) and not all(_is_scalar(each) for each in node.value):
        for number, each in enumerate(node.value):
            yield from _leaves(each, (*above, str(number)), depth + 1)
    else:
        yield Leaf(above, plain(node), node.line)


def _is_scalar(node: Node) -> bool:
    return not isinstance(node.value, dict | list) and not node.target


class _Reader:
    def __init__(self, tree: ast.Module) -> None:
        self.body = tree.body
        self.functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        self.names: dict[str, Node] = {}
        self.results: dict[str, Node | None] = {}
        self.depth = 0

    def read(self) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for statement in self.body:
            for name, node in self._assigned(statement, self.names):
                self.names[name] = found[name] = node
        for name, function in self.functions.items():
            returned = self._returned(function)
            found |= {name: returned} if returned else {}
        return found

    def _assigned(self, statement: ast.stmt, names: dict[str, Node]) -> Iterator[tuple[str, Node]]:
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets, value = [statement.target], statement.value
        else:
            return
        for target in targets:
            if isinstance(target, ast.Name):
                yield target.id, self.node(value, names)

    def _returned(self, function: ast.FunctionDef) -> Node | None:
        """Return what a function of assignments and one return gives; None for any other, and for one with arguments."""
        if function.name in self.results:
            return self.results[function.name]
        # A function that asks for itself gives nothing.
        self.results[function.name] = None
        self.results[function.name] = found = self._result(function)
        return found

    def _result(self, function: ast.FunctionDef) -> Node | None:
        arguments = function.args
        if arguments.args or arguments.kwonlyargs or arguments.posonlyargs:
            return None
        names = dict(self.names)
        for statement in function.body:
            if isinstance(statement, ast.Return) and statement.value is not None:
                return self.node(statement.value, names)
            names.update(self._assigned(statement, names))
        return None

    def node(self, tree: ast.expr, names: dict[str, Node]) -> Node:
        """Return what an expression is."""
        self.depth += 1
        try:
            found = self._known(tree, names) if self.depth <= _DEEPEST else None
        except (ArithmeticError, ValueError, TypeError):
            found = None
        finally:
            self.depth -= 1
        return found or Node(Expression(_source(tree)), tree.lineno)

    def _known(self, tree: ast.expr, names: dict[str, Node]) -> Node | None:
        line = tree.lineno
        match tree:
            case ast.Constant(value=str() | bool() | None as value):
                return Node(value, line)
            case ast.Constant(value=value) if _is_number(value):
                return Node(value, line)
            case ast.Name(id=name) if name in names:
                known = names[name]
                return known if isinstance(known.value, dict | list) else replace(known, line=line)
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return Node([self.node(each, names) for each in elements], line)
            case ast.Dict():
                return Node(self._dict(tree, names), line)
            case ast.Call():
                return self._call(tree, names)
            case ast.JoinedStr(values=parts):
                return self._text(parts, line, names)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                value = self.node(operand, names).value
                return Node(-value, line) if _is_number(value) else None
            case ast.BinOp():
                return self._sum(tree, names)
        return None

    def _dict(self, tree: ast.Dict, names: dict[str, Node]) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for key, value in zip(tree.keys, tree.values, strict=True):
            found |= self._spread(value, names) if key is None else {self._key(key, names): self.node(value, names)}
        return found

    def _key(self, tree: ast.expr, names: dict[str, Node]) -> str:
        value = self.node(tree, names).value
        return value.text if isinstance(value, Expression) else str(value)

    def _spread(self, tree: ast.expr, names: dict[str, Node]) -> dict[str, Node]:
        """Return what `**tree` adds; something that is not known stands there under its own name."""
        node = self.node(tree, names)
        known: dict[str, Node] = node.value if isinstance(node.value, dict) else {f"**{_source(tree)}": node}
        return known

    def _call(self, tree: ast.Call, names: dict[str, Node]) -> Node | None:
        if isinstance(tree.func, ast.Call) and _name(tree.func.func) in ("L", "LazyCall") and tree.func.args:
            return Node(self._keywords(tree, names), tree.lineno, target=_name(tree.func.args[0]))
        name = _name(tree.func)
        if name == "dict" and not tree.args:
            return Node(self._keywords(tree, names), tree.lineno)
        if (name in _WRAPPERS or name == "dict") and tree.args:
            return self.node(tree.args[0], names)
        if name in _CASTS and len(tree.args) == 1 and not tree.keywords:
            value = self.node(tree.args[0], names).value
            return Node(_CASTS[name](value), tree.lineno) if _is_number(value) or isinstance(value, str) else None
        if name in self.functions and not tree.args and not tree.keywords:
            return self._returned(self.functions[name])
        return None

    def _keywords(self, tree: ast.Call, names: dict[str, Node]) -> dict[str, Node]:
        found = {str(number): self.node(each, names) for number, each in enumerate(tree.args)}
        for keyword in tree.keywords:
            value = keyword.value
            found |= self._spread(value, names) if keyword.arg is None else {keyword.arg: self.node(value, names)}
        return found

    def _text(self, parts: list[ast.expr], line: int, names: dict[str, Node]) -> Node | None:
        words = []
        for part in parts:
            inner = part.value if isinstance(part, ast.FormattedValue) and part.format_spec is None else part
            value = self.node(inner, names).value
            if not isinstance(value, str | int | float):
                return None
            words.append(str(value))
        text = "".join(words)
        return Node(text, line) if len(text) <= _LONGEST_TEXT else None

    def _sum(self, tree: ast.BinOp, names: dict[str, Node]) -> Node | None:
        left, right = self.node(tree.left, names).value, self.node(tree.right, names).value
        if not (_is_number(left) and _is_number(right)) or type(tree.op) not in _SIGNS:
            return None
        if isinstance(tree.op, ast.Pow) and abs(right) > _MOST_POWER:
            return None
        found = _SIGNS[type(tree.op)](left, right)
        return Node(found, tree.lineno) if _is_number(found) and abs(found) <= _LARGEST else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST


def _name(tree: ast.expr) -> str:
    return tree.id if isinstance(tree, ast.Name) else tree.attr if isinstance(tree, ast.Attribute) else _source(tree)


def _source(tree: ast.expr) -> str:
    return ast.unparse(tree)[:_LONGEST_TEXT]
