// The order of work on images and texts: answer, look again if need be, go on. What is shown is left to a surface.

import { desk, node, onKeys, place, showDone, showNotice, showProgress, showSaved } from "./frame.js";
import { ask, newId, now, Outbox, times } from "./outbox.js";

const element = (id) => document.getElementById(id);
const ANSWERS = { 1: "clean", 2: "phi", 3: "unsure" };
const ANSWER_WORDS = { clean: "Clean", phi: "PHI", unsure: "Unsure" };
const REFILL_BELOW = 4;
/** The answer that stands: what was taken back is none. */
const standing = (entry) => (entry?.decision && entry.decision.answer !== "withdrawn" ? entry.decision : null);

/**
 * Run a page. A surface has: `show(entry)` (a promise), `preload(entries)`, `marks()`, `setMarks(list)`, `markText(mark)`,
 * `removeMark(place)`, `key(key, event)`, `reveal(sight, entry)`, `hideRevealed()`, `markField`, `noun`; and, where there
 * is more to see than the first view, `unseen` (why nothing can be called clean yet) and `seen()` (goes with the answer).
 */
export class Reading {
  constructor(surface) {
    this.surface = surface;
    this.ahead = [];
    this.behind = [];
    this.current = null;
    this.choosing = false;
    this.sight = "waiting"; // then "shown" or "failed"
    this.reasons = new Set();
    this.outbox = new Outbox(`${place.reader} ${place.base}`, `${place.base}/decisions`, {
      onChange: showSaved,
      onSaved: (answer, said) => this.#saved(answer, said),
      onRefused: (answer, error) => this.#refused(answer, error),
    });
    this.#buttons();
    onKeys((event) => this.#key(event));
  }

  async start() {
    await this.outbox.flush();
    await this.#refill();
    if (this.current === null) await this.#advance();
  }

  // ---------------------------------------------------------------- the queue

  async #refill() {
    const queue = await ask(`${place.base}/queue`);
    showProgress(queue);
    const known = new Set([...this.ahead, ...this.behind, this.current].filter(Boolean).map((entry) => entry.item_id));
    this.ahead.push(...queue.ahead.filter((entry) => !known.has(entry.item_id)).map((entry) => ({ ...entry, decision: null })));
    if (queue.last && this.behind.length === 0 && this.current === null) this.behind.push(queue.last);
    this.surface.preload(this.ahead.slice(0, 5));
  }

