// The table of institutions: sort, filter, search. Sheets open by their address alone; without this script all is there to read.
"use strict";
(() => {
  const language = document.documentElement.lang;
  const collator = new Intl.Collator(language, { numeric: true, sensitivity: "base" });
  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim();

  const grid = document.getElementById("grid");
  if (grid) {
    const body = grid.tBodies[0];
    const rows = Array.from(body.rows);
    const headings = Array.from(grid.tHead.rows[0].cells);
    const ranks = { y: 3, u: 2, n: 1, x: 0 };
    const firstNetwork = headings.findIndex((heading) => heading.className === "net");

    const value = (row, column) => {
      const cell = row.cells[column];
      if (cell.className in ranks) return ranks[cell.className];
      const text = cell.textContent.trim();
      if (headings[column].className === "f") return text === "?" ? -1 : Number(text.replace(/\D/g, ""));
      return text;
    };
    const compare = (a, b) => (typeof a === "number" ? a - b : (a === "") - (b === "") || collator.compare(a, b));

    headings.forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const isWord = typeof value(rows[0], column) === "string";
        const was = heading.getAttribute("aria-sort");
        const direction = was ? (was === "ascending" ? "descending" : "ascending") : isWord ? "ascending" : "descending";
        headings.forEach((other) => other.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", direction);
        const sign = direction === "ascending" ? 1 : -1;
        const keyed = rows.map((row, place) => [value(row, column), place, row]);
        keyed.sort((a, b) => sign * compare(a[0], b[0]) || a[1] - b[1]);
        body.append(...keyed.map((item) => item[2]));
      });
    });

    const tools = document.getElementById("tools");
    const count = document.getElementById("count");
    const search = document.getElementById("q");
    const network = document.getElementById("on");
    const choices = Array.from(tools.querySelectorAll("select[data-value]"));

    const update = () => {
      const words = fold(search.value).split(" ");
      const column = network.value ? firstNetwork + Number(network.value.slice(1)) : 0;
      let shown = 0;
      for (const row of rows) {
        const has = column ? row.cells[column].className : "";
        const isMeant =
          words.every((word) => row.dataset.q.includes(word)) &&
          choices.every((choice) => !choice.value || row.dataset[choice.dataset.value] === choice.value) &&
          (!column || (network.value[0] === "+" ? has === "y" : has === "n" || has === "u"));
        row.hidden = !isMeant;
        shown += isMeant;
      }
      count.textContent = count.dataset.words.replace("{n}", shown.toLocaleString(language));
    };
    tools.hidden = false;
    tools.addEventListener("input", update);
    tools.addEventListener("submit", (event) => event.preventDefault());
    tools.addEventListener("reset", () => setTimeout(update));
    update();
  }

  // A sheet that opens takes the focus and the title; the way back leads to where one was.
  const title = document.title;
  let left = 0;
  const open = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const isSheet = target !== null && target.classList.contains("sheet");
    document.title = isSheet ? `${target.querySelector("h1").textContent}, ${title}` : title;
    if (isSheet) target.querySelector("h1").focus();
    else if (location.hash === "#table" && left) scrollTo(0, left);
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#f']");
    if (link && link.closest("#overview")) left = scrollY;
  });
  addEventListener("hashchange", open);
  open();

  for (const button of document.querySelectorAll("button.copy")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      getSelection().selectAllChildren(document.getElementById(button.dataset.from));
      document.execCommand("copy"); // the newer way is refused to files opened from a disk
      button.textContent = button.dataset.done;
    });
  }
})();
