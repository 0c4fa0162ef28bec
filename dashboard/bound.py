"""Controls whose choice lives in the URL as a code, whatever the language of the screen.

Streamlit writes the words of an option into the URL, so that a link made in Chinese would
mean nothing in English. Here each choice has a hidden text field that is bound to the URL
and holds the code; the visible control only shows it and writes to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final

import streamlit as st

Words = Callable[[str], str]
MANY: Final = ","


def declare(*names: str) -> None:
    """Draw the hidden fields of these choices, before their controls and outside of anything that can be closed:
    a field that is not on the screen loses its place in the URL."""
    with st.container(key=f"bound_{names[0]}"):
        for name in names:
            st.text_input(name, key=name, bind="query-params", label_visibility="collapsed")


def _stored(name: str) -> str:
    return str(st.session_state.get(name) or "")


def store(name: str, code: str) -> None:
    """Put a choice into the URL; only a callback may, before the fields are drawn."""
    st.session_state[name] = code


def _control(name: str) -> str:
    return f"choice_{name}"


def _show(name: str, value: Any) -> str:
    """Make the control show `value`, and return its key.

    On every run: after a change of language the browser still holds the words of the old one.
    """
    key = _control(name)
    st.session_state[key] = value
    return key


def _write(name: str, default: str, encode: Callable[[Any], str]) -> None:
    code = encode(st.session_state[_control(name)])
    store(name, "" if code == default else code)


def selectbox(label: str, options: Sequence[str], name: str, words: Words, default: str, **look: Any) -> str:
    """One of `options`, from a list."""
    code = _stored(name) or default
    value = code if code in options else default
    key = _show(name, value)
    st.selectbox(label, options, key=key, format_func=words, on_change=_write, args=(name, default, str), **look)
    return value


def segments(label: str, options: Sequence[str], name: str, words: Words, default: str, **look: Any) -> str:
    """One of a few `options`, side by side."""
    code = _stored(name) or default
    value = code if code in options else default
    key = _show(name, value)
    st.segmented_control(
        label,
        options,
        key=key,
        format_func=words,
        on_change=_write,
        args=(name, default, str),
        required=True,
        **look,
    )
    return value


def several(label: str, options: Sequence[str], name: str, words: Words, placeholder: str) -> tuple[str, ...]:
    """Any of `options`; none means all."""
    known = set(options)
    value = [code for code in _stored(name).split(MANY) if code in known]
    key = _show(name, value)
    st.multiselect(
        label,
        options,
        key=key,
        format_func=words,
        placeholder=placeholder,
        select_all=False,
        on_change=_write,
        args=(name, "", MANY.join),
    )
    return tuple(value)


def day(label: str, name: str, default: date, **look: Any) -> date:
    """A day; one that the URL writes wrongly or that is out of bounds is the default."""
    try:
        value = date.fromisoformat(_stored(name))
    except ValueError:
        value = default
    first, last = look.get("min_value", value), look.get("max_value", value)
    value = value if first <= value <= last else default
    key = _show(name, value)
    st.date_input(label, key=key, on_change=_write, args=(name, default.isoformat(), date.isoformat), **look)
    return value
