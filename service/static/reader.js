// A Markdown text as blocks of the page, with one range of code points highlighted wherever it falls.

/** Builds the blocks of `text`; [start, end) are code points; returns the first <mark>, or null. */
export function render(target, text, start = 0, end = 0) {
  const points = Array.from(text);
  const from = points.slice(0, start).join("").length;
  const range = { from, to: from + points.slice(start, end).join("").length };
  target.replaceChildren();
  let at = 0;
  let table = null;
  let code = null;
  for (const line of text.split("\n")) {
    const fence = /^\s*(```|~~~)/.test(line);
    if (fence || code) {
      code = codeLine(target, line, at, range, fence, code);
    } else if (/^\s*\|/.test(line)) {
      table = tableLine(target, line, at, range, table);
    } else {
      table = null;
      textLine(target, line, at, range);
    }
    at += line.length + 1;
  }
  return target.querySelector("mark");
}

function codeLine(target, line, at, range, fence, code) {
  if (fence && code) return null;
  if (fence) return target.appendChild(document.createElement("pre"));
  code.append(...marked(line, at, range), "\n");
  return code;
}

function tableLine(target, line, at, range, table) {
  if (/^[\s|:-]+$/.test(line) && line.includes("-")) return table;
  const fresh = !table;
  if (fresh) {
    table = document.createElement("table");
    const scroll = block(target, "div", "scroll");
    scroll.append(table);
  }
  const row = table.insertRow();
  for (const match of line.matchAll(/[^|]+/g)) {
    const cell = document.createElement(fresh ? "th" : "td");
    cell.append(...emphasised(match[0], at + match.index, range));
    if (match[0].trim() || match.index + match[0].length < line.length) row.append(cell);
  }
  return table;
}

function textLine(target, line, at, range) {
  if (!line.trim()) return;
  const heading = /^(#{1,6})\s+/.exec(line);
  const bullet = /^\s*[-*•]\s+/.exec(line);
  const number = /^\s*\d+[.)、]\s*/.exec(line);
  const skip = (heading ?? bullet)?.[0].length ?? 0;
  const node = heading
    ? block(target, "h3", heading[1].length === 1 ? "top" : "")
    : block(target, "p", bullet ? "item" : number ? "item numbered" : "");
  node.append(...emphasised(line.slice(skip), at + skip, range));
}

function block(target, tag, name) {
  const node = target.appendChild(document.createElement(tag));
  if (name) node.className = name;
  return node;
}

/** `**bold**` without its stars, everything else as it is. */
function emphasised(text, at, range) {
  const nodes = [];
  let last = 0;
  for (const match of text.matchAll(/\*\*([^*]+)\*\*/g)) {
    nodes.push(...marked(text.slice(last, match.index), at + last, range));
    const strong = document.createElement("strong");
    strong.append(...marked(match[1], at + match.index + 2, range));
    nodes.push(strong);
    last = match.index + match[0].length;
  }
  return [...nodes, ...marked(text.slice(last), at + last, range)];
}

/** The text as nodes, the part of it inside `range` as a <mark>. */
function marked(text, at, { from, to }) {
  const start = Math.min(text.length, Math.max(0, from - at));
  const end = Math.min(text.length, Math.max(0, to - at));
  if (start >= end) return text ? [text] : [];
  const mark = document.createElement("mark");
  mark.textContent = text.slice(start, end);
  return [text.slice(0, start), mark, text.slice(end)].filter((piece) => piece !== "");
}
