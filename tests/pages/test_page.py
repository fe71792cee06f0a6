"""Pages and files are whole or not there."""

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from seatrial.pages import wording
from seatrial.pages.page import render_page, write_whole


def test_a_name_that_the_template_uses_and_nobody_gives_is_an_error() -> None:
    words = (wording.figure, wording.count, wording.moment, wording.percent, wording.plain)

    with pytest.raises(UndefinedError, match="report"):
        render_page("seatrial.monitoring", words)


def test_a_text_that_cannot_be_written_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    write_whole(tmp_path / "report.html", "old")

    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "report.html", "\ud800")

    assert (tmp_path / "report.html").read_text() == "old"
