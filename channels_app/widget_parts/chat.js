class Chat {
  constructor(script) {
    const { dataset } = script;
    this.origin = new URL(script.src).origin;
    this.channel = dataset.channel;
    this.base = `${this.origin}/widget/${encodeURIComponent(this.channel)}`;
    this.memory = new Memory(this.channel);
    const page = (dataset.language || document.documentElement.lang || navigator.language || "zh").toLowerCase();
    this.language = this.memory.get("language") ?? (page.startsWith("zh") ? "zh" : "en");
    this.entries = new Map();
    this.people = [];
    this.state = "";
    this.unread = 0;
    this.address = "";
    this.waiting = [];
    this.connection = new Connection({
      url: `${this.origin.replace(/^http/, "ws")}/live/visitor/${encodeURIComponent(this.channel)}/`,
      memory: this.memory,
      identity: globalThis.everydeskIdentity ?? dataset.identity,
      hello: () => ({ language: this.language, last_number: this.last, conversation: String(this.conversation ?? ""), page: location.href.split("#")[0].slice(0, 2000), title: document.title.slice(0, 300) }),
      heard: (frame) => this.heard(frame),
      changed: (code) => this.connectionChanged(code),
    });
    this.build(dataset);
    if (this.memory.get("token") || this.connection.pending.length) this.connection.open();
    if (dataset.open !== undefined || this.memory.get("open")) this.open(false);
    this.draw();
  }

  get last() {
    let last = 0;
    for (const entry of this.entries.values()) if (entry.conversation === this.conversation) last = Math.max(last, entry.number);
    return last;
  }

  get started() {
    return this.entries.size > 0 || this.connection.unsent.length > 0;
  }

  words(pair) {
    if (!pair || typeof pair === "string") return pair ?? "";
    return pair[this.language] || pair.zh || pair.en || "";
  }

  say(name, values) {
    return fill(WORDS[this.language][name], values ?? {});
  }

  build(dataset) {
    this.host = h("div", { id: "everydesk", "data-theme": dataset.theme });
    const root = this.host.attachShadow({ mode: "open" });
    dress(root);
    this.badge = h("span", { class: "badge", hidden: true });
    this.launcher = h("button", { class: "launch", type: "button", "aria-expanded": "false", on: { click: () => this.open() } }, icon("chat"), this.badge);
    this.timeline = new Timeline(this);
    this.composer = new Composer(this);
    this.faces = h("span", { class: "faces" });
    this.title = h("b", { id: "title" });
    this.subtitle = h("div", { class: "small" });
    this.swap = h("button", { class: "x", type: "button", on: { click: () => this.switchLanguage() } });
    this.shut = h("button", { class: "x", type: "button", on: { click: () => this.close() } }, icon("down"));
    this.notice = h("div", { class: "live", role: "status", hidden: true });
    this.body = h("div", { class: "body" }, this.timeline.list);
    this.panel = h("section", { class: "panel", id: "visitor", role: "dialog", "aria-labelledby": "title", hidden: true, on: { keydown: (event) => event.key === "Escape" && !event.isComposing && this.close() } },
      h("header", { class: "head" }, this.faces, h("div", { class: "grow" }, this.title, this.subtitle), this.swap, this.shut), this.notice, this.body, this.composer.node);
    this.dropping();
    root.append(this.launcher, this.panel);
    document.body.append(this.host);
    document.addEventListener("visibilitychange", () => this.look());
  }

  dropping() {
    const over = (event) => { if ([...(event.dataTransfer?.types ?? [])].includes("Files")) { event.preventDefault(); this.panel.classList.add("drop"); } };
    this.panel.addEventListener("dragover", over);
    this.panel.addEventListener("dragleave", () => this.panel.classList.remove("drop"));
    this.panel.addEventListener("drop", (event) => { this.panel.classList.remove("drop"); this.composer.take(event.dataTransfer?.files, event); });
  }

  draw() {
    const held = this.host.shadowRoot.activeElement;
    const stay = this.body.scrollHeight - this.body.scrollTop - this.body.clientHeight < 60;
    this.host.lang = this.language === "zh" ? "zh-CN" : "en";
    this.launcher.setAttribute("aria-label", this.say("open") + (this.unread ? `, ${this.say(this.unread === 1 ? "newOne" : "earlier", { n: this.unread })}` : ""));
    this.badge.hidden = !this.unread;
    this.badge.textContent = String(this.unread);
    this.title.textContent = this.words(this.settings?.title) || this.say("title");
    this.subtitle.textContent = this.words(this.settings?.subtitle) || this.say("subtitle");
    this.swap.textContent = this.say("other");
    this.swap.setAttribute("aria-label", this.say("otherLabel"));
    this.shut.setAttribute("aria-label", this.say("close"));
    this.faces.replaceChildren(...this.people.slice(0, 3).map(({ initial, tone }) => h("span", { class: `av ${tone ?? ""}`, "aria-hidden": "true", text: initial })));
    this.faces.hidden = !this.people.length;
    this.timeline.draw();
    this.composer.draw();
    if (stay) this.toEnd();
    if (held && (!held.isConnected || held.closest("[hidden]"))) this.refocus();
  }

  // What had the focus is gone: it goes to what comes next, never to the page behind.
  refocus() {
    const star = this.rating === "wanted" && this.timeline.list.querySelector("[role=radio][tabindex='0']");
    (star || this.composer.input).focus();
  }

  toEnd() {
    this.body.scrollTop = this.body.scrollHeight;
  }

  tellState(name) {
    this.notice.hidden = !name;
    this.notice.textContent = name ? this.say(name) : "";
  }

  open(focus = true) {
    this.panel.hidden = false;
    this.launcher.hidden = true;
    this.launcher.setAttribute("aria-expanded", "true");
    this.memory.set("open", true);
    this.connection.open();
    this.look();
    this.draw();
    this.toEnd();
    this.composer.grow();
    if (focus) this.composer.input.focus();
  }

  close() {
    this.panel.hidden = true;
    this.launcher.hidden = false;
    this.launcher.setAttribute("aria-expanded", "false");
    this.memory.set("open", null);
    this.launcher.focus();
  }

  switchLanguage() {
    this.language = this.language === "zh" ? "en" : "zh";
    this.memory.set("language", this.language);
    if (this.connection.ready) this.connection.tell({ type: "language", language: this.language });
    this.draw();
  }

  // ---- what the visitor does
  send(text, files = []) {
    this.connection.say(text, files);
    this.typingSent = 0;
    if (this.rating === "given") this.rating = null;
    this.draw();
    this.toEnd();
  }

  writing(on) {
    const now = Date.now();
    if (!this.connection.ready || !this.conversation || (on && now - (this.typingSent ?? 0) < 3000)) return;
    this.typingSent = on ? now : 0;
    this.connection.tell({ type: "typing", on });
  }

  rate(score, comment, tags) {
    this.connection.tell({ type: "rate", score, comment, tags });
  }

  end() {
    this.connection.tell({ type: "end" });
  }

  leaveAddress(email) {
    this.connection.tell({ type: "address", email });
  }

  known() {
    this.connection.open();
    return this.connection.ready ? Promise.resolve() : new Promise((done, fail) => { this.waiting.push(done); setTimeout(fail, 15000); });
  }

  look() {
    if (this.panel.hidden || document.hidden) return;
    this.unread = 0;
    const last = this.last;
    if (last && last !== this.seen && this.connection.ready) {
      this.seen = last;
      this.connection.tell({ type: "seen", number: last });
    }
    this.draw();
  }

  faceOf(name) {
    return this.people.find((each) => each.name === name) ?? { initial: [...name][0] ?? "·" };
  }

  // ---- what the server says
  heard(frame) {
    const answer = this[`on_${frame.type}`];
    if (answer) answer.call(this, frame);
    this.draw();
  }

  connectionChanged(code) {
    if (this.connection.ready) {
      this.tellState("");
      this.composer.restore();
      for (const done of this.waiting.splice(0)) done();
    } else if (code !== undefined) {
      this.tellState(code === 4003 ? "identity" : code === 4008 ? "limited" : "offline");
      this.typing = null;
    }
    this.draw();
  }

  on_welcome(frame) {
    if (frame.conversation !== this.conversation && this.conversation) this.seen = 0;
    this.conversation = frame.conversation;
    this.settings = frame.channel;
    this.state = frame.state ?? "";
    this.queue = frame.queue;
    this.away = frame.away;
    this.people = frame.staff;
    this.address = frame.address ?? "";
    this.rating = frame.rating;
    for (const entry of frame.entries) this.add(entry);
    this.look();
  }

  on_entry({ entry }) {
    const fresh = this.add(entry);
    if (fresh && entry.kind === "message" && entry.direction === "out") {
      this.typing = null;
      this.connection.tell({ type: "ack", number: entry.number });
      if (this.panel.hidden || document.hidden) this.unread += 1;
    }
    this.look();
  }

  on_status(frame) {
    this.state = frame.state;
    this.queue = frame.queue;
    this.away = frame.away;
    if (frame.staff) this.people = frame.staff;
    this.rating = frame.rating;
    if (frame.conversation !== this.conversation) {
      this.conversation = frame.conversation;
      this.seen = 0;
    }
  }

  on_read({ number }) {
    for (const entry of this.entries.values()) if (entry.direction === "in" && entry.conversation === this.conversation && entry.number <= number) entry.state = "read";
  }

  on_typing({ name, on }) {
    clearTimeout(this.typingEnd);
    this.typing = on ? name : null;
    if (on) this.typingEnd = setTimeout(() => { this.typing = null; this.draw(); }, 6000);
  }

  on_saved({ email }) {
    this.address = email;
  }

  on_resync() {
    this.connection.greet();
  }

  on_error({ code }) {
    if (code === "unavailable") this.tellState("unavailable");
    else if (code === "limited") { this.tellState("limited"); setTimeout(() => this.connection.ready && this.tellState(""), 4000); }
    else if (code === "identity_required") this.tellState("required");
  }

  on_stored({ client_ref, conversation, number }) {
    this.tellState("");
    const message = this.connection.pending.find((each) => each.client_ref === client_ref);
    if (!message) return;
    if (this.conversation !== conversation) this.seen = 0;
    this.conversation = conversation;
    this.add({ ...message, conversation, number, kind: "message", direction: "in", state: "stored" });
  }

  add(entry) {
    entry.key = `${entry.conversation}:${entry.number}`;
    if (entry.client_ref) this.connection.settle(entry.client_ref);
    const known = this.entries.get(entry.key);
    if (known) { known.state = entry.state; known.files = entry.files; return false; }
    this.entries.set(entry.key, entry);
    this.entries = new Map([...this.entries].sort(([, a], [, b]) => (a.conversation === b.conversation ? a.number - b.number : a.at < b.at ? -1 : 1)));
    return true;
  }
}

const script = document.currentScript ?? document.querySelector("script[data-channel][src*='/widget.js']");
const start = () => {
  if (globalThis.Everydesk || !script?.dataset.channel) return;
  const chat = new Chat(script);
  globalThis.Everydesk = Object.freeze({ open: () => chat.open(), close: () => chat.close(), write: (text) => { chat.open(); chat.composer.input.value = String(text); chat.composer.typed(); } });
};
if (document.body) start();
else addEventListener("DOMContentLoaded", start);
