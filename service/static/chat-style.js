// The widget's style: one constructable sheet, which a strict CSP allows; colours follow --cc-* and the theme.

const CSS = `
/* Important declarations inside win over important ones of the page: nothing outside can restyle the host. */
:host { all: initial !important; display: block !important; color-scheme: light dark !important; }
:host([theme="light"]) { color-scheme: light !important; }
:host([theme="dark"]) { color-scheme: dark !important; }
:host([hidden]) { display: none !important; }

.frame {
  --primary: var(--cc-primary, light-dark(#0c6b5e, #63c9b6));
  --on-primary: var(--cc-on-primary, light-dark(#ffffff, #06231f));
  --bg: var(--cc-bg, light-dark(#ffffff, #17191b));
  --surface: var(--cc-surface, light-dark(#f5f4f0, #212427));
  --text: var(--cc-text, light-dark(#1d1f21, #e9e7e2));
  --muted: color-mix(in oklab, var(--text) 66%, var(--bg));
  --line: color-mix(in oklab, var(--text) 13%, var(--bg));
  --tint: color-mix(in oklab, var(--primary) 12%, var(--bg));
  --mark: light-dark(#fff0b8, #5a4a12);
  --radius: var(--cc-radius, 14px);
  font: 15px/1.65 var(--cc-font, system-ui, -apple-system, "Segoe UI", "PingFang SC", "Hiragino Sans GB",
    "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif);
  color: var(--text);
  -webkit-text-size-adjust: 100%;
}
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
button, textarea { font: inherit; color: inherit; }
button { cursor: pointer; background: none; border: 0; padding: 0; }
button:disabled { cursor: default; opacity: .6; }
h2, h3, p, ul, blockquote, fieldset { margin: 0; padding: 0; border: 0; }
svg { width: 20px; height: 20px; fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round; display: block; }
:focus-visible { outline: 2px solid var(--primary); outline-offset: 2px; }
.log:focus-visible, .place:focus-visible { outline-offset: -2px; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
:lang(zh) { line-break: strict; text-autospace: normal; }

.panel {
  position: relative; display: flex; flex-direction: column; overflow: hidden;
  background: var(--bg); border: 1px solid var(--line); border-radius: var(--radius);
}
.inline .panel { width: var(--cc-width, 100%); height: var(--cc-height, min(44rem, 82vh)); min-height: 20rem; }
.floating { position: fixed; inset: auto 20px 20px auto; z-index: var(--cc-z-index, 2147483000); }
.floating .panel {
  position: absolute; right: 0; bottom: 72px;
  width: min(var(--cc-width, 400px), calc(100vw - 40px)); height: min(var(--cc-height, 640px), calc(100dvh - 112px));
  box-shadow: 0 1px 2px rgb(0 0 0 / .06), 0 16px 48px rgb(0 0 0 / .16);
}
.launcher {
  display: grid; place-items: center; width: 56px; height: 56px; border-radius: 50%;
  background: var(--primary); color: var(--on-primary); box-shadow: 0 6px 20px rgb(0 0 0 / .2);
}
.launcher svg { width: 26px; height: 26px; }
:host([position="bottom-left"]) .floating { inset: auto auto 20px 20px; }
:host([position="bottom-left"]) .floating .panel { right: auto; left: 0; }

.top { display: flex; align-items: center; gap: 4px; padding: 12px 10px 12px 20px; border-bottom: 1px solid var(--line); }
.top h2 { flex: 1; font-size: 15px; font-weight: 620; letter-spacing: .005em; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.icon { display: grid; place-items: center; width: 32px; height: 32px; border-radius: 8px; color: var(--muted); }
.icon svg { width: 18px; height: 18px; }
.icon:hover { background: var(--surface); color: var(--text); }
.icon[aria-pressed="true"], .icon.done { color: var(--primary); background: var(--tint); }

.log { flex: 1; overflow-y: auto; padding: 22px 20px 12px; overscroll-behavior: contain; scrollbar-width: thin; scrollbar-color: var(--line) transparent; }
.log.under { padding-bottom: 28rem; }
.welcome { display: grid; gap: 18px; align-content: center; min-height: 100%; color: var(--muted); }
.welcome p { max-width: 34em; text-wrap: pretty; }
.welcome .topics { flex-direction: column; align-items: flex-start; }
.topics { display: flex; flex-wrap: wrap; gap: 8px; }
.topic {
  text-align: start; padding: 6px 13px; border: 1px solid var(--line); border-radius: 12px; color: var(--text);
  line-height: 1.5; background: var(--bg);
}
.topic:hover { border-color: var(--primary); background: var(--tint); }

.turn + .turn { margin-top: 30px; }
.question {
  width: fit-content; max-width: 88%; margin-inline-start: auto; padding: 8px 14px; border-radius: 14px 14px 4px 14px;
  background: var(--surface); overflow-wrap: anywhere; white-space: pre-wrap;
}
.answer { margin-top: 16px; display: grid; gap: 10px; justify-items: start; overflow-wrap: anywhere; }
.answer > * { max-width: 100%; }
.evidence:empty, .foot:empty, .body:empty { display: none; }
.evidence { width: 100%; font-size: 13px; }
summary { color: var(--muted); cursor: pointer; padding: 2px 0; border-radius: 4px; }
summary:hover { color: var(--text); }
ul { list-style: none; display: grid; gap: 2px; padding: 6px 0 4px; }
.hit { width: 100%; text-align: start; padding: 8px 10px; border-radius: 8px; display: grid; line-height: 1.5; }
.hit:hover { background: var(--surface); }
.hit b { font-weight: 600; }
.hit span { color: var(--muted); display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; overflow: hidden; }

.body { max-width: 68ch; line-height: 1.75; }
.sentence.item { display: block; padding-inline-start: 1.1em; text-indent: -1.1em; }
.draft { color: var(--muted); }
.words.partial { text-decoration: underline dotted color-mix(in oklab, var(--text) 50%, transparent) 1px; text-underline-offset: 4px; }
.words.unsupported { color: var(--muted); text-decoration: underline wavy color-mix(in oklab, #c2410c 70%, transparent) 1px; text-underline-offset: 4px; }
code { font: .9em ui-monospace, "SF Mono", Menlo, Consolas, monospace; padding: .1em .35em; border-radius: 5px; background: var(--surface); }
.chip {
  min-width: 24px; height: 24px; margin-inline: 3px 1px; padding: 0 6px; border-radius: 8px; vertical-align: 1px;
  font-size: 12px; font-weight: 600; line-height: 24px; font-variant-numeric: tabular-nums; text-indent: 0;
  color: var(--primary); background: var(--tint); transition: background-color .15s, color .15s;
}
.chip + .chip { margin-inline-start: 1px; }
button.chip:hover, button.chip.open { background: var(--primary); color: var(--on-primary); }
.status { color: var(--muted); font-size: 13px; }
.status::before {
  content: ""; display: inline-block; width: 7px; height: 7px; margin-inline-end: 9px; border-radius: 50%;
  background: var(--primary); animation: breathe 1.4s ease-in-out infinite;
}
@keyframes breathe { 50% { opacity: .25; } }

.refusal { display: grid; gap: 8px; padding: 14px 16px; border: 1px dashed color-mix(in oklab, var(--text) 32%, var(--bg)); border-radius: 12px; }
.refusal strong { font-weight: 620; }
.refusal .lead, .refusal p { color: var(--muted); }
.foot { width: 100%; font-size: 13px; color: var(--muted); display: grid; gap: 4px; }
.tools { display: flex; align-items: center; gap: 2px; margin-inline-start: -7px; }
.said { margin-inline-start: 6px; }
.ended { display: flex; flex-wrap: wrap; align-items: center; gap: 10px; }
.plain { padding: 4px 12px; border: 1px solid var(--line); border-radius: 8px; color: var(--text); min-height: 30px; }
.plain:hover:not(:disabled) { border-color: var(--primary); background: var(--tint); }
.why { display: grid; gap: 10px; padding: 12px 14px; margin-top: 4px; border-radius: 12px; background: var(--surface); justify-items: start; }
.why legend { color: var(--text); font-weight: 600; margin-bottom: 8px; padding: 0; }
.why fieldset { display: flex; flex-wrap: wrap; gap: 6px; }
.reason { position: relative; }
.reason input { position: absolute; inset: 0; opacity: 0; margin: 0; cursor: pointer; }
.reason span { display: block; padding: 3px 11px; border: 1px solid var(--line); border-radius: 10px; background: var(--bg); color: var(--text); }
.reason input:checked + span { border-color: var(--primary); background: var(--tint); color: var(--primary); }
.reason input:focus-visible + span { outline: 2px solid var(--primary); outline-offset: 2px; }
.why textarea { width: 100%; padding: 7px 10px; border: 1px solid var(--line); border-radius: 8px; background: var(--bg); resize: vertical; }

.form { padding: 10px 14px 12px; }
.field { display: flex; align-items: flex-end; gap: 6px; padding: 5px 5px 5px 14px; border: 1px solid var(--line); border-radius: 16px; background: var(--bg); }
.field:focus-within { border-color: var(--primary); box-shadow: 0 0 0 3px var(--tint); }
.field textarea { flex: 1; min-width: 0; height: 36px; max-height: 160px; padding: 5px 0; border: 0; outline: 0; background: none; resize: none; line-height: 26px; font-size: 16px; }
::placeholder { color: var(--muted); opacity: 1; }
.send { flex: none; display: grid; place-items: center; width: 36px; height: 36px; border-radius: 11px; background: var(--primary); color: var(--on-primary); }
.disclaimer { margin-top: 8px; text-align: center; font-size: 12px; line-height: 1.5; color: var(--muted); }

.sheet {
  position: absolute; inset: auto 0 0 0; max-height: max(64%, min(20rem, 88%)); display: flex; flex-direction: column; gap: 10px; padding: 16px 20px 18px;
  background: var(--bg); border-top: 1px solid var(--line); border-radius: var(--radius) var(--radius) 0 0;
  box-shadow: 0 -12px 40px rgb(0 0 0 / .14); animation: rise .18s ease-out;
}
@keyframes rise { from { transform: translateY(12px); opacity: 0; } }
.head { display: flex; align-items: flex-start; gap: 10px; }
.sheet h3 { flex: 1; font-size: 15px; font-weight: 620; line-height: 1.5; padding-top: 2px; }
.sheet .icon { margin: -2px -8px 0 0; }
.sheet .chip { margin: 2px 0 0; text-align: center; }
.path { font-size: 13px; color: var(--muted); line-height: 1.5; }
.place {
  overflow-y: auto; padding: 12px 16px; border-radius: 10px; background: var(--surface); color: var(--muted);
  line-height: 1.8; white-space: pre-wrap; overflow-wrap: anywhere; scrollbar-width: thin; position: relative;
}
mark { background: var(--mark); color: var(--text); border-radius: 3px; padding: .08em .1em; box-decoration-break: clone; -webkit-box-decoration-break: clone; }
.more { align-self: flex-start; color: var(--primary); font-size: 14px; text-decoration: underline; text-underline-offset: 3px; }
.sheet.whole { top: 0; max-height: none; border-radius: 0; }
.whole .place { flex: 1; }

@media (max-width: 480px) {
  .floating:has(.panel:not([hidden])) { inset: 0; }
  .floating .panel { inset: 0; width: 100%; height: 100dvh; border: 0; border-radius: 0; }
  .floating:has(.panel:not([hidden])) .launcher { display: none; }
  .log { padding-inline: 16px; }
}
@media (prefers-reduced-motion: reduce) { *, *::before { animation: none !important; transition: none !important; } }
@media (forced-colors: active) {
  .chip, .send, .launcher, .topic, .question, .plain { border: 1px solid ButtonText; }
  mark { background: Mark; color: MarkText; }
}
`;

export const sheet = new CSSStyleSheet();
sheet.replaceSync(CSS);
