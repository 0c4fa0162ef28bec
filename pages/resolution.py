"""办理质效: on time, closed, resolved, accepted, satisfied; over time and by field."""

import streamlit as st

from dashboard import bound, cache, compare, drill, duration_view, frame, quality, signal_words, words
from data_access import views
from data_access.texts import text

database, case_filter = frame.begin_page()
bound.declare(duration_view.PARAMETER)
units = compare.choose(database, case_filter)
view = cache.ask(views.resolution, case_filter)
beside = compare.ask(views.resolution, case_filter, units)
whole = compare.base(case_filter)
frame.nothing_here(not any(figure.denominator for figure in view.figures.values()))
frame.headline(quality.message(view.figures, database.settings))
frame.sublines(compare.sentences(view.figures.get("on_time_closure_rate"), beside, database, whole))

table, fields = (st.container(), st.container()) if beside else st.columns([3, 2], gap="large")
with table:
    st.subheader(text("resolution.now"))
    quality.figures_table(view.figures, database.settings, compare.figures(beside, database.names))
with fields:
    frame.paper_ends()
    st.subheader(text("resolution.links"))
    with st.container(horizontal=bool(beside)):
        quality.links(view.figures)

if beside:
    frame.paper_ends()
st.subheader(text("resolution.months"))
st.caption(text("resolution.months_note"))
if beside:
    st.caption(text("compare.note", base=whole, n=database.settings.comparison.small_n))
months = quality.named_months(compare.months(view.monthly, beside, database.names, whole))
for column, (key, part) in frame.grid(months.groupby("indicator", sort=False), 2 if beside else 5):
    with column:
        st.markdown(quality.titled(key, database.settings))
        drill.small(
            compare.rate(part, database.settings.target(key), database.settings.comparison.small_n),
            f"months_{key}",
            compare.months_message(key, part),
            quality.month_question(key),
            case_filter,
        )
        frame.remark(signal_words.sentence(part[part["unit"] == ""], "value", words.label(key), database))

frame.paper_ends()
duration_view.section(database, case_filter)

st.subheader(text("resolution.fields"))
st.caption(text("units.small", n=database.settings.comparison.small_n))
wide = quality.by_group(
    view.by_field, views.BY_FIELD, database.names.categories, database.settings, title=text("dimension.field")
)
drill.table(wide.show, "quality_by_field", wide.question("field"), case_filter)
frame.say_missing(database, views.QUALITY)
