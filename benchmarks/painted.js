// When was the last mark painted? Runs in the page before anything else, and tells time by the page's own clock.
(() => {
  const seen = { last: 0, since: 0, ran: true }

  // After the frame that shows the change: a message is handled once the frame has been painted.
  let waiting = false
  const painted = () => {
    if (waiting) return
    waiting = true
    requestAnimationFrame(() => {
      waiting = false
      const channel = new MessageChannel()
      channel.port1.onmessage = () => (seen.last = performance.now())
      channel.port2.postMessage(0)
    })
  }

  const STATUS = '[data-testid="stStatusWidget"]' // Streamlit's sign that it is running is not a mark of the page
  const inStatus = (node) => !!(node.nodeType === 1 ? node : node.parentElement)?.closest(STATUS)
  const isStatus = (node) => inStatus(node) || (node.nodeType === 1 && !!node.querySelector(STATUS))
  const matters = (change) => {
    if (!document.body?.contains(change.target) || inStatus(change.target)) return false
    if (change.type === "attributes") return !change.attributeName.startsWith("data-")
    return change.type === "characterData" || ![...change.addedNodes, ...change.removedNodes].every(isStatus)
  }
  new MutationObserver((changes) => {
    if (changes.some(matters)) painted()
  }).observe(document, { subtree: true, childList: true, attributes: true, characterData: true })

  // What is drawn on a canvas changes no element.
  const DRAWING = ["fill", "stroke", "fillRect", "strokeRect", "clearRect", "fillText", "strokeText", "drawImage"]
  for (const name of DRAWING) {
    const original = CanvasRenderingContext2D.prototype[name]
    CanvasRenderingContext2D.prototype[name] = function (...given) {
      painted()
      return original.apply(this, given)
    }
  }

  // The server has answered. Its state alone would not tell: a quick answer is never seen running.
  const Socket = WebSocket
  window.WebSocket = class extends Socket {
    constructor(...given) {
      super(...given)
      this.addEventListener("message", () => (seen.ran = true))
    }
  }

  // From the next key on, as the browser stamps it.
  const begin = () => {
    seen.since = seen.last = Infinity
    seen.ran = false
    addEventListener(
      "keydown",
      (event) => {
        seen.since = event.timeStamp
        seen.last = performance.now()
      },
      { capture: true, once: true },
    )
  }

  const shown = (element) => element.checkVisibility()
  const drawn = (chart) => [...chart.querySelectorAll("canvas, svg")].some((mark) => mark.getBoundingClientRect().width)
  const CHARTS = '[data-testid="stVegaLiteChart"]'
  const UNDONE = '[data-stale="true"], [data-testid="stSkeleton"], [data-testid="stAppSkeleton"]'

  // Milliseconds from the start to the last mark; null while anything is still to come.
  const settled = (quiet) => {
    const app = document.querySelector('[data-testid="stApp"]')
    if (!seen.ran || app?.dataset.testScriptState !== "notRunning") return null
    if (!document.querySelector(".headline") || document.querySelector(UNDONE)) return null
    if (![...document.querySelectorAll(CHARTS)].filter(shown).every(drawn)) return null
    return performance.now() - seen.last > quiet ? seen.last - seen.since : null
  }
  window.paintedBy = { begin, settled }
})()
