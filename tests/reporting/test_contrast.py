"""What report, charts and deck write can be read: contrast of WCAG 2.2 AA (1.4.3), 4.5 to 1."""

import itertools
import re
from pathlib import Path

import pytest

from tasks.charts import style

TEMPLATES = Path(__file__).parents[2] / "tasks" / "reporting" / "templates"
AA, AA_OF_MARKS = 4.5, 3.0  # of text; of lines and dots


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2) of a colour such as #0b5568."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(share * c for share, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_21_of_black_on_white_and_1_of_equal_colours() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#0b5568", "#0b5568") == 1


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_the_report_can_be_read_in_light_and_in_dark(mode: int) -> None:
    page = (TEMPLATES / "report.html").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--(\w+): (#\w{6})", re.findall(r":root \{(.*?)\}", page, flags=re.S)[mode]))
    words, grounds = ("ink", "soft", "accent", "green", "amber", "red"), ("page", "card")
    poor = [pair for pair in itertools.product(words, grounds) if contrast(*(colours[n] for n in pair)) < AA]
    assert poor == []


def test_the_deck_can_be_read() -> None:
    text = (TEMPLATES / "deck_charts.typ").read_text(encoding="utf-8")
    named = re.search(r"#let \(ink, grey, pale, rule\) = (.*)\n#let \(accent, alarm\) = (.*)\n", text)
    assert named is not None
    ink, grey, pale, _, accent, alarm = re.findall(r"#\w{6}", " ".join(named.groups()))
    assert (
        min(contrast(word, ground) for word in (ink, grey, accent, alarm) for ground in ("#ffffff", pale))
        >= AA
    )
    assert contrast("#ffffff", accent) >= AA
    assert contrast("#ffffff", alarm) >= AA


def test_the_charts_can_be_read() -> None:
    assert min(contrast(colour, "#ffffff") for colour in (style.INK, style.GREY)) >= AA
    assert min(contrast(colour, "#ffffff") for colour in (style.BLUE, style.ORANGE)) >= AA_OF_MARKS
