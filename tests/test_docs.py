"""The documentation and the code say the same."""

import re
from pathlib import Path

from data_access import schema
from data_access.settings import FILE, Settings

ROOT = Path(__file__).resolve().parent.parent


def test_every_table_and_column_is_documented():
    page = (ROOT / "docs" / "database.md").read_text(encoding="utf-8")
    for table in schema.metadata.tables.values():
        section = page.split(f"## {table.name} ", 1)[1].split("\n## ", 1)[0]
        documented = re.findall(r"^\| ([a-z_]+) \|", section, flags=re.MULTILINE)
        assert documented == [column.name for column in table.columns]


def test_every_column_has_a_meaning():
    assert all(column.comment for table in schema.metadata.tables.values() for column in table.columns)


def test_every_settings_line_has_a_comment_or_names_itself():
    words = FILE.read_text(encoding="utf-8")
    for name in Settings.model_fields:
        assert re.search(rf"^(\[{name}|{name} =)", words, flags=re.MULTILINE), name


def test_links_in_the_documentation_lead_somewhere():
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
