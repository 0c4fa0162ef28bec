"""趋势: received, closed and open over time; this year over the last ones; any dimension."""

import streamlit as st

from dashboard import bound, cache, charts, compare, drill, frame, season_charts, trend_words
from dashboard.trend_words import message, named
from data_access import views
from data_access.dimensions import DIMENSIONS
from data_access.texts import text

database, case_filter = frame.begin_page()
bound.declare("length", "by", "season")
choice = st.container(horizontal=True, vertical_alignment="bottom")
with choice:
    length = bound.segments(
        text("trends.length"), list(views.BUCKETS), "length", lambda key: text(f"trends.{key}"), "month"
    )
    dimensions = [key for key in views.MULTIPLES if database.has(*DIMENSIONS[key].needs)]
    by = dimensions and bound.selectbox(
        text("trends.by"), dimensions, "by", lambda key: text(f"dimension.{key}"), dimensions[0], width=220
    )
    units = compare.choose(database, case_filter)
view = cache.ask(views.trends, case_filter, length, by or "")
frame.nothing_here(not view.series["registered"].any() and not view.series["open"].any())
frame.headline(message(view.series, length))
shaded = season_charts.shading(view.series, length, database.settings)

st.subheader(text("trends.flow"))
drill.chart(
    charts.flow(view.series, length, shaded),
    f"flow_{length}",
    message(view.series, length),
    lambda mark: drill.question(mark["kind"], days=drill.days(mark["first"], mark["last"])),
    case_filter,
)
trend_words.signals(view.series, length, database, case_filter)
compare.panels(compare.ask(views.trends, case_filter, units, length, ""), length, database.names, case_filter)
left, right = st.columns(2, gap="large")
with left:
    st.subheader(text("trends.stock"))
    drill.chart(
        charts.stock(view.series, length, shaded, height=200 if shaded is None else 240),
        f"stock_{length}",
        text("trends.stock_alt", n=int(view.series["open"].iloc[-1])),
        lambda mark: drill.question("open", days=drill.days("", mark["last"])),
        case_filter,
    )
with right:
    st.subheader(text("trends.years"))
    drill.chart(
        charts.years(view.by_year),
        "years",
        trend_words.years_message(view.by_year),
        lambda mark: drill.question("registered", days=drill.days(mark["first"], mark["last"])),
        case_filter,
    )
frame.paper_ends()
trend_words.season(database, case_filter)
if by:
    st.subheader(text("trends.multiples", dimension=text(f"dimension.{by}")))
    st.caption(text("trends.context"))
    groups = named(view.multiples, by, database.names)
    top = float(groups["registered"].max()) if len(groups) else 1.0
    for column, (name, part) in frame.grid(groups.groupby("name", sort=False), 4):
        with column:
            st.markdown(f"**{frame.plain(name)}**")
            drill.small(
                charts.months_of(part, top),
                f"months_{by}_{part['group'].iloc[0]}",
                text("trends.one", name=name, n=int(part["registered"].sum())),
                trend_words.question_of(by, part["group"].iloc[0]),
                case_filter,
            )
