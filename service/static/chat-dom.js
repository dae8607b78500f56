// Building nodes: only ever by createElement and textContent, so that no text can become markup.

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  chat: "M4 5.5h16v11H10.5L6 20v-3.5H4z",
  close: "M6 6l12 12M18 6L6 18",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M7 7h10v10H7z",
  clear: "M4 12a8 8 0 1 0 2.5-5.8M4 4v4.5h4.5",
  copy: "M9 9h10v10H9zM15 9V5H5v10h4",
  up: "M7 11v8H4v-8zM7 11l4-7c1.5 0 2.3 1 2 2.4L12.4 10H18c1.2 0 2 1 1.7 2.2l-1.4 5.4c-.2.8-.9 1.4-1.8 1.4H7",
  down: "M7 13V5H4v8zM7 13l4 7c1.5 0 2.3-1 2-2.4L12.4 14H18c1.2 0 2-1 1.7-2.2l-1.4-5.4C18.1 5.6 17.4 5 16.5 5H7",
};

/** h("p.note", {lang: "en", onclick: f}, "text", node): classes after dots; null children are left out. */
export function h(spec, attributes = {}, ...children) {
  const [tag, ...classes] = spec.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child != null));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A small button that shows an icon and says its name. */
export function iconButton(name, label, onclick, attributes = {}) {
  return h("button.icon", { type: "button", "aria-label": label, title: label, onclick, ...attributes }, icon(name));
}

/** `**bold**` and `code` of one line as nodes; everything else as text. */
export function inline(text) {
  return text.split(/(\*\*[^*\n]+\*\*|`[^`\n]+`)/).map((piece) => {
    if (/^\*\*.+\*\*$/s.test(piece)) return h("strong", {}, piece.slice(2, -2));
    return /^`.+`$/s.test(piece) ? h("code", {}, piece.slice(1, -1)) : piece;
  });
}

/** Markdown source as a reader would write it down: cells set apart, signs of headings and emphasis gone. */
export function readable(text) {
  return text
    .replace(/^[ \t]*\|?[ \t]*:?-{3,}.*$\n?/gm, "")
    .replace(/^[ \t]*\|[ \t]*|[ \t]*\|[ \t]*$/gm, "")
    .replace(/[ \t]*\|[ \t]*/g, "　")
    .replace(/^#{1,6}[ \t]+/gm, "")
    .replace(/\*\*([^*\n]+)\*\*/g, "$1");
}
