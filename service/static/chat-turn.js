// One question and what came of it: evidence first, draft in a quieter tone, checked sentences with their citations.

import { h, iconButton, inline, readable } from "./chat-dom.js";

const ITEM = /^\s*([-*•·]|\d{1,2}[.)、])\s/;

export class Turn {
  /** `actions`: source(source, opener), ask(text), retry(turn), vote(answer, rating, tags, note), texts(). */
  constructor(question, actions) {
    this.question = question;
    this.answer = null;
    this.actions = actions;
    this.texts = actions.texts();
    this.evidenceBox = h("div.evidence");
    this.body = h("div.body");
    this.draft = h("span.draft", { "aria-hidden": "true" });
    this.status = h("p.status", { "aria-hidden": "true" }, this.texts.searching);
    this.foot = h("div.foot");
    this.body.append(this.draft);
    this.node = h(
      "article.turn",
      { part: "message" },
      h("p.question", {}, h("span.sr", {}, `${this.texts.you}: `), question),
      h("div.answer", {}, this.evidenceBox, this.body, this.status, this.foot),
    );
  }

  evidence({ hits }) {
    if (!hits.length) return;
    const { texts } = this;
    this.titles = [...new Set(hits.map((hit) => hit.title))];
    this.evidenceBox.replaceChildren(
      h(
        "details",
        {},
        h("summary", {}, this.#named(texts.found)),
        h("ul", {}, hits.map((hit) => h("li", {}, this.#hit(hit)))),
      ),
    );
    this.status.textContent = texts.drafting;
  }

  #named(say) {
    return say(this.titles.slice(0, 2), Math.max(0, this.titles.length - 2));
  }

  #hit(hit) {
    const label = hit.heading.at(-1) || hit.title;
    const open = (event) => this.actions.source(hit, event.currentTarget);
    return h(
      "button.hit",
      { type: "button", lang: hit.lang, "aria-label": this.texts.passage(hit.title), onclick: open },
      h("b", {}, label),
      h("span", {}, readable(hit.text).trim().slice(0, 120)),
    );
  }

  queued({ position }) {
    this.status.textContent = position > 0 ? this.texts.queued(position) : this.texts.drafting;
  }

  token({ text }) {
    this.draft.append(text);
  }

  sentence(sentence) {
    // What was drafted so far has been judged: it is either this sentence or it was dropped.
    this.draft.textContent = "";
    this.draft.before(this.#sentence(sentence, sentence.sources));
  }

  #sentence(sentence, sources) {
    const { texts } = this;
    const doubt = { partial: texts.partial, unsupported: texts.unsupported }[sentence.verdict];
    const chips = sources.map((source) => this.#chip(source));
    const words = h(`span.words.${sentence.verdict}`, { title: doubt }, inline(sentence.text));
    const classes = ITEM.test(sentence.text) ? "span.sentence.item" : "span.sentence";
    return h(classes, {}, words, doubt ? h("span.sr", {}, ` (${doubt}) `) : null, chips, " ");
  }

  #chip(source) {
    const label = this.texts.source(source.marker, source.title);
    const open = (event) => this.actions.source(source, event.currentTarget);
    const attributes = { type: "button", part: "citation", "aria-label": label, title: label, onclick: open };
    return h("button.chip", attributes, String(source.marker));
  }

  finish(answer) {
    this.answer = answer;
    this.status.remove();
    const sources = new Map(answer.citations.map((citation) => [citation.marker, citation]));
    const refused = answer.status === "refused";
    if (refused) this.#refuse(answer);
    else this.#complete(answer, sources);
    this.node.classList.toggle("refused", refused);
    this.foot.replaceChildren(this.#note(answer), this.#tools(answer));
  }

  #complete(answer, sources) {
    const cited = ({ citations }) => citations.map((marker) => sources.get(marker)).filter(Boolean);
    const nodes = answer.sentences.map((sentence) => this.#sentence(sentence, cited(sentence)));
    if (!nodes.length) nodes.push(h("span.sentence", {}, answer.text));
    // Sentences already shown stay the same nodes: they were announced, and may hold the focus.
    const shown = [...this.body.querySelectorAll(".sentence")];
    for (const node of nodes) {
      const at = shown.findIndex((old) => old.textContent === node.textContent);
      if (at < 0) (shown[0] ?? this.draft).before(node);
      else for (const gone of shown.splice(0, at + 1).slice(0, at)) gone.remove();
    }
    for (const gone of shown) gone.remove();
    this.draft.remove();
  }

  #refuse(answer) {
    this.body.replaceChildren(this.#refusal(answer));
    // What was near is not where the answer was found.
    const summary = this.evidenceBox.querySelector("summary");
    if (summary) summary.textContent = this.#named(this.texts.looked);
  }

  #refusal({ text, refusal }) {
    const { texts } = this;
    const nearest = refusal?.nearest ?? [];
    const about = refusal?.reason === "not_in_corpus" || refusal?.reason === "below_confidence";
    return h(
      "div.refusal",
      {},
      about ? h("strong", {}, texts.refusedTitle) : null,
      // With topics to offer, the text would only name them a second time.
      about && nearest.length ? null : h("p", {}, text),
      nearest.length ? h("p.lead", {}, texts.nearest) : null,
      nearest.length ? h("div.topics", {}, nearest.map((topic) => this.#topic(topic))) : null,
    );
  }

  #topic(topic) {
    return h("button.topic", { type: "button", onclick: () => this.actions.ask(topic) }, topic);
  }

  #note({ status, dropped }) {
    const { texts } = this;
    const notes = [
      status === "extractive" ? texts.extractive : null,
      status === "partial" ? texts.partialAnswer : null,
      dropped.length ? texts.dropped(dropped.length) : null,
    ].filter(Boolean);
    return h("p.note", { hidden: !notes.length }, notes.join(" · "));
  }

  #tools(answer) {
    const { texts } = this;
    const copy = iconButton("copy", texts.copy, async () => {
      const copied = await navigator.clipboard?.writeText(plainText(answer)).then(() => true, () => false);
      if (copied) flash(copy, texts.copied);
    });
    const tools = h("div.tools", { "aria-live": "off" }, copy);
    if (this.actions.vote) tools.append(...this.#votes(answer));
    return tools;
  }

  #votes(answer) {
    const { texts } = this;
    const said = h("span.said", { role: "status" });
    const send = async (rating, tags = [], note = "") => {
      const stored = await this.actions.vote(answer, rating, tags, note);
      said.textContent = stored ? texts.thanks : texts.feedbackFailed;
      for (const [button, mine] of [[up, "up"], [down, "down"]]) {
        button.setAttribute("aria-pressed", String(stored && rating === mine));
      }
      if (stored) this.foot.querySelector("form")?.remove();
    };
    const up = iconButton("up", texts.up, () => send("up"), { "aria-pressed": "false" });
    const down = iconButton("down", texts.down, () => this.#askWhy(send), { "aria-pressed": "false" });
    return [up, down, said];
  }

  #askWhy(send) {
    if (this.foot.querySelector("form")) return;
    const { texts } = this;
    const boxes = Object.entries(texts.reasons).map(([tag, label]) =>
      h("label.reason", {}, h("input", { type: "checkbox", name: "tag", value: tag }), h("span", {}, label)),
    );
    const note = h("textarea", { rows: "2", maxlength: "1000", "aria-label": texts.note, placeholder: texts.note });
    const submit = (event) => {
      event.preventDefault();
      const tags = [...form.querySelectorAll("input:checked")].map((box) => box.value);
      send("down", tags, note.value.trim());
    };
    const form = h(
      "form.why",
      { onsubmit: submit },
      h("fieldset", {}, h("legend", {}, texts.why), boxes),
      note,
      h("button.plain", { type: "submit" }, texts.sendFeedback),
    );
    this.foot.append(form);
    form.querySelector("input").focus();
  }

  /** Ends without an answer: what was checked stays, the draft goes. */
  end(message, { alert = false, retryAfter = 0 } = {}) {
    this.status.remove();
    this.draft.remove();
    const retry = h("button.plain", { type: "button", onclick: () => this.actions.retry(this) }, this.texts.retry);
    this.foot.replaceChildren(h("div.ended", { role: alert ? "alert" : null }, h("span", {}, message), retry));
    if (retryAfter) countDown(retry, retryAfter, this.texts);
  }
}

function countDown(button, seconds, texts) {
  button.disabled = seconds > 0;
  button.textContent = seconds > 0 ? texts.retryIn(seconds) : texts.retry;
  if (seconds > 0) setTimeout(() => countDown(button, seconds - 1, texts), 1000);
}

function flash(button, label) {
  const before = button.getAttribute("aria-label");
  button.classList.add("done");
  button.setAttribute("aria-label", label);
  setTimeout(() => {
    button.classList.remove("done");
    button.setAttribute("aria-label", before);
  }, 1500);
}

function plainText({ text, citations }) {
  const sources = citations.map(({ marker, title, quote }) => `[${marker}] ${title}: ${quote}`);
  return [text, ...sources].join("\n");
}

