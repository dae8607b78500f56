// The list of questions: filtered, searched, opened one at a time. Text enters the page through textContent alone.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const PAGE = 50;
  const OUTCOMES = [
    ["right", "Right", "good"], ["partly", "Facts missing", "fair"], ["wrong", "No fact found", "bad"],
    ["refused-wrongly", "Refused wrongly", "bad"], ["refused-rightly", "Refused rightly", "good"],
    ["answered-wrongly", "Answered wrongly", "bad"], ["answered", "Answered", "none"], ["refused", "Refused", "none"],
    ["found", "Found", "good"], ["missed", "Not found", "bad"], ["searched", "Searched", "none"],
  ];
  const OUTCOME = Object.fromEntries(OUTCOMES.map(([key, label, tone]) => [key, { label, tone }]));
  const TONES = { supported: "good", partial: "fair", unsupported: "bad" };

  function outcome(item) {
    const scores = item.scores || {};
    if (!item.status) return !("hit@5" in scores) ? "searched" : scores["hit@5"] ? "found" : "missed";
    const refused = item.status === "refused";
    if (item.answerable === undefined) return refused ? "refused" : "answered";
    if (!item.answerable) return refused ? "refused-rightly" : "answered-wrongly";
    if (refused) return "refused-wrongly";
    const held = scores.nugget_recall;
    return held === undefined ? "answered" : held === 1 ? "right" : held > 0 ? "partly" : "wrong";
  }

  function badness(item) {
    const scores = item.scores || {};
    if (item.status === undefined) return 1 - (scores["ndcg@10"] ?? 1);
    if (scores.abstention === 0) return 2;
    return 1 - (scores.nugget_recall ?? 1) + (1 - (scores.citation_validity ?? 1)) + (1 - (scores.support_proxy ?? 1)) / 2;
  }

  const items = data.questions.map((item, index) => ({
    item, index, outcome: outcome(item), bad: badness(item),
    words: [item.id, item.q, item.text, item.gold].filter(Boolean).join("\n").normalize("NFKC").toLowerCase(),
  }));

  function element(tag, name, ...children) {
    const made = document.createElement(tag);
    if (name) made.className = name;
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  const form = document.getElementById("filters");
  const search = element("input");
  search.type = "search";
  search.placeholder = "Search questions and answers";
  search.setAttribute("aria-label", "Search questions and answers");
  form.append(search);

  function chooser(name, options) {
    const select = element("select");
    select.setAttribute("aria-label", name);
    for (const [value, label] of options) {
      const option = element("option", "", label);
      option.value = value;
      select.append(option);
    }
    if (options.length > 2 || name === "Order") form.append(select);
    return select;
  }

  function choices(name, read, labels = {}) {
    const counts = new Map();
    for (const each of items) for (const value of read(each)) counts.set(value, (counts.get(value) || 0) + 1);
    const sorted = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
    return chooser(name, [["", name + ": all"], ...sorted.map(([value, n]) => [value, `${labels[value] || value} (${n})`])]);
  }

  const one = (value) => (value === undefined ? [] : [String(value)]);
  const outcomeLabels = Object.fromEntries(OUTCOMES.map(([key, label]) => [key, label]));
  const filters = [
    [(each) => [each.outcome], "Outcome", outcomeLabels],
    [(each) => one(each.item.lang), "Language"],
    [(each) => one(each.item.category), "Category"],
    [(each) => each.item.docs || [], "Document"],
    [(each) => one(each.item.split), "Split"],
  ].map(([read, name, labels]) => ({ read, select: choices(name, read, labels) }));
  const order = chooser("Order", [["file", "Order: file"], ["worst", "Order: worst first"], ["slow", "Order: slowest first"]]);

  const list = document.getElementById("list");
  const more = document.getElementById("more");
  const count = document.getElementById("count");
  let found = [];
  let shown = 0;

  function refresh() {
    const wanted = search.value.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean);
    found = items.filter((each) =>
      wanted.every((word) => each.words.includes(word)) &&
      filters.every(({ read, select }) => !select.value || read(each).includes(select.value)));
    const time = (each) => (each.item.times || {}).total_ms || 0;
    if (order.value === "worst") found.sort((a, b) => b.bad - a.bad || a.index - b.index);
    if (order.value === "slow") found.sort((a, b) => time(b) - time(a) || a.index - b.index);
    list.replaceChildren();
    shown = 0;
    count.textContent = `${found.length} of ${items.length}`;
    showMore();
  }

  function showMore() {
    list.append(...found.slice(shown, shown + PAGE).map(row));
    shown = Math.min(found.length, shown + PAGE);
    more.hidden = shown >= found.length;
    more.textContent = `Show ${Math.min(PAGE, found.length - shown)} more`;
  }

  function row(each) {
    const { item } = each;
    const { label, tone } = OUTCOME[each.outcome];
    const held = item.scores && item.scores.nugget_recall;
    const text = element("span", "text", item.q);
    if (item.lang) text.lang = item.lang;
    const share = held !== undefined && held > 0 && held < 1 ? ` ${Math.round(held * 100)} %` : "";
    const details = element("details", "item",
      element("summary", "", element("span", `badge ${tone}`, label + share), text, element("span", "id", item.id)));
    details.addEventListener("toggle", () => {
      if (details.open && details.children.length === 1) details.append(body(item));
    });
    return details;
  }

  function body(item) {
    const parts = element("div", "body");
    const section = (title, ...children) => parts.append(element("h4", "", title), ...children);
    if (item.text !== undefined) {
      const answer = element("p", "answer", item.text);
      section("Answer", answer);
    }
    if (item.refusal) parts.append(element("p", "small", `Refused: ${item.refusal.reason}, confidence ${item.refusal.confidence}`));
    if (item.gold) section("Expected", element("p", "answer", item.gold));
    if (item.nuggets) section("Facts expected", list_of(item.nuggets.map(([text, held]) => [held ? "good" : "bad", held ? "✓ " : "✗ ", text])));
    if (item.sentences) {
      section("Sentences", list_of(item.sentences.map(([text, verdict, score, cited]) =>
        [TONES[verdict], `${verdict} ${score} `, text + (cited.length ? " " + cited.map((n) => `[${n}]`).join("") : "")])));
    }
    if (item.dropped) section("Dropped before showing", list_of(item.dropped.map((each) => ["bad", each.reason + ": ", each.text])));
    if (item.citations) section("Quotes in their passages", ...item.citations.map(quoted));
    if (item.hits) section("Retrieved", ...item.hits.map((hit, rank) => retrieved(hit, rank + 1)));
    section("Scores", numbers(item.scores || {}), numbers(item.times || {}));
    return parts;
  }

  function list_of(lines) {
    return element("ul", "claims", ...lines.map(([tone, note, text]) =>
      element("li", tone, element("span", "small " + tone, note), element("span", "said", text))));
  }

  function where(chunkId, note) {
    const passage = data.passages[chunkId];
    const place = passage ? [passage[0], passage[1]].filter(Boolean).join(" › ") : chunkId;
    return element("div", "where", `${note} ${place}`);
  }

  const LEFT_OUT = "The passage is left out to keep this file small; passages.jsonl of the run has it.";

  // Offsets are code points; JavaScript counts UTF-16 units.
  function quoted(citation) {
    const note = `[${citation.marker}]` + (citation.exact === false ? " QUOTE DIFFERS" : "");
    const passage = data.passages[citation.chunk_id];
    const text = element("p");
    if (passage && citation.exact) {
      const points = [...passage[3]];
      const cut = (start, end) => points.slice(start, end).join("");
      text.append(cut(0, citation.start), element("mark", "", cut(citation.start, citation.end)), cut(citation.end));
      text.lang = passage[2];
    } else {
      text.append(element("mark", "", citation.quote));
    }
    return element("div", "passage", where(citation.chunk_id, note), text);
  }

  function retrieved([chunkId, score, relevant], rank) {
    const passage = data.passages[chunkId];
    const note = `${rank}. ${relevant ? "● relevant " : ""}${score}`;
    const text = element("p", "", passage ? passage[3] : LEFT_OUT);
    if (passage) text.lang = passage[2];
    return element("details", "passage", element("summary", "", where(chunkId, note)), text);
  }

  function numbers(values) {
    return element("div", "scores", ...Object.entries(values).map(([name, value]) => element("span", "", `${name} ${value}`)));
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", refresh);
  more.addEventListener("click", showMore);
  refresh();
})();
