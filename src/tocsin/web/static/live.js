// The timeline as it grows. The list does not move under whoever reads it: what is new waits behind a button.
"use strict";

(() => {
  const MOST_SHOWN = 300, AGAIN_AFTER = 5000, AT_TOP = 160;
  const list = document.querySelector("[data-live]");
  if (!list || !window.EventSource) return;
  const one = (name) => document.querySelector(`[data-${name}]`);
  const [bar, state, hold, fresh, show, behind, said] =
    ["following", "state", "hold", "fresh", "show", "behind", "said"].map(one);
  const address = new URL(list.dataset.live, location.href);
  let source = null, waiting = [], unsaid = 0, timer = null;

  function tell(word, kind) {
    state.textContent = word;
    state.className = `chip ${kind}`;
  }

  function isHeld() { return hold.getAttribute("aria-pressed") === "true"; }

  function isReading() {
    return isHeld() || window.scrollY > AT_TOP || list.contains(document.activeElement)
      || (!getSelection().isCollapsed && list.contains(getSelection().anchorNode));
  }

  function read(event) {
    const holder = document.createElement("template");
    holder.innerHTML = event.data;
    return holder.content.querySelector(".entry");
  }

  // An incident's status is the same in all of its entries.
  function renew(entry) {
    const now = entry.querySelector("[data-status-of]");
    if (!now) return;
    for (const old of list.querySelectorAll(`[data-status-of="${CSS.escape(now.dataset.statusOf)}"]`)) {
      old.replaceChildren(...now.cloneNode(true).childNodes);
    }
  }

  // What no longer has room is where the link for older entries leads.
  function trim() {
    while (list.children.length > MOST_SHOWN) list.lastElementChild.remove();
    const older = new URL(address);
    older.pathname = location.pathname;
    older.searchParams.delete("after");
    older.searchParams.set("before", list.lastElementChild.id.slice(1));
    let link = document.querySelector(".more [rel=next]");
    if (!link) {
      list.parentElement.insertAdjacentHTML("afterend", '<p class="more"><a class="button" rel="next"></a></p>');
      link = document.querySelector(".more [rel=next]");
    }
    link.href = older.href;
    link.textContent = "Older";
    document.querySelector(".note.more")?.remove();
  }

  function put(entries) {
    for (const entry of entries) {
      renew(entry);
      entry.classList.add("fresh");
      list.prepend(entry);
    }
    if (list.children.length > MOST_SHOWN) trim();
    list.parentElement.classList.remove("bare");
    document.querySelector(".empty")?.remove();
  }

  // Said once for many: a storm must not be read out entry by entry.
  function announce() {
    unsaid += 1;
    timer ??= setTimeout(() => {
      said.textContent = unsaid === 1 ? "1 new entry" : `${unsaid} new entries`;
      unsaid = 0;
      timer = null;
    }, 1500);
  }

  function count() {
    fresh.hidden = waiting.length === 0;
    show.textContent = waiting.length === 1 ? "Show 1 new entry" : `Show ${waiting.length} new entries`;
  }

  function take(event) {
    remember(event);
    const entry = read(event);
    if (!entry || document.getElementById(entry.id) || waiting.some(({ id }) => id === entry.id)) return;
    waiting.push(entry);
    if (!isReading()) showAll();
    if (waiting.length > MOST_SHOWN) waiting.shift();
    count();
    announce();
  }

  function remember(event) {
    if (event.lastEventId) address.searchParams.set("after", event.lastEventId);
  }

  function showAll() {
    put(waiting);
    waiting = [];
    count();
  }

  function open() {
    if (source) return;
    source = new EventSource(address);
    source.addEventListener("open", () => tell(isHeld() ? "Stopped" : "Live", isHeld() ? "waiting" : "good"));
    source.addEventListener("entry", take);
    source.addEventListener("upto", remember);
    source.addEventListener("behind", (event) => {
      remember(event);
      behind.hidden = false;
    });
    source.addEventListener("error", () => {
      tell("Not live: trying again", "waiting");
      if (source && source.readyState === EventSource.CLOSED) {
        close();
        setTimeout(open, AGAIN_AFTER);
      }
    });
  }

  function close() {
    if (source) source.close();
    source = null;
  }

  hold.addEventListener("click", () => {
    const isOn = !isHeld();
    hold.setAttribute("aria-pressed", String(isOn));
    hold.textContent = isOn ? "Follow" : "Stop following";
    if (source && source.readyState === EventSource.OPEN) tell(isOn ? "Stopped" : "Live", isOn ? "waiting" : "good");
    if (!isOn) showAll();
  });
  show.addEventListener("click", () => {
    showAll();
    window.scrollTo({ top: 0 });
    document.getElementById("main").focus({ preventScroll: true });
  });
  // A browser keeps few connections to a server: a page that nobody sees gives its own up.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else open();
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", () => { if (!document.hidden) open(); });
  bar.hidden = false;
  if (!document.hidden) open();
})();
