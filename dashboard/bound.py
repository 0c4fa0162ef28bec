"""Controls whose choice lives in the URL as a code, whatever the language of the screen.

Streamlit writes the words of an option into the URL, so that a link made in Chinese would
mean nothing in English. Here each choice has a hidden text field that is bound to the URL
and holds the code; the visible control only shows it and writes to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final, Literal

import streamlit as st

Words = Callable[[str], str]
MANY: Final = ","


def declare(*names: str) -> None:
    """Draw the hidden fields of these choices, before their controls and outside of anything that can be closed:
    a field that is not on the screen loses its place in the URL."""
    with st.container(key=f"bound_{names[0]}"):
        for name in names:
            st.text_input(name, key=name, bind="query-params", label_visibility="collapsed")


def stored(name: str) -> str:
    """The code in the field of `name`; before it is drawn for the first time, what the URL says."""
    known = st.session_state[name] if name in st.session_state else st.query_params.get(name)
    return str(known or "")


def one_of(name: str, options: Sequence[str], default: str) -> str:
    """The option chosen under `name`, whether or not its control is on the screen."""
    code = stored(name) or default
    return code if code in options else default


def some_of(name: str, options: Sequence[str]) -> tuple[str, ...]:
    """The options chosen under `name`, each once; none means all."""
    known = set(options)
    return tuple(dict.fromkeys(code for code in stored(name).split(MANY) if code in known))


def day_of(name: str, default: date, first: date = date.min, last: date = date.max) -> date:
    """The day chosen under `name`; one that the URL writes wrongly or that is out of bounds is the default."""
    try:
        value = date.fromisoformat(stored(name))
    except ValueError:
        return default
    return value if first <= value <= last else default


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
    value = one_of(name, options, default)
    key = _show(name, value)
    st.selectbox(label, options, key=key, format_func=words, on_change=_write, args=(name, default, str), **look)
    return value


def segments(label: str, options: Sequence[str], name: str, words: Words, default: str, **look: Any) -> str:
    """One of a few `options`, side by side."""
    value = one_of(name, options, default)
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


def several(
    label: str,
    options: Sequence[str],
    name: str,
    words: Words,
    placeholder: str,
    *,
    limit: int | None = None,
    width: int | Literal["stretch"] = "stretch",
) -> tuple[str, ...]:
    """Any of `options`; none means all. Of more than `limit` the newest stay: Streamlit's own limit speaks English."""
    value = some_of(name, options)[-(limit or 0) :]
    key = _show(name, list(value))
    st.multiselect(
        label,
        options,
        key=key,
        format_func=words,
        placeholder=placeholder,
        width=width,
        select_all=False,
        on_change=_write,
        args=(name, "", lambda chosen: MANY.join(chosen[-(limit or 0) :])),
    )
    return value


def day(label: str, name: str, default: date, first: date = date.min, last: date = date.max, **look: Any) -> date:
    """A day from `first` to `last`."""
    value = day_of(name, default, first, last)
    key = _show(name, value)
    bounds: dict[str, Any] = {
        "min_value": first if first > date.min else None,
        "max_value": last if last < date.max else None,
    }
    st.date_input(label, key=key, on_change=_write, args=(name, default.isoformat(), date.isoformat), **bounds, **look)
    return value
