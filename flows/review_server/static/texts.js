// The page that reads texts for PHI: words are chosen with the arrow keys or the mouse, and marked.

import { desk, node, place } from "./frame.js";
import { ask } from "./outbox.js";
import { Reading } from "./reading.js";
import { drawReport } from "./report_text.js";

const paper = document.getElementById("report");

class TextSurface {
  markField = "spans";
  noun = "report";
  reveals = false;
  askForMark = "Mark the words: arrow keys and m, or click them.";
  #words = [];
  #spans = [];
  #cursor = 0;
  #anchor = null;
  #texts = new Map();

  constructor() {
    paper.addEventListener("click", (event) => {
      const index = this.#words.findIndex((word) => word.element === event.target);
      if (index < 0) return;
      this.#cursor = index;
      this.#anchor = null;
      this.#toggle();
    });
  }

  async show(entry) {
    this.entry = entry;
    const { sections } = await this.#text(entry);
    if (this.entry !== entry) return;
    this.#words = drawReport(paper, sections, { withWords: true });
    this.#cursor = 0;
    this.#anchor = null;
    this.#paint();
  }

  preload(entries) {
    entries.forEach((entry) => this.#text(entry).catch(() => {}));
  }

  #text(entry) {
    if (!this.#texts.has(entry.item_id)) {
      const coming = ask(`${place.base}/${entry.item_id}/text`);
      this.#texts.set(entry.item_id, coming);
      coming.catch(() => this.#texts.delete(entry.item_id));
    }
    return this.#texts.get(entry.item_id);
  }

  key(key, event) {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 8, ArrowUp: -8 }[key];
    if (step) {
      if (event.shiftKey) this.#anchor ??= this.#cursor;
      else this.#anchor = null;
      this.#cursor = Math.min(this.#words.length - 1, Math.max(0, this.#cursor + step));
      this.#paint();
      this.#words[this.#cursor]?.element.scrollIntoView({ block: "nearest" });
      return true;
    }
    if (key !== "m") return false;
    this.#toggle();
    return true;
  }

  /** Mark the chosen words; where the one under the cursor is marked, take that mark away. */
  #toggle() {
    const word = this.#words[this.#cursor];
    if (!word) return;
    const there = this.#spans.findIndex((span) => span.start <= word.start && word.end <= span.end);
    if (there >= 0 && this.#anchor === null) {
      this.removeMark(there);
      return;
    }
    const [first, last] = [this.#cursor, this.#anchor ?? this.#cursor].sort((a, b) => a - b);
    this.#spans.push({ start: this.#words[first].start, end: this.#words[last].end });
    this.#anchor = null;
    this.#paint();
    reading.marksChanged();
  }

  marks() {
    return this.#spans.map((span) => ({ ...span }));
  }

  setMarks(spans) {
    this.#spans = spans.map((span) => ({ ...span }));
    this.#paint();
  }

  removeMark(index) {
    if (!this.#spans[index]) return;
    this.#spans.splice(index, 1);
    this.#paint();
    reading.marksChanged();
  }

  markText({ start, end }) {
    const words = this.#words.filter((word) => word.start >= start && word.end <= end);
    return words.map((word) => word.element.textContent).join(" ");
  }

  reveal() {}

  hideRevealed() {}

  #paint() {
    const others = (this.entry?.answers ?? []).map((said) => said.spans);
    const [low, high] = [this.#cursor, this.#anchor ?? this.#cursor].sort((a, b) => a - b);
    this.#words.forEach(({ start, end, element }, index) => {
      const inside = (span) => span.start <= start && end <= span.end;
      element.classList.toggle("cursor", index === this.#cursor);
      element.classList.toggle("chosen", this.#anchor !== null && index >= low && index <= high);
      element.classList.toggle("marked", this.#spans.some(inside));
      others.forEach((spans, reader) => element.classList.toggle(`reader-${reader + 1}`, spans.some(inside)));
    });
  }
}

let reading = null;
reading = new Reading(new TextSurface());
reading.start().catch((error) => {
  desk.replaceChildren(node("p", { class: "notice bad", text: error.message ?? "The page could not start. Reload it." }));
});
