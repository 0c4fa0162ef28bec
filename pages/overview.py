"""总览: how many came in, what is open and late, and how this month compares."""

import streamlit as st

from dashboard import cache, charts, drill, figures, frame
from dashboard.words import cases
from data_access import views
from data_access.texts import text

database, case_filter = frame.begin_page()
view = cache.ask(views.overview, case_filter)
balance, tiles = view.balance, view.tiles
frame.nothing_here(balance.opening == balance.registered == balance.closing == 0)

frame.headline(
    text(
        "overview.headline",
        registered=balance.registered,
        closed=balance.closed,
        open=balance.closing,
        overdue=tiles["overdue"].numerator or 0,
        due_soon=tiles["due_soon"].numerator or 0,
        days=database.settings.thresholds.due_soon_days[0],
    )
)
figures.strip(balance, case_filter, database, view.accusations)
figures.tiles(view, database)

late, fields = st.columns([1, 1], gap="large")
with late:
    st.subheader(text("overview.where", total=sum(view.late_now), period=view.late_now[0], before=view.late_now[1]))
    units = figures.shares_by(view.by_unit, database.names.unit)
    if units.empty:
        st.success(text("overview.none_overdue"))
    else:
        worst = units.iloc[0]
        drill.chart(
            charts.bars(units, "name", "overdue", "label", fields=["group"], late=True),
            "overdue_by_unit",
            text("overview.where_alt", unit=worst["name"], cases=cases(worst["overdue"])),
            lambda mark: drill.question("overdue", unit=mark["group"]),
            case_filter,
        )
        figures.rest(units, charts.BARS)
with fields:
    st.subheader(text("overview.fields"))
    by_field = figures.shares_by(view.by_field, database.names.category)
    if by_field.empty:
        st.success(text("overview.none_overdue"))
    else:
        drill.chart(
            charts.bars(by_field, "name", "overdue", "label", fields=["group"]),
            "overdue_by_field",
            text("overview.fields_alt", field=by_field.iloc[0]["name"], cases=cases(by_field.iloc[0]["overdue"])),
            lambda mark: drill.question("overdue", field=mark["group"]),
            case_filter,
        )
        figures.rest(by_field, charts.BARS)

st.subheader(text("overview.meeting"))
figures.meeting_table(view, database.settings)
frame.say_missing(database, (*views.TILES, *views.MEETING_ROWS))
