// What every reading page has around its item: progress, what is saved, notices, help, keys.

const element = (id) => document.getElementById(id);

export const desk = element("desk");
export const place = {
  kind: desk.dataset.kind,
  consensus: desk.dataset.consensus === "yes",
  reader: desk.dataset.reader,
};
place.base = `/api/${place.kind}`;

export function showProgress({ done, total, left_text: left }) {
  element("bar").max = Math.max(total, 1);
  element("bar").value = done;
  element("count").textContent = `${done} of ${total}`;
  element("left").textContent = left ? `· ${left}` : "";
}

export function showSaved({ waiting, trouble }) {
  const saved = element("saved");
  saved.textContent = trouble ?? (waiting ? "Saving…" : "Saved");
  saved.className = `saved ${trouble ? "bad" : waiting ? "busy" : "good"}`;
}

export function showNotice(text, tone = "") {
  const notice = element("notice");
  notice.hidden = !text;
  notice.textContent = text ?? "";
  notice.className = `notice ${tone}`;
}

/** Nothing is left: for good, or because others hold what is left. */
export function showDone(is_done) {
  const isAll = element("bar").value >= element("bar").max || element("count").textContent === "0 of 0";
  element("done-title").textContent = isAll ? "All done" : "Nothing for you right now";
  element("done-text").textContent = isAll
    ? "Everything in this queue has your answer. Thank you."
    : "What is left is on the desks of others. Come back later: what they leave comes to you.";
  desk.hidden = is_done;
  element("done").hidden = !is_done;
}

/** One handler for all keys; keys with Ctrl, Alt or Meta stay the browser's, and so do keys in an open dialog. */
export function onKeys(handle) {
  const help = element("help");
  element("help-open").addEventListener("click", () => help.showModal());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || help.open) return;
    if (event.key === "?") {
      event.preventDefault();
      help.showModal();
      return;
    }
    if (handle(event)) {
      event.preventDefault();
      if (document.activeElement instanceof HTMLButtonElement) document.activeElement.blur();
    }
  });
}

/** A node with text and children; text never becomes markup. */
export function node(tag, { text, ...attributes } = {}, children = []) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}