  async #advance(event = null) {
    if (this.ahead.length === 0) await this.#refill();
    if (this.current) this.behind.push(this.current);
    this.current = this.ahead.shift() ?? null;
    await this.#enter(event);
    if (this.ahead.length < REFILL_BELOW) this.#refill().catch(() => {});
    else this.surface.preload(this.ahead.slice(0, 5));
  }

  async #back() {
    if (this.behind.length === 0) {
      showNotice(`This is the first ${this.surface.noun} of the session.`);
      return;
    }
    if (this.current) this.ahead.unshift(this.current);
    this.current = this.behind.pop();
    await this.#enter();
  }

  async #enter(event = null) {
    const entry = this.current;
    showDone(entry === null);
    this.choosing = false;
    this.warned = false;
    this.sight = "waiting";
    this.surface.hideRevealed();
    if (entry === null) return;
    this.reasons = new Set(entry.decision?.reasons ?? []);
    this.surface.setMarks(entry.decision?.[this.surface.markField] ?? []);
    showNotice(entry.decision?.is_final ? "You have seen what the machine did here: this answer stands." : "");
    this.#paint();
    try {
      await this.surface.show(entry);
      if (this.current === entry) this.sight = "shown";
    } catch {
      if (this.current !== entry) return;
      this.sight = "failed";
      showNotice(`This ${this.surface.noun} cannot be shown. Answer 3, then 8 (other), and tell whoever runs the review.`, "bad");
    }
    if (this.current !== entry) return;
    this.shown = now();
    this.#paint();
    if (event) requestAnimationFrame(() => this.#measure(event.timeStamp));
  }

  /** From the key until the frame behind the one that shows the next item begins; read by the benchmark. */
  #measure(from) {
    requestAnimationFrame((now) => performance.measure("next item", { start: from, end: Math.max(from, now) }));
  }

  // ---------------------------------------------------------------- answers

  #answer(answer) {
    const entry = this.current;
    if (!entry) return;
    // An answer is about what its reader saw: none while the one before is on the screen, or nothing.
    if (this.sight === "waiting") return showNotice(`This ${this.surface.noun} is not shown yet. Answer again when it is.`);
    if (this.sight === "failed" && answer !== "unsure")
      return showNotice(`This ${this.surface.noun} cannot be shown. Answer 3, then 8 (other).`, "bad");
    if (entry.decision?.is_final) return showNotice("You have seen what the machine did here: this answer stands.", "bad");
    if (answer === "clean" && this.surface.marks().length)
      return showNotice("You marked something. Answer 2 or 3, or take the mark away with x.", "bad");
    if (answer === "clean" && this.surface.unseen) return showNotice(this.surface.unseen, "bad");
    if (answer === "unsure" && !this.choosing) {
      this.choosing = true;
      this.reasons = new Set(entry.decision?.answer === "unsure" ? entry.decision.reasons : []);
      showNotice("");
      return this.#paint();
    }
    this.choosing = false;
    this.#send(answer, answer === "unsure" ? [...this.reasons] : []);
    if (answer === "phi" && this.surface.marks().length === 0) showNotice(this.surface.askForMark);
    else showNotice("");
  }

  #send(answer, reasons) {
    const entry = this.current;
    const decision = {
      decision_id: newId(),
      item_id: entry.item_id,
      answer,
      reasons,
      [this.surface.markField]: answer === "phi" || answer === "unsure" ? this.surface.marks() : [],
      supersedes: standing(entry)?.decision_id ?? null,
      ...(this.surface.seen?.() ?? {}),
      ...times(this.shown),
    };
    entry.decision = { ...decision, is_saved: false, before: entry.decision };
    this.#paint();
    this.outbox.send(decision);
  }

  #saved(answer, said) {
    for (const entry of [this.current, ...this.behind, ...this.ahead]) {
      if (entry?.decision?.decision_id === answer.decision_id) entry.decision.is_saved = true;
    }
    showProgress(said);
    this.#paint();
  }

  async #refused(answer, error) {
    showNotice(`Not kept: ${error.message}.${error.status === 409 ? " Reload the page to see it." : ""}`, "bad");
    const entry = [this.current, ...this.behind, ...this.ahead].find((one) => one?.item_id === answer.item_id);
    if (entry?.decision?.decision_id === answer.decision_id) entry.decision = entry.decision.before ?? null;
    this.#paint();
    await this.#refill().catch(() => {});
  }

  async #next(event) {
    const entry = this.current;
    if (this.choosing) {
      if (this.reasons.size === 0) return showNotice("Choose at least one reason, or leave with Esc.", "bad");
      return this.#answer("unsure");
    }
    if (!entry) return undefined;
    if (!standing(entry))
      return showNotice("Answer first: 1 clean, 2 PHI, 3 unsure.", "bad");
    if (entry.decision.answer === "phi" && this.surface.marks().length === 0 && !this.warned) {
      this.warned = true;
      return showNotice(`${this.surface.askForMark} Space again goes on without.`);
    }
    if (this.outbox.length >= 3) return showNotice("Waiting for the server: three answers are not saved yet.", "bad");
    return this.#advance(event);
  }

  #undo() {
    const entry = this.current;
    if (this.choosing) {
      this.choosing = false;
      return this.#paint();
    }
    if (standing(entry) && !entry.decision.is_final) {
      this.surface.setMarks([]);
      this.#send("withdrawn", []);
      return showNotice("Your answer is taken back.");
    }
    return this.#back();
  }

  /** Marks changed: what was answered goes again with them. */
  marksChanged() {
    const answer = this.current?.decision?.answer;
    if (this.current?.decision?.is_final) {
      this.surface.setMarks(this.current.decision[this.surface.markField]);
      return showNotice("You have seen what the machine did here: this answer stands.", "bad");
    }
    if (answer === "phi" || answer === "unsure") this.#send(answer, this.current.decision.reasons);
    else if (answer === "clean") showNotice("Marked. Answer 2 if it is PHI, or take the mark away with x.");
    else showNotice("Marked. Now answer 2 (PHI) or 3 (unsure).");
    return this.#paint();
  }

  async #reveal() {
    const entry = this.current;
    if (place.consensus) return this.#showSight(entry);
    if (!standing(entry))
      return showNotice("Answer first: redactions are shown to those who have answered.", "bad");
    if (!entry.decision.is_saved) return showNotice("Your answer is being saved; press b again.");
    return this.#showSight(entry);
  }

  async #showSight(entry) {
    if (this.surface.isRevealed) {
      this.surface.hideRevealed();
      return this.#paint();
    }
    try {
      const sight = await ask(`${place.base}/${entry.item_id}/sight`, {});
      if (!place.consensus) entry.decision.is_final = true;
      if (this.current === entry) {
        this.surface.reveal(sight, entry);
        const redacted = sight.machine_boxes.filter((box) => box.decision === "redacted").length;
        const kept = sight.machine_boxes.length - redacted;
        showNotice(`${redacted} redacted, ${kept} kept by the machine.${place.consensus ? "" : " Your answer now stands."}`);
      }
    } catch (error) {
      showNotice(error.message, "bad");
    }
    return this.#paint();
  }

  // ---------------------------------------------------------------- keys and buttons

  #key(event) {
    const { key } = event;
    if (this.current === null) {
      if (key === "z") this.#back();
      return key === "z";
    }
    if (this.choosing && this.#chooseReason(key)) return true;
    if (key in ANSWERS) this.#answer(ANSWERS[key]);
    else if (key === " " || key === "Enter") this.#next(event);
    else if (key === "z") this.#undo();
    else if (key === "x") this.surface.removeMark(this.surface.marks().length - 1);
    else if (key === "b" && this.surface.reveals) this.#reveal();
    else return this.surface.key(key, event);
    return true;
  }

  #chooseReason(key) {
    const buttons = [...document.querySelectorAll(".reason")];
    if (key === "Escape") {
      this.choosing = false;
      this.#paint();
      return true;
    }
    const button = buttons[Number(key) - 1];
    if (!button) return false;
    this.#toggleReason(button.dataset.reason);
    return true;
  }

  #toggleReason(reason) {
    if (!this.reasons.delete(reason)) this.reasons.add(reason);
    this.#paint();
  }

  #buttons() {
    document.querySelectorAll(".answer").forEach((button) => {
      button.addEventListener("click", () => this.#answer(button.dataset.answer));
    });
    document.querySelectorAll(".reason").forEach((button) => {
      button.addEventListener("click", () => this.#toggleReason(button.dataset.reason));
    });
    document.querySelectorAll("[data-key]").forEach((button) => {
      button.addEventListener("click", (event) => {
        if (button.dataset.key === "b") this.#reveal();
        else this.surface.key(button.dataset.key, event);
        button.blur();
      });
    });
    element("next").addEventListener("click", (event) => this.#next(event));
    element("undo").addEventListener("click", () => this.#undo());
    element("done-back").addEventListener("click", () => this.#back());
  }

  // ---------------------------------------------------------------- what the panel shows

  #paint() {
    const { current: entry } = this;
    const chosen = this.choosing ? "unsure" : entry?.decision?.answer;
    document.querySelectorAll(".answer").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.answer === chosen));
    });
    element("reasons").hidden = !this.choosing && chosen !== "unsure";
    document.querySelectorAll(".reason").forEach((button) => {
      button.setAttribute("aria-pressed", String(this.reasons.has(button.dataset.reason)));
      button.disabled = !this.choosing;
    });
    const redactions = element("redactions");
    if (redactions) {
      redactions.disabled = !place.consensus && !standing(entry)?.is_saved;
      redactions.setAttribute("aria-pressed", String(Boolean(this.surface.isRevealed)));
    }
    this.#paintMarks();
    this.#paintBoth(entry);
    desk.dataset.state = this.choosing ? "choosing" : chosen ? "answered" : "open";
    desk.dataset.item = this.sight === "waiting" ? "" : (entry?.item_id ?? "");
  }

  #paintMarks() {
    const marks = this.surface.marks();
    element("marks").hidden = marks.length === 0;
    element("mark-list").replaceChildren(
      ...marks.map((mark, index) => {
        const remove = node("button", { type: "button", class: "quiet", text: "✕", "aria-label": "Take this mark away" });
        remove.addEventListener("click", () => this.surface.removeMark(index));
        return node("li", {}, [node("span", { text: this.surface.markText(mark) }), remove]);
      }),
    );
  }

  /** In the consensus round: what both readers said. */
  #paintBoth(entry) {
    const both = element("answers-of-both");
    both.hidden = !entry?.answers?.length;
    if (both.hidden) return;
    both.replaceChildren(
      node("h3", { text: "What the readers said" }),
      ...entry.answers.map((said, index) =>
        node("p", { class: `said reader-${index + 1}` }, [
          node("span", { class: "said-who", text: said.who }),
          node("strong", { class: `said-${said.answer}`, text: ANSWER_WORDS[said.answer] ?? said.answer }),
          node("span", { class: "muted", text: said.why }),
        ]),
      ),
    );
  }
}
