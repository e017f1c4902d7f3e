// Elements are made one by one and text is always text: nothing here reads markup.
const h = (tag, properties = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (name === "text") node.textContent = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined && child !== false) node.append(child);
  return node;
};

const SHAPES = {
  chat: ["M4 5h16v11h-8l-5 4v-4H4z"],
  down: ["m6 9.5 6 6 6-6"],
  clip: ["m20 11-8.500 8.500a5 5 0 0 1-7-7L13 4a3.500 3.500 0 0 1 5 5l-8.500 8.500a2 2 0 0 1-3-3L14 7"],
  send: ["m4 12 16-8-5 16-3.500-6.500z"],
  check: ["m5 12.500 4.500 4.500L19 7.500"],
  checks: ["m2 12.500 4.500 4.500L16 7.500M11.500 16l1 1L22 7.500"],
  user: ["M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8", "M4.500 21c.6-4.500 3.500-7 7.500-7s6.900 2.500 7.500 7"],
  star: ["m12 3.500 2.600 5.400 5.900.8-4.300 4.100 1 5.900-5.200-2.800-5.200 2.800 1-5.900L3.500 9.700l5.900-.8z"],
  x: ["M6 6l12 12M18 6 6 18"],
  file: ["M6 3h8l5 5v13H6z", "M14 3v5h5"],
  clock: ["M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17", "M12 7v5l3.500 2"],
};
const icon = (name) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  for (const d of SHAPES[name]) {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
};

const dress = (root) => {
  // Constructed sheets are not inline styles, so a strict policy of the embedding page allows them.
  if (root.adoptedStyleSheets && "replaceSync" in CSSStyleSheet.prototype) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
  } else {
    root.append(h("style", { text: STYLE }));
  }
};

const shortTime = (iso, language) => {
  const when = new Date(iso);
  const locale = language === "zh" ? "zh-CN" : "en";
  const time = when.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit", hour12: false });
  if (when.toDateString() === new Date().toDateString()) return time;
  return `${when.toLocaleDateString(locale, { month: "short", day: "numeric" })} ${time}`;
};
const shortSize = (bytes) => (bytes < 1048576 ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${(bytes / 1048576).toFixed(1)} MB`);
