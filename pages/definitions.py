"""指标口径: every indicator with formula, article, source columns and target; the database in use."""

import streamlit as st

from dashboard import about, cache, frame, tables
from data_access.indicators import INDICATORS
from data_access.texts import text

database, case_filter = frame.begin_page()
frame.headline(text("definitions.headline", n=len(INDICATORS)))
head = [text(f"definitions.{name}") for name in ("name", "formula", "article", "columns", "target", "fed")]
tables.sheet(head, about.indicator_rows(database, accountability=False), texts=4)
st.caption(text("definitions.clock", year=str(about.last_known_year())))

frame.paper_ends()
st.subheader(text("definitions.accountability"))
tables.sheet(head, about.indicator_rows(database, accountability=True), texts=4)

st.subheader(text("definitions.database"))
tables.sheet([text("definitions.what"), text("definitions.value")], about.database_rows(database, cache.now()), texts=2)
if about.lacks(database):
    st.subheader(text("definitions.lacks"))
    tables.sheet([text("definitions.table"), text("definitions.columns")], about.lacks(database), texts=2)
