// The page that labels reports: 14 rows by keys, the rule of No Finding checked while typing.

import { desk, node, onKeys, place, showDone, showNotice, showProgress, showSaved } from "./frame.js";
import { ask, newId, now, Outbox, times } from "./outbox.js";
import { drawReport } from "./report_text.js";

const element = (id) => document.getElementById(id);
const rows = [...document.querySelectorAll("#labels tbody tr")];
const names = rows.map((row) => row.dataset.label);
const VALUES = { 1: "1", 0: "0", "-": "-1", u: "-1", ".": "", Backspace: "", Delete: "" };
const NO_FINDING = "No Finding";
const INNOCENT = new Set([NO_FINDING, "Support Devices"]);

const texts = new Map();
const state = { ahead: [], behind: [], current: null, cursor: 0, values: {}, warned: false, isShown: false, shown: now() };

const outbox = new Outbox(`${place.reader} ${place.base}`, `${place.base}/decisions`, {
  onChange: showSaved,
  onSaved: (answer, said) => showProgress(said),
  onRefused: (answer, error) => {
    const entry = [state.current, ...state.behind, ...state.ahead].find((one) => one?.item_id === answer.item_id);
    if (entry) entry.decision = null;
    showNotice(`Not kept: ${error.message}.`, "bad");
    refill().catch(() => {});
  },
});

// ---------------------------------------------------------------- the queue

function text(entry) {
  if (!texts.has(entry.item_id)) {
    const coming = ask(`${place.base}/${entry.item_id}/text`);
    texts.set(entry.item_id, coming);
    coming.catch(() => texts.delete(entry.item_id));
  }
  return texts.get(entry.item_id);
}

async function refill() {
  const queue = await ask(`${place.base}/queue`);
  showProgress(queue);
  const known = new Set([...state.ahead, ...state.behind, state.current].filter(Boolean).map((entry) => entry.item_id));
  state.ahead.push(...queue.ahead.filter((entry) => !known.has(entry.item_id)));
  if (queue.last && state.behind.length === 0 && state.current === null) state.behind.push(queue.last);
  state.ahead.slice(0, 3).forEach((entry) => text(entry).catch(() => {}));
}

async function advance() {
  if (state.ahead.length === 0) await refill();
  if (state.current) state.behind.push(state.current);
  await enter(state.ahead.shift() ?? null);
  if (state.ahead.length < 4) refill().catch(() => {});
}

async function back() {
  if (state.behind.length === 0) {
    showNotice("This is the first report of the session.");
    return;
  }
  keepDraft();
  if (state.current) state.ahead.unshift(state.current);
  await enter(state.behind.pop());
}

async function enter(entry) {
  state.current = entry;
  state.warned = false;
  state.isShown = false;
  desk.dataset.item = "";
  element("report").replaceChildren();
  showDone(entry === null);
  if (entry === null) return;
  const agreed = entry.agreed ?? {};
  state.values = Object.fromEntries(names.map((name) => [name, ""]));
  for (const [name, value] of Object.entries(entry.draft ?? entry.decision?.labels ?? agreed))
    state.values[name] = value === null ? "" : String(value);
  state.cursor = firstOpenRow(entry);
  showNotice("");
  paint();
  try {
    const { sections } = await text(entry);
    if (state.current !== entry) return;
    drawReport(element("report"), sections);
    state.isShown = true;
    desk.dataset.item = entry.item_id;
    state.shown = now();
  } catch (error) {
    if (state.current === entry) showNotice(`This report cannot be shown: ${error.message ?? "no reason is known"}. Reload the page.`, "bad");
  }
}

/** In the consensus round the first row on which the readers differ. */
function firstOpenRow(entry) {
  const open = names.findIndex((name) => entry.answers && !(name in (entry.agreed ?? {})));
  return Math.max(0, open);
}

/** What was filled in and not saved stays while this page is open. */
function keepDraft() {
  if (!state.current || state.current.decision) return;
  state.current.draft = Object.fromEntries(names.map((name) => [name, state.values[name] === "" ? null : Number(state.values[name])]));
}

// ---------------------------------------------------------------- the rule

/** What contradicts No Finding; the server refuses it, too. */
function contradiction() {
  if (state.values[NO_FINDING] !== "1") return "";
  const against = names.filter((name) => !INNOCENT.has(name) && ["1", "-1"].includes(state.values[name]));
  return against.length ? `No Finding contradicts ${against.join(", ")}.` : "";
}

