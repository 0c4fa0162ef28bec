"""What an indicator is: a rate or a count, as conditions on cases at an instant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import and_, false

from data_access.settings import Settings
from data_access.state import Cases, Condition

Rule = Callable[[Cases], Condition]


def never(_cases: Cases) -> Condition:
    """No case: what `Indicator.unsettled` is where all is known at the moment itself."""
    return false()


@dataclass(frozen=True)
class Indicator:
    """A rate (numerator among denominator) or a count (of the numerator, or of the denominator where there is none).

    `needs`: source columns. `moment`: the attribute of
    Cases that decides its period; None for stock figures.
    `better`: whether more or less is better, None where it is context only. `office`:
    charged to the registering unit instead of the responsible one. `table`: what is
    counted. `confidential`: a rating; small cells are never shown, nor its numerator listed; a
    count of ratings is never listed at all.
    `county_wide`: a volume whose county total includes accusations. `only`: what narrows the
    denominator further; kept apart so that indicators with one base are counted together.
    `of_open`: a stock figure that only open cases can belong to.

    `unsettled`: the cases whose part in a period may still change between its last day and a later instant, so that
    they must be seen at the instant of each period; None: any case may. Of a stock with a `flow`, those that it does
    not follow. `flow`: two counts, of what enters a stock and of what leaves it. `ahead`: a stock of cases that fall
    due within so many days (a function of the settings).
    """

    key: str
    needs: tuple[str, ...]
    denominator: Rule
    numerator: Rule | None = None
    moment: str | None = None
    better: Literal["more", "less"] | None = None
    office: bool = False
    table: Literal["petition_case", "reminder_slip", "listing", "instruction", "case_unit", "checklist_item"] = (
        "petition_case"
    )
    confidential: bool = False
    county_wide: bool = False
    is_rate: bool = True
    only: Rule | None = None
    of_open: bool = True
    unsettled: Rule | None = None
    flow: tuple[Indicator, Indicator] | None = None
    ahead: Callable[[Settings], int] | None = None

    def counted(self, cases: Cases) -> Condition:
        """The cases that a count counts."""
        among = self.base(cases)
        return and_(among, self.numerator(cases)) if self.numerator else among

    def base(self, cases: Cases) -> Condition:
        """The whole denominator."""
        return and_(self.denominator(cases), self.only(cases)) if self.only else self.denominator(cases)

    @property
    def is_stock(self) -> bool:
        """Whether it is as of an instant and ignores the period."""
        return self.moment is None
