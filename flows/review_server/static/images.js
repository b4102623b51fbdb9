// The page that reads images: the light box as a surface of `Reading`.

import { node, place, showNotice } from "./frame.js";
import { Pictures } from "./pictures.js";
import { Reading } from "./reading.js";
import { Viewer } from "./viewer.js";

const element = (id) => document.getElementById(id);
const pictures = new Pictures(place.base);
/** What the windows of the 16-bit original show; the server makes them. */
const WINDOWS = { darks: "darks of the original", brights: "brights of the original", fine: "fine contrast of the original" };
const asBox = ({ top, left, bottom, right }) => ({ top, left, bottom, right });

class ImageSurface {
  markField = "boxes";
  noun = "image";
  reveals = true;
  askForMark = "Draw a rectangle over it with the mouse, so that the next build blacks it out.";
  isRevealed = false;
  #mine = [];
  #others = [];
  #machine = [];
  #window = null; // null: the published picture
  #seen = new Set();

  constructor() {
    this.viewer = new Viewer({
      stage: element("stage"),
      canvas: element("picture"),
      overlay: element("overlay"),
      state: element("stage-state"),
      onBox: (box) => {
        this.#mine.push(box);
        this.#draw();
        reading.marksChanged();
      },
      onZoom: () => this.#loadFull(),
    });
  }

  async show(entry) {
    this.entry = entry;
    this.viewer.hold();
    this.#window = null;
    this.#seen = new Set(entry.decision?.windows ?? []);
    this.#tellWindows();
    this.#others = (entry.answers ?? []).flatMap((said, index) => said.boxes.map((box) => ({ ...box, kind: `reader-${index + 1}` })));
    const waiting = setTimeout(() => {
      this.viewer.clear();
      element("stage-note").textContent = "Loading…";
    }, 150);
    try {
      const bitmap = await pictures.get(entry.item_id, "half");
      if (this.entry !== entry) return;
      this.viewer.show(bitmap, entry);
      this.#draw();
      element("stage-note").textContent = "";
      if (this.viewer.wantsMore) this.#loadFull();
      this.#fetchWindows(entry);
    } catch (error) {
      this.viewer.clear();
      element("stage-note").textContent = "";
      throw error;
    } finally {
      clearTimeout(waiting);
    }
  }

  preload(entries) {
    entries.forEach((entry) => pictures.get(entry.item_id, "half").catch(() => {}));
  }

  async #loadFull() {
    const { entry } = this;
    const bitmap = await pictures.get(entry.item_id, "full").catch(() => null);
    if (bitmap && this.entry === entry && this.#window === null) this.viewer.show(bitmap, entry, true);
  }

  // ---------------------------------------------------------------- windows of the original

  /** Those of the next image wait until its picture is on the screen: the first view comes first. */
  async #fetchWindows(entry) {
    for (const window of entry.windows) {
      if (this.entry !== entry) return; // one after the other: the server makes all three for the first that is asked for
      await pictures.get(entry.item_id, window).catch(() => {});
    }
  }

  /** The next window; behind the last one the published picture again. */
  #nextWindow() {
    const order = [null, ...this.entry.windows];
    return this.#showWindow(order[(order.indexOf(this.#window) + 1) % order.length]);
  }

  async #showWindow(wanted) {
    const { entry } = this;
    this.#window = wanted;
    try {
      const bitmap = await pictures.get(entry.item_id, wanted ?? "half");
      if (this.entry !== entry || this.#window !== wanted) return;
      this.viewer.show(bitmap, entry, true, wanted ? WINDOWS[wanted] : "");
      if (wanted) requestAnimationFrame(() => this.#saw(entry, wanted));
      else if (this.viewer.wantsMore) this.#loadFull();
    } catch {
      if (this.entry === entry) showNotice("This window cannot be shown. Answer 3, then 8 (other), and tell whoever runs the review.", "bad");
    }
  }

  #saw(entry, window) {
    if (this.entry !== entry || this.#window !== window) return;
    this.#seen.add(window);
    this.#tellWindows();
  }

  #tellWindows() {
    const { windows } = this.entry;
    element("windows").hidden = windows.length === 0;
    element("windows-seen").textContent = `${windows.filter((one) => this.#seen.has(one)).length} of ${windows.length} seen`;
  }

  /** What goes along with an answer. */
  seen() {
    return this.entry.windows.length ? { windows: this.entry.windows.filter((one) => this.#seen.has(one)) } : {};
  }

  /** Why the image cannot be called clean yet; empty where it can. */
  get unseen() {
    const isLeft = this.entry.windows.some((one) => !this.#seen.has(one));
    return isLeft ? "Look at the three windows of the original first: press v three times." : "";
  }

  key(key) {
    if (key === "0" && this.#window !== null) this.#showWindow(null);
    if (key !== "v" || !this.entry.windows.length) return this.viewer.key(key);
    this.#nextWindow();
    return true;
  }

  marks() {
    return this.#mine.map(asBox);
  }

  setMarks(boxes) {
    this.#mine = boxes.map(asBox);
    this.#draw();
  }

  removeMark(index) {
    if (!this.#mine[index]) return;
    this.#mine.splice(index, 1);
    this.#draw();
    reading.marksChanged();
  }

  markText({ top, left, bottom, right }) {
    return `${right - left} × ${bottom - top} px at ${left}, ${top}`;
  }

  reveal({ machine_boxes: boxes }) {
    this.#machine = boxes.map((box) => ({ ...box, kind: `machine-${box.decision}` }));
    this.isRevealed = true;
    this.#draw();
  }

  hideRevealed() {
    this.#machine = [];
    this.isRevealed = false;
    this.#draw();
  }

  #draw() {
    this.viewer.boxes = [...this.#machine, ...this.#others, ...this.#mine.map((box) => ({ ...box, kind: "mine" }))];
    this.viewer.draw();
  }
}

let reading = null;
reading = new Reading(new ImageSurface());
reading.start().catch((error) => {
  element("stage-note").replaceChildren(node("span", { text: error.message ?? "The page could not start. Reload it." }));
});
