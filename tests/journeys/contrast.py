"""Whether what stands on a screen can be read, in light and in dark."""

from playwright.sync_api import Page

# Of the text of each element that shows, and of hints in empty fields, what is below what WCAG AA asks for: 4.5, and 3
# where it is large or an icon. Layers that shine through are added up.
_WEAK = r"""() => {
  for (const change of document.getAnimations()) try { change.finish() } catch { change.cancel() }
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true})
  const rgba = colour => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = colour
    canvas.fillRect(0, 0, 1, 1)
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data
    return [r, g, b, a / 255]
  }
  const over = (top, below) => [0, 1, 2].map(at => top[at] * top[3] + below[at] * (1 - top[3]))
  const light = colour => {
    const [r, g, b] = colour.slice(0, 3).map(part => part / 255)
      .map(p => p <= 0.04045 ? p / 12.92 : ((p + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const around = function* (element) { for (; element; element = element.parentElement) yield element }
  const ground = element => {
    const layers = []
    for (const each of around(element)) {
      const colour = rgba(getComputedStyle(each).backgroundColor)
      if (colour[3]) layers.unshift(colour)
      if (colour[3] === 1) break
    }
    return layers.reduce((below, top) => over(top, below), [255, 255, 255])
  }
  const weak = []
  const check = (element, style, text) => {
    const below = ground(element), colour = rgba(style.color)
    for (const each of around(element)) colour[3] *= parseFloat(getComputedStyle(each).opacity)
    const [dark, bright] = [light(over(colour, below)), light(below)].sort((a, b) => a - b)
    const contrast = (bright + 0.05) / (dark + 0.05), size = parseFloat(style.fontSize)
    const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700)
    const least = isLarge || element.matches('.material-symbols-outlined') ? 3 : 4.5
    if (contrast < least) weak.push(`${contrast.toFixed(2)} ${text.slice(0, 40)} (${element.outerHTML.slice(0, 120)})`)
  }
  const shows = element => element.checkVisibility({opacityProperty: true, visibilityProperty: true})
    && element.getBoundingClientRect().width > 1 && !element.closest(':disabled, [aria-disabled=true]')
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) {
    const text = texts.currentNode.textContent.trim(), element = texts.currentNode.parentElement
    if (text && element instanceof HTMLElement && shows(element)) check(element, getComputedStyle(element), text)
  }
  for (const field of document.querySelectorAll('[placeholder]')) {
    if (shows(field)) check(field, getComputedStyle(field, '::placeholder'), field.placeholder)
  }
  return weak
}"""
_DARK = "isDark => document.documentElement.classList.toggle('dark', isDark)"


def weak_texts(page: Page) -> list[str]:
    """Return what cannot be read well on the page as it stands, in either theme."""
    found = []
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        if "/admin/" in page.url:
            # These pages look at what the system prefers only while they load.
            page.evaluate(_DARK, theme == "dark")
        found += [f"{theme}: {text}" for text in page.evaluate(_WEAK)]
    return found