function hint() {
  return ["0", "-1"].includes(state.values[NO_FINDING]) ? "No Finding is 1 or empty: 0 and −1 say nothing there." : "";
}

/** What is asked once before a report goes as it is. */
function doubt() {
  const isBare = names.every((name) => INNOCENT.has(name) || ["", "0"].includes(state.values[name]));
  if (!isBare || state.values[NO_FINDING] === "1") return "";
  return "Nothing is present or uncertain, and No Finding is not 1. Enter again saves it so.";
}

// ---------------------------------------------------------------- answers

function save() {
  const entry = state.current;
  if (!entry) return undefined;
  // Labels are about what their reader read: none of a report that is not on the screen.
  if (!state.isShown) return showNotice("This report is not shown yet. Save it when you have read it.", "bad");
  const wrong = contradiction();
  if (wrong) return showNotice(wrong, "bad");
  if (doubt() && !state.warned) {
    state.warned = true;
    return showNotice(doubt());
  }
  if (outbox.length >= 3) return showNotice("Waiting for the server: three reports are not saved yet.", "bad");
  const labels = Object.fromEntries(names.map((name) => [name, state.values[name] === "" ? null : Number(state.values[name])]));
  const same = entry.decision?.labels && names.every((name) => entry.decision.labels[name] === labels[name]);
  if (!same) {
    const decision = {
      decision_id: newId(),
      item_id: entry.item_id,
      answer: "labelled",
      reasons: [],
      labels,
      supersedes: entry.decision?.decision_id ?? null,
      ...times(state.shown),
    };
    entry.decision = decision;
    entry.draft = null;
    outbox.send(decision);
  }
  return advance();
}

function set(name, value) {
  state.values[name] = value;
  state.warned = false;
  paint();
  showNotice(contradiction() || hint(), contradiction() ? "bad" : "");
}

// ---------------------------------------------------------------- keys, buttons, looks

function key(event) {
  if (state.current === null) {
    if (event.key === "z") back();
    return event.key === "z";
  }
  if (event.key in VALUES) {
    set(names[state.cursor], VALUES[event.key]);
    move(1);
  } else if (event.key === "ArrowDown" || event.key === "j") move(1);
  else if (event.key === "ArrowUp" || event.key === "k") move(-1);
  else if (event.key === "n") moveTo(names.indexOf(NO_FINDING));
  else if (event.key === "Enter" || event.key === " ") save();
  else if (event.key === "z") back();
  else return false;
  return true;
}

function move(step) {
  moveTo(Math.min(names.length - 1, Math.max(0, state.cursor + step)));
}

function moveTo(row) {
  state.cursor = row;
  paint();
}

const SHOWN = { "": "·", 1: "1", 0: "0", "-1": "−1" };

function paint() {
  const against = contradiction();
  rows.forEach((row, index) => {
    const name = names[index];
    row.classList.toggle("current", index === state.cursor);
    row.classList.toggle("against", Boolean(against) && (name === NO_FINDING || against.includes(name)));
    row.dataset.value = state.values[name];
    for (const button of row.querySelectorAll("button"))
      button.setAttribute("aria-pressed", String(button.dataset.value === state.values[name]));
    paintSeen(row, name);
  });
  rows[state.cursor].scrollIntoView({ block: "nearest" });
  element("guide-title").textContent = names[state.cursor];
  document.querySelectorAll(".guide").forEach((guide) => {
    guide.hidden = guide.dataset.label !== names[state.cursor];
  });
}

/** What both readers said of a row; different answers stand out. */
function paintSeen(row, name) {
  const cell = row.querySelector("td.seen");
  if (!cell || !state.current?.answers) return;
  const said = state.current.answers.map((one) => (one.labels ? (one.labels[name] ?? "") : "?"));
  row.classList.toggle("differs", new Set(said.map(String)).size > 1);
  cell.replaceChildren(...said.map((value, index) => node("span", { class: `chip reader-${index + 1}`, text: SHOWN[value] ?? "?" })));
}

rows.forEach((row, index) => {
  row.addEventListener("click", (event) => {
    moveTo(index);
    const button = event.target.closest("button");
    if (button) set(names[index], button.dataset.value);
  });
});
element("next").addEventListener("click", save);
element("undo").addEventListener("click", back);
element("done-back").addEventListener("click", back);
onKeys(key);
(async () => {
  await outbox.flush();
  await refill();
  await advance();
})().catch((error) => showNotice(error.message ?? "The page could not start. Reload it.", "bad"));
