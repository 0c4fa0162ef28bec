"""趋势: received, closed and open over time; this year over the last ones; any dimension."""

import streamlit as st

from dashboard import cache, charts, drill, frame
from dashboard.trend_words import message, named
from data_access import views
from data_access.queries import DIMENSIONS
from data_access.texts import text

database, case_filter = frame.begin_page()
choice = st.container(horizontal=True, vertical_alignment="bottom")
with choice:
    length = st.segmented_control(
        text("trends.length"),
        list(views.BUCKETS),
        default="month",
        format_func=lambda key: text(f"trends.{key}"),
        key="length",
        bind="query-params",
        required=True,
    )
    dimensions = [key for key in views.MULTIPLES if database.has(*DIMENSIONS[key].needs)]
    by = st.selectbox(
        text("trends.by"),
        dimensions,
        format_func=lambda key: text(f"dimension.{key}"),
        key="by",
        bind="query-params",
        width=220,
    )
view = cache.ask(views.trends, case_filter, length, by)
frame.nothing_here(not view.series["registered"].any() and not view.series["open"].any())
frame.headline(message(view.series, length))

st.subheader(text("trends.flow"))
drill.chart(
    charts.flow(view.series, length),
    f"flow_{length}",
    message(view.series, length),
    lambda mark: drill.question(mark["kind"], days=drill.days(mark["start"], mark["end"])),
    case_filter,
)
left, right = st.columns(2, gap="large")
with left:
    st.subheader(text("trends.stock"))
    drill.chart(
        charts.stock(view.series, length),
        f"stock_{length}",
        text("trends.stock_alt", n=int(view.series["open"].iloc[-1])),
        lambda mark: drill.question("open", days=drill.days(None, mark["end"])),
        case_filter,
    )
with right:
    st.subheader(text("trends.years"))
    st.altair_chart(charts.years(view.by_year), alt=text("trends.years"))
if by:
    st.subheader(text("trends.multiples", dimension=text(f"dimension.{by}")))
    st.caption(text("trends.context"))
    st.altair_chart(
        charts.multiples(named(view.multiples, by, database.names)), alt=text("trends.multiples", dimension=by)
    )
