"use strict";
// Lights, steps, hides for a guess and copies what the page holds. Without it everything is there to be read.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const root = document.documentElement;
  const all = (within, selector) => [...within.querySelectorAll(selector)];
  const make = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  /** Words in both languages; the style sheet shows one. */
  const say = (en, zh, hidden) => {
    const both = [make("span", { lang: "en" }, en), make("span", { lang: "zh" }, zh)];
    return make("span", hidden ? { class: "unseen" } : {}, ...both);
  };
  const button = (sign, en, zh, act) => {
    const made = make("button", { type: "button" }, make("span", { "aria-hidden": "true" }, sign), say(en, zh, sign !== ""));
    made.addEventListener("click", act);
    return made;
  };
  const number = (element, name) => Number(element.dataset[name]);
  const numbers = (text) => (text ? text.split(" ").map(Number) : []);
  const stripsOf = (article) => all(article, ".strip .scroll");
  const stripAt = (element) => element.closest(".strip .scroll");
  const rowsOf = (article) => all(article, ".rows .call,.rows .packet");

  // What the reader chose is remembered.
  const remembered = "stickdemo page";
  const choices = all(document, ".bar input");
  const store = () => {
    const chosen = choices.filter((input) => input.checked).map((input) => input.id);
    root.lang = chosen.includes("language-zh") ? "zh-CN" : "en";
    try { localStorage.setItem(remembered, chosen.join(" ")); } catch { /* Not every browser lets a file remember. */ }
  };
  const recall = () => {
    let chosen = "";
    try { chosen = localStorage.getItem(remembered) || ""; } catch { /* The same. */ }
    choices.filter((input) => chosen.split(" ").includes(input.id)).forEach((input) => { input.checked = true; });
    if (chosen) store();
    document.querySelector(".bar").addEventListener("change", store);
  };

  /** What belongs to an event, and to a message: made once, when it is first asked for. */
  const indexOf = (article) => {
    if (article.index) return article.index;
    const [events, messages] = [new Map(), new Map()];
    const put = (map, key, element) => (map.get(key) ?? map.set(key, []).get(key)).push(element);
    for (const element of all(article, "[data-e],[data-m],[data-ms]")) {
      const { e, m, ms } = element.dataset;
      if (e) put(events, Number(e), element);
      for (const message of numbers(m ?? ms)) put(messages, message, element);
    }
    return (article.index = { events, messages });
  };

  // A strip: its pieces and their parts, its bytes, and where they stand.
  const piecesOf = (strip) => (strip.pieces ??= all(strip, ".piece").map((piece) => {
    const [spans, to] = [all(piece, "[data-m]"), number(piece, "to")];
    const parts = spans.map((span, n) => ({
      span, message: number(span, "m"), offset: number(span, "o"), at: number(span, "at"),
      to: spans[n + 1] ? number(spans[n + 1], "at") : to,
    }));
    return { seq: number(piece, "e"), at: number(piece, "at"), to, parts };
  }));
  const holds = (at) => (range) => range.at <= at && at < range.to;
  const partAt = (strip, at) => piecesOf(strip).flatMap((piece) => piece.parts).find(holds(at));
  const bytesOf = (strip) => [...atob(strip.dataset.bytes || "")].map((byte) => byte.charCodeAt(0));
  const hexOf = (bytes) => bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const textOf = (bytes) => new TextDecoder().decode(new Uint8Array(bytes)).replace(/[\p{C}\u2028\u2029]/gu, "·");
  /** Offsets and their places, rising. */
  const stops = (strip) => (strip.axis ??= strip.dataset.axis.split(" ").map((stop) => stop.split(":").map(Number)));
  const between = (value, list, from, to) => {
    const next = Math.max(1, list.findIndex((stop) => stop[from] > value));
    const [a, b] = value >= list[list.length - 1][from] ? list.slice(-2) : [list[next - 1], list[next]];
    return a[to] + ((b[to] - a[to]) * (value - a[from])) / (b[from] - a[from] || 1);
  };
  const place = (strip, offset) => between(offset, stops(strip), 0, 1);
  /** Which byte is under a point, and how far into it; -1 beside the tapes. */
  const placeAt = (strip, clientX) => {
    const point = new DOMPoint(clientX, 0).matrixTransform(strip.querySelector("svg").getScreenCTM().inverse());
    const [first, last] = [stops(strip)[0], stops(strip).at(-1)];
    return point.x < first[1] || point.x >= last[1] ? -1 : between(point.x, stops(strip), 1, 0);
  };

  // The card: what is known about the byte, the message or the event that is pointed at.
  const card = make("div", { class: "card", role: "status", hidden: "" });
  document.body.append(card);
  /** The words of an event, as the table has them. */
  const told = (article, seq) => {
    const row = indexOf(article).events.get(seq)?.find((element) => element.matches("tr"));
    const line = make("p", {}, make("b", {}, `#${seq} `));
    if (!row) return line;
    const cells = [...row.cells].map((cell) => [...cell.cloneNode(true).childNodes].filter((n) => !n.classList?.contains("piece")));
    const time = row.cells[1].textContent;
    line.append(time ? `${time} ms ` : "", ...cells[2], " ", ...cells[3]);
    if (row.cells[4].textContent) line.append(make("span", { class: "faint" }, " · ", ...cells[4]));
    return line;
  };
  const term = (word, ...value) => [make("dt", {}, word), make("dd", {}, ...value)];
  const byteCard = (article, strip, at) => {
    const [bytes, part, list] = [bytesOf(strip), partAt(strip, at), make("dl", {})];
    const rest = bytes.slice(at, at + 4);
    if (rest.length) list.append(...term("hex", `${hexOf(rest.slice(0, 1))} · ${rest[0]}`, " · ", textOf(rest.slice(0, 1))));
    if (rest.length === 4) {
      const view = new DataView(new Uint8Array(rest).buffer);
      list.append(...term("i32", `${hexOf(rest)} = ${view.getInt32(0, true)} (le) · ${view.getInt32(0)} (be)`));
    }
    list.append(...term(say("in the message", "在消息中"), String(part ? part.offset + at - part.at : 0)), ...term(say("in the stream", "在流中"), String(at)));
    if (strip.dataset.proto === "TCP") list.append(...term(say("sequence number", "序号"), `${at + 1}`, " ", say("(relative)", "（相对）")));
    const title = make("strong", part ? { class: part.span.classList[0] } : {}, part ? `M${part.message} ` : "");
    if (part) title.append(part.span.classList.contains("head") ? say("header", "报头") : say("body", "正文"));
    const seqs = [...new Set(piecesOf(strip).filter(holds(at)).map((piece) => piece.seq))].sort((a, b) => a - b);
    card.replaceChildren(title, list, ...seqs.map((seq) => told(article, seq)));
  };
  /** Beside what is pointed at; it does not cover the tapes. */
  const put = (x, y, strip) => {
    card.hidden = false;
    const { width, height } = card.getBoundingClientRect();
    const box = strip ? strip.getBoundingClientRect() : { top: y - 14, bottom: y + 20 };
    card.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - width - 8))}px`;
    card.style.top = `${box.bottom + height < innerHeight ? box.bottom : Math.max(8, box.top - height)}px`;
  };

  // Lighting: the same message, the same event, the same byte, wherever it stands.
  /** What keeps it lit: a click, until the next one; a key or a link, until the pointer moves. */
  let pinned = null;
  let shown = "";
  let lit = [];
  const light = (article, { events = [], messages = [] }) => {
    dark();
    const index = indexOf(article);
    lit = [...events.map((e) => index.events.get(e)), ...messages.map((m) => index.messages.get(m))].flatMap((some) => some || []);
    lit.forEach((element) => element.classList.add("lit"));
    article.classList.add("lighting");
  };
  /** Marks the bytes of a strip from one place up to another. */
  const mark = (strip, at, to) => {
    const cursor = strip.querySelector(".cursor");
    const [a, b] = [at, to].map((offset) => place(strip, offset));
    cursor.setAttribute("x", a);
    cursor.setAttribute("width", Math.max(b - a, 2));
    cursor.classList.add("on");
  };
  const dark = () => {
    lit.forEach((element) => element.classList.remove("lit"));
    lit = [];
    all(document, ".lighting,.cursor.on").forEach((element) => element.classList.remove("lighting", "on"));
  };
  const hide = () => { dark(); card.hidden = true; pinned = null; shown = ""; };

  /** What is copied: bytes of a strip. */
  let selected = null;
  /** A byte's message is selected; with Shift what lies between the byte before and this one. */
  const select = (strip, at, further) => {
    if (further && selected?.strip === strip) {
      selected = { strip, start: selected.start, from: Math.min(selected.start, at), to: Math.max(selected.start, at) + 1 };
      return mark(strip, selected.from, selected.to);
    }
    const message = partAt(strip, at)?.message;
    const own = piecesOf(strip).flatMap((piece) => piece.parts).filter((part) => part.message === message);
    const range = own.length ? own : [{ at, to: at + 1 }];
    selected = { strip, start: at, from: Math.min(...range.map((part) => part.at)), to: Math.max(...range.map((part) => part.to)) };
  };

  const pointByte = (strip, at, x, y) => {
    const article = strip.closest("article");
    const part = partAt(strip, at);
    strip.at = at;
    light(article, part ? { messages: [part.message] } : { events: piecesOf(strip).filter(holds(at)).map((piece) => piece.seq) });
    mark(strip, at, at + 1);
    byteCard(article, strip, at);
    put(x, y, strip);
  };
  const pointEvent = (article, seq, x, y) => {
    light(article, { events: [seq] });
    card.replaceChildren(told(article, seq));
    put(x, y);
  };
  const point = (target, x, y) => {
    const article = target.closest?.("article");
    if (!article || article.classList.contains("guessing")) return hide();
    const strip = stripAt(target);
    const at = strip && target.closest(".tape") ? Math.floor(placeAt(strip, x)) : -1;
    const claim = target.closest("li.claim");
    const own = target.closest(".call,.packet,tr,a")?.dataset.e;
    const key = strip ? `${strip.ariaLabel}${at}` : own ? `e${own}` : claim ? `c${all(article, "li").indexOf(claim)}` : "";
    if (key === shown) return;
    if (!key || (strip && at < 0)) return hide();
    shown = key;
    if (strip) return pointByte(strip, at, x, y);
    if (own) return pointEvent(article, Number(own), x, y);
    light(article, { events: all(claim, "[data-e]").map((link) => number(link, "e")) });
    card.hidden = true;
  };
  document.addEventListener("pointermove", (event) => {
    if (pinned === "click") return;
    pinned = null;
    point(event.target, event.clientX, event.clientY);
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest(".card,.stepper,.bar,summary,a,button,[popover]")) return;
    const before = selected;
    hide();
    point(event.target, event.clientX, event.clientY);
    pinned = shown ? "click" : null;
    const strip = stripAt(event.target);
    selected = event.shiftKey ? before : null;
    if (shown && strip) select(strip, strip.at, event.shiftKey);
  });
  document.addEventListener("scroll", () => pinned || hide(), { passive: true });

  // Keys within a strip walk its bytes, within the ladder its rows.
  const walk = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  const byKey = (event) => {
    const strip = stripAt(event.target);
    const ladder = event.target.closest(".ladder .scroll");
    const way = walk[event.key];
    if (strip && way && event.key.match(/Left|Right/)) {
      const end = stops(strip).at(-1)[0] - 1;
      const at = Math.max(0, Math.min(end, strip.at === undefined ? 0 : strip.at + way));
      const box = strip.querySelector("svg").getBoundingClientRect();
      pinned = "key";
      strip.at = at;
      if (strip.closest(".guessing")) mark(strip, at, at + 1);
      else {
        pointByte(strip, at, box.left + place(strip, at), box.top + 90);
        select(strip, at, event.shiftKey);
      }
      strip.scrollLeft = Math.max(0, place(strip, at) - strip.clientWidth / 2);
    } else if (ladder && way && event.key.match(/Up|Down/)) {
      const rows = all(ladder, ".call,.packet");
      const row = rows[Math.max(0, Math.min(rows.length - 1, rows.indexOf(document.activeElement) + way))];
      row.setAttribute("tabindex", -1);
      row.focus();
    } else return false;
    return true;
  };
  document.addEventListener("focusin", (event) => {
    const row = event.target.closest?.(".call,.packet,.evidence a");
    if (!row || !row.matches(":focus-visible")) return;
    const box = row.getBoundingClientRect();
    shown = `e${row.dataset.e}`;
    pinned = "key";
    pointEvent(row.closest("article"), number(row, "e"), box.left + 60, box.bottom - 8);
  });

  // Guess first: where will the receive calls end? What answers it is hidden until the reader looks.
  const guess = (article, bar) => {
    const strips = stripsOf(article).filter((strip) => strip.querySelector(".received .piece"));
    if (!strips.length) return;
    const cuts = (strip) => (strip.guessed ??= new Set());
    const toggle = (strip, at) => {
      if (!cuts(strip).delete(at) && at > 0) cuts(strip).add(at);
      all(strip, ".guess").forEach((old) => old.remove());
      for (const cut of cuts(strip)) {
        const line = document.createElementNS(SVG, "path");
        line.setAttribute("class", "guess");
        line.setAttribute("d", `M${place(strip, cut)} 24V${strip.querySelector(".cursor").getAttribute("height")}`);
        strip.querySelector("svg").append(line);
      }
    };
    const said = make("p", { class: "guessed", role: "status" });
    const listed = (some) => [...some].sort((a, b) => a - b).join(", ") || "–";
    const look = () => {
      article.classList.remove("guessing");
      const answers = strips.map((strip) => listed(new Set(all(strip, ".received .piece").map((piece) => number(piece, "to")))));
      const mine = strips.map((strip) => listed(cuts(strip)));
      const right = answers.join(";") === mine.join(";");
      const [yours, real] = [mine.join("; "), answers.join("; ")];
      said.replaceChildren(right ? say("Right. ", "猜对了。") : "", say(`Your cuts: after ${yours}. The receive calls ended after ${real}.`, `你切在 ${yours} 之后；接收调用结束在 ${real} 之后。`));
      history.replaceState(null, "", `#${article.dataset.prefix}guess=${strips.map((strip) => [...cuts(strip)].join(",")).join(";")}`);
    };
    const ask = () => {
      hide();
      article.classList.add("guessing");
      said.replaceChildren(say("Click between the bytes that were sent, wherever you think a receive call will end (or Tab, ← → and Enter); then look. ", "在发出的字节之间，你认为某次接收会结束的地方点一下（也可用 Tab、← → 和回车），然后看答案。"), button("", "Look", "看答案", look));
    };
    strips.forEach((strip) => strip.addEventListener("click", (event) => article.classList.contains("guessing") && toggle(strip, Math.round(placeAt(strip, event.clientX)))));
    article.addEventListener("keydown", (event) => {
      const strip = stripAt(event.target);
      if (event.key === "Enter" && strip?.closest(".guessing")) toggle(strip, (strip.at ?? -1) + 1);
    });
    bar.append(make("span", { class: "ask" }, button("", "Guess first", "先猜", ask)));
    bar.after(said);
    const [, prefix, told] = location.hash.match(/^#(.*?)guess=([\d,;]*)$/) || [];
    if (prefix === article.dataset.prefix) {
      told.split(";").forEach((cut, n) => strips[n] && cut.split(",").filter(Boolean).forEach((at) => toggle(strips[n], Number(at))));
      look();
    } else if (location.hash === "#quiz" || document.body.matches(".quiz")) ask();
  };

  // Copy: the selected bytes, the command, or the tapes as a picture.
  const python = (bytes) => {
    const one = (byte) => (byte < 32 || byte > 126 ? `\\x${hexOf([byte])}` : (byte === 39 || byte === 92 ? "\\" : "") + String.fromCharCode(byte));
    return `b'${bytes.map(one).join("")}'`;
  };
  const isDark = () => {
    const scheme = getComputedStyle(root).colorScheme;
    return scheme === "dark" || (scheme !== "light" && matchMedia("(prefers-color-scheme:dark)").matches);
  };
  /** A drawing as a document of its own, as it looks now. */
  const picture = (svg) => {
    const copy = svg.cloneNode(true);
    copy.prepend(document.querySelector(".patterns defs").cloneNode(true));
    const chosen = `:root{color-scheme:${isDark() ? "dark" : "light"};background:var(--paper);${root.lang === "en" ? "--zh" : "--en"}:none}`;
    const style = `<style><![CDATA[${document.querySelector("style").textContent.split("/* Of the page. */")[0]}${chosen}]]></style>`;
    return new XMLSerializer().serializeToString(copy).replace(/>/, `>${style}`);
  };
  const painted = async (svg) => {
    const image = new Image();
    image.src = `data:image/svg+xml,${encodeURIComponent(picture(svg))}`;
    await image.decode();
    const canvas = make("canvas", { width: 2 * image.width, height: 2 * image.height });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  };
  const copied = async (text) => {
    try { await navigator.clipboard.writeText(text); } catch {
      // Where a file may not use the clipboard: as the reader's own copy would.
      const field = make("textarea", {}, text);
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
  };
  const copiers = (article) => {
    const strips = stripsOf(article);
    const own = () => (selected && article.contains(selected.strip) ? selected : { strip: strips[0], from: 0, to: stops(strips[0]).at(-1)[0] });
    const drawn = () => (strips.length ? own().strip : article.querySelector(".ladder")).querySelector("svg");
    const said = make("output", {});
    const tell = (en, zh) => said.replaceChildren(say(en, zh));
    const bytes = (write) => async () => {
      const { strip, from, to } = own();
      const some = bytesOf(strip).slice(from, to);
      if (!some.length) return tell("This stream is too long for the page: --format json has its bytes.", "这个流太长，网页里没有它的字节：--format json 里有。");
      await copied(write(some));
      tell(`Copied bytes ${from} to ${to - 1}.`, `已复制字节 ${from} 到 ${to - 1}。`);
    };
    const text = (write) => async () => { await copied(write()); tell("Copied.", "已复制。"); };
    const png = async () => {
      const blob = await painted(drawn());
      try { await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]); tell("Copied.", "已复制。"); } catch {
        make("a", { href: URL.createObjectURL(blob), download: "tapes.png" }).click();
        tell("Saved.", "已保存。");
      }
    };
    const buttons = [...(strips.length ? [["hex", bytes(hexOf)], ["Python", bytes(python)]] : []),
      ["SVG", text(() => picture(drawn()))], ["PNG", png]].map(([word, act]) => button("", word, word, act));
    const { command } = article.dataset;
    if (command) buttons.push(button("", "command", "命令", text(() => command)));
    return make("span", { class: "copy", role: "group" }, say("Copy as", "复制为"), ...buttons, said);
  };

  // A link to an event: `#e10`.
  const arrive = () => {
    const [, prefix, seq] = location.hash.match(/^#(.*?)e(\d+)$/) || [];
    const article = seq && document.getElementById(`${prefix}run`);
    const row = article && rowsOf(article).filter((row) => number(row, "e") <= Number(seq)).at(-1);
    if (!row) return;
    const choice = article.querySelector(".ladder input[value=rows]");
    if (choice) choice.checked = true;
    row.scrollIntoView({ block: "center" });
    light(article, { events: [number(row, "e")] });
    shown = `e${row.dataset.e}`;
    pinned = "link";
  };

  // Step by step: what has not happened yet is not seen.
  const stepper = (article) => {
    const seqs = rowsOf(article).map((row) => number(row, "e"));
    const timed = all(article, ".tapes [data-e],.ladder [data-e]").map((element) => [element, number(element, "e")]);
    const slider = make("input", { type: "range", min: 0, max: seqs.length, value: seqs.length });
    const label = make("output", {});
    let timer = null;
    const show = (step) => {
      slider.value = step;
      const now = Number(slider.value);
      const [last, ended] = [seqs[now - 1] || 0, now === seqs.length];
      article.classList.toggle("stepping", !ended);
      // A row that stands for several ends where the next one begins.
      const limit = ended ? Infinity : (seqs[now] || last + 1) - 1;
      for (const [element, seq] of timed) {
        element.classList.toggle("later", seq > limit);
        element.classList.toggle("now", !ended && seq === last);
      }
      label.replaceChildren(`${now}/${seqs.length} `, ...(ended || !last ? [] : told(article, last).childNodes));
    };
    const stop = () => { clearInterval(timer); timer = null; };
    const move = (by) => { stop(); show(Number(slider.value) + by); };
    const play = () => {
      if (timer) return stop();
      if (Number(slider.value) === seqs.length) show(0);
      timer = setInterval(() => (Number(slider.value) < seqs.length ? show(Number(slider.value) + 1) : stop()), 900);
    };
    slider.addEventListener("input", () => { stop(); show(slider.value); });
    const bar = make("div", { class: "stepper", role: "group" },
      button("▶", "Play or pause", "播放或暂停", play), button("←", "One event back", "后退一个事件", () => move(-1)),
      button("→", "One event forward", "前进一个事件", () => move(1)), make("label", {}, say("Step", "步", true), slider), label, copiers(article));
    (article.querySelector(".tapes") || article.querySelector(".ladder")).prepend(bar);
    article.stepper = { move, play, active: () => Number(slider.value) < seqs.length, first: () => show(0) };
    label.textContent = `${seqs.length}/${seqs.length} `;
    guess(article, bar);
  };

  /** The run that fills most of the window. */
  const current = () => {
    const seen = (article) => {
      const { top, bottom } = article.getBoundingClientRect();
      return Math.min(bottom, innerHeight) - Math.max(top, 0);
    };
    return all(document, "article").sort((a, b) => seen(b) - seen(a))[0];
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("input,summary,button")) return;
    const steps = current()?.stepper;
    const projector = document.getElementById("size-projector").checked;
    const clicker = { PageDown: 1, PageUp: -1 }[event.key];
    const arrow = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === "Escape") hide();
    else if (event.key === "b") root.classList.toggle("blank");
    else if (byKey(event)) event.preventDefault();
    else if (steps && arrow) { steps.move(arrow); event.preventDefault(); }
    else if (steps && clicker && (projector || steps.active())) {
      if (projector && !steps.active() && clicker > 0) steps.first(); else steps.move(clicker);
      event.preventDefault();
    } else if (steps && event.key === " " && event.target === document.body) { steps.play(); event.preventDefault(); }
  });

  recall();
  for (const article of all(document, "article")) if (article.querySelector(".rows .call")) stepper(article);
  addEventListener("hashchange", arrive);
  arrive();
})();
