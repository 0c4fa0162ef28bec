"""责任单位情况: units of one kind beside each other, rates with their n, volume as context only."""

import streamlit as st

from dashboard import bound, cache, charts, drill, frame, quality, unit_tables
from data_access import views
from data_access.schema import UNIT_KINDS
from data_access.texts import text

database, case_filter = frame.begin_page()
view = cache.ask(views.departments, case_filter)
frame.nothing_here(view.units.empty)
frame.headline(unit_tables.message(view, database))
st.caption(text("units.small", n=database.settings.comparison.small_n))

bound.declare("order")
order = bound.segments(
    text("units.order"),
    ["fixed", *unit_tables.RANKED],
    "order",
    lambda key: text("units.fixed") if key == "fixed" else text(f"indicator.{key}.label"),
    "fixed",
)
sparks = unit_tables.sparks(view.monthly)
for kind in (*UNIT_KINDS, ""):
    units = unit_tables.of_kind(view.units, kind, database.names)
    if units.empty:
        continue
    st.subheader(database.names.kind(kind) or text("units.unknown_kind"))
    table = quality.by_group(
        units, views.UNIT_KEYS, database.names.units, database.settings, order=order, sparks=sparks
    )
    drill.table(table.show, f"units_{kind or 'unknown'}", table.question("unit"), case_filter)

frame.paper_ends()
st.subheader(text("units.heat"))
few = database.settings.comparison.small_cell
heat = unit_tables.heat(view.heat, database.names, few)
if heat.empty:
    st.success(text("overview.none_overdue"))
else:
    st.caption(text("units.heat_note", n=few))
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
