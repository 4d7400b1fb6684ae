"use strict";
// Theme first, so that the page never flashes in the wrong one. Without script every word and picture is still there.
const root = document.documentElement;
root.classList.add("js");

const memory = {
  get(key) {
    try { return localStorage.getItem(key); } catch { return null; }  // storage may be forbidden for local files
  },
  set(key, value) {
    try { localStorage.setItem(key, value); } catch { /* the choice then lasts for this visit */ }
  },
};

const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const chosenTheme = memory.get("theme");
if (chosenTheme) root.dataset.theme = chosenTheme;
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : prefersDark.matches);

document.addEventListener("DOMContentLoaded", () => {
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const button = (text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", act);
    return made;
  };

  // The words of an element as they are read: a formula also holds its TeX, and a heading a link to itself.
  const wordsOf = (element) => {
    if (!element.querySelector("annotation, .anchor")) return element.textContent.trim();
    const copy = element.cloneNode(true);
    all("annotation, .anchor", copy).forEach((part) => part.remove());
    return copy.textContent.trim();
  };

  const linkTo = (element, text) => Object.assign(document.createElement("a"), { href: "#" + element.id, textContent: text });

  const leave = () => history.replaceState(scrollY, "");  // what Back returns to

  const charts = setUpCharts();
  setUpTheme();
  setUpCode();
  const chapters = setUpChapters();
  const goTo = (element) => {
    chapters.show(element);
    for (let around = element.closest("details"); around; around = around.parentElement.closest("details")) around.open = true;
    element.scrollIntoView({ block: element.matches("h2, h3, h4, h5") ? "start" : "center" });
  };
  setUpContents();
  setUpSearch();
  setUpPreviews();
  setUpAnchors();
  setUpFigures();
  all("main table").forEach(makeSortable);

  function setUpTheme() {
    const control = document.getElementById("theme-switch");
    const show = () => {
      control.textContent = isDark() ? "Light" : "Dark";
      control.setAttribute("aria-label", isDark() ? "Use the light theme" : "Use the dark theme");
      charts.paint();
    };
    control.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      memory.set("theme", root.dataset.theme);
      show();
    });
    prefersDark.addEventListener("change", show);
    show();
  }

  function setUpCode() {
    // What scrolls must be reachable by the keyboard.
    const reachable = new ResizeObserver((entries) => {
      for (const { target } of entries) {
        if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
        else target.removeAttribute("tabindex");
      }
    });
    all("pre, math[display=block]").forEach((block) => reachable.observe(block));
    const control = document.getElementById("code-switch");
    const blocks = all("details.code");
    if (!blocks.length) {
      control.remove();
      return;
    }
    const show = () => {
      const open = blocks.every((block) => block.open);
      control.textContent = open ? "Hide all code" : "Show all code";
      control.setAttribute("aria-pressed", String(open));
    };
    control.addEventListener("click", () => {
      const open = !blocks.every((block) => block.open);
      blocks.forEach((block) => { block.open = open; });
    });
    blocks.forEach((block) => block.addEventListener("toggle", show));
  }

  // One chapter at a time or all; links lead into any.
  function setUpChapters() {
    const control = document.getElementById("chapter-switch");
    const parts = all("main > .chapter");
    const title = document.querySelector("main > .title");
    const place = (part) => {
      all("main > .here").forEach((other) => other.classList.remove("here"));
      part.classList.add("here");
      if (part === parts[0]) title.classList.add("here");
    };
    if (matchMedia("(max-width: 30rem)").matches) document.getElementById("contents").prepend(control);  // the bar is full there
    const isSingle = () => root.classList.contains("single");
    const choose = (single) => {
      root.classList.toggle("single", single);
      control.textContent = single ? "All chapters" : "One chapter";
      control.setAttribute("aria-pressed", String(single));
    };
    const show = (element) => {
      const part = element.closest(".chapter") ?? parts[0];
      if (isSingle() && part) place(part);
    };
    if (parts.length < 2) {
      control.remove();
      return { show };
    }
    parts.forEach((part, i) => {
      const pager = document.createElement("nav");
      pager.className = "pager";
      pager.setAttribute("aria-label", "Chapters before and after " + part.querySelector("h2").textContent);
      for (const [other, sign] of [[parts[i - 1], "← "], [parts[i + 1], "→ "]]) {
        const heading = other?.querySelector("h2");
        pager.append(heading ? linkTo(heading, sign + heading.textContent) : document.createElement("span"));
      }
      part.append(pager);
    });
    const target = () => document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const inView = () => parts.findLast((part) => part.getBoundingClientRect().top < 140) ?? parts[0];
    place(parts[0]);
    choose(memory.get("single") === "yes");
    show(target() ?? parts[0]);
    control.addEventListener("click", () => {
      const here = isSingle() ? document.querySelector(".chapter.here") : inView();
      place(here);
      choose(!isSingle());
      memory.set("single", isSingle() ? "yes" : "no");
      const heading = here.querySelector("h2");
      heading.scrollIntoView({ behavior: "instant" });
      history.replaceState(null, "", "#" + heading.id);
    });
    document.addEventListener("click", (event) => {
      const link = event.target.closest('a[href^="#"]');
      const to = link && document.getElementById(decodeURIComponent(link.hash.slice(1)));
      if (!to?.closest("main")) return;
      leave();
      show(to);
    }, { capture: true });
    // An address that the reader comes back to has the place where it was left; one without a name is the first chapter's.
    addEventListener("hashchange", () => {
      const to = target()?.closest("main") ? target() : title;
      show(to);
      if (history.state !== null) scrollTo({ top: history.state, behavior: "instant" });
      else if (to !== title) goTo(to);
    });
    return { show };
  }

  // Every paragraph, row and line of code that holds all the words; what is found first in headings stands first.
  function setUpSearch() {
    const field = document.querySelector("#search input");
    const list = document.getElementById("found");
    const shown = 20;
    let index;
    const read = () => {
      let heading = document.querySelector("h1");
      return all("h2, h3, h4, h5, p, li, tr, pre, blockquote", document.getElementById("content")).flatMap((element) => {
        if (element.matches("h2, h3, h4, h5")) heading = element;
        if (element.querySelector("p, li, pre") || element.closest("[hidden]")) return [];
        return [{ element, heading, text: wordsOf(element).replace(/\s+/g, " "), first: element === heading }];
      });
    };
    // A word is found where a word begins so; a sign anywhere.
    const beginning = (word) => (/^[\p{L}\p{N}]/u.test(word) ? "(?<![\\p{L}\\p{N}])" : "") + word.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
    const told = ({ element, heading, text, first }, words) => {
      const link = linkTo(heading, "");
      const place = document.createElement("small");
      place.textContent = first ? "Section" : wordsOf(heading);
      const at = text.search(new RegExp(words[0], "iu"));
      const from = Math.max(0, text.lastIndexOf(" ", at - 40));
      const pieces = text.slice(from, at + 90).split(new RegExp(`(${words.join("|")})`, "iu"));
      const marked = pieces.map((piece, i) => (i % 2 ? Object.assign(document.createElement("mark"), { textContent: piece }) : piece));
      link.append(place, from ? "… " : "", ...marked);
      link.addEventListener("click", (event) => {
        event.preventDefault();
        close();
        leave();
        history.pushState(null, "", link.href);
        goTo(element);
        element.classList.add("reached");
        setTimeout(() => element.classList.remove("reached"), 2500);
      });
      const item = document.createElement("li");
      item.append(link);
      return item;
    };
    const close = () => { list.hidden = true; };
    field.addEventListener("input", () => {
      const words = field.value.split(/\s+/).filter(Boolean).map(beginning);
      list.hidden = !words.length;
      index ??= read();
      const tests = words.map((word) => new RegExp(word, "iu"));
      const found = words.length ? index.filter(({ text }) => tests.every((test) => test.test(text))) : [];
      found.sort((a, b) => b.first - a.first);
      const count = document.createElement("p");
      count.textContent = found.length > shown ? `${shown} of ${found.length} places` : `${found.length} places`;
      const item = document.createElement("li");
      item.append(count);
      list.replaceChildren(item, ...found.slice(0, shown).map((one) => told(one, words)));
    });
    document.getElementById("search").addEventListener("submit", (event) => {
      event.preventDefault();
      list.querySelector("a")?.click();
    });
    document.addEventListener("click", (event) => { if (!event.target.closest("#search")) close(); });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
      if (event.key === "/" && !event.target.closest("input, textarea")) {
        event.preventDefault();
        field.focus();
      }
    });
  }

  // A figure, table, equation or source appears beside a link to it.
  function setUpPreviews() {
    const card = document.getElementById("preview");
    const hide = () => { card.hidden = true; };
    const show = (link) => {
      const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
      if (!target?.matches("figure, table, .equation, .csl-entry")) return;
      const copy = target.cloneNode(true);
      all("[id], .tools, .chart, script", copy).forEach((part) => part.removeAttribute("id"));
      all(".tools, .chart, script", copy).forEach((part) => part.remove());
      copy.removeAttribute("id");
      copy.classList.remove("drawn");
      const rest = all("tbody tr", copy).slice(30);
      rest.forEach((row) => row.remove());
      card.replaceChildren(copy);
      card.hidden = false;
      const { left, top, bottom } = link.getBoundingClientRect();
      card.style.maxHeight = `${Math.max(top, innerHeight - bottom) - 20}px`;
      card.classList.toggle("cut", rest.length > 0 || card.scrollHeight > card.clientHeight);
      card.style.left = `${Math.max(8, Math.min(left, innerWidth - card.offsetWidth - 8))}px`;
      card.style.top = `${bottom + card.offsetHeight + 12 < innerHeight ? bottom + 8 : Math.max(8, top - card.offsetHeight - 8)}px`;
    };
    const content = document.getElementById("content");
    const isLink = (event) => event.target.closest?.('#content a[href^="#"]:not(.anchor)');
    if (matchMedia("(hover: hover)").matches) {
      document.addEventListener("mouseover", (event) => { const link = isLink(event); if (link) show(link); else hide(); });
    }
    content.addEventListener("focusin", (event) => { const link = isLink(event); if (link?.matches(":focus-visible")) show(link); });
    content.addEventListener("focusout", hide);
    addEventListener("scroll", hide, { passive: true });
    addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  }

  function setUpContents() {
    const contents = document.getElementById("contents");
    const menu = document.getElementById("menu");
    const setMenu = (open) => {
      contents.classList.toggle("shown", open);
      menu.setAttribute("aria-expanded", String(open));
    };
    menu.addEventListener("click", () => setMenu(menu.getAttribute("aria-expanded") !== "true"));
    contents.addEventListener("click", (event) => { if (event.target.closest("a")) setMenu(false); });
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") setMenu(false); });

    const links = new Map(all("a", contents).map((link) => [decodeURIComponent(link.hash.slice(1)), link]));
    const parts = all("main > .chapter").map((part) => [part, all(":is(h2, h3, h4)[id]", part).filter(({ id }) => links.has(id))]);
    let current = null;
    const follow = () => {
      const isAbove = (element) => element.getClientRects().length && element.getBoundingClientRect().top < 140;
      const [, headings] = parts.findLast(([part]) => isAbove(part)) ?? parts.find(([part]) => part.getClientRects().length) ?? [null, []];
      const link = links.get((headings.findLast(isAbove) ?? headings[0])?.id);
      if (!link || link === current) return;
      current?.removeAttribute("aria-current");
      all("li.open", contents).forEach((item) => item.classList.remove("open"));
      link.setAttribute("aria-current", "location");
      for (let item = link.closest("li"); item; item = item.parentElement.closest("li")) item.classList.add("open");
      if (contents.scrollHeight > contents.clientHeight) {
        const middle = link.offsetTop - contents.clientHeight / 2;
        if (Math.abs(contents.scrollTop - middle) > contents.clientHeight / 3) contents.scrollTop = middle;
      }
      current = link;
    };
    let waiting = false;
    addEventListener("scroll", () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; follow(); });
    }, { passive: true });
    follow();
  }

  function setUpAnchors() {
    for (const heading of all("main :is(h2, h3, h4, h5)[id]")) {
      const link = document.createElement("a");
      link.className = "anchor";
      link.href = "#" + heading.id;
      link.textContent = "#";
      link.setAttribute("aria-label", "Link to this section");
      heading.append(link);
    }
  }

  function setUpFigures() {
    const viewer = document.getElementById("viewer");
    viewer.addEventListener("click", (event) => { if (event.target === viewer || event.target.closest("a")) viewer.close(); });
    for (const figure of all("main figure[id]")) {
      const image = figure.querySelector("img");
      const caption = figure.querySelector("figcaption");
      const name = nameOf(figure);
      const enlarge = () => {
        const picture = viewer.querySelector("img");
        picture.src = image.src;
        picture.alt = image.alt;
        viewer.querySelector(".caption").replaceChildren(...caption.cloneNode(true).childNodes);
        viewer.showModal();
      };
      const download = () => {
        const link = document.createElement("a");
        const kind = image.src.startsWith("data:image/svg") ? ".svg" : ".png";
        link.href = image.src;
        link.download = figure.id.replace(/^fig:/, "") + kind;
        link.click();
      };
      image.addEventListener("click", enlarge);
      const spec = figure.querySelector('script[type="application/json"]');
      figure.append(toolsOf(name, {
        Code: codeOf(figure),
        Data: spec && (() => save(`${figure.id.replace(/^fig:/, "")}.csv`, asCsv(valuesOf(JSON.parse(spec.textContent))))),
        Notebook: notebookOf(figure),
        Enlarge: enlarge,
        Download: download,
      }));
    }
    for (const table of all("main table[id]")) {
      const name = nameOf(table);
      const box = table.closest(".scroll");
      const rows = () => [...table.rows].map((row) => [...row.cells].map(wordsOf));
      box.after(toolsOf(name, {
        Code: codeOf(box),
        Data: () => save(`${table.id.replace(/^tbl:/, "")}.csv`, asCsv(rows())),
        Notebook: notebookOf(box),
      }));
    }
  }

  function nameOf(item) {
    return item.querySelector(".label").textContent.replace(/\.$/, "");
  }

  // Shows or hides the code of the cell that made a figure or table: it stands after all that the cell shows.
  function codeOf(shown) {
    const chapter = shown.closest(".chapter");
    const code = chapter && all(".behind", chapter).find((one) => shown.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING);
    return code && ((event) => {
      code.hidden = !code.hidden;
      event.target.setAttribute("aria-expanded", String(!code.hidden));
      if (!code.hidden) code.scrollIntoView({ block: "nearest" });
    });
  }

  // The address of the notebook that shows a figure or table; none on the front pages, in appendices, and where the page was
  // taken out of its folder.
  function notebookOf(shown) {
    const { notebook } = shown.closest(".chapter")?.querySelector("h2").dataset ?? {};
    const folder = document.body.dataset.notebooks;
    return folder && notebook && /\/report\/[^/]+$/.test(location.pathname) && `${folder}/${notebook}`;
  }

  // An act is what a click does, or an address.
  function toolsOf(name, acts) {
    const tools = document.createElement("div");
    tools.className = "tools";
    for (const [text, act] of Object.entries(acts).filter(([, act]) => act)) {
      const made = typeof act === "string" ? document.createElement("a") : button(text, act);
      if (typeof act === "string") Object.assign(made, { href: act, textContent: text });
      made.setAttribute("aria-label", `${text} ${["Enlarge", "Download"].includes(text) ? "" : "of "}${name}`);
      tools.append(made);
    }
    return tools;
  }

  function save(name, text) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  }

  function asCsv(rows) {
    return rows.map((row) => row.map((cell) => `"${String(cell ?? "").replace(/"/g, '""')}"`).join(",")).join("\r\n") + "\r\n";
  }

  // A row a point or a cell with a value; panels have the titles that stand above them, in the order of their axes.
  function valuesOf({ data, layout }) {
    const titles = (layout.annotations ?? []).map(({ text }) => text.replace(/<br>/g, " "));
    const rows = data.flatMap(({ name = "", x, y, z, r, theta, text, xaxis = "x" }) => {
      const panel = layout.xaxis2 ? titles[(xaxis.slice(1) || 1) - 1] : "";
      const [across, upright, shades] = [x ?? theta, y ?? r, z].map(numbersOf);
      const cells = () => shades.flatMap((row, i) => row.map((value, j) => [across?.[j] ?? j, upright?.[i] ?? i, value, text?.[i][j]]));
      const points = () => (upright ?? across ?? []).map((_, i) => [across?.[i] ?? i, upright?.[i]]);
      const found = shades ? cells().filter(([, , value]) => value != null) : points().filter(([, value]) => value != null);
      return found.map((row) => [panel, name, ...row]);
    });
    const [x, y] = ["x", "y"].map((axis) => layout[`${axis}axis`]?.title?.text ?? axis);
    const heads = ["panel", "series", x, y, "value", "label"];
    const used = heads.map((_, column) => rows.some((row) => (row[column] ?? "") !== ""));
    return [heads, ...rows].map((row) => heads.map((_, i) => row[i]).filter((_, i) => used[i]));
  }

  // Plotly's JSON holds arrays of numbers as their bytes.
  function numbersOf(values) {
    if (!values?.bdata) return values;
    const kinds = { f8: Float64Array, f4: Float32Array, i4: Int32Array, u4: Uint32Array, i2: Int16Array, u2: Uint16Array, i1: Int8Array, u1: Uint8Array };
    const flat = [...new kinds[values.dtype](Uint8Array.from(atob(values.bdata), (letter) => letter.charCodeAt(0)).buffer)];
    const [rows, columns] = String(values.shape ?? "").split(",").map(Number);
    return columns ? Array.from({ length: rows }, (_, i) => flat.slice(i * columns, (i + 1) * columns)) : flat;
  }

  // Numbers as the report writes them: 1,234.5 · −0.3 · 91.8% · 4.6 × 10⁻⁴ · 0.91 ± 0.02.
  function sortKey(cell) {
    const text = cell.textContent.trim();
    const plain = text.replace(/,/g, "").replace(/−/g, "-").replace(/[⁰¹²³⁴-⁹⁻]/g, (sign) => "0123456789-"["⁰¹²³⁴⁵⁶⁷⁸⁹⁻".indexOf(sign)]);
    const match = plain.match(/^[≈~<>≤≥]?\s*([-+]?\d*\.?\d+)(?:\s*×\s*10(-?\d+))?(?![\d-]*-)/);
    return match ? Number(match[1]) * 10 ** Number(match[2] ?? 0) : text.toLowerCase();
  }

  function makeSortable(table) {
    const heads = all("thead th", table);
    const body = table.tBodies[0];
    if (!body || body.rows.length < 2) return;
    heads.forEach((head, column) => {
      const sort = () => {
        const direction = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
        const keyed = [...body.rows].map((row) => [sortKey(row.cells[column]), row]);
        keyed.sort(([a], [b]) => {
          if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;  // text such as "n/a" stays last
          return direction * (typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true }));
        });
        body.append(...keyed.map(([, row]) => row));
      };
      const control = button("", sort);
      if (!head.textContent.trim()) control.setAttribute("aria-label", "Sort by the names of the rows");
      control.append(...head.childNodes);
      head.append(control);
    });
  }

  function setUpCharts() {
    const drawn = new Set();
    const specs = new Map();
    // Widths follow the page, not the notebook, and so do heights, unless a chart is made higher; on a phone the legend stands below, in room of its own.
    const fit = (chart) => {
      const { data, layout } = JSON.parse(chart.nextElementSibling.textContent);
      if (layout.height > chart.clientHeight) chart.style.height = `${layout.height}px`;
      delete layout.width;
      delete layout.height;
      layout.margin ??= { l: 60, r: 20, t: layout.title ? 60 : 36, b: 50 };
      const entries = data.filter((trace) => trace.name && trace.showlegend !== false).length;
      if (chart.clientWidth < 500 && entries > 1) {
        const room = 20 * entries;
        chart.style.height = `${chart.clientHeight + room}px`;
        layout.margin = { ...layout.margin, b: 60 + room };
        layout.legend = { ...layout.legend, orientation: "h", x: 0, xanchor: "left", yref: "container", y: 0, yanchor: "bottom" };
      }
      specs.set(chart, { data, layout });
    };
    const look = (layout) => {
      const value = (name) => getComputedStyle(root).getPropertyValue(name).trim();
      const changes = {
        paper_bgcolor: value("--paper"), plot_bgcolor: value("--paper"), "font.color": value("--ink"), "polar.bgcolor": value("--paper"),
      };
      for (const axis of Object.keys(layout).filter((key) => /^[xy]axis/.test(key)).concat("polar.angularaxis", "polar.radialaxis")) {
        changes[axis + ".gridcolor"] = value("--line");
        changes[axis + ".linecolor"] = value("--quiet");
        changes[axis + ".zerolinecolor"] = value("--line");
      }
      return changes;
    };
    const paint = () => drawn.forEach((chart) => Plotly.relayout(chart, look(chart.layout)));
    // The library is large: it is unpacked once, when the first chart comes near.
    let library;
    const unpack = async () => {
      const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), (letter) => letter.charCodeAt(0));
      const script = document.createElement("script");
      script.textContent = await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
      document.head.append(script);
    };
    const draw = async (chart) => {
      await (library ??= unpack());
      const { data, layout } = specs.get(chart);
      await Plotly.newPlot(chart, data, { ...layout, autosize: true }, { responsive: true, displaylogo: false });
      drawn.add(chart);
      Plotly.relayout(chart, look(chart.layout));
    };
    const nearby = new IntersectionObserver((entries) => {
      for (const entry of entries.filter(({ isIntersecting }) => isIntersecting)) {
        nearby.unobserve(entry.target);
        draw(entry.target.querySelector(".chart"));
      }
    }, { rootMargin: "400px" });
    for (const figure of all("figure.interactive")) {
      // The place is taken at once, so that drawing later moves nothing.
      const chart = figure.querySelector(".chart");
      chart.hidden = false;
      figure.classList.add("drawn");
      fit(chart);
      nearby.observe(figure);
    }
    return { paint };
  }
});
