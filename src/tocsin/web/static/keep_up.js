// A page that keeps up with what happens: it is read again when its stream tells of something ([data-stream]), or
// every so many milliseconds ([data-every]), and the parts of it that differ are put in place. Nothing here is needed.
"use strict";

(() => {
  const REST = 300, AGAIN_AFTER = 5000;
  const root = document.querySelector("[data-stream], [data-every]");
  if (!root) return;
  const said = root.querySelector("[data-said]"), state = root.querySelector("[data-state]");
  const was = new Map();
  let source = null, timer = null, place = null, busy = false, again = false;

  const partsOf = (page) => [...page.querySelectorAll("[data-part]")];
  const sentence = () => root.querySelector(".sentence").textContent;

  // What a part says, but for how long ago things were, which app.js keeps up.
  function still(part) {
    return part.innerHTML.replace(/(data-relative|data-countdown)(="")?>[^<]*</g, "$1><");
  }

  function isTouched(control) {
    if ("checked" in control && control.checked !== control.defaultChecked) return true;
    return "defaultValue" in control && control.value !== control.defaultValue;
  }

  // Somebody has selected something in it, or writes there: it waits until the next time.
  function isInUse(part) {
    const chosen = getSelection();
    if (!chosen.isCollapsed && part.contains(chosen.anchorNode)) return true;
    if (part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) return true;
    return [...part.querySelectorAll("input, textarea")].some(isTouched);
  }

  // What somebody has opened, or closed, stays so.
  function keepOpen(part, now) {
    const old = [...part.querySelectorAll("details")];
    [...now.querySelectorAll("details")].forEach((each, index) => {
      const same = each.id ? old.find(({ id }) => id === each.id) : old[index];
      if (same) each.open = same.open;
    });
  }

  // Focus goes to the control that says the same, or to the page.
  function replace(part, now) {
    const controls = "a, button, input, summary";
    const words = part.contains(document.activeElement) ? document.activeElement.textContent : null;
    const is = still(now);
    keepOpen(part, now);
    part.className = now.className;
    part.innerHTML = now.innerHTML;
    was.set(part, is);
    if (words === null) return;
    const all = [...part.querySelectorAll(controls)];
    const same = all.find((each) => each.textContent === words) || document.getElementById("main");
    same.focus({ preventScroll: true });
  }

  // What was not there before goes where it is in the fresh page: before the next part that both have.
  function insert(fresh, shown) {
    partsOf(fresh).reduceRight((next, now) => {
      const part = shown.get(now.dataset.part);
      if (part) return part;
      if (!next) return next;
      const made = document.importNode(now, true);
      next.before(made);
      was.set(made, still(made));
      return made;
    }, null);
  }

  function put(fresh) {
    const before = sentence();
    const shown = new Map(partsOf(root).map((part) => [part.dataset.part, part]));
    for (const now of partsOf(fresh)) {
      const part = shown.get(now.dataset.part);
      if (part && still(now) !== was.get(part) && !isInUse(part)) replace(part, now);
    }
    insert(fresh, shown);
    const kept = new Set(partsOf(fresh).map((part) => part.dataset.part));
    for (const [name, part] of shown) if (!kept.has(name) && !isInUse(part)) part.remove();
    document.dispatchEvent(new CustomEvent("tocsin:put"));
    if (said && sentence() !== before) said.textContent = sentence();
    const now = fresh.querySelector("[data-stream], [data-every]");
    if (root.dataset.every && !now?.dataset.every) delete root.dataset.every; // it has come to its end
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
      // The stream says so, too, and comes back; what is read every so often is read again.
    }
    busy = false;
    if (again || root.dataset.every) { again = false; soon(); }
  }

  function soon() {
    if (!document.hidden) timer ??= setTimeout(refresh, Number(root.dataset.every || REST));
  }

  function tell(word, kind) {
    state.hidden = false;
    if (state.textContent !== word) state.textContent = word;
    state.className = `chip ${kind}`;
  }

  function took(event) {
    place = event.lastEventId || place;
    soon();
  }

  function listen() {
    const address = new URL(root.dataset.stream, location.href);
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
        setTimeout(open, AGAIN_AFTER);
      }
    });
  }

  function open() {
    if (document.hidden) return;
    if (root.dataset.every) soon();
    if (root.dataset.stream && window.EventSource && !source) listen();
  }

  function close() {
    if (source) source.close();
    source = null;
  }

  for (const part of partsOf(root)) was.set(part, still(part));
  document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else open(); });
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
})();
