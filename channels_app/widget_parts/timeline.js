// Draws the conversation. Elements are kept by key, so that focus, selection and readers keep their place.
class Timeline {
  constructor(chat) {
    this.chat = chat;
    this.list = h("ol", { role: "log", "aria-live": "polite" });
    this.nodes = new Map();
  }

  say(name, values = {}) {
    return fill(WORDS[this.chat.language][name], values);
  }

  draw() {
    this.list.setAttribute("aria-label", this.say("log"));
    const rows = [...this.rows()];
    const keep = new Set(rows.map(({ key }) => key));
    for (const [key, kept] of this.nodes) if (!keep.has(key)) { kept.node.remove(); this.nodes.delete(key); }
    let previous = null;
    for (const { key, mark, make } of rows) {
      const kept = this.nodes.get(key);
      let node = kept?.node;
      if (!kept || kept.mark !== mark) {
        const fresh = make();
        if (node) node.replaceWith(fresh);
        node = fresh;
        this.nodes.set(key, { node, mark });
      }
      const place = previous ? previous.nextSibling : this.list.firstChild;
      if (place !== node) this.list.insertBefore(node, place);
      previous = node;
    }
  }

  *rows() {
    const { chat } = this;
    const language = chat.language;
    yield { key: "hello", mark: `${language}${chat.started}${chat.settings ? 1 : 0}`, make: () => this.hello() };
    const here = new Set();
    for (const entry of chat.entries.values()) {
      // Whom a handover brought is told of by their first answer: until then it may be undone.
      const who = entry.author?.id && `${entry.conversation}:${entry.author.id}`;
      if (who && entry.kind === "message" && !here.has(who)) yield { key: `${entry.key}:joined`, mark: language, make: () => this.joined(entry.author) };
      if (who) here.add(who);
      yield { key: entry.key, mark: `${language}${entry.state}${entry.files?.some(({ url }) => url) ?? ""}`, make: () => this.entry(entry) };
    }
    for (const each of chat.connection.unsent) {
      const state = each.failed ? "failed" : chat.connection.ready ? "sending" : "waiting";
      yield { key: each.client_ref, mark: `${language}${state}`, make: () => this.waiting(each, state) };
    }
    const { queue, away, typing, rating } = chat;
    if (away && chat.started) yield { key: "away", mark: `${language}${chat.address}${queue?.opens}`, make: () => this.away() };
    else if (queue) yield { key: "queue", mark: `${language}${JSON.stringify(queue)}`, make: () => this.queue(queue) };
    if (typing && !rating) yield { key: "typing", mark: `${language}${typing}`, make: () => this.typing(typing) };
    if (rating === "wanted") yield { key: "rating", mark: language, make: () => this.rating() };
    if (rating === "given") yield { key: "thanks", mark: language, make: () => this.system("star", this.say("thanks")) };
  }

  hello() {
    const { chat } = this;
    const hour = new Date().getHours();
    const greeting = chat.words(chat.settings?.greeting) ||
      this.say(hour < 12 ? "morning" : hour < 18 ? "noon" : "evening") + this.say(!chat.started && chat.settings?.topics?.length ? "hello" : "helloPlain");
    const topics = (chat.settings?.topics ?? []).map((topic) => h("button", { type: "button", text: chat.words(topic), on: { click: () => chat.send(chat.words(topic)) } }));
    const swap = h("button", { type: "button", lang: chat.language === "zh" ? "en" : "zh", text: chat.language === "zh" ? "Talk in English" : "用中文聊", on: { click: () => chat.switchLanguage() } });
    return h("li", { class: "msg" }, this.face({ initial: chat.settings?.initial ?? "?", tone: "support" }),
      h("div", { class: "msg-body" }, h("div", { class: "bubble", text: greeting }), !chat.started && h("div", { class: "quick" }, topics, swap)));
  }

  joined({ name = "", department } = {}) {
    return this.system("user", department ? this.say("arrivedFrom", { name, department }) : this.say("arrived", { name }));
  }

  face(author) {
    return h("span", { class: `av s ${author?.tone ?? ""}`, "aria-hidden": "true", text: author?.initial ?? "·" });
  }

  entry(entry) {
    if (entry.kind === "assigned") return this.joined(entry.author);
    if (entry.kind === "resolved" || entry.kind === "closed") return this.system("check", this.say("resolved"));
    if (entry.kind === "reopened") return this.system("chat", this.say("reopened"));
    const mine = entry.direction === "in";
    const state = mine ? this.state(entry.state === "read" ? "read" : "stored") : null;
    return h("li", { class: mine ? "msg out" : "msg" }, !mine && this.face(entry.automatic ? { initial: this.chat.settings?.initial ?? "?", tone: "support" } : entry.author),
      h("div", { class: "msg-body" },
        h("span", { class: "sr", text: mine ? this.say("you") : entry.author?.name ?? "" }),
        entry.text && h("div", { class: "bubble", text: entry.text }),
        (entry.files ?? []).map((file) => this.file(file)),
        h("div", { class: "meta" }, h("time", { datetime: entry.at, text: shortTime(entry.at, this.chat.language) }), entry.automatic && h("span", { text: this.say("automatic") }), state)));
  }

  state(name) {
    return h("span", {}, icon({ read: "checks", stored: "checks", sending: "clock", waiting: "clock", failed: "x" }[name]), this.say(name));
  }

