"""Print how long functions and files of the package are, and fail when one passes the limits of the house style."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from statistics import median, quantiles

PACKAGE = Path(__file__).parent.parent / "cosmos_recipes"
LONGEST_FUNCTION, MEDIAN_FUNCTION, LONGEST_FILE = 45, 12, 400


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement after the docstring to the last one, the signature counted as one."""
    body = function.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) and len(body) > 1:
        body = body[1:]
    return body[-1].end_lineno - body[0].lineno + 2


def measure() -> tuple[dict[str, int], dict[str, int]]:
    """Lines of every function and of every file of the package."""
    functions, files = {}, {}
    for path in sorted(PACKAGE.rglob("*.py")):
        text, name = path.read_text(), str(path.relative_to(PACKAGE.parent))
        files[name] = text.count("\n")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                functions[f"{name}:{node.lineno} {node.name}"] = code_lines(node)
    return functions, files


def main() -> int:
    functions, files = measure()
    for what, sizes in (("function", functions), ("file", files)):
        lengths = list(sizes.values())
        worst = max(sizes, key=lambda name: sizes[name])
        print(
            f"{what}s: {len(lengths)}, lines median {median(lengths):g}, "
            f"p90 {quantiles(lengths, n=10)[-1]:.0f}, longest {sizes[worst]} ({worst})"
        )
    long = [f"{name}: {lines} lines" for name, lines in functions.items() if lines > LONGEST_FUNCTION]
    long += [f"{name}: {lines} lines" for name, lines in files.items() if lines > LONGEST_FILE]
    if median(functions.values()) > MEDIAN_FUNCTION:
        long.append(f"the median function is longer than {MEDIAN_FUNCTION} lines")
    print("\n".join(long))
    return 1 if long else 0


if __name__ == "__main__":
    sys.exit(main())
