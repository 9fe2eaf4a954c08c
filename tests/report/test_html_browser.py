"""The page in a real browser: quiet, readable on a phone, answering to pointer and keys, open to screen readers."""

import re
from dataclasses import replace

import pytest
from browsing import NEEDS_CHROMIUM, barriers, centre
from pages import diagnosis as judged
from pages import finding, run, training

from diagnose.finding import BlindSpot, Evidence, Fix, Source
from diagnose.report import html
from diagnose.run import InputSite, Optimizer, Series

pytestmark = NEEDS_CHROMIUM
EVIL = "<img src=x onerror=document.title='hacked'>\"'</script><script>document.title='hacked'</script>"


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    told = judged(
        run(training()),
        finding("net.block0.fc"),
        finding(
            "net.block1.act", rule="dead-units", family="activations", severity="warning", rank=2, steps=(200, 399)
        ),
    )
    file = tmp_path_factory.mktemp("page") / "page.html"
    file.write_text(html.render(told), encoding="utf-8")
    return file


def test_hover_reads_every_line_and_moves_one_cursor_in_all_charts(opened, page_file):
    page = opened(page_file)
    chart = page.locator('svg.chart[aria-label^="loss of training"]')
    chart.scroll_into_view_if_needed()
    page.mouse.move(*centre(chart))
    shown = page.locator("#readout").inner_text()
    step = int(re.search(r"step (\d+)", shown)[1])
    assert abs(step - 199.5) < 3
    trained = float(re.search(r"training.*: ([\d.]+)", shown)[1])
    assert abs(trained - 2.3 * 2.718281828 ** (-step / 400)) < 0.05
    assert re.search(r"val: [\d.]+", shown)
    cursors = page.locator("svg[data-group=t0] .cursor")
    assert len(set(cursors.evaluate_all("all => all.map(one => one.getAttribute('d').split(' ')[0])"))) == 1
    page.mouse.move(2, 2)
    assert page.locator("#readout").is_hidden()


def test_a_drag_zooms_all_charts_and_escape_shows_everything_again(opened, page_file):
    page = opened(page_file)
    chart = page.locator('svg.chart[aria-label^="loss of training"]')
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    y = box["y"] + 60
    page.mouse.move(box["x"] + box["width"] * 0.5, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, y)
    page.mouse.up()
    views = (
        "all => [...new Set(all.map(one => one.getAttribute('viewBox').split(' ').slice(0, 3).map(Math.round).join()))]"
    )
    plots = page.locator("svg[data-group=t0] > svg.plot")
    assert plots.evaluate_all(views) == ["500,0,250"]
    ticks = [int(word.replace(",", "")) for word in chart.locator(".x-ticks text").all_text_contents()]
    assert ticks and min(ticks) >= 199 and max(ticks) <= 300
    chart.focus()
    page.keyboard.press("Escape")
    assert plots.evaluate_all(views) == ["0,0,1000"]


def test_the_heat_map_tells_the_recorded_value_and_a_click_opens_the_layer(opened, page_file):
    page = opened(page_file)
    heat = page.locator(".heat-panel.chosen svg.heat")
    heat.scroll_into_view_if_needed()
    box = heat.bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    for x in (6, 5) * 50:  # the picture is unpacked in the background
        page.mouse.move(box["x"] + x, box["y"] + 5)
        lines = page.locator("#readout").inner_text().splitlines()
        if len(lines) == 3:
            break
        page.wait_for_timeout(50)
    name, step, value = lines
    made = training()
    recorded = made.series("gradient_norm", "net.block0.fc.weight")
    assert name == "net.block0.fc"
    at = int(step.removeprefix("step "))
    assert at in recorded.steps
    expected = recorded.values[list(recorded.steps).index(at)]
    assert abs(float(value.rpartition("about ")[2]) / expected - 1) < 0.1  # 253 colours over seven decades
    page.mouse.click(box["x"] + 6, box["y"] + 5)
    dialog = page.locator("dialog#layer")
    assert dialog.locator("h2").inner_text() == "net.block0.fc"
    dialog.locator("svg.chart").nth(3).wait_for()
    dialog.locator(".histogram rect").nth(100).wait_for(state="attached")  # drawn after the lines
    page.keyboard.press("Escape")
    assert not dialog.is_visible()


def test_quantities_are_switched_and_layers_opened_by_keys(opened, page_file):
    page = opened(page_file)
    page.get_by_role("button", name="Dead units").click()
    assert page.locator(".heat-panel.chosen h4").inner_text() == "Dead units"
    heat = page.locator(".heat-panel.chosen svg.heat")
    heat.focus()
    page.keyboard.press("ArrowDown")
    assert "net.block1.act" in page.locator("#told").inner_text()
    page.keyboard.press("Enter")
    dialog = page.locator("dialog#layer")
    dialog.locator("svg.chart").first.wait_for()
    assert dialog.is_visible() and dialog.locator("h2").inner_text() == "net.block1.act"


