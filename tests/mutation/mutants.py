"""Mutants of a module: copies of its code with one small change each."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}
# Words that decide which rows a join or `unique` keeps.
WORDS = {"how": {"left": "inner", "inner": "left", "semi": "anti", "anti": "semi", "full": "inner"}, "keep": {"first": "last", "last": "first"}}
# Functions that may be left out: the first argument remains.
WRAPPERS = {"abs", "max", "min", "round", "sorted"}
# Methods without which the code only raises: such mutants show nothing.
ALWAYS_NEEDED = {"collect", "get", "items", "partition", "rpartition", "to_native", "values"}
# Methods that give back what they are called on, changed. Others are left out only at the end of a chain of calls.
CHAINED = {"cast", "drop_nulls", "fill_null", "filter", "join", "lower", "rename", "round", "sort", "strip", "unique", "upper", "with_columns"}


@dataclass(frozen=True)
class Mutant:
    """One change to one module: where it is, what kind it is, the code before and after, and the module compiled with it."""

    module: str
    line: int
    text: str
    kind: str
    change: str
    code: CodeType

    @property
    def key(self) -> tuple[str, str, str]:
        """Module, text of the line and change: no line number, so that the key outlives edits elsewhere in the file."""
        return self.module, self.text, self.change


def find_mutants(root: Path, module: str) -> list[Mutant]:
    """The mutants of a module, in the order of its lines."""
    source = (root / module).read_text(encoding="utf-8")
    tree, lines = ast.parse(source), source.splitlines()
    parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
    passed_over = {id(inner) for node in ast.walk(tree) for skipped in _parts_passed_over(node) for inner in ast.walk(skipped)}
    imported = {alias.asname or alias.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    found = []
    for node in [node for node in ast.walk(tree) if id(node) not in passed_over and node in parents]:
        shown = _shown_part(node, parents)
        before = ast.unparse(shown)
        for kind, replacement in _replacements(node, parents[node], imported):
            _swap(parents[node], node, replacement)
            after = ast.unparse(shown if shown is not node else replacement)
            code = compile(ast.fix_missing_locations(tree), str(root / module), "exec", dont_inherit=True)
            _swap(parents[node], replacement, node)
            line = getattr(node, "lineno", None) or shown.lineno
            found.append(Mutant(module, line, lines[line - 1].strip(), kind, f"{before} -> {after}", code))
    return sorted(found, key=lambda mutant: (mutant.line, mutant.change))


def _parts_passed_over(node: ast.AST) -> Iterator[ast.AST]:
    """Annotations, decorators, docstrings, subscripts of types, texts of errors, and code for the type checker alone."""
    if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
        yield node.annotation
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield from node.decorator_list
    if isinstance(node, ast.FunctionDef) and node.returns:
        yield node.returns
    if isinstance(node, ast.Raise):
        yield from filter(None, (node.exc, node.cause))
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield node.value
    if isinstance(node, ast.FormattedValue) and node.format_spec:
        yield node.format_spec
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        yield node
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript | ast.BinOp) and all(_is_type_name(target) for target in node.targets):
        yield node.value


def _is_type_name(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id[:1].isupper() and not target.id.isupper()


def _shown_part(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> ast.AST:
    """The part of the code that shows the change: a constant or an element alone would not say where it is."""
    shown = node
    while isinstance(shown, ast.Constant | ast.keyword | ast.Name) and parents[shown] in parents:
        shown = parents[shown]
    return shown


def _replacements(node: ast.AST, parent: ast.AST, imported: set[str]) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.expr):
        yield from _other_operators(node)
        yield from _other_values(node, parent)
        yield from _without_call(node, imported)
        yield from _without_element(node, parent)
        if _is_condition(node, parent) and not isinstance(node, ast.Compare | ast.BoolOp | ast.UnaryOp):
            yield "boolean", ast.UnaryOp(ast.Not(), copy.deepcopy(node))
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield "return value", ast.Return(ast.Constant(None))
    elif isinstance(node, ast.Raise) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        yield "dropped call", ast.Pass()
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield | ast.YieldFrom):
        yield "return value", ast.If(ast.Constant(False), [copy.deepcopy(node)], [])


def _other_operators(node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Compare):
        for location, operator in enumerate(node.ops):
            operators = [COMPARISONS[type(operator)]() if n == location else other for n, other in enumerate(node.ops)]
            yield "comparison", ast.Compare(node.left, operators, node.comparators)
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        yield "boolean" if isinstance(node.op, ast.BitAnd | ast.BitOr) else "arithmetic", ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right)
    elif isinstance(node, ast.UnaryOp) and not (isinstance(node.operand, ast.Constant)):
        yield "boolean" if isinstance(node.op, ast.Not | ast.Invert) else "arithmetic", node.operand
    elif isinstance(node, ast.BoolOp):
        yield "boolean", ast.BoolOp(ast.And() if isinstance(node.op, ast.Or) else ast.Or(), node.values)


def _other_values(node: ast.expr, parent: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if not isinstance(node, ast.Constant):
        return
    if isinstance(node.value, bool):
        yield "constant", ast.Constant(not node.value)
    elif isinstance(node.value, int):
        yield "constant", ast.Constant(node.value + 1)
    elif isinstance(node.value, float):
        yield "constant", ast.Constant(node.value * 1.5 if node.value else 1.0)
    elif isinstance(parent, ast.keyword) and node.value in WORDS.get(parent.arg or "", ()):
        yield "constant", ast.Constant(WORDS[str(parent.arg)][str(node.value)])


def _without_call(node: ast.expr, imported: set[str]) -> Iterator[tuple[str, ast.expr]]:
    if not isinstance(node, ast.Call):
        return
    if isinstance(node.func, ast.Name) and node.func.id in WRAPPERS and node.args and not isinstance(node.args[0], ast.Starred):
        yield "dropped call", node.args[0]
    if isinstance(node.func, ast.Attribute) and node.func.attr not in ALWAYS_NEEDED:
        receiver = node.func.value
        # `column.str.slice(0, 4)` is a call on `column`.
        receiver = receiver.value if isinstance(receiver, ast.Attribute) and receiver.attr in ("str", "dt") else receiver
        is_chained = receiver.id not in imported and node.func.attr in CHAINED if isinstance(receiver, ast.Name) else not isinstance(receiver, ast.Constant)
        if is_chained:
            yield "dropped call", receiver


def _without_element(node: ast.expr, parent: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Lists, sets and dictionaries; tuples only where they are constants or arguments, not where something takes them apart."""
    if isinstance(node, ast.Dict):
        for location in range(len(node.keys)):
            yield "constant", ast.Dict(node.keys[:location] + node.keys[location + 1 :], node.values[:location] + node.values[location + 1 :])
    if not isinstance(node, ast.List | ast.Set | ast.Tuple) or isinstance(getattr(node, "ctx", None), ast.Store):
        return
    if isinstance(node, ast.Tuple) and not isinstance(parent, ast.Assign | ast.AnnAssign | ast.Call | ast.Starred | ast.For | ast.comprehension | ast.keyword):
        return
    if isinstance(node, ast.Tuple) and isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Tuple):
        return
    if isinstance(node, ast.Tuple) and isinstance(parent, ast.Call) and not all(isinstance(item, ast.Constant) for item in node.elts):
        return
    for location in range(len(node.elts)):
        shorter = copy.copy(node)
        shorter.elts = node.elts[:location] + node.elts[location + 1 :]
        if shorter.elts or not isinstance(node, ast.Set):
            yield "constant", shorter


def _is_condition(node: ast.expr, parent: ast.AST) -> bool:
    return (isinstance(parent, ast.If | ast.IfExp | ast.While) and parent.test is node) or (isinstance(parent, ast.comprehension) and node in parent.ifs)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _swap(parent: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for name, value in ast.iter_fields(parent):
        if value is old:
            setattr(parent, name, new)
        elif isinstance(value, list):
            value[:] = [new if item is old else item for item in value]
