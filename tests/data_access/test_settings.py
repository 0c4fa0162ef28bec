"""The settings file: what ships, what overrides it, and a sentence for each mistake."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from data_access import settings, texts
from data_access.indicators import INDICATORS
from data_access.problems import Problem
from data_access.settings import FILE, OVERRIDE, Settings


@pytest.fixture(autouse=True)
def _read_anew() -> Iterator[None]:
    settings.load.cache_clear()
    yield
    settings.load.cache_clear()


@pytest.fixture
def override(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str | bytes], Path]:
    """`override(toml)`: the file that CASES_SETTINGS names."""

    def written(content: str | bytes) -> Path:
        file = tmp_path / "mine.toml"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        monkeypatch.setenv(OVERRIDE, str(file))
        return file

    return written


def sentences(problem: Problem) -> list[str]:
    return [line.removeprefix("- ") for line in str(problem).splitlines() if line.startswith("- ")]


def test_what_ships_is_what_the_regulation_and_the_domain_say() -> None:
    found = settings.load()
    rules = found.deadlines
    assert (rules.forwarding_days, rules.acceptance_days, rules.objection_working_days) == (15, 15, 5)
    assert (rules.closing_days, rules.extension_days, rules.summary_working_days) == (60, 30, 10)
    assert not rules.holiday_rollover
    assert (found.comparison.small_n, found.comparison.small_cell, found.group.rule) == (15, 5, "at_least_5")
    assert found.thresholds.due_soon_days == (7, 15)
    assert found.thresholds.age_bands == (7, 30, 90, 180)
    assert (found.thresholds.follow_up_after_days, found.thresholds.first_time_months) == (30, 6)
    assert (found.period.month_closes_on, found.period.year_starts_in) == (0, 1)
    assert found.zone.key == "Asia/Shanghai"
    assert found.unit_kinds.township.zh_CN == "乡镇（街道）"


def test_every_key_of_the_model_stands_in_the_file_with_a_comment_or_a_plain_name() -> None:
    values = tomllib.loads(FILE.read_text(encoding="utf-8"))

    def keys(found: Any, above: str = "") -> set[str]:
        return {
            name
            for key, value in found.items()
            for name in (keys(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}"})
        }

    assert keys(values) == keys(Settings.model_validate(values).model_dump())


def test_targets_are_for_rates_that_have_a_better_end() -> None:
    """No volume, no repeat share, no collective share has a target: nobody is to be turned away for it."""
    with_target = {key for key in INDICATORS if settings.load().target(key) is not None}
    assert with_target <= {key for key, each in INDICATORS.items() if each.is_rate and each.better}
    assert not with_target & {"registered", "closed", "open", "repeat_share", "collective_share"}
    assert set(settings.load().targets.model_dump()) <= set(INDICATORS)


def test_single_keys_are_overridden(override: Callable[[str], Path]) -> None:
    override('county = "青石县"\n[deadlines]\nholiday_rollover = true\n[targets]\non_time_closure_rate = 0.9\n')
    found = settings.load()
    assert (found.county, found.deadlines.holiday_rollover, found.target("on_time_closure_rate")) == (
        "青石县",
        True,
        0.9,
    )
    assert (found.deadlines.closing_days, found.target("closure_rate"), found.language) == (60, 0.9, "zh_CN")


def test_a_file_with_a_byte_order_mark_is_read(override: Callable[[bytes], Path]) -> None:
    override('\ufeffcounty = "青石县"'.encode())
    assert settings.load().county == "青石县"


MISTAKES = [
    ('county = ""', "county 不能为空。", "county"),
    ("county = 5", "county 应为文字，现为 5。", "county"),
    ('language = "fr"', "language 只能是 'zh_CN' or 'en'，现为 'fr'。", "language"),
    ('time_zone = "Asia/Nowhere"', "time_zone 不是已知时区：'Asia/Nowhere'。", "time_zone"),
    ("[period]\nmonth_closes_on = 31", "period.month_closes_on 不能大于 28，现为 31。", "period.month_closes_on"),
    ("[period]\nyear_starts_in = 0", "period.year_starts_in 不能小于 1，现为 0。", "period.year_starts_in"),
    ("[period]\nyear_starts_in = 1.5", "period.year_starts_in 应为整数，现为 1.5。", "period.year_starts_in"),
    ('[period]\nyear_starts_in = "one"', "period.year_starts_in 应为整数，现为 'one'。", "period.year_starts_in"),
    ("[comparison]\nsmall_cell = 1", "comparison.small_cell 不能小于 2，现为 1。", "comparison.small_cell"),
    ('[group]\nrule = "5"', "group.rule 只能是 'at_least_5' or 'more_than_5'，现为 '5'。", "group.rule"),
    ("[deadlines]\nclosing_days = 0", "deadlines.closing_days 不能小于 1，现为 0。", "deadlines.closing_days"),
    ("[deadlines]\nclosing_days = 400", "deadlines.closing_days 不能大于 366，现为 400。", "deadlines.closing_days"),
    (
        '[deadlines]\nholiday_rollover = "maybe"',
        "deadlines.holiday_rollover 应为 true 或 false，现为 'maybe'。",
        "rollover",
    ),
    (
        "[thresholds]\ndue_soon_days = [15, 7]",
        "thresholds.due_soon_days 应从小到大且不重复，现为 [15, 7]。",
        "due_soon_days",
    ),
    ("[thresholds]\nage_bands = [7, 7]", "thresholds.age_bands 应从小到大且不重复，现为 [7, 7]。", "age_bands"),
    ("[thresholds]\nage_bands = 7", "thresholds.age_bands 应为列表，如 [7, 15]，现为 7。", "age_bands"),
    ("[targets]\nclosure_rate = 95", "targets.closure_rate 不能大于 1", "targets.closure_rate"),
    ('[targets]\nclosure_rate = "high"', "targets.closure_rate 应为数字，现为 'high'。", "targets.closure_rate"),
    ("[targets]\nregistered = 0.5", "没有名为 targets.registered 的设置，请检查拼写。", "targets.registered"),
    ("coutny = 1", "没有名为 coutny 的设置，请检查拼写。", "coutny"),
    ("[perod]\nmonth_closes_on = 25", "没有名为 perod 的设置，请检查拼写。", "perod"),
]


@pytest.mark.parametrize(("toml", "said", "named"), MISTAKES, ids=[mistake[0][:40] for mistake in MISTAKES])
def test_a_mistake_is_one_sentence(override: Callable[[str], Path], toml: str, said: str, named: str) -> None:
    file = override(toml)
    with pytest.raises(Problem) as wrong:
        settings.load()
    assert str(file) in str(wrong.value)
    [sentence] = sentences(wrong.value)
    assert sentence.startswith(said)
    texts.use("en")
    with pytest.raises(Problem) as wrong:
        settings.load()
    [sentence] = sentences(wrong.value)
    assert named in sentence
    assert "应" not in sentence and "不" not in sentence


def test_every_mistake_has_its_sentence(override: Callable[[str], Path]) -> None:
    override('county = ""\nlanguage = "fr"\n[deadlines]\nclosing_days = 0\nacceptance_days = 0\n')
    with pytest.raises(Problem) as wrong:
        settings.load()
    assert len(sentences(wrong.value)) == 4


def test_an_empty_list_is_a_mistake_with_a_sentence_of_its_own(override: Callable[[str], Path]) -> None:
    override("[thresholds]\nage_bands = []")
    with pytest.raises(Problem) as wrong:
        settings.load()
    [sentence] = sentences(wrong.value)
    assert "thresholds.age_bands" in sentence


def test_a_missing_key_is_named() -> None:
    values = tomllib.loads(FILE.read_text(encoding="utf-8"))
    del values["deadlines"]["closing_days"], values["county"]
    with pytest.raises(Problem) as wrong:
        settings.parse(values, "here.toml")
    assert sorted(sentences(wrong.value)) == ["缺少 county。", "缺少 deadlines.closing_days。"]


def test_a_target_may_be_left_out() -> None:
    values = tomllib.loads(FILE.read_text(encoding="utf-8"))
    del values["targets"]["closure_rate"]
    assert settings.parse(values, "here.toml").target("closure_rate") is None


@pytest.mark.parametrize("content", ["county = ", b"\xff\xfe\x00", "[deadlines\n"])
def test_a_file_that_is_no_toml_is_one_sentence(override: Callable[[str | bytes], Path], content: str | bytes) -> None:
    file = override(content)
    with pytest.raises(Problem) as wrong:
        settings.load()
    assert wrong.value.key == "settings_not_toml"
    assert str(file) in str(wrong.value)


def test_a_file_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(OVERRIDE, str(tmp_path / "gone.toml"))
    with pytest.raises(Problem) as wrong:
        settings.load()
    assert wrong.value.key == "settings_unreadable"
    assert "gone.toml" in str(wrong.value)


def test_settings_are_part_of_cache_keys() -> None:
    assert hash(settings.load()) == hash(settings.parse(tomllib.loads(FILE.read_text(encoding="utf-8")), ""))
