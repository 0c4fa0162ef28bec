"""What the words in a ledger mean: headers, codes, flags, moments, names of units and places.

Headers and code words are data in the language of the ledgers, not texts of the interface.
Every reader takes one cell as the file holds it and judges it alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Final, NamedTuple

from data_access import schema

# What a column of the file can feed: a column of `petition_case`, or one of these.
ASSISTING: Final = "assisting_units"  # 协办单位: rows of case_unit
SUBCATEGORY: Final = "subcategory"  # one level below category_id
PERSONS: Final = "persons"  # only to derive is_collective; the number is never stored
FIRST_OR_REPEAT: Final = "first_or_repeat"  # 初重件: feeds is_first and is_repeat
CLOSED_STATE: Final = "closed_state"  # 是否办结: only to report closings without a moment
HELPERS: Final = (ASSISTING, SUBCATEGORY, PERSONS, FIRST_OR_REPEAT, CLOSED_STATE)
FIELDS: Final = (*(column.name for column in schema.petition_case.c if column.name != "case_id"), *HELPERS)

# The first header that a sheet has is used, the others are named in the report.
_HEADERS: Final[dict[str, str]] = {
    "case_no": "信访件编号 信访编号 信访件号 登记编号 受理编号 件号 xfjbh 编号 case_no case_id",
    "channel": "信访形式 信访方式 信访渠道 来源渠道 xfxs",
    "purpose": "信访目的 xfmddm",
    "petitioned_level": "信访层级 上访层级",
    "handling_level": "办理层级",
    "category_id": "内容分类 信访内容分类 问题分类 问题类别 一级分类 举报类型 类型 类别 nrfldm",
    SUBCATEGORY: "二级分类 内容子类 问题子类",
    "township_id": "问题属地 属地 乡镇 镇街 乡镇街道 乡镇(街道) 所属乡镇 属地乡镇 wtsddm",
    "registering_unit_id": "登记单位 登记部门 登记机构 登记机构名称 djjgmc",
    "lead_unit_id": "责任单位 责任部门 承办单位 主办单位 牵头单位 转往处 责任科室 具体承办单位",
    ASSISTING: "协办单位 协办部门 配合单位 配合部门",
    "disposition": "办理方式 处理方式 blfs",
    "track": "办理程序 程序类型",
    "is_collective": "联名信或集体访 是否集体访 是否集体 集体访 lmbz",
    PERSONS: "信访人数 来访人数 涉及人数 人数 xfrs 人次",
    "is_first": "是否全国初次信访 是否初次信访 是否初次 初次信访",
    "is_repeat": "是否重复信访 是否重复 重复信访 cfxfbz",
    FIRST_OR_REPEAT: "初重件 初重 初重信访",
    "next_repeat_at": "再次信访时间 再次信访日期",
    "task_force": "专班 工作专班",
    "petitioned_at": "信访日期 信访时间 来访时间 来信时间 接件时间 接件日期 收件时间 xfrq",
    "registered_at": "登记时间 登记日期 djsj",
    "forwarded_at": "转送时间 转送日期 转办时间 转办日期 交办时间 交办日期",
    "unit_received_at": "责任单位接收时间 单位接收时间 接收时间 签收时间",
    "acceptance_due_at": "受理期限 受理时限 应受理日期",
    "noticed_at": "受理告知时间 受理告知日期 告知时间",
    "accepted_at": "受理时间 受理日期 zrdwslsj",
    "not_accepted_at": "不予受理时间 不予受理日期",
    "objected_at": "管辖异议时间 异议时间",
    "original_due_at": "原办理期限 原限办日期 原限办时间",
    "due_at": "办理期限 限办时间 限办日期 办理时限 办结时限 办结期限 应结办日期 应办结日期 应办结时间 xbjzrq",
    "extended_at": "延期时间 延期日期 延期审批时间",
    "extension_reason_code": "延期原因",
    "answered_at": "答复时间 答复日期 dfsj",
    "closed_at": "办结时间 办结日期 实际办结时间 bjsj",
    "closed_how": "办结方式",
    "outcome": "答复结论 办理结论 处理结论",
    "resolved_at": "化解时间 化解日期",
    "outcome_accepted_at": "息诉息访时间 息诉息访日期 息访时间",
    "review_applied_at": "复查申请时间 复查申请日期",
    "review_due_at": "复查期限",
    "review_decided_at": "复查办结时间 复查答复时间",
    "rereview_applied_at": "复核申请时间 复核申请日期",
    "rereview_due_at": "复核期限",
    "rereview_decided_at": "复核办结时间 复核答复时间",
    "hearing_days": "听证天数",
    "follow_up_due_at": "回访期限",
    "followed_up_at": "回访时间 回访日期",
    "office_rating": "信访部门满意度 信访部门评价 对信访部门评价 xfbmpj xfbmmyd xfbmpjzt",
    "office_rated_at": "信访部门评价时间",
    "office_rating_expires_at": "信访部门评价期限",
    "unit_rating": "责任单位满意度 责任单位评价 对责任单位评价 满意度 群众满意度 zrdwpj zrdwmyd zrdwpjzt",
    "unit_rated_at": "责任单位评价时间 评价时间",
    "unit_rating_expires_at": "责任单位评价期限 评价期限",
    "responsible_post_id": "包案领导 包保领导 责任领导",
    "assigned_from": "交办层级 上级交办",
    "report_due_at": "报结期限 报告期限",
    "reported_at": "报结时间 报告时间",
    "legal_reviewed_at": "合法性审查时间",
    "updated_at": "更新时间 最后更新时间 修改时间",
    CLOSED_STATE: "是否办结 办结状态 信访件状态 bjbz",
}  # fmt: skip

# Known, and not for this system: running numbers, states that moments say better, lists of their own.
_NOT_LOADED: Final = "序号 超期次数 超期天数 xfjzt jabz dbbz"
_TOWNSHIP_HEADERS: Final = frozenset({"乡镇", "镇街", "乡镇街道", "乡镇(街道)", "所属乡镇", "属地乡镇"})
EITHER: Final = frozenset({"forwarded_at"})
"""Fields whose headers complete each other: a case has 转送时间 or 交办时间, whichever it was."""

_STATE_HEADERS: Final = frozenset({"xfbmpjzt", "zrdwpjzt"})
_VALUE_HEADERS: Final = frozenset({"xfbmpj", "xfbmmyd", "zrdwpj", "zrdwmyd"})

_IDENTITY: Final = re.compile(
    r"姓名|电话|手机|身份证|证件|住址|地址|住所|联系方式|邮箱|性别|年龄|民族|出生|户籍|微信号|当事人|群众名|人员|领导$|人$|人(及|和|、)"
    r"|^(full_?|first_?|last_?)?name$|phone|mobile|address|e-?mail|^id_?(card|number|no)$|petitioner|^(xm|xfr|sfzh|zjhm|lxdh|sjhm|dz|zz)$"
)  # fmt: skip
_FREE_TEXT: Final = re.compile(
    r"标题|题目|概况|概述|摘要|诉求|事项|简介|内容|描述|详情|情况|意见|说明|备注|附注|反映|结果|进展|经过|措施"
    r"|title|summary|description|remark|comment|note|^(gk|bt|bz|nr)$"
)


class Feeds(NamedTuple):
    """The field that a header feeds, and its rank among the headers of that field."""

    field: str
    rank: int


@dataclass(frozen=True)
class Unread:
    """Why a column of the file is not read: a key under `import.dropped`."""

    reason: str


def folded(value: str) -> str:
    """`value` as names are compared: full-width forms, spaces and case do not count."""
    return "".join(unicodedata.normalize("NFKC", value).split()).casefold()


def header_key(value: object) -> str:
    """A header as headers are compared; empty where the cell holds no text."""
    return folded(value).strip("*:") if isinstance(value, str) else ""


_FIELD_OF: Final[dict[str, Feeds]] = {}
for _field in FIELDS:
    for _rank, _header in enumerate([*_HEADERS.get(_field, "").split(), _field]):
        _FIELD_OF.setdefault(header_key(_header), Feeds(_field, _rank))
_NOT_LOADED_KEYS: Final = frozenset(_NOT_LOADED.split())


@cache
def known_header(key: str) -> Feeds | Unread | None:
    """What the header with this key feeds, or why it is not read; None if unknown."""
    for form in (key, re.sub(r"\([^()]*\)$", "", key)):  # 登记时间（年月日）
        if form in _FIELD_OF:
            return _FIELD_OF[form]
        if form in _NOT_LOADED_KEYS:
            return Unread("not_loaded")
    if _IDENTITY.search(key):
        return Unread("identity")
    if _FREE_TEXT.search(key):
        return Unread("free_text")
    return None


# Words for codes; the codes themselves are understood too.
_CODE_WORDS: Final[dict[str, dict[str, str]]] = {
    "channel": {
        "letter": "来信 信件 信函 写信 邮寄",
        "visit": "来访 走访 上访 接访",
        "web": "网上信访 网络 网信 网上 网上投诉 网络信访",
        "mobile": "手机信访 手机 手机app",
        "wechat": "微信信访 微信",
        "phone": "电话信访 来电 电话",
        "mailbox": "领导信箱 信箱 书记信箱 县长信箱",
    },
    "purpose": {
        "appeal": "申诉求决 申诉 求决 申诉求决类",
        "suggestion": "意见建议 建议意见 建议 意见建议类",
        "accusation": "检举控告 揭发控告 检举 控告 举报 检举控告类",
        "other": "其他 其它 其他类",
    },
    "level": {
        "national": "国家 国家级 中央 全国 国家信访局 进京",
        "province": "省 省级 省信访局 自治区",
        "prefecture": "市州 州 州级 市 市级 地级 地市 州市 市(州)",
        "county": "县 县级 区县 县区 区 本级 本县 县(市、区)",
        "township": "乡镇 乡 镇 街道 镇街 乡镇级 乡镇(街道)",
    },
    "handling_level": {
        "county": "县 县级 区县 县区 本级",
        "township": "乡镇 乡 镇 街道 镇街 乡镇级 乡镇(街道)",
        "village": "村 村级 社区 村居 村(社区)",
        "group": "组 村民组 小组 网格",
    },
    "disposition": {
        "forwarded": "转送 转办 转 转交",
        "assigned": "交办 交",
        "self_handled": "自办 自行办理 本级办理 直接办理",
        "not_accepted": "不予受理",
        "no_longer_accepted": "不再受理",
        "returned": "退回 退件 退",
        "merged": "并件 并案 合并",
        "filed": "存 存查 存件 留存",
    },
    "track": {
        "statutory": "法定 信访程序 一般程序 普通 普通程序",
        "summary": "简易 简易办理 简易程序",
        "other": "其他 其它",
    },
    "closed_how": {
        "handled": "办结 正常办结 答复 答复办结",
        "not_accepted": "不予受理",
        "withdrawn": "撤回 撤诉 主动撤回",
        "transferred": "转出 移送 移交",
        "merged": "并件 并案 合并",
    },
    "outcome": {"supported": "予以支持 支持", "explained": "解释说明 解释", "not_supported": "不予支持 不支持"},
    "rating": {
        "satisfied": "满意 非常满意 很满意",
        "basically_satisfied": "基本满意 比较满意 较满意",
        "dissatisfied": "不满意 很不满意 非常不满意",
        "": "未评价 待评价 超期未评价 逾期未评价 已评价 未评 待评",  # states: no rating is known
    },
    "extension_reason": {
        "complex": "情况复杂 案情复杂 复杂",
        "investigation": "调查核实 调查",
        "expert_opinion": "鉴定 专家意见 司法鉴定",
        "coordination": "协调 部门协调",
        "other": "其他 其它",
    },
}  # fmt: skip

_LIST_OF: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "channel": ("channel", schema.CHANNELS),
    "purpose": ("purpose", schema.PURPOSES),
    "petitioned_level": ("level", schema.LEVELS),
    "assigned_from": ("level", schema.LEVELS),
    "handling_level": ("handling_level", schema.HANDLING_LEVELS),
    "disposition": ("disposition", schema.DISPOSITIONS),
    "track": ("track", schema.TRACKS),
    "closed_how": ("closed_how", schema.CLOSED_HOW),
    "outcome": ("outcome", schema.OUTCOMES),
    "office_rating": ("rating", schema.RATINGS),
    "unit_rating": ("rating", schema.RATINGS),
    "extension_reason_code": ("extension_reason", schema.EXTENSION_REASONS),
}
CODES: Final[dict[str, tuple[str, ...]]] = {field: codes for field, (_, codes) in _LIST_OF.items()}
"""The codes that each coded column of `petition_case` may hold."""


def code_words(field: str, header: str) -> dict[str, str]:
    """Code by folded word for one column; "" = known to say nothing."""
    listed, codes = _LIST_OF[field]
    words = {code: code for code in codes}
    words |= {word: code for code, spelt in _CODE_WORDS[listed].items() for word in spelt.split()}
    if header in _STATE_HEADERS:  # 0 待评价, 1 未评价, 2 已评价, 3 超期未评价: never 满意
        words |= dict.fromkeys("0123", "")
    elif header in _VALUE_HEADERS:
        words |= {"0": "satisfied", "1": "basically_satisfied", "3": "dissatisfied"}
    return words


def _flags(yes: str, no: str = "") -> dict[str, bool]:
    return dict.fromkeys(yes.split(), True) | dict.fromkeys(no.split(), False)


_YES_NO: Final = _flags("是 有 y yes 1 √ ✓ ✔ true t", "否 无 n no 0 × false f 非")
_REPEAT: Final = _flags("重复 重件 重信 重访 重复件 重", "初次 初件 初信 初访 首次 初次件 初")
_FLAG_WORDS: Final[dict[str, dict[str, bool]]] = {
    "is_collective": _flags("集体访 集体 联名信 联名", "个体访 个访 个体"),
    "is_first": {word: not repeat for word, repeat in _REPEAT.items()},
    "is_repeat": _REPEAT,
    CLOSED_STATE: _flags("办结 已办结 按期办结 按时办结 超期办结 逾期办结 已结"),
}
FLAGS: Final = ("is_collective", "is_first", "is_repeat")


def flag_words(field: str) -> dict[str, bool]:
    """True or False by folded word for one column of flags."""
    if field == FIRST_OR_REPEAT:  # read as "is it a repeat?"
        return _REPEAT
    return _YES_NO | _FLAG_WORDS.get(field, {})


_NOTHING: Final = frozenset({"", "-", "--", "—", "——", "/", "\\", "无", "暂无", "null", "none", "#n/a", "n/a"})


def says_date(text: str) -> bool:
    """Whether `text` holds nothing but what dates are written with."""
    return not re.search(r"[^\d\s:/.+年月日时分秒点TZ-]", text)


def is_yearless(text: str) -> bool:
    """Whether `text` is a date without a year: 11月23日."""
    return bool(_YEARLESS.fullmatch(text))


def read_number(text: str) -> int | None:
    """A whole number, 5 or 5人; None where it cannot be read."""
    found = re.fullmatch(r"(\d{1,6})\s*(人|人次|天|日)?", text)
    return int(found[1]) if found else None


def plain(value: object) -> str:
    """A cell as text in half-width forms without outer spaces; whole numbers without a point."""
    if isinstance(value, str):
        return unicodedata.normalize("NFKC", value).strip(" \t\r\n\u200b\ufeff'")
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def says_nothing(text: str) -> bool:
    """Whether `text` (as `plain` gives it) is one of the ways to write an empty cell."""
    return not text or text.casefold() in _NOTHING


_TOTAL: Final = re.compile(r"(本[月季年页])?(总数|总计|合计|小计|共计|累计)")


def is_total(text: str) -> bool:
    """Whether a first cell says that its row is a sum: 总数, 合计, 小计."""
    return bool(_TOTAL.match(folded(text)))


_LONG_NUMBER: Final = 1e15


def has_lost_digits(value: object) -> bool:
    """Whether a number was cut to 15 digits by a spreadsheet: it no longer tells cases apart."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return abs(value) >= _LONG_NUMBER
    return isinstance(value, str) and bool(re.fullmatch(r"\d(\.\d+)?e\+?\d+", plain(value), re.IGNORECASE))


