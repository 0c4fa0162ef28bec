"""超期: what is late now, where, for how long; what falls due next; lists to hand out."""

import streamlit as st

from dashboard import brief, cache, charts, clock_view, drill, frame, late, tables
from data_access import views
from data_access.filters import sentence
from data_access.lists import Question
from data_access.texts import text

database, case_filter = frame.begin_page()
view = cache.ask(views.overdue, case_filter)
thresholds = database.settings.thresholds
period, before = view.late_now
waiting = int(view.acceptance["numerator"].sum())
frame.headline(text("overdue.headline", total=period + before, period=period, before=before, acceptance=waiting))

bands, units = st.columns([2, 3], gap="large")
with bands:
    st.subheader(text("overdue.bands"))
    table = late.by_band(view.by_day, thresholds.age_bands)
    drill.chart(
        charts.bands(table),
        "overdue_bands",
        late.bands_message(table),
        lambda mark: drill.question("overdue", late=mark["late"]),
        case_filter,
    )
    with st.container(horizontal=True):
        for asked, words in late.links(view, thresholds.due_soon_days):
            brief.note(words)
            drill.link(asked, words)
with units:
    st.subheader(text("overdue.units"))
    by_unit = late.by_unit(view.by_day, database.names)
    if by_unit.empty:
        st.success(text("overview.none_overdue"))
    else:
        drill.chart(
            charts.bars(by_unit, "name", "n", "label", fields=["unit"], late=True, limit=len(by_unit)),
            "overdue_units",
            text("overview.where_alt", unit=by_unit.iloc[0]["name"], cases=by_unit.iloc[0]["label"]),
            lambda mark: drill.question("overdue", unit=mark["unit"]),
            case_filter,
        )

steps, outside = st.columns([3, 2], gap="large")
with steps:
    frame.paper_ends()
    st.subheader(text("clock.steps"))
    clock_view.steps(view.steps, period + before, thresholds.due_soon_days[0], case_filter)
with outside:
    frame.paper_ends()
    st.subheader(text("clock.outside"))
    clock_view.outside(view.steps)

for of, page in (("overdue", view.page), ("due_later", view.soon_page)):
    st.subheader(text(f"overdue.list_{of}", n=page.total, days=thresholds.due_soon_days[-1]))
    if not page.total:
        st.caption(text("overdue.list_empty"))
        continue
    tables.case_table(page.rows, key=f"list_{of}", columns=late.LIST_COLUMNS, on_paper=6)
    with st.container(horizontal=True, vertical_alignment="center"):
        if page.total > len(page.rows):
            drill.link(Question(of), text("overdue.open_list", n=page.total))
        late.downloads(of, case_filter, sentence(case_filter, database.names))
frame.say_missing(database, ("overdue", "acceptance_overdue"))