def test_a_layer_whose_gradient_is_zero_says_so(opened, tmp_path):
    one = training(4)
    path = one.parameters[0].path
    old = one.series("gradient_norm", path)
    one._series["gradient_norm", path] = Series("gradient_norm", path, old.steps, old.values * 0)
    file = tmp_path / "zero.html"
    file.write_text(html.render(judged(run(one))), encoding="utf-8")
    page = opened(file)
    page.locator('.tree .layer-name[data-layer="net.block0.fc"]').click()
    page.locator("dialog#layer").get_by_text("Gradient: exactly zero wherever it was measured.").wait_for()


def test_the_theme_follows_the_system_and_the_button(opened, page_file):
    page = opened(page_file, color_scheme="dark")
    colour = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(colour)
    page.get_by_role("button", name="Light").click()
    assert page.evaluate(colour) != dark
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(colour) == dark


@pytest.mark.parametrize("width", [390, 768])
def test_nothing_sticks_out_of_a_small_screen(opened, page_file, width):
    page = opened(page_file, width=width)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_prints_on_paper_with_all_its_pictures(opened, page_file):
    page = opened(page_file, color_scheme="dark")
    printed = page.pdf(format="A4", prefer_css_page_size=True)
    assert printed.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b", printed)) >= 3
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator(".heat-panel").evaluate_all("all => all.every(one => one.offsetHeight > 0)")
    assert not page.get_by_role("button", name="Print").is_visible()


def test_tab_goes_through_the_page_in_reading_order(opened, page_file):
    page = opened(page_file)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the verdict"
    places = []
    for _ in range(30):
        page.keyboard.press("Tab")
        places.append(
            page.evaluate(
                "(() => { const box = document.activeElement.getBoundingClientRect(); "
                "return [Math.round(box.top + scrollY), document.activeElement.tagName]; })()"
            )
        )
    tops = [top for top, name in places if name != "BODY"][10:]  # after the line of links at the top
    assert len(tops) > 10 and tops == sorted(tops)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_barrier_is_found(opened, page_file, scheme):
    assert barriers(opened(page_file, color_scheme=scheme)) == []


def test_names_of_the_program_are_never_run(opened, tmp_path):
    """Names of modules, files, metrics, optimizers, settings, data and losses."""
    plain = training()
    site = replace(plain.losses[0], id=EVIL, function=EVIL, arguments={EVIL: EVIL})
    one = training(
        prefix=EVIL, losses=[site], evaluations=[replace(plain.evaluations[0], id=EVIL, name=EVIL, site=site)],
        optimizers=[Optimizer(0, EVIL, {EVIL: EVIL})], facts={EVIL: EVIL, "data": {"loader": {"dataset": EVIL}}},
        kind=EVIL, kind_evidence=EVIL, inputs=[InputSite(EVIL, EVIL, (32, 64), EVIL)], networks=[EVIL],
    )  # fmt: skip
    place = one.layers[0].path
    seen = Evidence(EVIL, place, (40, 399), 1.0, "above", 0.5, unit=EVIL, statistic=EVIL)
    told = judged(
        run(one, program=EVIL, arguments=(EVIL,), path=EVIL, exception=EVIL),
        finding(place, message=EVIL, source=Source(f"{EVIL}.py", 3), fix=Fix(EVIL, EVIL), evidence=(seen,)),
    )
    file = tmp_path / "evil.html"
    file.write_text(html.render(replace(told, blind_spots=(BlindSpot(EVIL, EVIL),))), encoding="utf-8")
    page = opened(file)
    page.locator(".tree .layer-name").first.click()
    assert page.locator("dialog#layer h2").inner_text().startswith("<img src=x")
    assert "hacked" not in page.title().replace(EVIL, "")
    assert page.locator("img").count() == 0


def test_without_scripts_everything_is_still_there(opened, page_file):
    page = opened(page_file, java_script_enabled=False)
    assert page.locator(".heat-panel").count() == page.locator(".heat-panel:visible").count() > 3
    assert page.locator("svg.chart .x-ticks text").count() > 10


def test_the_largest_run_opens_quickly(opened, tmp_path):
    file = tmp_path / "large.html"
    file.write_text(html.render(judged(run(training(200, 10_000, 500)), finding("net.block0.fc"))), encoding="utf-8")
    page = opened(file)
    client = page.context.new_cdp_session(page)
    client.send("Performance.enable")

    def processor() -> float:
        """Seconds of the processor that the page's process has used: a busy machine does not count."""
        metrics = client.send("Performance.getMetrics")["metrics"]
        return next(one["value"] for one in metrics if one["name"] == "ProcessTime")

    before = processor()
    page.reload()
    page.wait_for_function("document.querySelector('.switched') !== null")
    assert 0 < processor() - before < 2
