"""指标口径: how every number is worked out, the statutory clock, what is wrong with the data, official figures."""

from dashboard import about, bound, frame
from data_access.texts import text

database, case_filter = frame.begin_page()
bound.declare("part")
part = bound.segments(
    text("definitions.parts"), list(about.PARTS), "part", lambda key: text(f"definitions.part.{key}"), "indicators"
)
about.PARTS[part](database, case_filter)
