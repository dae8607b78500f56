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
  const href = `${api.base}/#doc=${encodeURIComponent(source.document_id)}&char=${source.start},${source.end}`;
  const sheet = h(
    "div.sheet",
    { role: "dialog", "aria-label": source.marker ? texts.source(source.marker, source.title) : source.title, part: "source" },
    h(
      "header",
      {},
      source.marker ? h("span.chip.still", { "aria-hidden": "true" }, String(source.marker)) : null,
      h("h3", { lang: source.lang }, source.title),
      iconButton("close", texts.close, close),
    ),
    source.heading.length ? h("p.path", { lang: source.lang }, source.heading.join(" › ")) : null,
    place,
    h("a.more", { href, target: "_blank", rel: "noopener" }, texts.openDocument),
  );
  sheet.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  });
  surround(place, source, quote, api, documents);
  return sheet;
}

async function surround(place, source, quote, api, documents) {
  const found = await documents.get(api, source.document_id).catch(() => null);
  // Offsets count code points, JavaScript's strings count UTF-16 units.
  const points = found ? Array.from(found.text) : [];
  // The corpus may have moved on since the answer: then the quote stands alone.
  if (points.slice(source.start, source.end).join("") !== quote) return;
  const before = points.slice(Math.max(0, source.start - AROUND), source.start).join("");
  const after = points.slice(source.end, source.end + AROUND).join("");
  const lead = source.start > AROUND ? "…" : "";
  const tail = source.end + AROUND < points.length ? "…" : "";
  const mark = place.querySelector("mark");
  place.replaceChildren(lead + readable(before), mark, readable(after) + tail);
  place.scrollTop = mark.offsetTop - place.clientHeight / 3;
}
