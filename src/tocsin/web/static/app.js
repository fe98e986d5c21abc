// What makes pages live. They work without it: every link and form is a plain one.
"use strict";

(() => {
  const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

  // The same words as `relative_text` on the server.
  function relative(seconds) {
    const size = Math.abs(seconds);
    if (size < 1) return "now";
    const [unit, word] = UNITS.find(([least]) => size >= least);
    const length = `${Math.floor(size / unit)} ${word}`;
    return seconds > 0 ? `in ${length}` : `${length} ago`;
  }

  // The same words as `countdown_text` on the server: two units, so that one sees it move.
  function countdown(seconds) {
    if (seconds < 1) return "now";
    let rest = Math.floor(seconds);
    const parts = [];
    for (const [size, word] of UNITS) {
      if (rest >= size || parts.length) parts.push(`${Math.floor(rest / size)} ${word}`);
      rest %= size;
    }
    return `in ${parts.slice(0, 2).join(" ")}`;
  }

  function tick() {
    const now = Date.now();
    for (const each of document.querySelectorAll("time[data-relative], time[data-countdown]")) {
      const seconds = (Date.parse(each.dateTime) - now) / 1000;
      const words = "countdown" in each.dataset ? countdown(seconds) : relative(seconds);
      if (each.textContent !== words) each.textContent = words;
    }
  }

  async function copy(button) {
    const was = button.textContent;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select it and copy";
    }
    setTimeout(() => { button.textContent = was; }, 2000);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
    for (const open of document.querySelectorAll("details.menu[open]")) {
      if (!open.contains(event.target)) open.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const open of document.querySelectorAll("details.menu[open]")) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  });

  // A form is sent once, however often its button is pressed.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) { event.preventDefault(); return; }
    if (form.method === "post" && !form.hasAttribute("hx-post")) form.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });

  function begin() {
    document.documentElement.classList.add("live");
    for (const field of document.querySelectorAll("input[data-time-zone]")) {
      if (!field.value) field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
    }
    tick();
    setInterval(tick, 1000);
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
  document.addEventListener("tocsin:put", tick);
})();
