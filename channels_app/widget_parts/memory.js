// What outlives the page: the visitor's token, the language, the draft and what is not sent yet.
// A page may forbid storage; then it lasts as long as the page.
class Memory {
  constructor(channel) {
    this.prefix = `everydesk:${channel}:`;
    this.spare = new Map();
  }
  get(name) {
    try {
      return JSON.parse(localStorage.getItem(this.prefix + name) ?? "null");
    } catch {
      return this.spare.get(name) ?? null;
    }
  }
  set(name, value) {
    this.spare.set(name, value);
    try {
      if (value === null) localStorage.removeItem(this.prefix + name);
      else localStorage.setItem(this.prefix + name, JSON.stringify(value));
    } catch {
      // Kept for this page only.
    }
  }
}

const freshId = () => {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
};
