// The wall: shows one view, tells the server what was clicked or pressed, blanks, counts down.
// Streamlit calls this at every run without cleaning up, so each mount keeps its own memory.
const memories = new WeakMap();
const KEYS = {
  PageDown: "next", ArrowRight: "next", ArrowDown: "next", PageUp: "previous", ArrowLeft: "previous",
  ArrowUp: "previous", Home: "first", End: "last", Escape: "back", p: "leave", m: "method", s: "room", a: "auto",
};

export default function ({ parentElement, data, setTriggerValue }) {
  let memory = memories.get(parentElement);
  if (!memory) {
    memory = begin(parentElement);
    memories.set(parentElement, memory);
  }
  memory.data = data;
  memory.tell = (what) => setTriggerValue("do", what);
  memory.show();
  return memory.end;
}

function begin(parent) {
  const stage = document.createElement("div");
  stage.className = "stage";
  parent.append(stage);
  const memory = { data: null, tell: null, paused: false, seconds: 0, left: 0, html: "" };

  function show() {
    const { html, style } = memory.data;
    stage.style.cssText = style;
    if (html !== memory.html) {
      const focused = stage.contains(document.activeElement) ? document.activeElement.dataset.do : null;
      stage.innerHTML = memory.html = html;
      if (focused) stage.querySelector(`[data-do="${CSS.escape(focused)}"]`)?.focus();
      memory.left = memory.data.seconds;
    }
    if (memory.seconds !== memory.data.seconds) memory.left = memory.seconds = memory.data.seconds;
    count();
    measure();
  }

  // Rows that do not fit are left out, and the view says which: only the browser knows what fits.
  let shown = 0;
  function fit() {
    const picture = stage.querySelector(".picture"), table = picture?.querySelector("table");
    const facts = [...stage.querySelectorAll(".fact, .fact *")];
    stage.classList.remove("two", "few", "wrap", "narrow");
    stage.classList.toggle("two", facts.some((each) => each.scrollWidth > each.clientWidth + 1 && each.clientWidth));
    const letters = parseFloat(getComputedStyle(stage).fontSize);
    stage.classList.toggle("few", Boolean(picture) && picture.clientHeight < 4.5 * letters);
    if (!table) return;
    const rows = [...table.tBodies[0].rows];
    rows.forEach((row) => (row.hidden = false));
    shown = rows.length;
    say();
    for (const relief of ["wrap", "narrow"]) {
      stage.classList.toggle(relief, table.scrollWidth > picture.clientWidth + 1);
      if (!stage.classList.contains(relief)) break;
    }
    while (shown > 1 && picture.scrollHeight > picture.clientHeight + 1) {
      rows[--shown].hidden = true;
      say();
    }
    table.style.setProperty("--rows", shown);
  }

  function say() {
    const { words, first, total, counts, all } = memory.data.rest;
    const seen = counts.slice(0, shown).reduce((sum, n) => sum + n, 0);
    const values = { rows: total - shown, n: all ? all - seen : total, first: first + 1, last: first + shown };
    const place = stage.querySelector(".left-out");
    const number = (name) => values[name].toLocaleString("en-US");
    place.textContent = total > shown ? words.replace(/{(\w+)}/g, (_, name) => number(name)) : "";
  }

  // The place that the view leaves for a chart, which Streamlit draws beside this component.
  function measure() {
    fit();
    const hole = stage.querySelector(".hole")?.getBoundingClientRect();
    if (!hole) return;
    document.documentElement.style.setProperty("--hole-top", `${hole.top}px`);
    document.documentElement.style.setProperty("--hole-height", `${hole.height}px`);
  }

  function count() {
    const shown = stage.querySelector(".countdown");
    const { seconds, words } = memory.data;
    if (!shown) return;
    shown.textContent = !seconds ? "" : memory.paused ? words.paused : words.countdown.replace("{n}", memory.left);
  }

  function tick() {
    if (!memory.data?.seconds || memory.paused || stage.classList.contains("blank")) return;
    memory.left -= 1;
    if (memory.left <= 0) {
      memory.left = memory.data.seconds;
      memory.tell(`onward:${shown}`);
    }
    count();
  }

  let digits = "", typed = 0;
  function press(event) {
    const { target, key } = event;
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    if (target.closest?.("input, textarea, select, [contenteditable=true], [role=dialog]")) return;
    const small = key.length === 1 ? key.toLowerCase() : key;
    if (small === "b" || small === ".") {
      stage.classList.toggle("blank");
    } else if (stage.classList.contains("blank")) {
      stage.classList.remove("blank");
    } else if (key === " " && memory.data.seconds && !target.closest?.("button, a")) {
      memory.paused = !memory.paused;
      count();
    } else if (/^[0-9]$/.test(key)) {
      // Two digits in quick succession are one number.
      const now = Date.now();
      digits = now - typed < 700 ? digits + key : key;
      typed = now;
      memory.tell(`jump:${digits === "0" ? 10 : Number(digits)}`);
    } else if (KEYS[small]) {
      memory.tell(KEYS[small] === "next" ? `next:${shown}` : KEYS[small]);
    } else {
      return;
    }
    event.preventDefault();
  }

  function click(event) {
    const button = event.target.closest("[data-do]");
    if (button) return memory.tell(button.dataset.do === "next" ? `next:${shown}` : button.dataset.do);
    event.target.closest("tbody tr")?.querySelector("[data-do]")?.click();
  }

  // What the keys do is told at first, and to a mouse at the lower edge.
  let asleep = 0;
  function wake(event) {
    if (event && event.clientY < window.innerHeight * 0.92) return;
    stage.classList.add("awake");
    clearTimeout(asleep);
    asleep = setTimeout(() => stage.classList.remove("awake"), 3000);
  }

  stage.addEventListener("click", click);
  document.addEventListener("keydown", press);
  document.addEventListener("mousemove", wake);
  window.addEventListener("resize", measure);
  wake();
  const clock = setInterval(tick, 1000);
  memory.show = show;
  memory.end = () => {
    clearInterval(clock);
    clearTimeout(asleep);
    document.removeEventListener("keydown", press);
    document.removeEventListener("mousemove", wake);
    window.removeEventListener("resize", measure);
    stage.remove();
    memories.delete(parent);
  };
  return memory;
}
