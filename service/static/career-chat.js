// <career-chat>: questions answered from a career-rag service, every sentence with the text it cites.
// Attributes: api-base site-key lang mode position theme heading suggestions placeholder disclaimer feedback persist
// max-length open. Methods: open close toggle ask stop clear. Events: career-chat:ready|open|close|ask|answer|citation|
// feedback|error. Theming: --cc-* variables and parts.

import { h, icon, iconButton } from "./chat-dom.js";
import { Documents, sourceSheet } from "./chat-source.js";
import { ask, AskError, request } from "./chat-stream.js";
import { sheet as styles } from "./chat-style.js";
import { textsFor } from "./chat-texts.js";
import { Turn } from "./chat-turn.js";

const HISTORY_TURNS = 3;
const KEPT_TURNS = 30;
const documents = new Documents();

export class CareerChat extends HTMLElement {
  static observedAttributes = ["lang", "mode", "heading", "suggestions", "placeholder", "disclaimer", "max-length"];

  #root = this.attachShadow({ mode: "open" });
  #turns = [];
  #running = null;
  #parts = null;

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [styles];
  }

  connectedCallback() {
    if (this.#parts) return;
    this.#build();
    this.#restore();
    if (this.hasAttribute("open")) this.open();
    this.#emit("ready", {});
  }

  disconnectedCallback() {
    this.stop();
  }

  attributeChangedCallback(_name, before, after) {
    if (this.#parts && before !== after) this.#build();
  }

  get texts() {
    return textsFor(this.getAttribute("lang"), this);
  }

  get api() {
    const own = new URL(import.meta.url).origin;
    const base = (this.getAttribute("api-base") || own).replace(/\/+$/, "");
    return { base, siteKey: this.getAttribute("site-key") || "" };
  }

  get suggestions() {
    const given = this.getAttribute("suggestions");
    if (!given) return [];
    try {
      const list = JSON.parse(given);
      if (Array.isArray(list)) return list.filter((item) => typeof item === "string");
    } catch {
      // falls through: a page's mistake must not take the chat away
    }
    console.warn("career-chat: `suggestions` is not a JSON list of strings");
    return [];
  }

  get #inline() {
    return this.getAttribute("mode") === "inline";
  }

  open() {
    if (this.#inline || this.#isOpen()) return;
    this.#show(true);
    this.#parts.input.focus();
    this.#emit("open", {});
  }

  close() {
    if (this.#inline || !this.#isOpen()) return;
    this.#show(false);
    this.#parts.launcher.focus();
    this.#emit("close", {});
  }

  toggle() {
    if (this.#isOpen()) this.close();
    else this.open();
  }

  stop() {
    this.#running?.abort();
  }

  clear() {
    this.stop();
    this.#turns = [];
    this.#save();
    this.#fillLog();
  }

  /** Asks as if typed; resolves with the answer, or null when there is none. */
  async ask(text) {
    const question = String(text).trim();
    if (!question || !this.#parts) return null;
    this.open();
    this.stop();
    const turn = this.#turn(question);
    const history = this.#history();
    this.#turns.push(turn);
    this.#parts.log.querySelector(".welcome")?.remove();
    this.#parts.log.append(turn.node);
    this.#scroll(true);
    this.#emit("ask", { text: question });
    return this.#run(turn, history);
  }

  async #run(turn, history) {
    const running = new AbortController();
    this.#running = running;
    this.#busy(true);
    try {
      const body = { question: turn.question, history };
      for await (const { name, data } of ask(this.api, body, running.signal)) this.#apply(turn, name, data);
      this.#save();
      const { id, text, citations, status } = turn.answer;
      this.#emit("answer", { id, text, citations, status });
      return turn.answer;
    } catch (error) {
      this.#fail(turn, error, running.signal);
      return null;
    } finally {
      if (this.#running === running) {
        this.#running = null;
        this.#busy(false);
      }
    }
  }

  #apply(turn, name, data) {
    const apply = {
      evidence: () => turn.evidence(data),
      queued: () => turn.queued(data),
      token: () => turn.token(data),
      sentence: () => turn.sentence(data),
      answer: () => turn.finish(data),
    }[name];
    const follow = this.#atEnd();
    apply?.();
    this.#scroll(follow);
  }

  #fail(turn, error, signal) {
    if (signal.aborted) {
      turn.end(this.texts.stopped);
      return;
    }
    const known = error instanceof AskError;
    if (!known) console.error("career-chat:", error);
    const retryAfter = known ? error.retryAfter : 0;
    const { errors, cure } = this.texts;
    const kind = known ? error.kind : "other";
    const more = kind === "refused" ? cure(location.origin) : error.status === 413 ? error.detail : "";
    const follow = this.#atEnd();
    turn.end(`${errors[kind]} ${more}`.trim(), { alert: true, retryAfter });
    this.#emit("error", { status: known ? error.status : 0, request_id: known ? error.requestId : "" });
    this.#scroll(follow);
  }

  #turn(question) {
    const feedback = this.getAttribute("feedback") !== "off";
    return new Turn(question, {
      texts: () => this.texts,
      source: (source, opener) => this.#openSource(source, opener),
      ask: (text) => this.ask(text),
      retry: (turn) => this.#retry(turn),
      vote: feedback ? (...vote) => this.#vote(...vote) : null,
    });
  }

  #retry(turn) {
    turn.node.remove();
    this.#turns = this.#turns.filter((kept) => kept !== turn);
    this.ask(turn.question);
  }

  #history() {
    const answered = this.#turns.filter((turn) => turn.answer).slice(-HISTORY_TURNS);
    return answered.flatMap(({ question, answer }) => [
      { role: "user", content: question },
      { role: "assistant", content: answer.text },
    ]);
  }

  async #vote(answer, rating, tags, note) {
    try {
      await request(this.api, "/api/feedback", { body: { answer_id: answer.id, rating, tags, note } });
    } catch {
      return false;
    }
    this.#emit("feedback", { id: answer.id, rating, tags });
    return true;
  }

  #openSource(source, opener) {
    this.#root.querySelector(".sheet")?.remove();
    const { texts, api } = this;
    const { log, panel } = this.#parts;
    const onclose = () => {
      log.classList.remove("under");
      opener.classList.remove("open");
      opener.focus({ preventScroll: true });
    };
    this.#root.querySelector(".open")?.classList.remove("open");
    const sheet = sourceSheet(source, { api, documents, texts, onclose });
    panel.append(sheet);
    opener.classList.add("open");
    // The sentence that cites stays in sight above what it cites.
    log.classList.add("under");
    const sentence = opener.closest(".sentence") ?? opener;
    log.scrollTop += sentence.getBoundingClientRect().top - log.getBoundingClientRect().top - 16;
    sheet.querySelector("button").focus({ preventScroll: true });
    this.#emit("citation", { document_id: source.document_id, start: source.start, end: source.end });
  }

  #build() {
    this.stop();
    const { texts } = this;
    const heading = this.getAttribute("heading") || texts.heading;
    const lang = texts === textsFor("zh", this) ? "zh-CN" : "en";
    // Never busy: what is announced is each checked sentence as it comes; the draft is hidden from it.
    const log = h("div.log", { id: "log", part: "log", role: "log", "aria-live": "polite", "aria-relevant": "additions", "aria-label": texts.log, tabindex: "0" });
    // No <header>: outside a section's own role it would be a second banner of the page around.
    const header = h(
      "div.top",
      { part: "header" },
      h("h2", { id: "title" }, heading),
      iconButton("clear", texts.clear, () => this.clear()),
      this.#inline ? null : iconButton("close", texts.close, () => this.close()),
    );
    const form = this.#form(texts);
    const role = this.#inline ? "region" : "dialog";
    const panel = h("section.panel", { id: "panel", part: "panel", role, "aria-labelledby": "title", lang }, header, log, form);
    const launcher = this.#inline ? null : this.#launcher(texts, heading, lang);
    panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.isComposing) this.close();
    });
    const wasOpen = this.#parts !== null && this.#isOpen();
    this.#root.replaceChildren(h(`div.frame.${this.#inline ? "inline" : "floating"}`, {}, panel, ...(launcher ? [launcher] : [])));
    this.#parts = { panel, log, launcher, input: form.querySelector("textarea"), send: form.querySelector(".send") };
    this.#show(this.#inline || wasOpen);
    this.#fillLog();
  }

  #launcher(texts, heading, lang) {
    return h(
      "button.launcher",
      { type: "button", part: "launcher", lang, "aria-expanded": "false", "aria-controls": "panel", "aria-label": `${texts.open}: ${heading}`, onclick: () => this.toggle() },
      icon("chat"),
    );
  }

  #form(texts) {
    const most = Number(this.getAttribute("max-length")) || 2000;
    const label = this.getAttribute("placeholder") || texts.placeholder;
    const input = h("textarea", { part: "input", rows: "1", maxlength: String(most), placeholder: label, "aria-label": label, enterkeyhint: "send" });
    const submit = () => {
      if (this.#running) {
        this.stop();
      } else if (input.value.trim()) {
        const text = input.value;
        input.value = "";
        grow();
        this.ask(text);
      }
    };
    const grow = () => {
      input.style.height = "auto";
      input.style.height = `${Math.min(input.scrollHeight, 160)}px`;
    };
    input.addEventListener("input", grow);
    input.addEventListener("keydown", (event) => {
      // While an input method composes, Enter chooses a word; 229 is how Safari says so after the composition's end.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      if (!this.#running) submit();
    });
    const send = h("button.send", { type: "button", part: "send", "aria-label": texts.send, title: texts.send, onclick: submit }, icon("send"));
    const disclaimer = this.getAttribute("disclaimer") ?? texts.disclaimer;
    return h("div.form", {}, h("div.field", {}, input, send), disclaimer ? h("p.disclaimer", {}, disclaimer) : null);
  }

  #fillLog() {
    const { log } = this.#parts;
    const { texts, suggestions } = this;
    if (this.#turns.length) {
      this.#turns = this.#turns.map((turn) => this.#again(turn.question, turn.answer));
      log.replaceChildren(...this.#turns.map((turn) => turn.node));
      this.#scroll(true);
      return;
    }
    const buttons = suggestions.map((text) => h("button.topic", { type: "button", onclick: () => this.ask(text) }, text));
    log.replaceChildren(h("div.welcome", {}, h("p", {}, texts.welcome), buttons.length ? h("div.topics", {}, buttons) : null));
  }

  #again(question, answer) {
    const turn = this.#turn(question);
    if (answer) turn.finish(answer);
    else turn.end(this.texts.stopped);
    return turn;
  }

  #busy(busy) {
    const { send } = this.#parts;
    const { texts } = this;
    send.replaceChildren(icon(busy ? "stop" : "send"));
    send.setAttribute("aria-label", busy ? texts.stop : texts.send);
    send.title = busy ? texts.stop : texts.send;
  }

  #isOpen() {
    return !this.#parts.panel.hidden;
  }

  #show(open) {
    this.#parts.panel.hidden = !open;
    this.#parts.launcher?.setAttribute("aria-expanded", String(open));
  }

  /** Whether the reader follows the text; asked before something large is added, which would hide it. */
  #atEnd() {
    const { log } = this.#parts;
    return !log.classList.contains("under") && log.scrollHeight - log.scrollTop - log.clientHeight < 120;
  }

  #scroll(follow) {
    const { log } = this.#parts;
    if (follow) log.scrollTop = log.scrollHeight;
  }

  get #storageKey() {
    return `career-chat ${this.api.base} ${this.id}`;
  }

  #save() {
    if (this.getAttribute("persist") === "none") return;
    const kept = this.#turns.filter((turn) => turn.answer).slice(-KEPT_TURNS);
    try {
      sessionStorage.setItem(this.#storageKey, JSON.stringify(kept.map(({ question, answer }) => ({ question, answer }))));
    } catch {
      // private windows and full stores: the conversation then lives as long as the page
    }
  }

  #restore() {
    if (this.getAttribute("persist") === "none") return;
    try {
      const kept = JSON.parse(sessionStorage.getItem(this.#storageKey) || "[]");
      this.#turns = kept.map(({ question, answer }) => this.#again(question, answer));
      if (this.#turns.length) this.#fillLog();
    } catch {
      this.#turns = [];
    }
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(`career-chat:${name}`, { detail, bubbles: true, composed: true }));
  }
}

if (!customElements.get("career-chat")) customElements.define("career-chat", CareerChat);