_PERSONAL: Final = re.compile(
    r"(?<!\d)\d{17}[\dXx](?!\d)"  # 18-character identity number
    r"|(?<!\d)1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)"  # mobile number
    r"|[\w.+-]+@[\w-]+(\.[\w-]+)+"
)


def masked(text: str) -> str:
    """`text` without what looks like an identity number, a mobile number or an e-mail address."""
    return _PERSONAL.sub("***", unicodedata.normalize("NFKC", text)) if is_personal(text) else text


def is_personal(text: str) -> bool:
    """Whether `text` holds what looks like an identity number, a mobile number or an e-mail address."""
    return bool(_PERSONAL.search(unicodedata.normalize("NFKC", text)))


def only_year(texts: Iterable[str]) -> int | None:
    """The one year that `texts` name, if it is one: 2026年…, 2026."""
    years = {year for each in texts for year in re.findall(r"(?<!\d)(?:19|20)\d\d(?!\d)", plain(each))}
    return int(years.pop()) if len(years) == 1 else None


class Instant(NamedTuple):
    """A moment, and whether the cell named a time of day."""

    at: datetime
    has_time: bool


_CLOCK: Final = r"(?:[T\s]*(\d{1,2})[:时点](\d{1,2})分?(?::?(\d{1,2})(\.\d+)?秒?)?\s*(Z|[+-]\d\d:?\d\d)?)?"
_DATED: Final = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})日?" + _CLOCK)
_COMPACT: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(?:[T\s]*(\d\d):?(\d\d)(?::?(\d\d)(\.\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?)?")
_YEARLESS: Final = re.compile(r"(\d{1,2})月(\d{1,2})日" + _CLOCK)
_SERIAL: Final = re.compile(r"\d{5}(\.\d+)?")
_SERIAL_ZERO: Final = datetime(1899, 12, 30)
_SERIALS: Final = (20_000, 90_000)  # 1954 to 2146
_YEARS: Final = range(1900, 2200)  # beyond: a mistyped year, and more than some engines hold


def read_moment(value: object, year: int | None, zone: str) -> Instant | None:
    """The moment a cell means, to the second, in the time zone `zone`; None where it cannot be read.

    `year` completes a date without one (11月23日).
    """
    if isinstance(value, datetime):
        return Instant(_whole_second(value), True)
    if isinstance(value, date):
        return Instant(datetime.combine(value, time.min), False)
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        text = plain(value)
        return _read_text(text, year if is_yearless(text) else None, zone)
    return None


@lru_cache(maxsize=200_000)
def _read_text(text: str, year: int | None, zone: str) -> Instant | None:
    if _SERIAL.fullmatch(text):
        days = float(text)
        if not _SERIALS[0] <= days < _SERIALS[1]:
            return None
        return Instant(_whole_second(_SERIAL_ZERO + timedelta(days=days)), not days.is_integer())
    if yearless := _YEARLESS.fullmatch(text):
        parts: tuple[str | None, ...] = (str(year or 0), *yearless.groups())
    elif dated := _DATED.fullmatch(text) or _COMPACT.fullmatch(text):
        parts = dated.groups()
    else:
        return None
    numbers = [int(part or 0) for part in parts[:6]]
    if numbers[0] not in _YEARS:
        return None
    try:
        at = datetime(*numbers) + timedelta(seconds=float(parts[6] or 0))  # type: ignore[arg-type]
        return Instant(_local(_whole_second(at), parts[7], zone), parts[3] is not None)
    except ValueError:  # no such day, hour or offset
        return None


def _whole_second(at: datetime) -> datetime:
    return (at + timedelta(microseconds=500_000)).replace(microsecond=0)


def _local(at: datetime, offset: str | None, zone: str) -> datetime:
    if offset is None:
        return at
    from zoneinfo import ZoneInfo

    there = datetime.fromisoformat(f"{at.isoformat()}{'+00:00' if offset == 'Z' else offset}")
    return there.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


_UNIT_SEPARATORS: Final = re.compile(r"[、，,；;/／\n]+")
_TOWNSHIP_END: Final = re.compile(r"(镇|乡|街道|街道办|街道办事处|苏木)(党委|人民政府|政府)?$")
_OTHER_END: Final = re.compile(r"(公司|集团|管委会|管理委员会|园区|开发区|合作区|工业园|产业园|电网|分行|支行)$")


def unit_names(value: str) -> list[str]:
    """The units that a cell names, the leading one first."""
    names = (" ".join(part.split()) for part in _UNIT_SEPARATORS.split(value))
    return [name for name in names if not says_nothing(plain(name))]


def kind_of_unit(name: str) -> str:
    """The kind of a unit by the end of its name; a department where nothing tells."""
    if _TOWNSHIP_END.search(name):
        return "township"
    return "other" if _OTHER_END.search(name) else "department"


_LEVELS_OF_PATH: Final = re.compile(r"[/\\_>—-]+")
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")
_TOWNSHIP: Final = re.compile(  # 示例县城关镇幸福村 -> 城关镇; 景德镇市, 新乡市 -> nothing
    r"(?:[\u4e00-\u9fff]{2,}?[省州市县区旗])*([\u4e00-\u9fff]{1,8}?(?:街道|镇|乡|苏木))(?![省州市县区旗])"
)
_BELOW: Final = re.compile(r"[村组寨]$|社区$|居委会$|\d")
_ABOVE: Final = re.compile(r"[省州市县区旗]$")


def category_path(value: str) -> list[str]:
    """The levels of a category, the widest first. Only Chinese values are split: `Sidewalk Cover / Manhole` is one."""
    parts = _LEVELS_OF_PATH.split(value) if _CHINESE.search(value) else [value]
    return [part for part in (" ".join(part.split()) for part in parts) if part]


def places(value: str) -> list[str]:
    """The parts of a place, the widest first."""
    return [part.strip() for part in _LEVELS_OF_PATH.split(value) if part.strip()]


def township_name(parts: list[str], header: str) -> str | None:
    """The township among the parts of a place; never the village, and None where none can be told."""
    for part in parts:
        if found := _TOWNSHIP.match(part[:60]):
            return found[1]
    if len(parts) == 3:
        return None if _BELOW.search(parts[1]) else parts[1]
    if len(parts) == 1 and header in _TOWNSHIP_HEADERS and not _ABOVE.search(parts[0]):
        return None if _BELOW.search(parts[0]) else parts[0]
    return None
