// The light box: one picture with zoom, window, inversion, corners, and rectangles in pixels of the full-size image.

const SVG = "http://www.w3.org/2000/svg";
const CORNERS = [[0, 0], [1, 0], [1, 1], [0, 1]]; // clockwise from the top left
const CORNER_NAMES = ["top left", "top right", "bottom right", "bottom left"];
const CORNER_ZOOM = 3;
const LEAST_BOX_PX = 4;

export class Viewer {
  /** `onBox(box)` when the reader drew one; `onZoom()` when the half-size picture no longer suffices. */
  constructor({ stage, canvas, overlay, state, onBox, onZoom }) {
    Object.assign(this, { stage, canvas, overlay, state, onBox, onZoom });
    this.context = canvas.getContext("2d", { alpha: false });
    this.bitmap = null;
    this.boxes = [];
    this.reset();
    new ResizeObserver(() => this.#fitStage()).observe(stage);
    this.#fitStage();
    this.#listen();
  }

  /** Show a picture of an image of so many rows and columns; `keep` leaves the view as it is, `layer` names it. */
  show(bitmap, { rows, columns }, keep = false, layer = "") {
    Object.assign(this, { bitmap, rows, columns, layer, held: false });
    if (!keep) this.reset();
    this.draw();
  }

  /** Take no rectangle until the next picture is shown: the one on the screen is no longer asked about. */
  hold() {
    this.held = true;
  }

  clear() {
    this.bitmap = null;
    this.boxes = [];
    this.draw();
  }

  reset() {
    Object.assign(this, { zoom: 1, centre: [0.5, 0.5], corner: -1, inverted: false, width: 1, level: 0.5 });
  }

  /** True where the picture at hand has fewer pixels than the screen would show. */
  get wantsMore() {
    return this.bitmap !== null && this.bitmap.width < this.columns && this.#scale * this.dpr * this.columns > this.bitmap.width * 1.05;
  }

  get #scale() {
    const fit = Math.min(this.stageWidth / this.columns, this.stageHeight / this.rows);
    return fit * this.zoom;
  }

