"""The project itself: texts stand in both catalogues and nowhere else, and README tells the truth."""

from __future__ import annotations

import ast
import os
import re
import shlex
import string
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from typer.testing import CliRunner

from data_access.__main__ import app
from data_access.texts import FOLDER, LANGUAGES

ROOT = Path(__file__).resolve().parent.parent
SCREEN = ("app.py", "pages/*.py", "dashboard/**/*.py")
CODE = (*SCREEN, "data_access/**/*.py", "run.py")
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/*.md")
CJK = re.compile("[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
OUTSIDE = re.compile(r"\.\./shared|[\"']shared[\"']|/work/")


def files(*patterns: str) -> list[Path]:
    return sorted(path for pattern in patterns for path in ROOT.glob(pattern))


def place(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT).as_posix()}:{line}"


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def messages(language: str) -> dict[str, frozenset[str]]:
    """Every key of a catalogue with the names of its placeholders (of all its plural forms)."""
    with (FOLDER / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    found = {}
    for message in catalogue:
        if not message.id:
            continue
        key = message.id if isinstance(message.id, str) else message.id[0]
        forms = (message.string,) if isinstance(message.string, str) else message.string
        assert all(forms), f"{language}: {key} has no text"
        names = (name for form in forms for _, name, _, _ in string.Formatter().parse(form))
        found[key] = frozenset(re.split(r"[.\[]", name)[0] for name in names if name is not None)
    return found


@dataclass(frozen=True)
class Use:
    """A key that code asks for: a constant, or a pattern where it is put together."""

    place: str
    key: str
    constant: bool
    given: frozenset[str] | None  # names of the values, None where they are unpacked


def _keys(node: ast.expr) -> Iterator[tuple[str, bool]]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value, True
    elif isinstance(node, ast.IfExp):
        yield from _keys(node.body)
        yield from _keys(node.orelse)
    elif isinstance(node, ast.JoinedStr):
        parts = (re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in node.values)
        yield "".join(parts), False


def _prefix(function: ast.expr, names: dict[str, str]) -> str | None:
    """What a call puts before its key, or None where it asks for no text."""
    if isinstance(function, ast.Name):
        return names.get(function.id)
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return {"texts.text": "", "problems.Problem": "problem."}.get(f"{function.value.id}.{function.attr}")
    return None


def _names(module: ast.Module) -> dict[str, str]:
    """What `text` and `Problem` of this project are called in a module, with what precedes their keys."""
    ours = {"text": "", "Problem": "problem."}
    found = {}
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in ours:
            found[node.name] = ours[node.name]
        # SQLAlchemy and rich have a `text` too.
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("data_access", "dashboard"):
            found |= {a.asname or a.name: ours[a.name] for a in node.names if a.name in ours}
    return found


def uses() -> Iterator[Use]:
    for path in files(*CODE):
        names = _names(tree(path))
        for node in ast.walk(tree(path)):
            if not (isinstance(node, ast.Call) and node.args):
                continue
            prefix = _prefix(node.func, names)
            if prefix is None:
                continue
            given = frozenset(k.arg for k in node.keywords if k.arg)
            unpacked = any(k.arg is None for k in node.keywords)
            for key, constant in _keys(node.args[0]):
                yield Use(place(path, node.lineno), prefix + key, constant, None if unpacked else given)


def test_catalogues_have_the_same_keys() -> None:
    chinese, english = (messages(language).keys() for language in LANGUAGES)
    assert chinese ^ english == set()


def test_catalogues_have_the_same_placeholders() -> None:
    chinese, english = (messages(language) for language in LANGUAGES)
    assert [key for key in chinese.keys() & english.keys() if chinese[key] != english[key]] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_asked_for_exists(language: str) -> None:
    keys = messages(language)
    asked = list(uses())
    assert asked, "no call of text() or Problem() was found: this test looks in the wrong place"
    missing = [
        f"{use.place} {use.key}"
        for use in asked
        if not (use.key in keys if use.constant else any(re.fullmatch(use.key, key) for key in keys))
    ]
    assert not missing, "\n".join(missing)


def test_every_placeholder_is_given_a_value() -> None:
    keys = messages(LANGUAGES[0])
    unfilled = [
        f"{use.place} {use.key}: {', '.join(sorted(keys[use.key] - use.given))}"
        for use in uses()
        if use.constant and use.given is not None and keys.get(use.key, frozenset()) - use.given
    ]
    assert not unfilled, "\n".join(unfilled)


def test_screen_code_holds_no_chinese() -> None:
    found = []
    for path in files(*SCREEN):
        # A string that stands alone is a docstring.
        alone = {id(node.value) for node in ast.walk(tree(path)) if isinstance(node, ast.Expr)}
        found += [
            f"{place(path, node.lineno)} {node.value!r}"
            for node in ast.walk(tree(path))
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in alone
            and CJK.search(node.value)
        ]
    assert not found, "words belong in locale/:\n" + "\n".join(found)


def test_nothing_outside_the_project_is_used() -> None:
    found = [
        place(path, number)
        for path in files(*CODE, "benchmarks/*.py", "*.toml", "*.txt", ".streamlit/*.toml", ".ci/run")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if OUTSIDE.search(line)
    ]
    assert not found, "\n".join(found)


def test_first_start_asks_nothing_and_reports_nothing() -> None:
    config = tomllib.loads((ROOT / ".streamlit/config.toml").read_text(encoding="utf-8"))
    assert config["server"]["showEmailPrompt"] is False, "Streamlit would wait for an e-mail address"
    assert config["browser"]["gatherUsageStats"] is False


# What the documents tell people to type


def commands(path: Path) -> list[list[str]]:
    """The python commands in the fenced blocks of a document, as words."""
    blocks = re.findall(r"^[ ]*```[^\n]*\n(.*?)^[ ]*```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = re.sub(r"\\\n\s*", " ", "\n".join(blocks)).splitlines()
    return [
        shlex.split(line.strip().removeprefix("$ "), comments=True)
        for line in lines
        if re.match(r"\s*(\$ )?python3? (run\.py|-m )", line)
    ]


PLAIN = {"COLUMNS": "200", "TERMINAL_WIDTH": "200", "NO_COLOR": "1", "PYTHONUTF8": "1"}


@cache
def help_of(*words: str) -> tuple[int, str]:
    """The exit code and the words of a command's help; of data_access without a process for each."""
    if words[0] == "data_access":
        said = CliRunner().invoke(app, [*words[1:], "--help"], env=PLAIN)
        return said.exit_code, said.stdout
    done = subprocess.run(
        [sys.executable, *words, "--help"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, **PLAIN},
        timeout=60,
    )
    return done.returncode, done.stdout


def data_command(words: list[str]) -> list[str] | None:
    """The words after `python run.py data` or `python -m data_access`; None for another command."""
    for start in (["run.py", "data"], ["-m", "data_access"]):
        if words[1:3] == start:
            return words[3:]
    return None


def test_readme_begins_with_the_two_commands() -> None:
    first = commands(ROOT / "README.md")[:2]
    assert first == [["python", "run.py"], ["python", "run.py", "test"]]
    usage = help_of("run.py")[1]
    assert all(f"python run.py {mode}" in usage for mode in ("test", "data"))


@pytest.mark.parametrize("path", files(*DOCUMENTS), ids=lambda path: path.name)
def test_documented_data_commands_exist(path: Path) -> None:
    wrong = []
    for words in commands(path):
        rest = data_command(words)
        if not rest or rest[0].startswith("-"):
            continue
        code, usage = help_of("data_access", rest[0])
        options = [word.split("=")[0] for word in rest[1:] if word.startswith("--")]
        unknown = [option for option in options if not re.search(rf"{re.escape(option)}(?![\w-])", usage)]
        if code:
            wrong.append(f"{' '.join(words)}: no such command")
        elif unknown:
            wrong.append(f"{' '.join(words)}: no option {', '.join(unknown)}")
    assert not wrong, "\n".join(wrong)


def test_every_data_command_is_in_the_readme() -> None:
    listed = {rest[0] for words in commands(ROOT / "README.md") if (rest := data_command(words))}
    assert {"demo", "check", "import", "freeze", "indicators"} <= listed


def test_pages_talk_neither_sql_nor_altair() -> None:
    for page in [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))]:
        tree = ast.parse(page.read_text(encoding="utf-8"))
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not {name.split(".")[0] for name in names} & {"sqlalchemy", "altair"}, page.name
