// One socket. Nothing typed is lost: a message stays in `pending` until the server says it is stored,
// and the same client_ref is sent again as often as needed.
const IDLE_MS = 25000;
const GONE_MS = 70000;
const FINAL = new Set([4003, 4004, 4007]); // identity refused, unknown channel, origin refused

// Whom the page vouches for; nobody in particular without a token.
const subjectOf = (token) => {
  try {
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0)))).sub ?? "";
  } catch {
    return "";
  }
};

class Connection {
  constructor({ url, memory, identity, heard, changed, hello }) {
    Object.assign(this, { url, memory, identity, heard, changed, hello });
    // What was written before a page said who writes is nobody's on the next page.
    this.pending = (memory.get("pending") ?? []).map((each) => (each.by === null ? { ...each, by: "?" } : each));
    this.writer = typeof identity === "function" ? null : subjectOf(identity);
    this.tries = 0;
    this.ready = false;
    this.stopped = false;
    addEventListener("online", () => this.open());
  }

  open() {
    if (this.stopped || (this.socket && this.socket.readyState < 2)) return;
    clearTimeout(this.again);
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.onopen = () => {
      this.greet();
      this.beat();
    };
    socket.onmessage = (event) => this.receive(JSON.parse(event.data));
    socket.onclose = (event) => this.closed(socket, event.code);
  }

  async greet() {
    const { socket } = this;
    const proof = await this.proof();
    if (socket === this.socket) this.tell({ type: "hello", ...proof, ...this.hello() });
  }

  async proof() {
    const identity = typeof this.identity === "function" ? await this.identity() : this.identity;
    const token = this.memory.get("token");
    this.writer = identity ? subjectOf(identity) : "";
    for (const each of this.pending) each.by ??= this.writer;
    return identity ? { identity, ...(token && { token }) } : token ? { token } : {};
  }

  closed(socket, code) {
    if (socket !== this.socket) return;
    clearInterval(this.heart);
    this.ready = false;
    if (FINAL.has(code)) this.stopped = true;
    else this.later(code);
    this.changed(code);
  }

  later(code) {
    // Many visitors lose the server at once; they must not come back at once.
    const base = code === 4012 ? 500 : Math.min(30000, 1000 * 2 ** this.tries);
    this.tries += 1;
    this.again = setTimeout(() => this.open(), base * (0.5 + Math.random()));
  }

  beat() {
    clearInterval(this.heart);
    this.heardAt = Date.now();
    this.heart = setInterval(() => {
      if (Date.now() - this.heardAt > GONE_MS) this.socket.close();
      else this.tell({ type: "ping" });
    }, IDLE_MS);
  }

  receive(frame) {
    this.heardAt = Date.now();
    if (frame.type === "welcome") this.welcomed(frame);
    if (frame.type === "error" && frame.client_ref) this.refused(frame);
    this.heard(frame);
  }

  welcomed(frame) {
    this.tries = 0;
    this.ready = true;
    if (frame.token) this.memory.set("token", frame.token);
    for (const entry of frame.entries) if (entry.client_ref) this.settle(entry.client_ref);
    this.flush();
    this.changed();
  }

  refused(frame) {
    const message = this.pending.find((each) => each.client_ref === frame.client_ref);
    if (!message) return;
    if (frame.code === "unavailable" || frame.code === "limited") {
      clearTimeout(this.retry);
      this.retry = setTimeout(() => this.flush(), (frame.retry_after ?? 3) * 1000 * (0.7 + Math.random()));
    } else {
      message.failed = true;
      this.keep();
    }
  }

  say(text, attachments) {
    const message = { client_ref: freshId(), by: this.writer, text, attachments: attachments.map(({ id }) => id), files: attachments, at: new Date().toISOString() };
    this.pending.push(message);
    this.keep();
    this.open();
    if (this.ready) this.put(message);
    return message;
  }

  // What is said while signed in is that person's, whoever uses the browser next; what was said before goes
  // along with who signs in.
  get unsent() {
    return this.pending.filter(({ by }) => by === "" || by === this.writer);
  }

  resend(client_ref) {
    const message = this.pending.find((each) => each.client_ref === client_ref);
    if (!message) return;
    message.failed = false;
    this.keep();
    this.flush();
  }

  put({ client_ref, text, attachments }) {
    this.tell({ type: "message", client_ref, text, attachments });
  }

  flush() {
    if (this.ready) for (const message of this.unsent) if (!message.failed) this.put(message);
  }

  settle(client_ref) {
    this.pending = this.pending.filter((each) => each.client_ref !== client_ref);
    this.keep();
  }

  keep() {
    this.memory.set("pending", this.pending.length ? this.pending : null);
  }

  tell(frame) {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(frame));
  }
}
