// The page at /: what the corpus holds, a reader with highlights, the line to copy.

import { render } from "./reader.js";

const TEXTS = {
  en: {
    title: "Career questions, answered with evidence",
    lead: "Every sentence is checked against the document it cites. Where the documents are silent, so is the answer.",
    holds: "The documents",
    put: "On your own page",
    copy: "Copy",
    copied: "Copied",
    close: "Close",
    empty: "There are no documents yet.",
    loading: "The service is starting: its documents will appear here.",
    draining: "The service is shutting down.",
    busy: "Many people are asking right now: the documents will appear here in a moment.",
    unreachable: "The service cannot be reached. Trying again…",
    failed: "The documents cannot be listed:",
    keys: 'A page of another origin must be named in CAREER_CORS_ORIGINS; where API keys are set, in CAREER_SITE_KEYS, and say data-site-key="pk_…" above.',
    other: "中文",
    examples: [
      "What should a backend developer learn first to move into AI?",
      "Which vector databases are worth knowing?",
      "转行做 AI 工程师需要哪些项目经验？",
      "How high is Mount Everest?",
    ],
  },
  zh: {
    title: "职业问题，句句有据",
    lead: "答案里的每一句话都与所引文档核对过。文档没有写的，就不回答。",
    holds: "文档",
    put: "放到自己的网页上",
    copy: "复制",
    copied: "已复制",
    close: "关闭",
    empty: "还没有文档。",
    loading: "服务正在启动，文档稍后会出现在这里。",
    draining: "服务正在关闭。",
    busy: "现在提问的人较多，文档稍后会出现在这里。",
    unreachable: "无法连接服务，正在重试…",
    failed: "无法列出文档：",
    keys: '其他来源的网页需列入 CAREER_CORS_ORIGINS；设置了 API 密钥时，则需在 CAREER_SITE_KEYS 中登记，并在上面加上 data-site-key="pk_…"。',
    other: "English",
    examples: [
      "后端程序员转向 AI 应该先学什么？",
      "值得了解的向量数据库有哪些？",
      "What projects help me become an AI engineer?",
      "珠穆朗玛峰有多高？",
    ],
  },
};

const $ = (id) => document.getElementById(id);
let lang = /^zh\b/i.test(navigator.language) ? "zh" : "en";

function speak() {
  const texts = TEXTS[lang];
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = texts[node.dataset.text];
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", texts[node.dataset.label]);
  $("language").textContent = texts.other;
  $("language").lang = lang === "zh" ? "en" : "zh-CN";
  $("chat").setAttribute("lang", document.documentElement.lang);
  $("chat").setAttribute("suggestions", JSON.stringify(texts.examples));
}

/** GET `path`: the reply, or what is wrong. While the service loads or is busy, `waiting` hears that and it is asked again. */
async function patiently(path, waiting) {
  for (;;) {
    const response = await fetch(path).catch(() => null);
    const trouble = response?.ok ? null : await troubleOf(response);
    if (!trouble?.passes) return { response, trouble };
    waiting(trouble);
    const seconds = Number(response?.headers.get("Retry-After")) || 3;
    await new Promise((done) => setTimeout(done, 1000 * Math.min(60, seconds)));
  }
}

/** `text` is a key of TEXTS, `detail` the service's own words where ours are not enough. */
async function troubleOf(response) {
  if (!response) return { text: "unreachable", passes: true };
  if (response.status === 429) return { text: "busy", passes: true };
  const problem = await response.json().catch(() => ({}));
  const state = String(problem.type).split(":").pop();
  const passes = response.status === 503;
  if (passes && (state === "loading" || state === "draining")) return { text: state, passes };
  return { text: "failed", detail: problem.detail || `HTTP ${response.status}`, passes };
}

async function listDocuments() {
  const { response, trouble } = await patiently("/api/documents", note);
  if (trouble) return note(trouble);
  const { documents } = await response.json();
  if (!documents.length) return note({ text: "empty" });
  $("documents").replaceChildren(...documents.map(entry));
}

function entry(info) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.lang = info.lang;
  button.textContent = info.title;
  button.addEventListener("click", () => (location.hash = `doc=${encodeURIComponent(info.id)}`));
  item.append(button);
  return item;
}

/** What stands where the documents would. */
function note({ text, detail = "" }) {
  const item = document.createElement("li");
  const said = document.createElement("span");
  const reason = document.createElement("span");
  said.dataset.text = text;
  said.textContent = TEXTS[lang][text];
  reason.lang = "en";
  reason.textContent = detail;
  item.className = "note";
  item.append(said, " ", reason);
  $("documents").replaceChildren(item);
}

/** `#doc=ID&char=START,END` opens a document with those code points highlighted. */
async function openFromAddress() {
  const address = location.hash;
  const wanted = new URLSearchParams(address.slice(1));
  const id = wanted.get("doc");
  if (!id) return;
  const { response, trouble } = await patiently(`/api/documents/${encodeURIComponent(id)}`, () => {});
  if (trouble) return;
  const found = await response.json();
  if (location.hash !== address) return; // another document was asked for meanwhile
  const [start, end] = (wanted.get("char") || "0,0").split(",").map(Number);
  $("reader-title").textContent = found.title;
  $("reader-title").lang = found.lang;
  $("reader-source").textContent = found.source || found.uri;
  $("reader-text").lang = found.lang;
  const mark = render($("reader-text"), found.text, start || 0, end || 0);
  if (!$("reader").open) $("reader").showModal();
  if (mark) mark.scrollIntoView({ block: "center" });
  else $("reader-text").scrollTop = 0;
}

// A citation's document opens here, in the reader, unless another tab or window is asked for.
$("chat").addEventListener("click", (event) => {
  const link = event.composedPath().find((node) => node instanceof HTMLAnchorElement);
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const address = new URL(link.href);
  if (address.origin !== location.origin || !address.hash.startsWith("#doc=")) return;
  event.preventDefault();
  location.hash = address.hash;
});
$("language").addEventListener("click", () => {
  lang = lang === "zh" ? "en" : "zh";
  speak();
});
$("reader-close").addEventListener("click", () => $("reader").close());
$("reader").addEventListener("close", () => history.replaceState(null, "", location.pathname));
$("reader").addEventListener("click", (event) => event.target === $("reader") && $("reader").close());
$("copy").addEventListener("click", async () => {
  const copied = await navigator.clipboard?.writeText($("snippet").textContent).then(() => true, () => false);
  // Over plain http at any address but localhost there is no clipboard: selected, it is one key away.
  if (!copied) return getSelection().selectAllChildren($("snippet"));
  $("copy").textContent = TEXTS[lang].copied;
  setTimeout(() => ($("copy").textContent = TEXTS[lang].copy), 1500);
});
$("snippet").textContent =
  `<script async src="${location.origin}/widget/v1/embed.js" data-api-base="${location.origin}"></script>`;
addEventListener("hashchange", openFromAddress);

customElements.whenDefined("career-chat").then(speak);
listDocuments();
openFromAddress();
