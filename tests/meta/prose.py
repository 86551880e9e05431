"""Finds names that say nothing and phrases that are not plain English, and counts them for each package.

python tests/meta/prose.py              the counts that differ from the record
python tests/meta/prose.py PATH ...     every place in these files or folders, with what to write instead
python tests/meta/prose.py --record     lower the record to the present counts; it is never raised
"""

import ast
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[2]
RECORD = Path(__file__).with_name("prose_counts.txt")
ROOTS = ("src/finetooth", "docs", "recipes", "README.md", "CONTRIBUTING.md", "SECURITY.md")
KINDS = ("names", "comments", "texts")  # comments include docstrings; texts are all other strings and documents

# Names that do not say what they hold. Say it: columns, problems, labels, path, index.
NAMES = frozenset(
    ("asked", "came", "found", "given", "goes", "gone", "held", "kept", "lowered", "meant", "met", "place", "places",
     "said", "stood", "taken", "telling", "tells", "told", "wanted", "way", "whole")
)  # fmt: skip

# Phrases, and what to write instead.
PHRASES = {
    r"abreast": "concurrent",
    r"aloud": "with a note",
    r"artefacts?": "artifact",
    r"as (?:it|they) came|as (?:it|they) stands?": "unchanged",
    r"but for": "except for",
    r"by itself alone": "by itself",
    r"canar(?:y|ies)": "reference input",
    r"(?:came|comes?) out at": "is",
    r"foretell\w*|foretold": "estimate",
    r"(?:gone|goes|went) on": "continue",
    r"had to be had|to be had": "be available",
    r"held to": "checked against",
    r"hitherto|thereof|whereof|wherein": "a plainer word",
    r"let go": "release",
    r"lies (?:in|at|beside|below|above)": "is in",
    r"none but": "only",
    r"nothing, if": "say it with 'if' first",
    r"of which": "a sentence of its own",
    r"pass(?:es)? if": "check that",
    r"prefix (?:cache|states)": "frozen-layer cache",
    r"probe sentences?": "reference input",
    r"reckon\w*": "count, assume",
    r"(?:stands?|stood) (?:alone|at|beside|for|in|on|there|twice|under|with)": "is in, means, occurs",
    r"such as are": "those that are",
    r"take[ns]? up": "use",
    r"(?:is|are|was|were) told": "is reported, receives",
    r"tells? (?:how|of|what|whether|which)": "shows, states",
    r"the same to the": "for the",
    r"told apart": "distinguished",
    r"what is found": "the result",
    r"yardsticks?": "reference",
}
_PHRASE = re.compile(rf"\b(?:{'|'.join(PHRASES)})\b", re.IGNORECASE)


class Hit(NamedTuple):
    """A place to reword. kind: one of KINDS."""

    line: int
    kind: str
    words: str


def hits(path: Path) -> list[Hit]:
    """Every place of one file, in order."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return [hit for number, line in enumerate(text.splitlines(), 1) for hit in _phrases(line, number, "texts")]
    tree = ast.parse(text)
    docstrings = {id(node) for node in _docstrings(tree)}
    result: list[Hit] = []
    for node in ast.walk(tree):
        name = _stored_name(node)
        if name.strip("_") in NAMES:
            result.append(Hit(node.lineno, "names", name))  # type: ignore[attr-defined]
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            result += _phrases(node.value, node.lineno, "comments" if id(node) in docstrings else "texts")
    with path.open("rb") as file:
        comments = [token for token in tokenize.tokenize(file.readline) if token.type == tokenize.COMMENT]
    result += [hit for token in comments for hit in _phrases(token.string, token.start[0], "comments")]
    return sorted(result)


def counts() -> dict[str, dict[str, int]]:
    """For each package, document or folder: the number of places of each kind."""
    totals: dict[str, dict[str, int]] = {}
    for path in _files([REPOSITORY / root for root in ROOTS]):
        present = Counter(hit.kind for hit in hits(path))
        total = totals.setdefault(_group(path), dict.fromkeys(KINDS, 0))
        for kind in KINDS:
            total[kind] += present[kind]
    return totals


def recorded() -> dict[str, dict[str, int]]:
    """The numbers in the record."""
    lines = [line.split() for line in RECORD.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    return {group: dict(zip(KINDS, map(int, numbers), strict=True)) for group, *numbers in lines}


def suggestion(phrase: str) -> str:
    """What to write instead of a phrase or a name."""
    fitting = (advice for pattern, advice in PHRASES.items() if re.fullmatch(pattern, phrase, re.IGNORECASE))
    return next(fitting, "a name that says what it holds")


def _phrases(text: str, line: int, kind: str) -> list[Hit]:
    return [Hit(line, kind, match.group(0)) for match in _PHRASE.finditer(text)]


def _docstrings(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value


def _stored_name(node: ast.AST) -> str:
    """The name that a node defines, or ""."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return node.id
    if isinstance(node, ast.arg):
        return node.arg
    return node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else ""


def _files(roots: list[Path]) -> Iterator[Path]:
    for root in roots:
        for path in [root] if root.is_file() else sorted(root.rglob("*")):
            if path.suffix in (".py", ".md", ".yaml", ".js", ".html"):
                yield path


def _group(path: Path) -> str:
    """The line of the record that a file counts for: its package, its folder, or the document itself."""
    where = path.relative_to(REPOSITORY)
    if where.parts[0] == "src":
        return "/".join(where.parts[1:3]) if len(where.parts) > 3 else "finetooth"
    folder = where.parent.as_posix()
    return folder if folder in ("recipes", "docs/adr") else where.as_posix()


def _record() -> None:
    before = recorded() if RECORD.is_file() else {}
    lines = [
        "# Places that tests/meta/prose.py counts: names, comments and docstrings, other texts. The numbers only fall.",
        "# The blank lines keep changes of two packages apart when branches are merged.",
    ]
    for group, present in sorted(counts().items()):
        numbers = [min(present[kind], before.get(group, present)[kind]) for kind in KINDS]
        lines += ["", f"{group} {' '.join(map(str, numbers))}"]
    RECORD.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _main(arguments: list[str]) -> None:
    if arguments == ["--record"]:
        _record()
    elif arguments:
        for path in _files([Path(argument).resolve() for argument in arguments]):
            for hit in hits(path):
                print(f"{path.relative_to(REPOSITORY)}:{hit.line} {hit.words!r}: {suggestion(hit.words)}")
    else:
        before = recorded()
        for group, present in counts().items():
            if present != before.get(group):
                print(f"{group}: {present}, recorded {before.get(group)}")


if __name__ == "__main__":
    _main(sys.argv[1:])
