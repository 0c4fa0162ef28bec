// The quick filter: what is typed goes to the server, which proposes; Enter takes the marked proposal.
const boxes = new WeakMap();

export default function ({ parentElement, data, setStateValue, setTriggerValue }) {
  let box = boxes.get(parentElement);
  if (!box) {
    box = begin(parentElement);
    boxes.set(parentElement, box);
  }
  box.type = (words) => setStateValue("typed", words);
  box.take = (place) => setTriggerValue("take", `${place}`);
  box.show(data);
  return box.end;
}

function begin(parent) {
  const box = {};
  const root = document.createElement("div");
  const input = document.createElement("input");
  const list = document.createElement("ul");
  const note = document.createElement("p");
  let chosen = 0, waiting = 0, data = {}, wanted = false;
  root.append(input, list, note);
  parent.append(root);
  Object.assign(input, { type: "search", autocomplete: "off", spellcheck: false, maxLength: 80 });
  for (const [name, value] of Object.entries({ role: "combobox", "aria-controls": "ask-list", "aria-autocomplete": "list" }))
    input.setAttribute(name, value);
  list.id = "ask-list";
  list.setAttribute("role", "listbox");
  note.setAttribute("role", "status");

  // Proposals answer what was typed when they were made: Enter pressed before they came waits for them.
  const isAnswered = () => data.typed === input.value.trim();

  function show(fresh) {
    if (fresh.typed !== data.typed) chosen = 0;
    data = fresh;
    root.className = `ask ${data.large ? "large" : ""} ${document.activeElement === input ? "open" : ""}`;
    input.placeholder = data.words.placeholder;
    input.setAttribute("aria-label", data.words.label);
    list.setAttribute("aria-label", data.words.list);
    paint();
    if (wanted && isAnswered()) take(chosen);
  }

  function paint() {
    const proposals = isAnswered() ? data.proposals : [];
    chosen = Math.max(0, Math.min(chosen, proposals.length - 1));
    list.replaceChildren(...proposals.map((words, place) => {
      const item = document.createElement("li");
      item.id = `ask-${place}`;
      item.textContent = words;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", place === chosen);
      item.onmousedown = (event) => { event.preventDefault(); take(place); };
      return item;
    }));
    list.hidden = !proposals.length;
    note.textContent = isAnswered() ? data.note : "";
    note.hidden = !note.textContent;
    input.setAttribute("aria-expanded", proposals.length > 0);
    if (proposals.length) input.setAttribute("aria-activedescendant", `ask-${chosen}`);
    else input.removeAttribute("aria-activedescendant");
  }

  function take(place) {
    wanted = false;
    if (!isAnswered() || place >= data.proposals.length) return;
    input.value = "";
    input.blur();
    box.take(place);
  }

  input.oninput = () => {
    wanted = false;
    paint();
    clearTimeout(waiting);
    waiting = setTimeout(() => box.type(input.value.trim()), 120);
  };
  input.onfocus = () => root.classList.add("open");
  input.onblur = () => root.classList.remove("open");
  input.onkeydown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      chosen += step;
      paint();
    } else if (event.key === "Enter" && !event.isComposing) {
      wanted = !isAnswered();
      take(chosen);
    } else if (event.key === "Escape") {
      input.value = "";
      input.blur();
      paint();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  function press(event) {
    if (event.key !== "/" || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest?.("input, textarea, select, [contenteditable=true], [role=dialog]")) return;
    root.classList.add("open");
    input.focus();
    event.preventDefault();
  }
  // A button of the wall may call it too.
  function call(event) {
    if (event.target.closest?.('[data-call="ask"]')) press({ key: "/", target: document.body, preventDefault() {} });
  }
  document.addEventListener("keydown", press);
  document.addEventListener("click", call);
  box.show = show;
  box.end = () => {
    clearTimeout(waiting);
    document.removeEventListener("keydown", press);
    document.removeEventListener("click", call);
    root.remove();
    boxes.delete(parent);
  };
  return box;
}
