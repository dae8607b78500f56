// One line for any site: <script async src="HOST/widget/v1/embed.js" data-api-base="HOST"></script>
// Every data-* attribute becomes an attribute of the <career-chat> it adds to the page.
(() => {
  const script = document.currentScript;
  const source = new URL(script.src);
  const add = () => {
    const chat = document.createElement("career-chat");
    chat.setAttribute("api-base", source.origin);
    for (const [name, value] of Object.entries(script.dataset)) {
      chat.setAttribute(name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`), value);
    }
    document.body.append(chat);
  };
  import(new URL("career-chat.js", source).href).then(
    () => (document.body ? add() : addEventListener("DOMContentLoaded", add, { once: true })),
    (error) => console.error("career-chat: could not be loaded", error),
  );
})();
