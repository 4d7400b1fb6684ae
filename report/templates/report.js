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

  const charts = setUpCharts();
  setUpTheme();
  setUpCode();
  setUpContents();
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
    const headings = all(":is(h2, h3, h4)[id]", document.getElementById("content")).filter(({ id }) => links.has(id));
    let current = null;
    const follow = () => {
      const passed = headings.filter((heading) => heading.getBoundingClientRect().top < 140);
      const link = links.get((passed.at(-1) ?? headings[0])?.id);
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
    viewer.addEventListener("click", (event) => { if (event.target === viewer) viewer.close(); });
    for (const figure of all("main figure[id]")) {
      const image = figure.querySelector("img");
      const caption = figure.querySelector("figcaption");
      const name = caption.querySelector(".label").textContent.replace(/\.$/, "");
      const enlarge = () => {
        const picture = viewer.querySelector("img");
        picture.src = image.src;
        picture.alt = image.alt;
        viewer.querySelector("p").textContent = caption.textContent;
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
      const tools = document.createElement("div");
      tools.className = "tools";
      for (const [text, act] of [["Enlarge", enlarge], ["Download", download]]) {
        const made = button(text, act);
        made.setAttribute("aria-label", `${text} ${name}`);
        tools.append(made);
      }
      figure.append(tools);
    }
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
    const draw = async (chart) => {
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
