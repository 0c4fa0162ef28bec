"""Words that come from a database stay words: nothing in them is taken for HTML or Markdown."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from dashboard import frame, tables

SCRIPT = '<script>alert("x")</script>'
MARKDOWN = (
    "**b** _i_ ~~s~~ `c` [l](http://example.org) ![i](x.png) $x^2$ :red[r] :material/home: # h\n- a\n1. b\n> q | t"
)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a test draws with `st.html`."""
    bodies: list[str] = []
    monkeypatch.setattr("streamlit.html", bodies.append)
    return bodies


def parsed(body: str) -> Tags:
    parser = Tags()
    parser.feed(body)
    return parser


def test_a_sheet_escapes_heads_and_cells(drawn: list[str]) -> None:
    tables.sheet([SCRIPT, "n"], [[SCRIPT, "1"], ['a" onmouseover="x', "<b>2</b>"]], texts=1)
    found = parsed(drawn[0])
    assert found.tags == ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td", "tr", "td", "td"]
    assert found.words == [SCRIPT, "n", SCRIPT, "1", 'a" onmouseover="x', "<b>2</b>"]


def test_the_first_columns_of_a_sheet_are_words_the_others_figures(drawn: list[str]) -> None:
    tables.sheet(["a", "b", "c"], [["1", "2", "3"]], texts=2)
    assert re.findall(r"<t[hd](?: [^>]*)?>", drawn[0]) == [
        '<th class="words">',
        '<th class="words">',
        "<th>",
        '<td class="words">',
        '<td class="words">',
        "<td>",
    ]


def test_a_headline_is_escaped(drawn: list[str]) -> None:
    frame.headline(SCRIPT)
    found = parsed(drawn[0])
    assert (found.tags, found.words) == (["h1"], [SCRIPT])


def test_plain_words_keep_every_letter_and_escape_every_mark() -> None:
    escaped = frame.plain(MARKDOWN)
    assert re.sub(r"\\(.)", r"\1", escaped) == MARKDOWN
    assert not re.search(r"(?<!\\)[*_`~\[\]()$:#+<>|!.-]", re.sub(r"\\\\", "", escaped))
    assert frame.plain("住房和城乡建设局 12") == "住房和城乡建设局 12"
    assert frame.plain("a\\*b") == "a\\\\\\*b"
