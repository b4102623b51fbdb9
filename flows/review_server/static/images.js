// The page that reads images: the light box as a surface of `Reading`.

import { node, place } from "./frame.js";
import { Pictures } from "./pictures.js";
import { Reading } from "./reading.js";
import { Viewer } from "./viewer.js";

const element = (id) => document.getElementById(id);
const pictures = new Pictures(place.base);
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
    if (bitmap && this.entry === entry) this.viewer.show(bitmap, entry, true);
  }

  key(key) {
    return this.viewer.key(key);
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
