"""办理质效: on time, closed, resolved, accepted, satisfied; over time and by field."""

import streamlit as st

from dashboard import cache, charts, drill, frame, quality
from data_access import views
from data_access.texts import text

database, case_filter = frame.begin_page()
view = cache.ask(views.resolution, case_filter)
frame.nothing_here(not any(figure.denominator for figure in view.figures.values()))
frame.headline(quality.message(view.figures, database.settings))

table, fields = st.columns([3, 2], gap="large")
with table:
    st.subheader(text("resolution.now"))
    quality.figures_table(view.figures, database.settings)
with fields:
    st.subheader(text("resolution.links"))
    quality.links(view.figures)

st.subheader(text("resolution.months"))
st.caption(text("resolution.months_note"))
months = quality.named_months(view.monthly)
for column, (key, part) in frame.grid(months.groupby("indicator", sort=False), 4):
    with column:
        st.markdown(quality.titled(key, database.settings))
        drill.small(
            charts.rate(part, database.settings.target(key)),
            f"months_{key}",
            quality.month_message(key, part),
            quality.month_question(key),
            case_filter,
        )

st.subheader(text("resolution.fields"))
st.caption(text("units.small", n=database.settings.comparison.small_n))
wide = quality.by_group(
    view.by_field, views.BY_FIELD, database.names.categories, database.settings, title=text("dimension.field")
)
drill.table(wide.show, "quality_by_field", wide.question("field"), case_filter)
frame.say_missing(database, views.QUALITY)
