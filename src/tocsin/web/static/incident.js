// Incidents: keys, and copying all of one as text. Nothing here is needed.
"use strict";

(() => {
  const isTyping = (target) => target.closest("input:not([type=checkbox]), textarea, select, [contenteditable], dialog");

  // --- keys

  function press(key) {
    const button = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!button) return false;
    if (button.matches("summary")) {
      button.parentElement.open = true;
      button.parentElement.querySelector("textarea, input:not([type=hidden])").focus();
    } else {
      button.click();
    }
    return true;
  }

  function move(by) {
    const links = [...document.querySelectorAll("[data-rows] tbody th a")];
    if (!links.length) return false;
    const row = document.activeElement.closest("tr");
    const at = links.findIndex((each) => each.closest("tr") === row);
    const to = at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + by, 0), links.length - 1);
    links[to].focus();
    return true;
  }

  function tick() {
    const row = document.activeElement.closest("[data-rows] tbody tr");
    const box = row && row.querySelector("input[type=checkbox]");
    if (!box) return false;
    box.checked = !box.checked;
    return true;
  }

  function help() {
    const keys = document.querySelector("[data-keys]");
    if (!keys) return false;
    if (keys.open) keys.close(); else keys.showModal();
    return true;
  }

  const KEYS = {
    a: () => press("a"), r: () => press("r"), n: () => press("n"),
    j: () => move(1), k: () => move(-1), x: tick, "?": help,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat && !"jk".includes(event.key)) return;
    if (event.defaultPrevented || isTyping(event.target) || !Object.hasOwn(KEYS, event.key)) return;
    if (KEYS[event.key]()) event.preventDefault();
  });

  // --- buttons

  async function copyFrom(button) {
    const was = button.textContent;
    try {
      const answer = await fetch(button.dataset.copyFrom);
      if (!answer.ok || answer.redirected) throw new Error("not read");
      await navigator.clipboard.writeText(await answer.text());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Open the text and copy it";
    }
    setTimeout(() => { button.textContent = was; }, 2000);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy-from], [data-print], [data-help]");
    if (!button) return;
    if ("copyFrom" in button.dataset) copyFrom(button);
    else if ("print" in button.dataset) print();
    else help();
  });
})();
