"""Every page: no error in the console, a name for each control, colours that can be read, focus that shows.

Errors and violations of the content policy fail whichever journey meets them; here each page is opened.
"""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.contrast import weak_texts
from tests.journeys.people import Colleague, Crowd, Visitor
from tests.journeys.rows import change_rows, rows_of

STAFF_PAGES = (
    "/",
    "/?view=departments",
    "/?view=all",
    "/board/",
    "/start/",
    "/routing/lab/",
    "/routing/lab/experiments/",
    "/routing/lab/decisions/",
    "/profile/",
    "/shortcuts/",
)
ADMIN_PAGES = (
    "/admin/",
    "/admin/helpdesk/staff/",
    "/admin/helpdesk/topic/",
    "/admin/helpdesk/channel/",
    "/admin/routing/policy/add/",
)
# What skills lately came to, before the night in which it is reckoned.
EVIDENCE = """
    INSERT INTO routing_skillevidence
        (organization_id, staff_id, skill_id, level, change, conversations, resolved, expected, stars)
    SELECT organization_id, staff_id, skill_id, level, 0.4, 42, 0.91, 0.84, 4.6
    FROM helpdesk_staffskill ON CONFLICT DO NOTHING"""
KNOWN = "SELECT min(staff_id) FROM routing_skillevidence"
LEAST_CONTRAST = 4.5

NAMELESS = """() => [...document.querySelectorAll('button, a[href], input:not([type=hidden]), select, textarea')]
  .filter(control => control.checkVisibility())
  .filter(control => !(
    control.getAttribute('aria-label') || control.getAttribute('title') || control.textContent.trim()
    || (control.labels && [...control.labels].some(label => label.textContent.trim()))
    || (control.getAttribute('aria-labelledby') || '').split(' ').some(
      id => id && document.getElementById(id) && document.getElementById(id).textContent.trim())
    || control.querySelector('img[alt]:not([alt=""]), [role=img][aria-label]')
    || (control.type === 'submit' && control.value)))
  .map(control => control.outerHTML.slice(0, 160))"""

CONTRASTS = """(pairs) => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true})
  const probe = document.body.appendChild(document.createElement('span'))
  const light = token => {
    probe.style.color = `var(--${token})`
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = getComputedStyle(probe).color
    canvas.fillRect(0, 0, 1, 1)
    const parts = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(part => part / 255)
    const [r, g, b] = parts.map(p => p <= 0.04045 ? p / 12.92 : ((p + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const found = pairs.map(([text, ground]) => {
    const [a, b] = [light(text), light(ground)]
    return [text, ground, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]
  })
  probe.remove()
  return found
}"""
READ_ON = [
    (text, ground)
    for text in ("ink", "ink-2", "ink-3", "brand-text", "danger", "ok")
    for ground in ("surface", "canvas", "sunken", "hover", "selected")
]

FOCUS_SHOWS = """() => {
  if (document.activeElement === document.body) return ''  // past the last control
  const style = getComputedStyle(document.activeElement)
  const around = document.activeElement.closest('.field, label') || document.activeElement
  const outer = getComputedStyle(around)
  const shows = s => (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== 'none'
  return shows(style) || shows(outer) ? '' : document.activeElement.outerHTML.slice(0, 160)
}"""


def check_names(page: Page) -> None:
    assert page.evaluate(NAMELESS) == [], page.url


def test_every_staff_page_is_clean_and_its_controls_have_names(
    crowd: Crowd, ling: Colleague
) -> None:
    for path in STAFF_PAGES:
        ling.page.goto(path)
        ling.is_live()
        check_names(ling.page)
        assert weak_texts(ling.page) == [], path
    change_rows(crowd.installation, EVIDENCE, [])
    ((known,),) = rows_of(crowd.installation, KNOWN, [])
    for path in (*ADMIN_PAGES, f"/admin/helpdesk/staff/{known}/change/"):
        response = ling.page.goto(path)
        assert response is not None
        assert response.status == 200, path
        assert weak_texts(ling.page) == [], path
    for path in ("/sign-in/", "/shop/", "/api/docs/", "/platform/"):
        page = crowd.page()
        response = page.goto(path)
        assert response is not None
        assert response.status == 200, path
        page.wait_for_load_state("networkidle")
        if path in {"/sign-in/", "/shop/"}:
            check_names(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_on_every_surface(crowd: Crowd, theme: Any) -> None:
    page = crowd.page(color_scheme=theme)
    page.goto("/sign-in/")
    crowd.is_rough = True  # setting a style is what the content policy forbids pages
    weak = [
        f"{text} on {ground}: {contrast:.2f}"
        for text, ground, contrast in page.evaluate(CONTRASTS, READ_ON)
        if contrast < LEAST_CONTRAST
    ]
    assert weak == []


def test_focus_shows_wherever_the_tab_key_goes(jia: Colleague) -> None:
    for _ in range(25):
        jia.page.keyboard.press("Tab")
        assert jia.page.evaluate(FOCUS_SHOWS) == ""


def test_the_desk_works_on_a_phone(cleared_desk: None, visitor: Visitor, crowd: Crowd) -> None:
    jia = crowd.colleague("jia.chen", viewport={"width": 390, "height": 844})
    expect(jia.page.locator("#list")).to_be_visible()
    wide = jia.page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wide
    jia.page.goto("/profile/")
    jia.goes_online()
    jia.comes_in()
    visitor.says("想退货，在手机上答一下")
    jia.row("在手机上答一下").click()
    expect(jia.page.locator("#timeline")).to_be_visible()
    expect(jia.page.locator("#list")).to_be_hidden()
    check_names(jia.page)
