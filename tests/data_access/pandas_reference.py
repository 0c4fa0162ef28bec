"""Every indicator once more, in pandas from the raw rows, written from DOMAIN.md and not from the product."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import Any

import holidays
import numpy as np
import pandas as pd

from data_access.engine import reading_engine
from data_access.filters import CaseFilter
from data_access.settings import load

OUTSIDE = ["not_accepted", "no_longer_accepted", "returned", "merged", "filed"]
EXITS = ["not_accepted", "transferred", "merged"]
RATES = {
    "on_time_closure_rate",
    "on_time_answer_rate",
    "office_timely_forwarding_rate",
    "unit_timely_acceptance_rate",
    "review_timely_rate",
    "rereview_timely_rate",
    "closure_rate",
    "resolution_rate",
    "first_time_resolution_rate",
    "overdue_share",
    "office_rating_response_rate",
    "unit_rating_response_rate",
    "office_satisfaction_rate",
    "unit_satisfaction_rate",
    "repeat_share",
    "collective_share",
    "extension_rate",
    "follow_up_rate",
    "slip_return_rate",
    "slip_effect_rate",
    "checklist_rate",
    "instruction_answer_rate",
    "report_rate",
    "progress_report_rate",
    "legal_review_rate",
    "assisting_answer_rate",
    "backlog_resolution_rate",
    "lowest_level_rate",
}
VOLUMES = {"registered", "closed", "open"}
COUNTS = VOLUMES | {
    *("overdue", "due_soon", "acceptance_overdue"),
    *("in_review", "review_overdue", "in_rereview", "rereview_overdue"),
    *("supervised", "supervised_new", "supervised_again", "signed_off", "signed_off_open", "milestone_overdue"),
    *("supervised_unowned", "supervised_still", "instructed", "instruction_overdue", "assigned", "report_overdue"),
    *("slips", "slips_again", "slip_overdue", "overdue_without_slip", "assisting_overdue", "no_second_look"),
    *("extension_unreasoned", "extension_over_limit", "closed_unanswered"),
}
ENTRIES = ("listing", "instruction", "case_unit", "checklist_item", "progress")
SMALL_CELL = 5
SECOND, DAY = pd.Timedelta(seconds=1), pd.Timedelta(days=1)
Frame = pd.DataFrame
Moments = pd.Series


def end_of_day(moments: Moments, days: int = 0) -> Moments:
    """The last second of the day `days` later."""
    return moments.dt.normalize() + (days + 1) * DAY - SECOND


def earliest(c: Frame, names: list[str]) -> Moments:
    """The first of several moments of each case."""
    return pd.Series(np.fmin.reduce(c[names].to_numpy("datetime64[s]"), axis=1), index=c.index)


def latest(c: Frame, names: list[str]) -> Moments:
    """The last of several moments of each row."""
    return pd.Series(np.fmax.reduce(c[names].to_numpy("datetime64[s]"), axis=1), index=c.index)


class WorkingDays:
    """Days counted on the mainland calendar."""

    def __init__(self, first: int, last: int) -> None:
        calendar = holidays.country_holidays("CN", years=range(first, last + 1))
        every = pd.date_range(dt.date(first, 1, 1), dt.date(last, 12, 31))
        self.working = np.array([day for day in every if calendar.is_working_day(day.date())], dtype="datetime64[D]")

    def after(self, moments: Moments, count: int) -> Moments:
        """The end of the `count`-th working day after the day of each moment."""
        known = moments.notna()
        place = np.searchsorted(self.working, moments[known].to_numpy("datetime64[D]"), side="right")
        found = pd.Series(pd.NaT, index=moments.index, dtype="datetime64[s]")
        found[known] = self.working[place + count - 1].astype("datetime64[s]")
        return end_of_day(found)


class Reference:
    """The raw rows of a database, and each indicator of any filter."""

    def __init__(self, url: str) -> None:
        engine = reading_engine(url, load())
        with engine.connect() as connection:
            tables = {
                name: pd.read_sql(f"SELECT * FROM {name}", connection)
                for name in ("petition_case", "case_event", "reminder_slip", "unit", "category", *ENTRIES)
            }
        engine.dispose()
        for table in tables.values():
            for name in table.columns:
                if name.endswith("_at") or name == "at":
                    table[name] = pd.to_datetime(table[name]).astype("datetime64[s]")
        self.cases, self.slips = tables["petition_case"], tables["reminder_slip"]
        self.entries = {name: tables[name].add_prefix(f"{name}_") for name in ENTRIES}
        self.events = tables["case_event"].sort_values(["case_id", "at"], kind="stable")
        self.kind_of = tables["unit"].set_index("unit_id")["kind"]
        self.parent_of = tables["category"].set_index("category_id")["parent_id"]
        self.calendar = WorkingDays(2020, 2027)

    # once for the database

    @cached_property
    def computed(self) -> tuple[Moments, Moments]:
        """The deadline that follows from acceptance, without and with an extension."""
        accepted = self.cases["accepted_at"]
        short = self.cases["track"].eq("summary")
        in_working_days = self.calendar.after(accepted, 10)
        return (
            end_of_day(accepted, 60).mask(short, in_working_days),
            end_of_day(accepted, 90).mask(short, in_working_days),
        )

    @cached_property
    def fixed(self) -> Frame:
        """The raw rows with what does not depend on the instant."""
        c = self.cases.copy()
        received = c["petitioned_at"].fillna(c["registered_at"])
        c["forwarding_due"] = end_of_day(received, 15)
        c["acceptance_due"] = c["acceptance_due_at"].fillna(end_of_day(c["unit_received_at"], 15))
        c["review_due"] = c["review_due_at"].fillna(end_of_day(c["review_applied_at"], 30))
        hearing = pd.to_timedelta(c["hearing_days"].fillna(0), unit="D")
        c["rereview_due"] = c["rereview_due_at"].fillna(end_of_day(c["rereview_applied_at"], 30) + hearing)
        within = c["objected_at"] <= self.calendar.after(c["unit_received_at"], 5)
        c["objected_in_time"] = c["objected_at"].where(within)
        c["track"] = c["track"].fillna("statutory")
        c["field"] = c["category_id"].map(self.parent_of).fillna(c["category_id"])
        return c

    @cached_property
    def undone(self) -> Frame:
        """Closings that a reopening has undone."""
        events = self.events[self.events["kind"].isin(["closed", "reopened"])]
        following = events.groupby("case_id")[["kind", "at"]].shift(-1)
        pairs = events.assign(reopened_at=following["at"].where(following["kind"].eq("reopened")))
        return pairs[pairs["kind"].eq("closed") & pairs["reopened_at"].notna()]

    # at an instant

    def at(self, instant: dt.datetime) -> Frame:
        """The registered cases, each with its state at the instant."""
        at = pd.Timestamp(instant)
        c = self.fixed.copy()
        moves = self.events[self.events["kind"].eq("reassigned") & (self.events["at"] > at)]
        former = moves.groupby("case_id")["from_unit_id"].first()
        c["unit_then"] = c["case_id"].map(former).fillna(c["lead_unit_id"])

        undone = self.undone[(self.undone["at"] <= at) & (self.undone["reopened_at"] > at)]
        latest = undone.groupby("case_id")["at"].max().astype("datetime64[s]").reindex(c["case_id"])
        earlier = pd.Series(latest.to_numpy(), index=c.index)
        final = c["closed_at"].where(c["closed_at"] <= at)
        final = final.mask(final < c["registered_at"], c["registered_at"])
        c["closed_then"] = final.fillna(earlier)

        usual, longer = self.computed
        extended = c["extended_at"] <= at
        later = c["extended_at"] > at
        original = c["original_due_at"]
        never_extended = c["extended_at"].isna()
        now = c["due_at"].fillna(original.where(never_extended)).fillna(longer.where(extended)).fillna(usual)
        c["due_then"] = now.mask(later, original.fillna(usual))

        left = c["closed_how"].isin(EXITS) & (c["closed_at"] <= at)
        c["counts"] = ~c["disposition"].isin(OUTSIDE) & ~left
        c["is_open"] = c["closed_then"].isna()
        c["on_clock"] = (
            c["counts"]
            & c["track"].ne("other")
            & ~c["purpose"].isin(["suggestion", "accusation"])
            & c["due_then"].notna()
        )
        c["kind"] = c["unit_then"].map(self.kind_of)
        return c[c["registered_at"] <= at]

    def chosen(self, c: Frame, case_filter: CaseFilter) -> Frame:
        """Those of the cases that the filter is about."""
        flags = {"repeat": ("is_repeat", "repeat"), "group": ("is_collective", "collective")}
        columns = {
            "unit": "unit_then",
            "kind": "kind",
            "township": "township_id",
            "channel": "channel",
            "level": "petitioned_level",
            "track": "track",
        }
        keep = pd.Series(True, index=c.index)
        for key, column in columns.items():
            if values := getattr(case_filter, key):
                keep &= c[column].isin(values)
        if case_filter.category:
            parents = c["category_id"].map(self.parent_of)
            keep &= c["category_id"].isin(case_filter.category) | parents.isin(case_filter.category)
        for key, (column, yes) in flags.items():
            if values := getattr(case_filter, key):
                wanted = [value == yes for value in values]
                keep &= c[column].map(
                    lambda flag, wanted=wanted: flag is not None and flag == flag and bool(flag) in wanted
                )
        return c[keep]

    def parts(self, case_filter: CaseFilter, instant: dt.datetime | None = None) -> dict[str, tuple[Frame, Any]]:
        """By indicator: what its denominator counts, and which of them its numerator counts (None: a count)."""
        instant = instant or min(case_filter.as_of, case_filter.span.last)
        at = pd.Timestamp(instant)
        first = pd.Timestamp(case_filter.span.first or dt.datetime(1900, 1, 1))
        last = pd.Timestamp(case_filter.span.last)
        everything = self.chosen(self.at(instant), case_filter)
        c = everything[everything["purpose"].ne("accusation")]
        narrowed = len(c) != len(everything) and bool(case_filter.narrowed)
        volume = c if narrowed else everything

        def within(moments: Moments) -> pd.Series:
            return (moments >= first) & (moments <= last)

        found: dict[str, tuple[Frame, Any]] = {}
        due = c[c["on_clock"] & (c["due_then"] <= at) & within(c["due_then"])]
        found["on_time_closure_rate"] = due, due["closed_then"] <= due["due_then"]
        answered = due["answered_at"].fillna(due["closed_then"])
        found["on_time_answer_rate"] = due, answered <= due["due_then"]

        ways = ["forwarded_at", "noticed_at", "accepted_at", "not_accepted_at", "closed_at"]
        sent = c[(c["forwarding_due"] <= at) & within(c["forwarding_due"])]
        found["office_timely_forwarding_rate"] = sent, earliest(sent, ways) <= sent["forwarding_due"]

        notices = ["noticed_at", "accepted_at", "not_accepted_at", "objected_in_time"]
        received = c[c["unit_received_at"].notna()]
        told = received[(received["acceptance_due"] <= at) & within(received["acceptance_due"])]
        found["unit_timely_acceptance_rate"] = told, earliest(told, notices) <= told["acceptance_due"]
        silent = received[received["is_open"] & (received["acceptance_due"] <= at)]
        found["acceptance_overdue"] = silent[~(earliest(silent, notices) <= at)], None

        again = self.appeals(c, at, within, "rereview", found)
        self.appeals(c[~c["case_id"].isin(again["case_id"])], at, within, "review", found, among=c)

        cohort = c[c["counts"] & within(c["registered_at"])]
        found["closure_rate"] = cohort, ~cohort["is_open"]
        done = c[c["counts"] & ~c["is_open"] & within(c["closed_then"])]
        found["resolution_rate"] = done, done["resolved_at"] <= at
        a_month_ago = at.normalize() - 30 * DAY + DAY - SECOND
        old = done[done["closed_then"] <= a_month_ago]
        found["follow_up_rate"] = old, old["followed_up_at"] <= at
        half_a_year_ago = at.normalize() - 183 * DAY + DAY - SECOND
        is_first = done["is_first"].where(done["is_first"].notna(), done["is_repeat"].map({True: False, False: True}))
        firsts = done[is_first.eq(True) & (done["closed_then"] <= half_a_year_ago)]
        back = firsts["next_repeat_at"].where(firsts["next_repeat_at"] <= at)
        found["first_time_resolution_rate"] = firsts, ~(back <= end_of_day(firsts["closed_then"], 183))

        running = c[c["is_open"] & c["on_clock"]]
        late = running["due_then"] <= at
        found["overdue_share"] = running, late
        found["overdue"] = running[late], None
        soon = at.normalize() + 8 * DAY - SECOND
        found["due_soon"] = running[~late & (running["due_then"] <= soon)], None

        for whose in ("office", "unit"):
            rating, rated_at, expires_at = (f"{whose}_{name}" for name in ("rating", "rated_at", "rating_expires_at"))
            is_rated = c[rated_at] <= at
            window = c[expires_at].fillna(c[rated_at])
            asked = c[((c[expires_at] <= at) | is_rated) & within(window)]
            found[f"{whose}_rating_response_rate"] = asked, asked[rated_at] <= at
            rated = c[is_rated & within(c[rated_at]) & c[rating].notna()]
            found[f"{whose}_satisfaction_rate"] = rated, rated[rating].isin(["satisfied", "basically_satisfied"])

        new = c[within(c["registered_at"])]
        for key, flag in (("repeat_share", "is_repeat"), ("collective_share", "is_collective")):
            flagged = new[new[flag].notna()]
            found[key] = flagged, flagged[flag].astype(bool)
        taken_on = c[(c["accepted_at"] <= at) & within(c["accepted_at"])]
        found["extension_rate"] = taken_on, taken_on["extended_at"] <= at

        slips = self.slips.rename(columns={"unit_id": "slip_unit", "issued_at": "slip_issued"})
        slips = slips.rename(columns={"due_at": "slip_due", "answered_at": "slip_answered"}).drop(columns="reason_code")
        slips = c.merge(slips, on="case_id")
        due_back = slips[(slips["slip_issued"] <= at) & (slips["slip_due"] <= at) & within(slips["slip_due"])]
        found["slip_return_rate"] = due_back, due_back["slip_answered"] <= due_back["slip_due"]
        checked = slips[(slips["effect_checked_at"] <= at) & within(slips["effect_checked_at"])]
        found["slip_effect_rate"] = checked, checked["effective"].eq(True)

        found |= self.accountability(c, at, within)

        found["registered"] = volume[within(volume["registered_at"])], None
        found["closed"] = volume[~volume["is_open"] & within(volume["closed_then"])], None
        found["open"] = volume[volume["is_open"]], None
        return found

    def appeals(self, c: Frame, at: pd.Timestamp, within: Any, which: str, found: Any, among: Any = None) -> Frame:
        """Reviews or re-reviews that wait, are late or were decided in time; gives back those that wait."""
        applied, decided, due = (f"{which}_{name}" for name in ("applied_at", "decided_at", "due"))
        waits = c[~c["is_open"] & (c[applied] <= at) & ~(c[decided] <= at)]
        found[f"in_{which}"] = waits, None
        found[f"{which}_overdue"] = waits[waits[due] <= at], None
        c = c if among is None else among
        past = c[(c[applied] <= at) & (c[due] <= at) & within(c[due])]
        found[f"{which}_timely_rate"] = past, past[decided] <= past[due]
        return waits

    def accountability(self, c: Frame, at: pd.Timestamp, within: Any) -> dict[str, tuple[Frame, Any]]:
        """The indicators of lists, instructions, slips, assistance and procedure, of the cases `c`."""
        found: dict[str, tuple[Frame, Any]] = {}

        def of_cases(name: str) -> Frame:
            return c.merge(self.entries[name], left_on="case_id", right_on=f"{name}_case_id")

        def is_one_of(cases: pd.Series) -> pd.Series:
            return c["case_id"].isin(cases)

        # the lists: an entry begins when listed, not before its case; it ends when verified and signed off
        lists = of_cases("listing")
        listed_at = lists["listing_listed_at"]
        began = listed_at.where(listed_at >= lists["registered_at"], lists["registered_at"]).where(listed_at.notna())
        both = lists["listing_verified_at"].notna() & lists["listing_signed_off_at"].notna()
        lists["began"] = began
        lists["ended"] = latest(lists, ["listing_verified_at", "listing_signed_off_at", "began"]).where(both)
        first_listed = lists.groupby(["case_id", "listing_kind"])["listing_listed_at"].transform("min")
        supervised = lists[lists["listing_kind"].eq("supervised") & (lists["began"] <= at)]
        is_again = supervised["listing_listed_at"] > first_listed[supervised.index]
        new = within(supervised["began"])
        found["supervised_new"] = supervised[new & ~is_again], None
        found["supervised_again"] = supervised[new & is_again], None
        gone = supervised["ended"] <= at
        found["signed_off"] = supervised[gone & within(supervised["ended"])], None
        remaining = supervised[~gone]
        found["supervised"] = remaining, None
        waiting = ~(remaining["listing_milestone_code"].eq("verified") & (remaining["listing_verified_at"] <= at))
        found["milestone_overdue"] = remaining[waiting & (remaining["listing_milestone_due_at"] <= at)], None
        found["supervised_unowned"] = remaining[remaining["responsible_post_id"].isna()], None
        progress = self.entries["progress"]
        progress = progress[progress["progress_at"] <= at]
        a_month_ago = at.normalize() - 29 * DAY - SECOND
        moving = progress.loc[progress["progress_at"] > a_month_ago, "progress_case_id"]
        for_long = remaining["is_open"] & (remaining["began"] <= a_month_ago)
        found["supervised_still"] = remaining[for_long & ~remaining["case_id"].isin(moving)], None
        on_list = is_one_of(remaining["case_id"])
        found["signed_off_open"] = c[c["is_open"] & is_one_of(supervised.loc[gone, "case_id"]) & ~on_list], None
        items = of_cases("checklist_item")
        items = items[items["case_id"].isin(remaining["case_id"])]
        found["checklist_rate"] = items, items["checklist_item_done_at"] <= at
        backlog = lists[lists["listing_kind"].eq("backlog") & (lists["began"] <= at) & within(lists["began"])]
        found["backlog_resolution_rate"] = backlog, backlog["resolved_at"] <= at

        # what has a deadline and an answer of its own
        given = of_cases("instruction")
        issued = given["instruction_issued_at"]
        found["instructed"] = given[(issued <= at) & within(issued)], None
        asked = {
            "instruction": (given, "instruction_due_at", "instruction_answered_at", "answer_rate"),
            "assisting": (of_cases("case_unit"), "case_unit_due_at", "case_unit_answered_at", "answer_rate"),
            "report": (c, "report_due_at", "reported_at", "rate"),
        }
        for key, (rows, due, answered, rate) in asked.items():
            past = rows[rows[due] <= at]
            of_period = past[within(past[due])]
            found[f"{key}_{rate}"] = of_period, of_period[answered] <= of_period[due]
            found[f"{key}_overdue"] = past[~(past[answered] <= at)], None

        found["assigned"] = c[c["is_open"] & c["assigned_from"].notna()], None

        slips = self.slips[self.slips["issued_at"].notna()].rename(columns={"unit_id": "slip_unit"})
        slips["is_again"] = slips["issued_at"] > slips.groupby("case_id")["issued_at"].transform("min")
        slips = c[["case_id", "purpose", "field", "channel", "township_id", "kind", "track"]].merge(slips, on="case_id")
        slips = slips[slips["issued_at"] <= at]
        found["slips"] = slips[within(slips["issued_at"])], None
        found["slips_again"] = slips[within(slips["issued_at"]) & slips["is_again"]], None
        found["slip_overdue"] = slips[(slips["due_at"] <= at) & ~(slips["answered_at"] <= at)], None

        late = c[c["is_open"] & c["on_clock"] & (c["due_then"] <= at)]
        found["overdue_without_slip"] = late[~late["case_id"].isin(slips["case_id"])], None
        reports = progress[progress["progress_code"].eq("report_given")].groupby("progress_case_id")["progress_at"]
        last_report = reports.max().astype("datetime64[s]").reindex(late["case_id"])
        found["progress_report_rate"] = late, pd.Series(last_report.to_numpy(), late.index) > late["due_then"]

        # how cases were closed and extended
        handled = c[c["counts"] & ~c["is_open"] & c["closed_how"].fillna("handled").eq("handled")]
        handled = handled[within(handled["closed_then"])]
        important = (
            handled["assigned_from"].notna()
            | handled["case_id"].isin(given.loc[issued <= at, "case_id"])
            | handled["case_id"].isin(supervised["case_id"])
        )
        found["legal_review_rate"] = handled[important], handled.loc[important, "legal_reviewed_at"] <= at
        placed = handled[handled["handling_level"].notna()]
        found["lowest_level_rate"] = placed, placed["handling_level"].isin(["village", "group"])
        found["closed_unanswered"] = handled[handled["on_clock"] & ~(handled["answered_at"] <= at)], None
        extended = c[(c["extended_at"] <= at) & within(c["extended_at"])]
        found["extension_unreasoned"] = extended[extended["extension_reason_code"].isna()], None
        most = end_of_day(extended["original_due_at"], 30)
        found["extension_over_limit"] = extended[extended["due_at"] > most], None
        low = c[(c["unit_rated_at"] <= at) & within(c["unit_rated_at"]) & c["unit_rating"].eq("dissatisfied")]
        called_back = (low["followed_up_at"] >= low["unit_rated_at"]) & (low["followed_up_at"] <= at)
        found["no_second_look"] = low[~called_back], None
        return found

    def measure(
        self, case_filter: CaseFilter, by: str | None = None, *, instant: dt.datetime | None = None, parts: Any = None
    ) -> dict[Any, Any]:
        """Numerator and denominator by indicator, or by indicator and group: what `handmade.counts` gives."""
        column = {"field": "field", "channel": "channel", "township": "township_id", "kind": "kind", "track": "track"}
        found: dict[Any, Any] = {}
        for key, (rows, met) in (parts or self.parts(case_filter, instant)).items():
            if by is None:
                found[key] = _pair(key, len(rows), 0 if met is None else int(met.sum()))
                continue
            if key in VOLUMES:
                keep = rows["purpose"].ne("accusation")
                rows = rows[keep]
            groups = rows[_unit_column(key) if by == "unit" else column[by]].fillna("")
            for group, n in groups.value_counts().items():
                hits = 0 if met is None else int(met[groups == group].sum())
                found[key, group or None] = _pair(key, int(n), hits)
        return found


def _unit_column(key: str) -> str:
    """Who is charged: the unit reminded or asked, the office that registered, else the responsible unit."""
    if key.startswith(("slip_", "slips")):
        return "slip_unit"
    if key.startswith("assisting_"):
        return "case_unit_unit_id"
    return "registering_unit_id" if key.startswith("office_") else "unit_then"


def _pair(key: str, denominator: int, numerator: int) -> tuple[int | None, int | None]:
    if key in COUNTS:
        return (None if key == "no_second_look" and 0 < denominator < SMALL_CELL else denominator), None
    if key.endswith("satisfaction_rate") and denominator < SMALL_CELL:
        return None, denominator
    return numerator, denominator