  file(file) {
    if (!file.url) return h("div", { class: "bubble file" }, icon("file"), h("span", { text: file.name }));
    const link = { href: this.chat.origin + file.url, target: "_blank", rel: "noopener noreferrer", download: file.name };
    if (file.image) return h("a", link, h("img", { class: "shot", src: this.chat.origin + file.url, alt: file.name, loading: "lazy", width: file.width, height: file.height }));
    return h("a", { ...link, class: "bubble file" }, icon("file"), h("span", { text: file.name }), h("span", { class: "small soft", text: shortSize(file.size) }));
  }

  waiting(message, state) {
    const again = state === "failed" && h("button", { type: "button", text: this.say("retry"), on: { click: () => { this.chat.connection.resend(message.client_ref); this.chat.draw(); } } });
    return h("li", { class: state === "failed" ? "msg out bad" : "msg out" }, h("div", { class: "msg-body" },
      message.text && h("div", { class: "bubble", text: message.text }),
      message.files.map(({ name }) => h("div", { class: "bubble file" }, icon("file"), h("span", { text: name }))),
      h("div", { class: "meta" }, this.state(state), again)));
  }

  system(shape, text) {
    return h("li", { class: "sys" }, icon(shape), h("span", { text }));
  }

  queue({ position, low, high, topic }) {
    const wait = high ? (high <= 1 ? this.say("soon") : this.say(low === high ? "aboutOne" : "about", { a: low, b: high })) : "";
    const bar = h("i");
    bar.style.width = `${Math.round(100 / (position + 0.6) ** 0.55)}%`;
    return h("li", { class: "card", role: "status" },
      h("div", { class: "row" }, h("b", { text: position === 1 ? this.say("next") : this.say("place", { n: position }) }), h("span", { class: "soft", text: wait })),
      h("div", { class: "bar" }, bar),
      h("span", { class: "small soft", text: topic ? this.say("seekingTopic", { topic: this.chat.words(topic) }) : this.say("seeking") }));
  }

  away() {
    const { chat } = this;
    const opens = chat.queue?.opens;
    const text = [opens && h("b", { text: this.say("opens", { when: shortTime(opens, chat.language) }) }),
      h("span", { class: "small soft", text: chat.words(chat.settings?.away_text) || this.say("away") })];
    if (chat.address) return h("li", { class: "card", role: "status" }, text, h("b", { text: this.say("saved", { email: chat.address }) }));
    const problem = h("span", { class: "small", role: "alert" });
    const input = h("input", { class: "text", type: "email", autocomplete: "email", placeholder: "name@example.com", "aria-label": this.say("email") });
    const keep = (event) => {
      event.preventDefault();
      if (!input.value || !input.checkValidity()) { problem.textContent = this.say("badEmail"); input.focus(); } else chat.leaveAddress(input.value.trim());
    };
    return h("li", { class: "card" }, text, h("form", { novalidate: true, on: { submit: keep } },
      h("label", { class: "small", text: this.say("address") }), h("div", { class: "row" }, h("div", { class: "grow" }, input), h("button", { class: "main", text: this.say("save") })), problem));
  }

  typing(name) {
    return h("li", { class: "msg" }, this.face(this.chat.faceOf(name)), h("div", { class: "msg-body" },
      h("div", { class: "bubble" }, h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), h("span", { class: "sr", text: this.say("typing", { name }) }))));
  }

  rating() {
    const stars = [1, 2, 3, 4, 5].map((score) => h("button", { type: "button", role: "radio", "aria-checked": "false", tabindex: score === 1 ? 0 : -1, "aria-label": this.say(score === 1 ? "oneStar" : "star", { n: score }), on: { click: () => choose(score) } }, icon("star")));
    const tags = Object.entries(WORDS[this.chat.language].tags).map(([code, label]) => h("button", { type: "button", "aria-pressed": "false", "data-code": code, text: label, on: { click: (event) => event.currentTarget.setAttribute("aria-pressed", String(event.currentTarget.getAttribute("aria-pressed") !== "true")) } }));
    const comment = h("input", { class: "text", hidden: true, maxlength: 2000, placeholder: this.say("comment"), "aria-label": this.say("comment") });
    let chosen = 0;
    const give = () => this.chat.rate(chosen, comment.value, tags.filter((tag) => tag.getAttribute("aria-pressed") === "true").map((tag) => tag.dataset.code));
    const more = [h("div", { class: "quick", hidden: true }, tags), comment, h("button", { class: "main", type: "button", hidden: true, text: this.say("rateSend"), on: { click: give } })];
    const choose = (score) => {
      chosen = score;
      stars.forEach((star, index) => {
        star.classList.toggle("on", index < score);
        star.setAttribute("aria-checked", String(index + 1 === score));
        star.tabIndex = index + 1 === score ? 0 : -1;
      });
      for (const node of more) node.hidden = false;
      this.chat.toEnd();
    };
    const keys = (event) => {
      const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const score = Math.min(5, Math.max(1, chosen + step));
      choose(score);
      stars[score - 1].focus();
    };
    return h("li", { class: "card csat" }, h("b", { text: this.say("rateTitle") }), h("div", { class: "stars", role: "radiogroup", "aria-label": this.say("rateTitle"), on: { keydown: keys } }, stars), more);
  }
}
