// Where the visitor writes; files come by button, paste or drop.
class Composer {
  constructor(chat) {
    this.chat = chat;
    this.files = [];
    this.input = h("textarea", { rows: 1, maxlength: 10000, on: { input: () => this.typed(), keydown: (event) => this.key(event), paste: (event) => this.take(event.clipboardData?.files, event) } });
    this.restore();
    this.chooser = h("input", { type: "file", multiple: true, hidden: true, tabindex: -1, on: { change: () => { this.take(this.chooser.files); this.chooser.value = ""; } } });
    this.attach = h("button", { class: "icon", type: "button", on: { click: () => this.chooser.click() } }, icon("clip"));
    this.go = h("button", { class: "icon send", type: "button", on: { click: () => this.submit() } }, icon("send"));
    this.chips = h("div", { class: "chips", hidden: true });
    this.notice = h("span");
    this.privacy = h("a", { target: "_blank", rel: "noopener noreferrer" });
    this.end = h("button", { class: "link", type: "button", on: { click: () => this.chat.end() } });
    this.dots = [h("span", { text: "·" }), h("span", { text: "·" })];
    this.legal = h("div", { class: "legal tiny" }, this.notice, this.dots[0], this.privacy, this.dots[1], this.end);
    this.node = h("footer", { class: "foot" }, this.chips, h("div", { class: "field" }, this.attach, this.chooser, this.input, this.go), this.legal);
  }

  draw() {
    const { chat } = this;
    const say = (name, values) => fill(WORDS[chat.language][name], values ?? {});
    this.input.placeholder = say("write");
    this.input.setAttribute("aria-label", say("write"));
    this.attach.setAttribute("aria-label", say("attach"));
    this.go.setAttribute("aria-label", say("send"));
    const { settings } = chat;
    this.notice.textContent = settings?.keep_days ? say("notice", { days: settings.keep_days }) : "";
    this.notice.hidden = !settings?.keep_days;
    this.privacy.textContent = say("privacy");
    this.privacy.hidden = !settings?.privacy_url;
    if (settings?.privacy_url) this.privacy.href = settings.privacy_url;
    this.end.textContent = say("end");
    this.end.hidden = !["queued", "open", "waiting", "snoozed"].includes(chat.state);
    this.dots[0].hidden = this.notice.hidden || (this.privacy.hidden && this.end.hidden);
    this.dots[1].hidden = this.privacy.hidden || this.end.hidden;
    this.drawFiles(say);
  }

  drawFiles(say) {
    this.chips.hidden = !this.files.length;
    this.chips.replaceChildren(...this.files.map((file) => h("span", { class: file.problem ? "chip bad" : "chip", role: file.problem ? "alert" : null },
      h("span", { text: file.problem ? `${file.name}: ${file.problem}` : file.id ? file.name : `${file.name} · ${say("uploading")}` }),
      h("button", { type: "button", "aria-label": `${say("remove")} ${file.name}`, on: { click: () => { this.files = this.files.filter((each) => each !== file); this.draw(); this.input.focus(); } } }, icon("x")))));
  }

  // A draft is its writer's; one from before signing in goes along.
  restore() {
    const { memory, connection } = this.chat;
    this.input.value ||= memory.get(`draft:${connection.writer}`) ?? memory.get("draft:") ?? "";
  }

  keep() {
    const { memory, connection } = this.chat;
    if (connection.writer === null) return;
    memory.set("draft:", null);
    memory.set(`draft:${connection.writer}`, this.input.value || null);
  }

  typed() {
    this.grow();
    this.keep();
    this.chat.writing(Boolean(this.input.value));
  }

  grow() {
    this.input.style.height = "";
    if (this.input.value) this.input.style.height = `${Math.min(120, this.input.scrollHeight)}px`;
  }

  key(event) {
    // Enter also ends the choice of a Chinese word; that Enter is not for us.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
      event.preventDefault();
      this.submit();
    }
  }

  submit() {
    const text = this.input.value.trim();
    const ready = this.files.filter(({ id }) => id);
    if ((!text && !ready.length) || this.files.some(({ id, problem }) => !id && !problem)) return;
    this.chat.send(text, ready);
    this.files = [];
    this.input.value = "";
    this.keep();
    this.grow();
    this.draw();
    this.input.focus();
  }

  take(list, event) {
    if (!list?.length) return;
    event?.preventDefault();
    for (const file of [...list].slice(0, 10 - this.files.length)) this.upload(file);
  }

  async upload(file) {
    const entry = { name: file.name || "image.png", size: file.size };
    this.files.push(entry);
    this.draw();
    const words = WORDS[this.chat.language];
    const { settings } = this.chat;
    if (settings && file.size > settings.file_bytes) entry.problem = fill(words.tooBig, { size: Math.floor(settings.file_bytes / 1048576) });
    else {
      try {
        await this.chat.known();
        const { identity, token } = await this.chat.connection.proof();
        const body = new FormData();
        body.append("file", file, entry.name);
        const reply = await fetch(`${this.chat.base}/files`, { method: "POST", body, headers: { Authorization: `Bearer ${identity ?? token ?? ""}` }, credentials: "omit" });
        const answer = await reply.json().catch(() => ({}));
        if (reply.ok) Object.assign(entry, answer);
        else entry.problem = reply.status === 413 ? fill(words.tooBig, { size: Math.floor((settings?.file_bytes ?? 0) / 1048576) }) : reply.status === 415 ? words.wrongKind : words.uploadFailed;
      } catch {
        entry.problem = words.uploadFailed;
      }
    }
    this.draw();
  }
}
