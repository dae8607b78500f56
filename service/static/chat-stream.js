// Asking the service: one POST whose reply is read as server-sent events, and every failure as one kind of error.

export class AskError extends Error {
  /** `kind` is a key of the texts' `errors`; `retryAfter` seconds, 0 when unknown. */
  constructor(kind, { status = 0, retryAfter = 0, requestId = "", detail = "" } = {}) {
    super(detail || kind);
    Object.assign(this, { kind, status, retryAfter, requestId, detail });
  }
}

const KINDS = { 401: "refused", 403: "refused", 429: "busy", 503: "unavailable", 504: "late" };

/** Sends one request; resolves with a response that is ok, else throws AskError. AbortError passes through. */
export async function request(api, path, { body, signal, accept = "application/json" } = {}) {
  const headers = { Accept: accept };
  if (body) headers["Content-Type"] = "application/json";
  if (api.siteKey) headers["X-Site-Key"] = api.siteKey;
  let response;
  try {
    response = await fetch(api.base + path, {
      method: body ? "POST" : "GET",
      headers,
      body: body && JSON.stringify(body),
      signal,
      credentials: "omit",
      referrerPolicy: "no-referrer",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new AskError((await isKeptOut(api)) ? "refused" : "network");
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** Whether the service is there, and it is this page's origin that it does not answer: only its public files come. */
async function isKeptOut(api) {
  const options = { credentials: "omit", referrerPolicy: "no-referrer", cache: "no-store", signal: AbortSignal.timeout(3000) };
  const comes = (path) => fetch(api.base + path, options).then((response) => response.ok, () => false);
  const [file, reply] = await Promise.all([comes("/widget/v1/embed.js"), comes("/livez")]);
  return file && !reply;
}

async function problemOf(response) {
  const problem = await response.json().catch(() => ({}));
  return new AskError(KINDS[response.status] || "other", {
    status: response.status,
    retryAfter: Math.min(600, Number(response.headers.get("Retry-After")) || 0),
    requestId: response.headers.get("X-Request-Id") || "",
    detail: typeof problem.detail === "string" ? problem.detail : "",
  });
}

/** Yields {name, data} of each event; throws AskError when the stream is cut before its `answer`. */
export async function* ask(api, body, signal) {
  const response = await request(api, "/api/ask", { body, signal, accept: "text/event-stream" });
  let answered = false;
  for await (const { name, data } of events(response.body, signal)) {
    if (name === "error") throw errorOf(data.problem);
    answered ||= name === "answer";
    yield { name, data };
  }
  if (!answered) throw new AskError("network");
}

function errorOf(problem = {}) {
  const requestId = String(problem.instance || "").split(":").pop();
  return new AskError(KINDS[problem.status] || "other", { status: problem.status, requestId, detail: problem.detail });
}

/** Events of a byte stream, however it is cut into pieces: inside a character, a line, an event. */
async function* events(stream, signal) {
  const reader = stream.getReader();
  const decoder = new TextDecoder("utf-8");
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      rest += decoder.decode(value, { stream: !done }).replaceAll("\r\n", "\n");
      const blocks = rest.split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const event = parse(block);
        if (event) yield event;
      }
      if (done) return;
    }
  } catch (error) {
    if (signal.aborted) throw new DOMException("stopped", "AbortError");
    throw error instanceof AskError ? error : new AskError("network");
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parse(block) {
  const lines = block.split("\n");
  const field = (name) =>
    lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).replace(/^ /, ""));
  const data = field("data").join("\n");
  return data ? { name: field("event")[0] || "message", data: JSON.parse(data) } : null;
}
