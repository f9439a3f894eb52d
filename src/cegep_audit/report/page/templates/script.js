// The presence matrix (sort, filter, search, save), charts to save, and sheets. The page can be read without this script.
"use strict";
(() => {
  const language = document.documentElement.lang;
  const collator = new Intl.Collator(language, { numeric: true, sensitivity: "base" });
  const percent = new Intl.NumberFormat(`${language}-CA`, { style: "percent", maximumFractionDigits: 0 });
  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim();
  const save = (content, type, name) => {
    const link = document.createElement("a");
    link.href = content.startsWith("data:") ? content : URL.createObjectURL(new Blob([content], { type }));
    link.download = name;
    link.click();
  };
  // A cell of a CSV file: quoted, and never a formula to a spreadsheet.
  const quoted = (text) => `"${text.trim().replace(/^(?=[=+\-@])/, "'").replace(/"/g, '""')}"`;
  const csv = (lines) => "\ufeff" + lines.map((cells) => cells.map(quoted).join(",")).join("\n") + "\n";

  const grid = document.getElementById("grid");
  if (grid) {
    const body = grid.tBodies[0];
    const headings = Array.from(grid.tHead.rows[0].cells);
    const first = headings.findIndex((heading) => heading.className === "net");
    const networks = first < 0 ? [] : headings.slice(first).map((heading) => heading.dataset.id);
    const STEP = 20; // rows laid out at once: a browser takes long over a table of a thousand
    const rows = Array.from(body.rows, (row) => ({
      row, data: row.dataset, read: row.dataset.state !== "missing",
      text: fold([row.dataset.q, row.dataset.id, row.cells[0].textContent, ...Array.from(row.querySelectorAll(".y a"), (link) => link.textContent)].join(" ")),
      kinds: networks.map((_, place) => row.cells[first + place].className || "n"), count: Number(row.querySelector("td.f").textContent.replace(/\D/g, "")),
    }));
    let fitting = rows;
    let limit = STEP;
    const ranks = { y: 3, u: 2, n: 1, x: 0 };
    const shares = Array.from(grid.tFoot.rows[0].cells).slice(first < 0 ? headings.length : first);

    const value = (one, column) => {
      if (first >= 0 && column >= first) return ranks[one.kinds[column - first]];
      if (headings[column].className === "f") return one.read ? one.count : -1;
      return one.row.cells[column].textContent.trim();
    };
    const compare = (a, b) => (typeof a === "number" ? a - b : (a === "") - (b === "") || collator.compare(a, b));
    const sort = (column, direction) => {
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      headings[column].setAttribute("aria-sort", direction);
      const sign = direction === "ascending" ? 1 : -1;
      const keyed = rows.map((one) => [value(one, column), one]);
      rows.splice(0, rows.length, ...keyed.sort((a, b) => sign * compare(a[0], b[0])).map((item) => item[1]));
      body.append(...rows.map((one) => one.row));
      update();
    };
    headings.forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const isWord = typeof value(rows[0], column) === "string";
        const was = heading.getAttribute("aria-sort");
        sort(column, was ? (was === "ascending" ? "descending" : "ascending") : isWord ? "ascending" : "descending");
        remember();
      });
    });

    const tools = document.getElementById("tools");
    const count = document.getElementById("count");
    const empty = document.getElementById("empty");
    const choices = Array.from(tools.elements).filter((one) => one.name);
    const chosen = (name) => (tools.elements[name] ? tools.elements[name].value : "");
    const fits = (one, words, values, column, wanted, state) =>
      words.every((word) => one.text.includes(word)) &&
      values.every(([name, value]) => one.data[name] === value) &&
      (!state || (state === "read" ? one.read : one.data.state === state)) &&
      (column < 0 || (wanted === "+" ? one.kinds[column] === "y" : one.kinds[column] === "n" || one.kinds[column] === "u"));

    const update = () => {
      const words = fold(chosen("q")).split(" ");
      const on = chosen("on");
      const column = on ? networks.indexOf(on.slice(1)) : -1;
      const state = chosen("state");
      const values = ["type", "region", "language"].map((name) => [name, chosen(name)]).filter((pair) => pair[1]);
      const holders = networks.map(() => 0);
      let read = 0, three = 0;
      fitting = rows.filter((one) => fits(one, words, values, column, on[0], state));
      const shown = new Set(fitting.slice(0, limit));
      for (const one of rows) if (one.row.hidden === shown.has(one)) one.row.hidden = !one.row.hidden;
      for (const one of fitting) {
        if (!one.read) continue;
        read += 1;
        three += one.count >= 3;
        one.kinds.forEach((kind, index) => { holders[index] += kind === "y"; });
      }
      const share = (number) => (read ? percent.format(number / read) : "—");
      shares.forEach((cell, place) => { cell.textContent = share(holders[place]).replace(/\s?%/, ""); });
      const said = count.dataset.words.replace("{n}", fitting.length.toLocaleString(language));
      const more = count.dataset.share.replace("{a}", read.toLocaleString(language)).replace("{s}", share(three));
      count.textContent = read ? `${said} ${more}` : said;
      empty.hidden = fitting.length > 0;
    };

    // The address includes the filters and the order, so that a view can be shared.
    const remember = () => {
      const facts = new URLSearchParams(choices.filter((one) => one.value).map((one) => [one.name, one.value]));
      const sorted = headings.findIndex((heading) => heading.hasAttribute("aria-sort"));
      if (sorted >= 0) facts.set("sort", (headings[sorted].getAttribute("aria-sort") === "ascending" ? "" : "-") + sorted);
      history.replaceState(null, "", facts.size ? `#table?${facts}` : "#table");
    };
    const recall = () => {
      if (!location.hash.startsWith("#table?")) return;
      const facts = new URLSearchParams(location.hash.slice(7));
      choices.forEach((one) => { one.value = facts.get(one.name) || ""; });
      const column = Math.abs(Number(facts.get("sort")));
      if (facts.has("sort") && headings[column]) sort(column, facts.get("sort")[0] === "-" ? "descending" : "ascending");
      update();
      document.getElementById("table").scrollIntoView();
    };
    tools.hidden = false;
    tools.addEventListener("input", () => { limit = STEP; update(); remember(); });
    tools.addEventListener("submit", (event) => event.preventDefault());
    tools.addEventListener("reset", (event) => {
      event.preventDefault(); // the browser would clear the fields only after this handler
      choices.forEach((one) => { one.value = ""; });
      tools.dispatchEvent(new Event("input"));
    });
    document.getElementById("csv").addEventListener("click", () => {
      const names = ["id", "name", "n_networks", ...networks];
      const lines = fitting.map(({ row }) => [
        row.dataset.id, row.querySelector(".who").firstChild.textContent, row.querySelector("td.f").textContent.replace("?", ""),
        ...networks.map((_, index) => { const link = row.cells[first + index].querySelector("a"); return link ? link.href : ""; }),
      ]);
      save(csv([names, ...lines]), "text/csv", "cegep-audit.csv");
    });
    const all = document.getElementById("all");
    if (all) all.addEventListener("click", () => { grid.parentNode.classList.add("all"); all.remove(); });
    addEventListener("hashchange", recall);
    const more = (count) => { if (limit < fitting.length) { limit += count; update(); } };
    const end = document.getElementById("more");
    const near = new IntersectionObserver((seen) => {
      if (!seen.at(-1).isIntersecting || limit >= fitting.length) return;
      more(3 * STEP);
      near.unobserve(end); // observing it again reports it again if the new end is already near
      near.observe(end);
    }, { rootMargin: "900px" });
    near.observe(end);
    addEventListener("beforeprint", () => more(rows.length));
    update();
    recall();
  }

  // A chart or a card as a picture of its own, or its figures.
  const picture = (svg, done) => {
    const image = new Image();
    image.addEventListener("load", () => {
      const canvas = document.createElement("canvas");
      const scale = image.width < 1200 ? 2 : 1;
      canvas.width = scale * image.width;
      canvas.height = scale * image.height;
      const context = canvas.getContext("2d");
      context.scale(scale, scale);
      context.drawImage(image, 0, 0);
      done(canvas.toDataURL("image/png"));
    });
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  };
  const offer = (figure) => {
    const bar = figure.querySelector(".save");
    bar.hidden = false;
    bar.addEventListener("click", (event) => {
      const kind = event.target.dataset.as;
      const name = `cegep-audit-${figure.dataset.name}.${kind}`;
      if (kind === "csv") {
        const table = figure.parentNode.querySelector("table");
        save(csv(Array.from(table.rows, (row) => Array.from(row.cells, (cell) => cell.textContent))), "text/csv", name);
      } else if (kind) {
        const drawn = figure.querySelector("svg").cloneNode(true);
        const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
        for (const [key, to] of [["width", "100%"], ["height", "100%"], ["fill", "#fff"]]) ground.setAttribute(key, to);
        drawn.prepend(ground);
        const text = new XMLSerializer().serializeToString(drawn);
        if (kind === "svg") save(text, "image/svg+xml", name);
        else picture(text, (url) => save(url, "image/png", name));
      }
    });
  };
  document.querySelectorAll("figure.chart").forEach(offer);

  // The card of an institution, made when its sheet opens.
  const broken = (text, most) => {
    const lines = [""];
    for (const word of text.split(" ")) {
      if (lines[0] && lines.at(-1).length + word.length >= most && lines.length < 2) lines.push("");
      lines.push(`${lines.pop()} ${word}`.trim());
    }
    if (lines.length < 2) lines.push("");
    return lines.map((line) => (line.length > most ? `${line.slice(0, most - 1)}…` : line));
  };
  const addCard = (sheet) => {
    const template = document.getElementById("card");
    if (!template || !sheet.dataset.card || sheet.querySelector(".card")) return;
    const [number, unit, peers, names, source] = sheet.dataset.card.split("|");
    const made = template.content.cloneNode(true);
    const figure = made.querySelector("figure");
    const called = sheet.querySelector("h1").textContent;
    figure.dataset.name = (sheet.id || "card").replace(/^f[-.]/, "");
    const said = [...broken(called, 36), number, unit, peers, ...broken(names, 62), source];
    const texts = figure.querySelectorAll("text:empty");
    texts.forEach((text, index) => { text.textContent = said[index]; });
    for (const text of [texts[3], texts[4]]) text.setAttribute("x", 110 + 84 * number.length);
    figure.firstChild.setAttribute("aria-label", [called, ...said.slice(2)].filter(Boolean).join(", "));
    offer(figure);
    sheet.append(made);
  };
  const alone = document.querySelector("main[data-card]");
  if (alone) addCard(alone);

  // Opening a sheet moves the focus and changes the title; going back restores the position.
  const title = document.title;
  let left = 0;
  const open = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const isSheet = target !== null && target.classList.contains("sheet");
    document.title = isSheet ? `${target.querySelector("h1").textContent}, ${title}` : title;
    if (isSheet) {
      addCard(target);
      target.querySelector("h1").focus();
    }
    if (location.hash === "#table" && left) scrollTo(0, left);
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#f']");
    if (link && link.closest("#overview")) left = scrollY;
  });
  addEventListener("hashchange", open);
  open();

  // The navigation marks the section in view.
  const links = new Map(Array.from(document.querySelectorAll(".contents a"), (link) => [link.hash.slice(1), link]));
  const seen = new Set();
  const watch = new IntersectionObserver((entries) => {
    entries.forEach((entry) => (entry.isIntersecting ? seen.add(entry.target.id) : seen.delete(entry.target.id)));
    const here = Array.from(links.keys()).find((name) => seen.has(name));
    links.forEach((link, name) => (name === here ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current")));
    const current = links.get(here);
    if (current) current.closest("ul").scrollTo({ left: current.offsetLeft - 40 });
  }, { rootMargin: "-10% 0px -70% 0px" });
  links.forEach((_, name) => watch.observe(document.getElementById(name)));

  // Print the figures of the charts too.
  addEventListener("beforeprint", () => document.querySelectorAll("details.figures, .causes details").forEach((one) => { one.open = true; }));

  for (const button of document.querySelectorAll("button.copy")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      getSelection().selectAllChildren(document.getElementById(button.dataset.from));
      document.execCommand("copy"); // browsers refuse the newer API to files opened from a disk
      button.textContent = button.dataset.done;
    });
  }
})();
