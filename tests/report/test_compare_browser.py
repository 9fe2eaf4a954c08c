"""The page about two runs in a real browser."""

import re

import pytest
from browsing import NEEDS_CHROMIUM, barriers, centre
from pages import diagnosis as judged
from pages import finding, run, training

from diagnose.report.comparing.compared import page as rendered
from diagnose.report.comparing.comparison import compare
from diagnose.run import Series

pytestmark = NEEDS_CHROMIUM
EVIL = "<img src=x onerror=document.title='hacked'></script>"


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    after = training()
    for parameter in after.parameters:
        old = after.series("gradient_norm", parameter.path)
        after._series["gradient_norm", parameter.path] = Series("gradient_norm", "", old.steps, old.values * 0 + 0.5)
    loss = after.series("loss")
    after._series["loss", None] = Series("loss", None, loss.steps, loss.values * 0.5)
    file = tmp_path_factory.mktemp("page") / "compare.html"
    told = compare(judged(run(training()), finding("net.block0.fc")), judged(run(after)))
    file.write_text(rendered(told), encoding="utf-8")
    return file


def test_hover_reads_both_runs(opened, page_file):
    page = opened(page_file)
    chart = page.locator('svg.chart[aria-label^="Training loss"]')
    chart.scroll_into_view_if_needed()
    page.mouse.move(*centre(chart))
    shown = page.locator("#readout").inner_text()
    before, after = (float(re.search(rf"{side}.*: ([\d.]+)", shown)[1]) for side in ("before", "after"))
    assert after == pytest.approx(before / 2, rel=0.05)
    heat = page.locator(".heat-panel.chosen svg.heat").first
    heat.scroll_into_view_if_needed()
    box = heat.bounding_box()
    for x in (6, 5) * 50:  # the pictures are unpacked in the background
        page.mouse.move(box["x"] + x, box["y"] + 5)
        lines = page.locator("#readout").inner_text().splitlines()
        if len(lines) == 4:
            break
        page.wait_for_timeout(50)
    assert lines[0] == "net.block0.fc" and re.match(r"Gradient before: about .*e-", lines[2])
    assert float(lines[3].removeprefix("Gradient after: about ")) == pytest.approx(0.5, rel=0.1)


def test_a_zoom_shows_the_same_steps_of_both_runs(opened, page_file):
    page = opened(page_file)
    heat = page.locator(".heat-panel.chosen svg.heat").first
    heat.scroll_into_view_if_needed()
    box = heat.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 9)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 9)
    page.mouse.up()
    plots = page.locator("svg[data-group=t0] > svg.plot")
    views = (
        "all => [...new Set(all.map(one => one.getAttribute('viewBox').split(' ').slice(0, 3).map(Math.round).join()))]"
    )
    assert plots.count() > 6 and plots.evaluate_all(views) == ["500,0,250"]


def test_a_layer_opens_with_a_line_for_each_run(opened, page_file):
    page = opened(page_file)
    heat = page.locator(".heat-panel.chosen svg.heat").nth(1)
    heat.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    dialog = page.locator("dialog#layer")
    assert dialog.locator("h2").inner_text() == "net.block1.fc"
    dialog.locator("svg.chart").nth(3).wait_for()
    first = dialog.locator("svg.chart").first
    assert first.locator("path.line").evaluate_all("all => all.map(one => one.dataset.label)") == ["before", "after"]
    dialog.get_by_text("Outputs over time, after").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_barrier_is_found(opened, page_file, scheme):
    assert barriers(opened(page_file, color_scheme=scheme)) == []


def test_nothing_sticks_out_of_a_phone(opened, page_file):
    page = opened(page_file, width=390)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_names_of_the_program_are_never_run(opened, tmp_path):
    one = training(prefix=EVIL)
    told = compare(
        judged(run(one, program=EVIL), finding(one.layers[0].path, message=EVIL)), judged(run(one, program=EVIL))
    )
    file = tmp_path / "evil.html"
    file.write_text(rendered(told), encoding="utf-8")
    page = opened(file)
    page.locator(".heat-panel.chosen .layer-name").first.evaluate("one => one.click()")
    assert page.locator("dialog#layer h2").inner_text().startswith("<img src=x")
    assert "hacked" not in page.title() and page.locator("img").count() == 0
