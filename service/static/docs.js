// The page at /docs: every operation of /openapi.json with its text, its replies, and a form that sends it.

const METHODS = ["get", "post", "put", "delete"];

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

function exampleOf(schema, operation) {
  const content = operation.requestBody?.content?.["application/json"];
  if (!content) return null;
  const body = resolve(schema, content.schema);
  return JSON.stringify(body.examples?.[0] ?? {}, null, 2);
}

function resolve(schema, node) {
  return node.$ref ? node.$ref.slice(2).split("/").reduce((at, name) => at[name], schema) : node;
}

function operationNode(schema, path, method, operation) {
  const example = exampleOf(schema, operation);
  const fields = (operation.parameters ?? []).filter((one) => one.in !== "header").map((one) => ({
    one,
    input: el("input", { "aria-label": one.name, placeholder: one.name, autocomplete: "off" }),
  }));
  const body = example && el("textarea", { rows: String(example.split("\n").length), "aria-label": "Body", spellcheck: "false" });
  if (body) body.value = example;
  const reply = el("pre", { class: "reply", role: "status", tabindex: "0", hidden: "" });
  const submit = async (event) => {
    event.preventDefault();
    reply.hidden = false;
    reply.textContent = "…";
    reply.textContent = await send(path, method, fields, body?.value);
  };
  const sendable = example !== null || !operation.requestBody;
  return el(
    "details",
    { class: "operation" },
    el("summary", {}, el("b", { class: method }, method.toUpperCase()), el("code", {}, path), el("span", {}, ...coded(firstLine(operation)))),
    el("p", {}, ...coded((operation.description ?? "").split("\n").slice(1).join(" "))),
    el("p", { class: "codes" }, `Replies: ${Object.keys(operation.responses).join(", ")}`),
    sendable ? el("form", { onsubmit: submit }, ...fields.map(({ input }) => input), body, el("button", {}, "Send")) : null,
    reply,
  );
}

const firstLine = (operation) => (operation.description ?? operation.summary ?? "").split("\n")[0];

const coded = (text) => text.split("`").map((piece, index) => (index % 2 ? el("code", {}, piece) : piece));

async function send(path, method, fields, body) {
  let address = path;
  const query = new URLSearchParams();
  for (const { one, input } of fields) {
    if (one.in === "path") address = address.replace(new RegExp(`\\{${one.name}(:path)?\\}`), encodeURIComponent(input.value));
    else if (input.value) query.set(one.name, input.value);
  }
  const headers = {};
  const key = document.getElementById("key").value;
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body) headers["Content-Type"] = "application/json";
  try {
    const started = performance.now();
    const response = await fetch(`${address}${query.size ? `?${query}` : ""}`, { method: method.toUpperCase(), headers, body });
    const text = await response.text();
    const shown = response.headers.get("Content-Type")?.includes("json") ? JSON.stringify(JSON.parse(text), null, 2) : text;
    return `${response.status}  ${Math.round(performance.now() - started)} ms\n\n${shown}`;
  } catch (error) {
    return String(error);
  }
}

async function show() {
  const schema = await (await fetch("/openapi.json")).json();
  document.getElementById("about").textContent = schema.info.description;
  const groups = new Map();
  for (const [path, operations] of Object.entries(schema.paths)) {
    for (const method of METHODS.filter((name) => operations[name])) {
      const tag = operations[method].tags?.[0] ?? "other";
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(operationNode(schema, path, method, operations[method]));
    }
  }
  const sections = [...groups].map(([tag, nodes]) => el("section", {}, el("h2", {}, tag), ...nodes));
  document.getElementById("operations").replaceChildren(...sections);
}

show();
