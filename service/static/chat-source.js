// One source, opened from a citation or from the evidence: title, heading, and the quote inside its surroundings.

import { h, iconButton, readable } from "./chat-dom.js";
import { request } from "./chat-stream.js";

const AROUND = 220;

/** Fetches each document once for each service. */
export class Documents {
  #known = new Map();

  get(api, id) {
    const key = `${api.base} ${id}`;
    if (!this.#known.has(key)) {
      const fetched = request(api, `/api/documents/${encodeURIComponent(id)}`).then((response) => response.json());
      fetched.catch(() => this.#known.delete(key));
      this.#known.set(key, fetched);
    }
    return this.#known.get(key);
  }
}

/** The sheet over the lower part of the panel; `onclose` runs after it has gone. */
export function sourceSheet(source, { api, documents, texts, onclose }) {
  const close = () => {
    sheet.remove();
    onclose();
  };
  const quote = source.quote ?? source.text;
  const place = h("blockquote.place", { lang: source.lang, tabindex: "0" }, h("mark", {}, readable(quote)));
  const more = pageIsOpen(api)
    ? h("a.more", { href: pageOf(api, source), target: "_blank", rel: "noopener" }, texts.openDocument)
    : h("button.more", { type: "button", hidden: true }, texts.openDocument);
  const sheet = h(
    "div.sheet",
    { role: "dialog", "aria-label": source.marker ? texts.source(source.marker, source.title) : source.title, part: "source" },
    h(
      "div.head",
      {},
      source.marker ? h("span.chip.still", { "aria-hidden": "true" }, String(source.marker)) : null,
      h("h3", { lang: source.lang }, source.title),
      iconButton("close", texts.close, close),
    ),
    source.heading.length ? h("p.path", { lang: source.lang }, source.heading.join(" › ")) : null,
    place,
    more,
  );
  sheet.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  });
  textOf(source, quote, api, documents).then((points) => {
    if (!points) return; // the quote stands alone
    const whole = surround(place, points, source, AROUND);
    if (more.href) return;
    more.hidden = whole;
    more.addEventListener("click", () => {
      sheet.classList.add("whole");
      more.remove();
      surround(place, points, source, Infinity);
      place.focus({ preventScroll: true });
    });
  });
  return sheet;
}

/** Whether the service's own page can be opened by a link: where keys are asked for, a browser that follows one has none. */
function pageIsOpen({ base, siteKey }) {
  return !siteKey && new URL(base, location.href).origin === location.origin;
}

function pageOf({ base }, { document_id, start, end }) {
  return `${base}/#doc=${encodeURIComponent(document_id)}&char=${start},${end}`;
}

/** The document's code points, which offsets count; null when it cannot be read or has moved on since the answer. */
async function textOf(source, quote, api, documents) {
  const found = await documents.get(api, source.document_id).catch(() => null);
  const points = Array.from(found?.text ?? "");
  return points.slice(source.start, source.end).join("") === quote ? points : null;
}

/** Shows the quote in the document as far as `reach` code points around it; returns whether that is all of it. */
function surround(place, points, { start, end }, reach) {
  const from = Math.max(0, start - reach);
  const whole = from === 0 && end + reach >= points.length;
  const before = readable(points.slice(from, start).join(""));
  const after = readable(points.slice(end, end + reach).join(""));
  const mark = place.querySelector("mark");
  place.replaceChildren((from > 0 ? "…" : "") + before, mark, after + (end + reach < points.length ? "…" : ""));
  place.scrollTop = mark.offsetTop - place.clientHeight / 3;
  return whole;
}