  /** Where the image's first pixel lies on the stage; an image smaller than the stage is centred. */
  get #origin() {
    const along = (stage, length, centre) => {
      const shown = length * this.#scale;
      if (shown <= stage) return (stage - shown) / 2;
      return Math.min(0, Math.max(stage - shown, stage / 2 - centre * shown));
    };
    return [along(this.stageWidth, this.columns, this.centre[0]), along(this.stageHeight, this.rows, this.centre[1])];
  }

  key(key) {
    const act = {
      i: () => (this.inverted = !this.inverted),
      w: () => (this.width = Math.max(0.05, this.width / 1.2)),
      s: () => (this.width = Math.min(2, this.width * 1.2)),
      a: () => (this.level = Math.min(1, this.level + 0.05)),
      d: () => (this.level = Math.max(0, this.level - 0.05)),
      "+": () => this.#zoomBy(1.5),
      "=": () => this.#zoomBy(1.5),
      "-": () => this.#zoomBy(1 / 1.5),
      c: () => this.#nextCorner(),
      0: () => this.reset(),
      ArrowLeft: () => this.#pan(-0.2, 0),
      ArrowRight: () => this.#pan(0.2, 0),
      ArrowUp: () => this.#pan(0, -0.2),
      ArrowDown: () => this.#pan(0, 0.2),
    }[key];
    if (!act || !this.bitmap) return false;
    act();
    this.draw();
    if (this.wantsMore) this.onZoom();
    return true;
  }

  #zoomBy(factor, at = null) {
    const before = at && this.#toImage(at);
    this.corner = -1;
    this.zoom = Math.min(16, Math.max(1, this.zoom * factor));
    if (!before) return;
    const [x, y] = before;
    const scale = this.#scale;
    this.centre = [
      (x + (this.stageWidth / 2 - at[0]) / scale) / this.columns,
      (y + (this.stageHeight / 2 - at[1]) / scale) / this.rows,
    ];
    this.#clampCentre();
  }

  #nextCorner() {
    this.corner = this.corner === CORNERS.length - 1 ? -1 : this.corner + 1;
    this.zoom = this.corner < 0 ? 1 : CORNER_ZOOM;
    this.centre = this.corner < 0 ? [0.5, 0.5] : CORNERS[this.corner];
    this.#clampCentre();
  }

  #pan(right, down) {
    const scale = this.#scale;
    this.centre = [
      this.centre[0] + (right * this.stageWidth) / (scale * this.columns),
      this.centre[1] + (down * this.stageHeight) / (scale * this.rows),
    ];
    this.#clampCentre();
  }

  #clampCentre() {
    const half = [this.stageWidth / (2 * this.#scale * this.columns), this.stageHeight / (2 * this.#scale * this.rows)];
    this.centre = this.centre.map((one, axis) =>
      half[axis] >= 0.5 ? 0.5 : Math.min(1 - half[axis], Math.max(half[axis], one)),
    );
  }

  #fitStage() {
    this.dpr = Math.min(window.devicePixelRatio || 1, 2);
    this.stageWidth = this.stage.clientWidth;
    this.stageHeight = this.stage.clientHeight;
    this.canvas.width = Math.max(1, Math.round(this.stageWidth * this.dpr));
    this.canvas.height = Math.max(1, Math.round(this.stageHeight * this.dpr));
    this.draw();
  }

  /** Draw with the next frame, once, however often it is asked for. */
  draw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.#drawNow();
    });
  }

  #drawNow() {
    const { context, canvas } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = this.inverted ? "#fff" : "#000"; // inverted by the filter, too
    context.fillRect(0, 0, canvas.width, canvas.height);
    this.canvas.style.filter = this.#filter();
    if (this.bitmap) {
      const scale = this.#scale * this.dpr;
      const [left, top] = this.#origin.map((one) => one * this.dpr);
      context.imageSmoothingEnabled = this.zoom < 8;
      // Mipmaps cost as much as the drawing; they are of use only where pixels would be left out.
      context.imageSmoothingQuality = this.columns * scale < this.bitmap.width / 2 ? "medium" : "low";
      context.drawImage(this.bitmap, left, top, this.columns * scale, this.rows * scale);
    }
    this.#drawBoxes();
    this.#tellState();
  }

  /** The window as CSS filters: brightness(b) contrast(c) is b c x + (1 - c) / 2. */
  #filter() {
    const parts = this.inverted ? ["invert(1)"] : [];
    if (this.width !== 1 || this.level !== 0.5) {
      const slope = 1 / this.width;
      const contrast = Math.max(0.02, 1 - 2 * (0.5 - this.level * slope));
      parts.push(`brightness(${slope / contrast})`, `contrast(${contrast})`);
    }
    return parts.join(" ");
  }

  #tellState() {
    const told = this.layer ? [this.layer] : [];
    if (this.corner >= 0) told.push(CORNER_NAMES[this.corner]);
    if (this.zoom > 1) told.push(`${this.zoom.toFixed(1)} ×`);
    if (this.inverted) told.push("inverted");
    if (this.width !== 1 || this.level !== 0.5)
      told.push(`window ${Math.round(this.width * 100)} % at ${Math.round(this.level * 100)} %`);
    this.state.textContent = told.join(" · ");
  }

  // ---------------------------------------------------------------- rectangles

  #toImage([x, y]) {
    const [left, top] = this.#origin;
    return [(x - left) / this.#scale, (y - top) / this.#scale];
  }

  #drawBoxes() {
    const shown = this.bitmap ? [...this.boxes, ...(this.drawing ? [{ ...this.drawing, kind: "mine" }] : [])] : [];
    const [left, top] = this.bitmap ? this.#origin : [0, 0];
    const scale = this.bitmap ? this.#scale : 1;
    this.overlay.replaceChildren(
      ...shown.map((box) => {
        const rect = document.createElementNS(SVG, "rect");
        rect.setAttribute("class", `box ${box.kind}`);
        rect.setAttribute("x", left + box.left * scale);
        rect.setAttribute("y", top + box.top * scale);
        rect.setAttribute("width", Math.max(1, (box.right - box.left) * scale));
        rect.setAttribute("height", Math.max(1, (box.bottom - box.top) * scale));
        return rect;
      }),
    );
  }

  #listen() {
    const at = (event) => {
      const frame = this.stage.getBoundingClientRect();
      return [event.clientX - frame.left, event.clientY - frame.top];
    };
    let start = null;
    let panning = false;
    this.stage.addEventListener("contextmenu", (event) => event.preventDefault());
    this.stage.addEventListener("pointerdown", (event) => {
      if (!this.bitmap || this.held) return;
      start = at(event);
      panning = event.button !== 0 || event.shiftKey;
      this.stage.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    this.stage.addEventListener("pointermove", (event) => {
      if (!start) return;
      const now = at(event);
      if (panning) {
        this.#pan((start[0] - now[0]) / this.stageWidth, (start[1] - now[1]) / this.stageHeight);
        start = now;
      } else {
        this.drawing = this.#boxBetween(start, now);
      }
      this.draw();
    });
    this.stage.addEventListener("pointerup", (event) => {
      const box = start && !panning && this.#boxBetween(start, at(event));
      start = null;
      this.drawing = null;
      if (box && box.right - box.left >= LEAST_BOX_PX && box.bottom - box.top >= LEAST_BOX_PX) this.onBox(box);
      this.draw();
    });
    this.stage.addEventListener("pointercancel", () => {
      start = this.drawing = null;
      this.draw();
    });
    this.stage.addEventListener(
      "wheel",
      (event) => {
        if (!this.bitmap) return;
        event.preventDefault();
        this.#zoomBy(event.deltaY < 0 ? 1.2 : 1 / 1.2, at(event));
        this.draw();
        if (this.wantsMore) this.onZoom();
      },
      { passive: false },
    );
  }

  /** Half-open, whole pixels, inside the image. */
  #boxBetween(one, other) {
    const [a, b] = [this.#toImage(one), this.#toImage(other)];
    const within = (value, most) => Math.min(most, Math.max(0, value));
    return {
      top: Math.floor(within(Math.min(a[1], b[1]), this.rows)),
      left: Math.floor(within(Math.min(a[0], b[0]), this.columns)),
      bottom: Math.ceil(within(Math.max(a[1], b[1]), this.rows)),
      right: Math.ceil(within(Math.max(a[0], b[0]), this.columns)),
    };
  }
}
