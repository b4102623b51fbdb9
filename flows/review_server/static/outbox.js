// How answers reach the server: in order, each until it is acknowledged, also over a reload or a restart of the server.
// An answer carries an id of its own, so that sending it again can never count twice.

const csrf = () => document.querySelector('meta[name="csrf"]').content;

/** Fetch JSON of this server; throws {status, message} where it is refused, {status: 0} where nobody answers. */
export async function ask(url, body) {
  let answer;
  try {
    answer = await fetch(url, {
      method: body === undefined ? "GET" : "POST",
      headers: body === undefined ? {} : { "Content-Type": "application/json", "X-CSRF-Token": csrf() },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
    });
  } catch {
    throw { status: 0, message: "the server does not answer" };
  }
  let said = null;
  try {
    said = await answer.json();
  } catch {
    said = null;
  }
  if (!answer.ok) throw { status: answer.status, message: said?.message ?? `error ${answer.status}` };
  if (said === null) throw { status: 0, message: "the answer broke off" };
  return said;
}

/** 128 random bits as hexadecimal digits; randomUUID is absent where the page came without TLS. */
export function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (one) => one.toString(16).padStart(2, "0")).join("");
}

/** A moment: by the clock, and by one that never steps back. */
export const now = () => ({ clock: Date.now(), steady: performance.now() });

/** When an item was shown and answered, in milliseconds since 1970; sent again they are the same. */
export function times(shown) {
  return { shown_at: shown.clock, answered_at: shown.clock + Math.round(performance.now() - shown.steady) };
}

export class Outbox {
  /** `name` keeps what is unsent apart by reader and queue. `onChange({waiting, trouble})`, `onSaved(answer, said)`, `onRefused(answer, error)`. */
  constructor(name, url, handlers) {
    Object.assign(this, { name: `outbox ${name}`, url, handlers, busy: false, trouble: null });
    this.waiting = JSON.parse(sessionStorage.getItem(this.name) ?? "[]");
    window.addEventListener("beforeunload", (event) => {
      if (this.waiting.length) event.preventDefault();
    });
  }

  get length() {
    return this.waiting.length;
  }

  send(answer) {
    this.waiting.push(answer);
    this.#keep();
    return this.flush();
  }

  async flush() {
    if (this.busy) return;
    this.busy = true;
    this.#tell(null);
    for (let pause = 300; this.waiting.length; ) {
      const answer = this.waiting[0];
      try {
        const said = await ask(this.url, answer);
        this.#drop();
        pause = 300;
        this.#tell(null);
        this.handlers.onSaved(answer, said);
      } catch (error) {
        if (error.status === undefined) throw error;
        if (error.status === 401) {
          this.#tell("You were signed out. Sign in again; your last answer is kept.");
          break;
        }
        if (error.status >= 400 && error.status < 500 && error.status !== 429) {
          this.#drop();
          this.#tell(null);
          this.handlers.onRefused(answer, error);
          continue;
        }
        this.#tell(`Not saved yet: ${error.message}. Trying again.`);
        await new Promise((done) => setTimeout(done, pause));
        pause = Math.min(pause * 2, 3000);
      }
    }
    this.busy = false;
  }

  #drop() {
    this.waiting.shift();
    this.#keep();
  }

  #keep() {
    if (this.waiting.length) sessionStorage.setItem(this.name, JSON.stringify(this.waiting));
    else sessionStorage.removeItem(this.name);
  }

  #tell(trouble) {
    this.trouble = trouble;
    this.handlers.onChange({ waiting: this.waiting.length, trouble });
  }
}
