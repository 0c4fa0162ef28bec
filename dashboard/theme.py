"""Colours, type and spacing: each stands once."""

from __future__ import annotations

from typing import Final

import altair as alt

BLUE: Final = "#0072B2"  # the subject
VERMILLION: Final = "#D55E00"  # what needs action
GREY: Final = "#9AA5B1"  # context
SOFT: Final = "#D5DCE4"
INK: Final = "#1B2430"
MUTED: Final = "#52606D"
FAINT: Final = "#8794A1"  # too few cases to say
FONT: Final = "'Microsoft YaHei', 'PingFang SC', 'Noto Sans CJK SC', 'Noto Sans SC', 'Segoe UI', sans-serif"
LATENESS: Final = ("#F6C9A8", "#EFA06B", "#E27A33", "#C85200", "#8A3700")
"""Five steps of being late, from a few days to more than half a year."""

CSS: Final = """
<style>
  .block-container {padding: 3.6rem 2.2rem 2rem; max-width: 1880px;}
  .headline {font-size: 1.6rem; line-height: 1.45; font-weight: 650; margin: .1rem 0 .3rem; padding: 0;}
  [data-testid="stHeading"] h3 {font-size: 1.25rem; padding: .4rem 0 .2rem;}
  [data-testid="stPageLink"] p {color: #00568A; font-size: 1rem;}
  [data-testid="stPageLink"] a {padding: .1rem .3rem;}
  .filter-sentence b {margin-right: .8rem;}
  .filter-sentence {font-size: 1rem; color: #52606D; margin: -.4rem 0 .2rem;}
  .strip {display: flex; flex-wrap: wrap; align-items: stretch; gap: .35rem; margin: .2rem 0 .3rem;}
  .strip .item {flex: 1; background: #F3F5F8; border-radius: 6px; padding: .35rem .9rem; min-width: 5.2rem;
                text-align: center;}
  .strip .item.total {background: #E3EEF6;}
  .strip .item .name {font-size: .95rem; color: #52606D;}
  .strip .item .count {font-size: 1.5rem; font-weight: 600; font-variant-numeric: tabular-nums;}
  .strip .sign {align-self: center; font-size: 1.4rem; color: #52606D;}
  .sheet {border-collapse: collapse; width: 100%; font-size: 1rem;}
  .sheet th {color: #52606D; font-weight: 600; text-align: right; padding: .35rem .6rem;
             border-bottom: 2px solid #D5DCE4;}
  .sheet td {text-align: right; padding: .35rem .6rem; border-bottom: 1px solid #E7EBF0;
             font-variant-numeric: tabular-nums; white-space: nowrap;}
  .sheet th:first-child, .sheet td:first-child {text-align: left; white-space: normal;}
  .sheet td.words, .sheet th.words {text-align: left; white-space: normal; min-width: 7rem;}
  .sheet .muted {color: #52606D;}
  [data-testid="stMetricValue"] {font-size: 2rem;}
  [data-testid="stMetricLabel"] p {font-size: 1rem; white-space: normal;}
  [class*="st-key-bound_"], [data-testid="stElementToolbar"] {display: none;}
  [data-testid="stCaptionContainer"] p {font-size: .95rem;}
  @media print {
    header, [data-testid="stToolbar"], .st-key-filter_bar {display: none !important;}
    .block-container {padding: 0 !important;}
    @page {size: A4 landscape; margin: 10mm;}
  }
</style>
"""


@alt.theme.register("petition", enable=True)
def _theme() -> alt.theme.ThemeConfig:
    axis: alt.theme.AxisConfigKwds = {
        "labelFontSize": 14,
        "titleFontSize": 14,
        "labelColor": INK,
        "titleColor": MUTED,
        "titleFontWeight": "normal",
        "gridColor": "#E7EBF0",
        "domainColor": GREY,
        "tickColor": GREY,
        "labelLimit": 260,
    }
    return {
        "config": {
            "font": FONT,
            "background": "transparent",
            "view": {"stroke": None},
            "axis": axis,
            "legend": {"labelFontSize": 14, "titleFontSize": 14, "labelColor": INK, "orient": "top", "title": None},
            "header": {"labelFontSize": 14, "labelColor": INK, "title": None},
            "text": {"fontSize": 14, "color": INK},
            "title": {"fontSize": 16, "anchor": "start", "color": INK},
        }
    }
