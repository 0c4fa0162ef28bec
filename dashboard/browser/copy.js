// Copies `data.words` to the clipboard and says so for two seconds. Called again at every rerun.

const SAID_FOR = 2000 // milliseconds

export default function ({ parentElement, data }) {
  const button = parentElement.querySelector("button")
  const status = parentElement.querySelector("[role=status]")
  if (!button.dataset.said) button.textContent = data.label
  button.onclick = async () => {
    const said = (await copied(data.words, button)) ? data.done : data.failed
    clearTimeout(button.timer)
    button.dataset.said = button.textContent = status.textContent = said
    button.timer = setTimeout(() => {
      delete button.dataset.said
      button.textContent = data.label
      status.textContent = ""
    }, SAID_FOR)
  }
}

async function copied(words, button) {
  try {
    await navigator.clipboard.writeText(words)
    return true
  } catch {
    // On plain http there is no clipboard to write to: a selection is copied instead.
    const sheet = document.createElement("textarea")
    sheet.value = words
    sheet.readOnly = true
    sheet.style = "position: fixed; top: 0; opacity: 0"
    document.body.append(sheet)
    sheet.select()
    const done = document.execCommand("copy")
    sheet.remove()
    button.focus({ preventScroll: true })
    return done
  }
}
