"""责任单位情况: each unit beside the county, without a league table; rates with their n, volume as context only."""

import streamlit as st

from dashboard import bound, cache, charts, drill, fair_view, frame, quality, unit_tables
from data_access import views
from data_access.schema import UNIT_KINDS
from data_access.texts import text

database, case_filter = frame.begin_page()
view = cache.ask(views.departments, case_filter)
frame.nothing_here(view.units.empty)
standing, few = view.standing, database.settings.comparison.small_n
bound.declare("rate", "order")
frame.headline(fair_view.headline(standing, fair_view.rate(standing)))
fair_view.why(database.settings)
with st.container(horizontal=True, gap="large"):
    rate = fair_view.choose_rate(standing)
    order = bound.segments(
        text("units.order"),
        ["fixed", *unit_tables.RANKED],
        "order",
        lambda key: text("units.fixed") if key == "fixed" else text(f"indicator.{key}.label"),
        "fixed",
    )
st.caption(text("fair.small", n=few))
sparks, further = unit_tables.sparks(view.monthly), fair_view.columns(standing, rate)
for kind in (*UNIT_KINDS, ""):
    units = unit_tables.of_kind(view.units, kind, database.names)
    if units.empty:
        continue
    st.subheader(database.names.kind(kind) or text("units.unknown_kind"))
    table = quality.by_group(
        units,
        views.UNIT_KEYS,
        database.names.units,
        database.settings,
        order=order,
        sparks=sparks,
        interval=True,
        further=further,
    )
    drill.table(table.show, f"units_{kind or 'unknown'}", table.question("unit"), case_filter)

frame.paper_ends()
fair_view.funnels(standing, rate, database, case_filter)
st.subheader(text("units.heat"))
small_cell = database.settings.comparison.small_cell
heat = unit_tables.heat(view.heat, database.names, small_cell)
if heat.empty:
    st.success(text("overview.none_overdue"))
else:
    st.caption(text("units.heat_note", n=small_cell))
    drill.chart(
        charts.heat(heat),
        "unit_heat",
        unit_tables.heat_message(heat),
        lambda mark: drill.question("overdue", unit=mark["unit"], field=mark["field"]),
        case_filter,
    )

st.subheader(text("units.information"))
st.caption(text("units.information_note"))
place, functional = st.tabs([text("units.by_place"), text("units.by_functional")])
for tab, table_of, dimension in ((place, view.places, "township"), (functional, view.functional, "functional")):
    with tab:
        if table_of.empty:
            st.caption(text("units.not_available"))
            continue
        table = quality.by_group(table_of, views.UNIT_KEYS, database.names.units, database.settings)
        drill.table(table.show, f"information_{dimension}", table.question(dimension), case_filter)
frame.say_missing(database, views.UNIT_KEYS)
