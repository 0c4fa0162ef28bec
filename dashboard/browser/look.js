// Light or dark, and one sheet of paper. Called again at every rerun, with `data`:
// `other` ("Light" or "Dark", what a click turns to), its `label` and `hint`, the app's `pages`,
// `inks` (colours of a dark screen's charts, and what paper needs instead).

// Streamlit reads a viewer's choice under a key for each path at which the app may be loaded.
const key = (path) => `stActiveTheme-${path}-v2`

function paths(pages) {
  const last = location.pathname.split("/").pop()
  const root = pages.includes(last)
    ? location.pathname.slice(0, location.pathname.length - last.length)
    : `${location.pathname}/` // served under a prefix, asked for without its slash
  return [location.pathname, ...pages.map((page) => root + page)]
}

// Whether the browser has kept the choice: where it may not, loading anew would go on for ever.
function keep(choice, pages) {
  try {
    for (const path of paths(pages)) localStorage.setItem(key(path), JSON.stringify(choice))
    return true
  } catch {
    return false
  }
}

function isUndecided() {
  if (/embed_options=(light|dark)_theme/.test(location.search)) return false
  try {
    return !["Light", "Dark"].includes(JSON.parse(localStorage.getItem(key(location.pathname))))
  } catch {
    return false
  }
}

// One sheet: A4 across, within margins of 10 mm, in CSS pixels (96 to the inch).
const SHEET = { width: (277 / 25.4) * 96, height: (189 / 25.4) * 96 }
const NARROWEST = 1100
const WIDEST = 1800 // laid out any wider, a page would be too small to read
const SMALLEST = (7.3 / 72) * 96 // letters of charts on paper: 7 points, and some for the room they take

const root = document.documentElement
let inks = {} // what a dark screen draws with, and what paper needs instead
let painted = [] // what was painted over for paper: mark, attribute, colour

const charts = () => [...document.querySelectorAll(".block-container .vega-embed svg.marks")]

// Lay the page out as narrow, and so as large, as fits on the sheet. Nothing here may wait: the browser does not.
function toPaper() {
  const page = document.querySelector(".block-container")
  if (!page) return
  root.classList.add("paper")
  let width = NARROWEST
  const height = () => page.getBoundingClientRect().height
  const lay = (zoom) => {
    root.style.setProperty("--paper-width", `${width}px`)
    root.style.setProperty("--paper-zoom", zoom)
  }
  for (const chart of charts()) {
    chart.parentElement.style.removeProperty("--paper-height")
    chart.parentElement.style.setProperty("--own-width", `${chart.viewBox.baseVal.width}px`)
  }
  lay(1)
  while (width < WIDEST && (height() * SHEET.width) / width > SHEET.height) {
    width *= 1.03
    lay(1)
  }
  let zoom = Math.min(SHEET.width / width, SHEET.height / height())
  for (const chart of charts()) {
    const { width: shown, height: tall } = chart.getBoundingClientRect()
    // A chart may be drawn anew for its new width while the page is printed: it keeps its place.
    chart.parentElement.style.setProperty("--paper-height", `${tall}px`)
    const letter = (SMALLEST / zoom / shown) * chart.viewBox.baseVal.width
    chart.parentElement.style.setProperty("--paper-words", `${Math.max(14, letter)}px`)
  }
  lay(zoom)
  if (height() > SHEET.height) lay((zoom *= SHEET.height / height())) // smaller letters break lines elsewhere
  repaint()
}

function toScreen() {
  root.classList.remove("paper")
  for (const [mark, name, colour] of painted) mark.setAttribute(name, colour)
  painted = []
}

function repaint() {
  for (const mark of charts().flatMap((chart) => [...chart.querySelectorAll("[fill], [stroke]")]))
    for (const name of ["fill", "stroke"]) {
      const colour = mark.getAttribute(name)
      const ink = inks[colour?.toUpperCase()]
      if (!ink) continue
      painted.push([mark, name, colour])
      mark.setAttribute(name, ink)
    }
}

addEventListener("beforeprint", toPaper)
addEventListener("afterprint", toScreen)

export default function ({ parentElement, data }) {
  inks = data.inks
  // Light is the default, also where the system is dark, which Streamlit would follow.
  if (isUndecided() && keep("Light", data.pages) && matchMedia("(prefers-color-scheme: dark)").matches)
    location.reload()
  const button = parentElement.querySelector("button")
  button.textContent = data.label
  button.title = data.hint
  button.setAttribute("aria-label", data.hint)
  button.onclick = () => keep(data.other, data.pages) && location.reload()
}
