// Incidents: keys, copying all of one as text, and a page that keeps up with what happens. Nothing here is needed.
"use strict";

(() => {
  const REST = 300, AGAIN_AFTER = 5000;
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

  // --- keeping up

  const root = document.querySelector("[data-incident]");
  if (!root || !window.EventSource) return;
  const said = root.querySelector("[data-said]"), state = root.querySelector("[data-state]");
  const was = new Map();
  let source = null, timer = null, place = null, busy = false, again = false;

  // What a part says, but for how long ago things were, which app.js keeps up.
  function still(part) {
    return part.innerHTML.replace(/(data-relative|data-countdown)(="")?>[^<]*</g, "$1><");
  }

  // What somebody has focused or selected stays: a part is put in place only where it differs, its focus goes to the same control.
  function put(fresh) {
    const sentence = root.querySelector(".sentence").textContent;
    for (const part of root.querySelectorAll("[data-part]")) {
      const now = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
      if (!now || still(now) === was.get(part)) continue;
      const chosen = getSelection();
      if (!chosen.isCollapsed && part.contains(chosen.anchorNode)) continue;
      const controls = "a, button, input, summary";
      const focused = part.contains(document.activeElement)
        ? [...part.querySelectorAll(controls)].indexOf(document.activeElement) : -1;
      const words = focused < 0 ? "" : document.activeElement.textContent;
      part.className = now.className;
      part.innerHTML = now.innerHTML;
      was.set(part, still(now));
      if (focused >= 0) {
        const all = [...part.querySelectorAll(controls)];
        const same = all.find((each) => each.textContent === words) || document.getElementById("main");
        same.focus({ preventScroll: true });
      }
    }
    document.dispatchEvent(new CustomEvent("htmx:afterSettle"));
    const next = root.querySelector(".sentence").textContent;
    if (next !== sentence) said.textContent = next;
  }

  async function refresh() {
    timer = null;
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.pathname + location.search, { headers: { "hx-request": "true" } });
      if (answer.ok && !answer.redirected) {
        put(new DOMParser().parseFromString(await answer.text(), "text/html"));
      }
    } catch {
      // The stream says so, too, and comes back.
    }
    busy = false;
    if (again) { again = false; soon(); }
  }

  function tell(word, kind) {
    state.hidden = false;
    if (state.textContent !== word) state.textContent = word;
    state.className = `chip ${kind}`;
  }

  function soon() { timer ??= setTimeout(refresh, REST); }

  function took(event) {
    place = event.lastEventId || place;
    soon();
  }

  function open() {
    if (source) return;
    const address = new URL(root.dataset.incident, location.href);
    if (place) address.searchParams.set("after", place);
    source = new EventSource(address);
    source.addEventListener("open", () => tell("Live", "good"));
    source.addEventListener("entry", took);
    source.addEventListener("behind", took);
    // Nothing happened to it for a while; but what it says may depend on a pause, a webhook or a policy.
    source.addEventListener("upto", took);
    source.addEventListener("error", () => {
      tell("Not live: trying again", "waiting");
      if (source && source.readyState === EventSource.CLOSED) {
        close();
        setTimeout(() => { if (!document.hidden) open(); }, AGAIN_AFTER);
      }
    });
  }

  function close() {
    if (source) source.close();
    source = null;
  }

  for (const part of root.querySelectorAll("[data-part]")) was.set(part, still(part));
  document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else open(); });
  addEventListener("pagehide", close);
  addEventListener("pageshow", () => { if (!document.hidden) open(); });
  if (!document.hidden) open();
})();
