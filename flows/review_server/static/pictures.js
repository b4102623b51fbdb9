// Pictures at hand before they are asked for: half-size ones of the next items, the full one of an item that is zoomed,
// the windows of the one that is read.

const KEPT = 16;

export class Pictures {
  #kept = new Map();

  constructor(base) {
    this.base = base;
  }

  /** The decoded picture of an item; fetched once. */
  get(item, size) {
    const url = `${this.base}/${item}/${size}`;
    const known = this.#kept.get(url);
    if (known) {
      this.#kept.delete(url);
      this.#kept.set(url, known);
      return known;
    }
    const coming = this.#fetch(url);
    this.#kept.set(url, coming);
    coming.catch(() => this.#kept.delete(url));
    this.#evict();
    return coming;
  }

  async #fetch(url) {
    const answer = await fetch(url, { credentials: "same-origin", redirect: "error" });
    if (!answer.ok) throw new Error(`error ${answer.status}`);
    return createImageBitmap(await answer.blob());
  }

  #evict() {
    while (this.#kept.size > KEPT) {
      const [url, old] = this.#kept.entries().next().value;
      this.#kept.delete(url);
      old.then((bitmap) => setTimeout(() => bitmap.close(), 5000)).catch(() => {});
    }
  }
}
