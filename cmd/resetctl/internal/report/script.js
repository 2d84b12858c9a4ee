
// Search and filter of the full table. Everything else works without.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const filter = byId("filter"), q = byId("q"), target = byId("target"), outcome = byId("outcome"), shown = byId("shown");
  const table = byId("rows");
  const number = new Intl.NumberFormat("en");
  // Behind the input's own columns stand ten of ours.
  const first = table.tHead.rows[0].cells.length - 10;
  const plain = (s) => s.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");

  let blocks = null, all = 0; // read when something is first looked for
  const read = () => blocks ??= Array.from(table.tBodies, (body) => ({
    body,
    rows: Array.from(body.rows, (tr) => (all++, {
      tr,
      text: plain(Array.from(tr.cells, (c) => c.textContent).join("\n")),
      target: tr.cells[first + 1].textContent,
      outcome: tr.cells[first + 4].textContent,
    })),
  }));

  const apply = () => {
    const words = plain(q.value).split(/\s+/).filter(Boolean);
    let n = 0;
    for (const {body, rows} of read()) {
      const before = n;
      for (const row of rows) {
        const fits = (!target.value || row.target === target.value) &&
          (!outcome.value || row.outcome === outcome.value) &&
          words.every((w) => row.text.includes(w));
        if (row.tr.hidden === fits) row.tr.hidden = !fits;
        if (fits) n++;
      }
      body.hidden = n === before;
    }
    table.classList.toggle("few", n <= 1000);
    shown.textContent = n === all ? `${number.format(n)} rows` : `${number.format(n)} of ${number.format(all)} rows`;
  };
  const clear = () => {
    q.value = target.value = outcome.value = "";
    apply();
  };

  // #q=ana&outcome=failed filters, #r12 shows a row even if it is filtered out.
  const follow = () => {
    const hash = location.hash.slice(1), row = byId(hash);
    if (row?.hidden && table.contains(row)) {
      clear();
      row.scrollIntoView();
    } else if (/^(q|target|outcome)=/.test(hash)) {
      const wanted = new URLSearchParams(hash);
      q.value = wanted.get("q") ?? "";
      target.value = wanted.get("target") ?? "";
      outcome.value = wanted.get("outcome") ?? "";
      apply();
      byId("all").scrollIntoView();
    }
  };

  let waiting = 0;
  q.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, 150);
  });
  target.addEventListener("change", apply);
  outcome.addEventListener("change", apply);
  byId("clear").addEventListener("click", () => {
    clear();
    q.focus();
  });
  addEventListener("hashchange", follow);
  filter.hidden = false;
  if (q.value || target.value || outcome.value) apply(); // what the browser kept
  follow();
})();
