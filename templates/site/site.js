"use strict";
// What the page is better with: filters, a search, and whether it is still true.  It works without any of it.
(() => {
  const root = document.body.dataset.root || "";
  const byId = (id) => document.getElementById(id);
  const told = new Intl.DateTimeFormat("en-GB", {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
  });
  const spoken = (iso) => (iso ? told.format(new Date(iso)) : "never");
  const element = (name, text, attributes = {}) => {
    const made = document.createElement(name);
    made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };

  // --- the events' filters; what is chosen stands in the address, so that it can be handed on
  const filters = byId("filters");
  const events = [...document.querySelectorAll("#events > .event")];
  let beyond = Number(filters?.dataset.archives); // the newest archive that has not been looked through
  const chosen = () => {
    const form = new FormData(filters);
    return { text: form.get("text").trim().toLowerCase(), product: form.get("product"), days: Number(form.get("days")), kinds: form.getAll("kind") };
  };
  const fits = (event, want) =>
    (!want.kinds.length || want.kinds.includes(event.dataset.kind)) &&
    (!want.product || event.dataset.products.split("|").includes(want.product)) &&
    (!want.days || Date.now() - Date.parse(event.dataset.time) <= want.days * 86400000) &&
    want.text.split(/\s+/).every((word) => event.dataset.text.includes(word));
  const filter = () => {
    const want = chosen();
    let shown = 0;
    for (const event of events) {
      event.hidden = !fits(event, want);
      if (!event.hidden) shown += 1;
    }
    byId("count").textContent = `${shown === events.length ? "" : `${shown} of `}${events.length} ${events.length === 1 ? "event" : "events"}`;
    byId("none").hidden = shown > 0;
    if (byId("older")) byId("older").hidden = beyond === 0;
    const kept = new URLSearchParams([...new FormData(filters)].filter(([, value]) => value));
    history.replaceState(null, "", kept.size ? `#?${kept}` : location.pathname + location.search);
  };
  const recall = () => {
    if (!location.hash.startsWith("#?")) return;
    const kept = new URLSearchParams(location.hash.slice(2));
    for (const name of ["text", "product", "days"]) if (kept.has(name)) filters.elements[name].value = kept.get(name);
    for (const box of filters.querySelectorAll("[name=kind]")) box.checked = kept.getAll("kind").includes(box.value);
    filter();
  };
  // older events lie in archives, fifty a page: they are taken in, the newest first, until enough fit or there are no more
  const takeIn = async (number) => {
    const answer = await fetch(`${root}archive/${number}.html`);
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const older = [...page.querySelectorAll(".timeline > .event")].filter((event) => event.dataset.kind !== "news");
    for (const link of page.querySelectorAll(".timeline a[href^='../']")) link.setAttribute("href", root + link.getAttribute("href").slice(3));
    return older.map((event) => document.importNode(event, true));
  };
  const older = async () => {
    const button = byId("older");
    button.disabled = true;
    const want = chosen();
    const enough = events.filter((event) => fits(event, want)).length + 25;
    try {
      while (beyond > 0 && events.filter((event) => fits(event, want)).length < enough) {
        const several = Array.from({ length: Math.min(beyond, 6) }, (_, place) => beyond - place);
        for (const page of await Promise.all(several.map(takeIn))) {
          events.push(...page);
          byId("events").append(...page);
        }
        beyond -= several.length;
        filter();
      }
    } catch {
      byId("count").textContent = "Older events cannot be read now.";
    }
    button.disabled = false;
  };
  if (filters) {
    filters.hidden = false;
    filters.addEventListener("input", filter);
    filters.addEventListener("submit", (event) => event.preventDefault());
    filters.addEventListener("reset", () => setTimeout(filter));
    window.addEventListener("hashchange", recall);
    byId("older")?.addEventListener("click", older);
    recall();
  }

  // --- the search in all updates
  const search = byId("search");
  let shelf = null;
  const words = (row) => [row.title, row.id, ...row.kbs, ...row.cves, ...row.products, ...row.packages.map((offer) => offer.build)].join(" ").toLowerCase();
  const json = (path) => fetch(root + path).then((answer) => answer.json());
  const known = async () => {
    const { shelves } = await json("updates.json");
    const years = await Promise.all(Object.keys(shelves).map((name) => json(`years/${name}.json`)));
    return years.flat().map((row) => ({ row, text: words(row) }));
  };
  const look = async () => {
    const text = search.elements.text.value.trim().toLowerCase();
    const found = byId("found");
    if (text.length < 3) {
      found.replaceChildren();
      byId("hits").textContent = "Type at least three characters.";
      return;
    }
    shelf ??= known();
    const rows = (await shelf).filter((one) => text.split(/\s+/).every((word) => one.text.includes(word)));
    if (text !== search.elements.text.value.trim().toLowerCase()) return; // typed on while this was looked up
    byId("hits").textContent = rows.length === 1 ? "1 update" : `${rows.length} updates${rows.length > 50 ? ", the newest 50 shown" : ""}`;
    found.replaceChildren(
      ...rows.slice(0, 50).map(({ row }) => {
        const item = element("li", "");
        const state = row.state === "pulled" ? "pulled right now" : row.state;
        item.append(element("a", row.title, { href: root + row.page }), ` ${row.kbs.slice(0, 3).join(", ")} `, element("span", state, { class: `state ${row.state === "pulled" ? "bad" : ""}` }));
        return item;
      }),
    );
  };
  if (search) {
    search.hidden = false;
    search.addEventListener("input", look);
    search.addEventListener("submit", (event) => event.preventDefault());
  }

  // --- is it still true?  status.json is written by every run, and says until when the page may be believed
  const warn = (text) => {
    // What is green says how things were, not how they are
    document.body.classList.add("is-stale");
    byId("stale").textContent = text;
    byId("stale").hidden = false;
  };
  const health = (status) => {
    for (const source of status.sources) {
      const row = document.querySelector(`#sources [data-source="${CSS.escape(source.name)}"]`);
      if (!row) continue;
      const put = (field, text) => (row.querySelector(`[data-field=${field}]`).textContent = text);
      put("succeeded", source.succeeded ? spoken(source.succeeded) : "–");
      put("changed", source.changed ? spoken(source.changed) : "–");
      const well = source.failures === 0;
      const asked = source.succeeded || !well;
      const text = !asked ? "not asked yet" : well ? "well" : `failing, ${source.failures} in a row`;
      row.querySelector("[data-field=health]").replaceChildren(element("span", text, { class: `state ${!asked ? "" : well ? "ok" : "bad"}` }));
    }
    if (byId("live")) byId("live").textContent = `As of ${spoken(status.checked)}.`;
  };
  const judge = (status) => {
    byId("checked").replaceChildren(`Last checked ${spoken(status.checked)}. `, element("a", "Status", { href: `${root}status.json` }));
    if (Date.now() > Date.parse(status.valid_until)) {
      warn(`This page may be out of date: the last check was on ${spoken(status.checked)}. See to the job that runs the watcher.`);
    }
    health(status);
  };
  if (location.protocol.startsWith("http")) {
    const ask = () =>
      fetch(`${root}status.json`, { cache: "no-cache" })
        .then((answer) => answer.json())
        .then(judge)
        .catch(() => warn("Whether this page is up to date is not known: its status.json cannot be read."));
    ask();
    setInterval(ask, 600000);
  }
})();
