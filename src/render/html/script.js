"use strict";
// Lights, steps, hides for a guess and copies what the page holds. Without it everything is there to be read.
(() => {
  const all = (root, selector) => [...root.querySelectorAll(selector)];
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
  const number = (element, name) => Number(element.dataset[name]);
  const numbers = (text) => (text ? text.split(" ").map(Number) : []);
  const chinese = () => document.documentElement.lang.startsWith("zh");

  // What the reader chose is remembered.
  const remembered = "stickdemo page";
  const choices = all(document, ".bar input");
  const store = () => {
    const chosen = choices.filter((input) => input.checked).map((input) => input.id);
    document.documentElement.lang = chosen.includes("language-zh") ? "zh-CN" : "en";
    try { localStorage.setItem(remembered, chosen.join(" ")); } catch { /* Not every browser lets a file remember. */ }
  };
  const recall = () => {
    let chosen = "";
    try { chosen = localStorage.getItem(remembered) || ""; } catch { /* The same. */ }
    choices.filter((input) => chosen.split(" ").includes(input.id)).forEach((input) => { input.checked = true; });
    if (chosen) store();
    document.querySelector(".bar").addEventListener("change", store);
  };

  // The card: what is known about the byte, the message or the event that is pointed at.
  const card = make("div", { class: "card", role: "status", hidden: "" });
  document.body.append(card);

  /** The words of an event, as the table has them. */
  const told = (article, seq) => {
    const row = article.querySelector(`tr[data-e="${seq}"]`);
    const line = make("p", {}, make("b", {}, `#${seq} `));
    if (!row) return line;
    const cells = [...row.cells].map((cell) => [...cell.cloneNode(true).childNodes].filter((n) => !(n.classList && n.classList.contains("piece"))));
    const time = row.cells[1].textContent;
    line.append(time ? `${time} ms ` : "", ...cells[2], " ", ...cells[3]);
    if (row.cells[4].textContent) line.append(make("span", { class: "faint" }, " · ", ...cells[4]));
    return line;
  };
  const bytesOf = (strip) => (strip.dataset.hex || "").match(/../g)?.map((pair) => parseInt(pair, 16)) || [];
  const hexOf = (bytes) => bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const textOf = (bytes) => new TextDecoder().decode(new Uint8Array(bytes)).replace(/[\p{C}\u2028\u2029]/gu, "·");
  const term = (word, ...value) => [make("dt", {}, word), make("dd", {}, ...value)];

  const pieces = (strip, at) => all(strip, ".piece").filter((p) => number(p, "at") <= at && at < number(p, "to"));
  const partAt = (strip, at) => {
    const parts = pieces(strip, at).flatMap((piece) => all(piece, "[data-m]"));
    return parts.find((part) => number(part, "at") <= at && at < number(part, "to"));
  };

  const byteCard = (article, strip, at) => {
    const bytes = bytesOf(strip);
    const part = partAt(strip, at);
    const list = make("dl", {});
    const offset = part ? number(part, "o") + at - number(part, "at") : 0;
    if (bytes.length > at) {
      const rest = bytes.slice(at, at + 4);
      list.append(...term("hex", `${hexOf([bytes[at]])} · ${bytes[at]}`, " · ", textOf([bytes[at]])));
      if (rest.length === 4) {
        const view = new DataView(new Uint8Array(rest).buffer);
        list.append(...term("i32", `${hexOf(rest)} = ${view.getInt32(0, true)} (le) · ${view.getInt32(0)} (be)`));
      }
    }
    list.append(...term(say("in the message", "在消息中"), String(offset)), ...term(say("in the stream", "在流中"), String(at)));
    if (strip.dataset.proto === "TCP") list.append(...term(say("sequence number", "序号"), `${at + 1}`, " ", say("(relative)", "（相对）")));
    const title = make("strong", { class: part ? part.classList[0] : "" }, part ? `M${part.dataset.m} ` : "");
    if (part) title.append(part.classList.contains("head") ? say("header", "报头") : say("body", "正文"));
    const seqs = [...new Set(pieces(strip, at).map((piece) => number(piece, "e")))].sort((a, b) => a - b);
    card.replaceChildren(title, list, ...seqs.map((seq) => told(article, seq)));
  };

  // Lighting: the same message, the same event, the same byte, wherever it stands.
  /** What keeps it lit: a click, until the next one; a key or a link, until the pointer moves. */
  let pinned = null;
  let shown = "";
  const meets = (some, wanted) => some.some((one) => wanted.includes(one));
  const light = (article, { events = [], messages = [], strip = null, at = 0 }) => {
    dark();
    article.classList.add("lighting");
    for (const element of all(article, "[data-e],[data-m],[data-ms]")) {
      const { e, m, ms } = element.dataset;
      const lit = (e && events.includes(Number(e))) || (m && messages.includes(Number(m))) || (ms && meets(numbers(ms), messages));
      element.classList.toggle("lit", Boolean(lit));
    }
    if (strip) mark(strip, at);
  };
  const mark = (strip, at) => {
    const cursor = strip.querySelector(".cursor");
    const [a, b] = [at, at + 1].map((offset) => place(strip, offset));
    cursor.setAttribute("x", a);
    cursor.setAttribute("width", Math.max(b - a, 2));
    cursor.classList.add("on");
  };
  const dark = () => {
    all(document, ".lit,.lighting,.cursor.on").forEach((element) => element.classList.remove("lit", "lighting", "on"));
  };
  const hide = () => { dark(); card.hidden = true; pinned = null; shown = ""; };

  /** The axis of a strip: offsets and their places, rising. */
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
  const offsetAt = (strip, clientX) => Math.floor(placeAt(strip, clientX));

  /** Beside what is pointed at; it does not cover the tapes. */
  const put = (x, y, strip) => {
    card.hidden = false;
    const { width, height } = card.getBoundingClientRect();
    const box = strip ? strip.getBoundingClientRect() : { top: y - 14, bottom: y + 20 };
    card.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - width - 8))}px`;
    card.style.top = `${box.bottom + height < innerHeight ? box.bottom : Math.max(8, box.top - height)}px`;
  };
  const pointByte = (strip, at, x, y) => {
    const article = strip.closest("article");
    const part = partAt(strip, at);
    strip.at = at;
    light(article, { messages: part ? [number(part, "m")] : [], events: part ? [] : pieces(strip, at).map((p) => number(p, "e")), strip, at });
    byteCard(article, strip, at);
    put(x, y, strip);
  };
  const pointEvent = (article, seqs, x, y) => {
    light(article, { events: seqs });
    card.replaceChildren(...seqs.slice(0, 6).map((seq) => told(article, seq)));
    put(x, y);
  };
  const point = (target, x, y) => {
    const article = target.closest?.("article");
    if (!article || article.classList.contains("guessing")) return hide();
    const strip = target.closest(".strip .scroll");
    const at = strip && target.closest(".tape") ? offsetAt(strip, x) : -1;
    const claim = target.closest("li.claim");
    const own = target.closest(".call,.packet,tr,a")?.dataset.e;
    const key = strip ? `${strip.ariaLabel}${at}` : claim && !own ? `c${all(article, "li").indexOf(claim)}` : own ? `e${own}` : "";
    if (key === shown) return;
    if (!key || (strip && at < 0)) return hide();
    shown = key;
    if (strip) return pointByte(strip, at, x, y);
    if (own) return pointEvent(article, [Number(own)], x, y);
    light(article, { events: all(claim, "[data-e]").map((link) => number(link, "e")) });
    card.hidden = true;
  };

  document.addEventListener("pointermove", (event) => {
    if (pinned === "click") return;
    pinned = null;
    point(event.target, event.clientX, event.clientY);
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest(".card,.stepper,.bar,summary,a")) return;
    hide();
    point(event.target, event.clientX, event.clientY);
    pinned = shown ? "click" : null;
  });
  document.addEventListener("scroll", () => pinned || hide(), { passive: true });

  // Keys within a strip walk its bytes, within the ladder its rows.
  const walk = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  const byKey = (event) => {
    const strip = event.target.closest(".strip .scroll");
    const ladder = event.target.closest(".ladder .scroll");
    const way = walk[event.key];
    if (strip && way && event.key.match(/Left|Right/)) {
      const end = stops(strip).at(-1)[0] - 1;
      const at = Math.max(0, Math.min(end, strip.at === undefined ? 0 : strip.at + way));
      const box = strip.querySelector("svg").getBoundingClientRect();
      pinned = "key";
      strip.at = at;
      if (strip.closest(".guessing")) mark(strip, at);
      else pointByte(strip, at, box.left + place(strip, at), box.top + 90);
      strip.scrollLeft = Math.max(0, place(strip, at) - strip.clientWidth / 2);
    } else if (ladder && way && event.key.match(/Up|Down/)) {
      const rows = all(ladder, ".call,.packet");
      const now = rows.indexOf(document.activeElement);
      const row = rows[Math.max(0, Math.min(rows.length - 1, now + way))];
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
    pointEvent(row.closest("article"), [number(row, "e")], box.left + 60, box.bottom - 8);
  });

  // Guess first: where will the receive calls end? What answers it is hidden until the reader looks.
  const guess = (article, bar) => {
    const strips = all(article, ".strip .scroll").filter((strip) => strip.querySelector(".received .piece"));
    if (!strips.length) return;
    const cuts = (strip) => (strip.guessed ??= new Set());
    const draw = (strip) => {
      all(strip, ".guess").forEach((old) => old.remove());
      for (const at of cuts(strip)) {
        const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
        line.setAttribute("class", "guess");
        line.setAttribute("d", `M${place(strip, at)} 24V${strip.querySelector(".cursor").getAttribute("height")}`);
        strip.querySelector("svg").append(line);
      }
    };
    const toggle = (strip, at) => {
      if (!cuts(strip).delete(at) && at > 0) cuts(strip).add(at);
      draw(strip);
    };
    const said = make("p", { class: "guessed", role: "status" });
    const listed = (some) => [...some].sort((a, b) => a - b).join(", ") || "–";
    const look = () => {
      article.classList.remove("guessing");
      const answers = strips.map((strip) => all(strip, ".received .piece").map((piece) => number(piece, "to")));
      const right = strips.every((strip, n) => listed(cuts(strip)) === listed(new Set(answers[n])));
      const [mine, real] = [strips.map((strip) => listed(cuts(strip))).join("; "), answers.map((ends) => listed(new Set(ends))).join("; ")];
      said.replaceChildren(right ? say("Right. ", "猜对了。") : "", say(`Your cuts: after ${mine}. The receive calls ended after ${real}.`, `你切在 ${mine} 之后；接收调用结束在 ${real} 之后。`));
      history.replaceState(null, "", `#guess=${strips.map((strip) => [...cuts(strip)].join(",")).join(";")}`);
    };
    const ask = () => {
      hide();
      article.classList.add("guessing");
      said.replaceChildren(say("Click between the bytes that were sent, wherever you think a receive call will end (or Tab, ← → and Enter); then look. ", "在发出的字节之间，你认为某次接收会结束的地方点一下（也可用 Tab、← → 和回车），然后看答案。"), button("", "Look", "看答案", look));
    };
    strips.forEach((strip) => strip.addEventListener("click", (event) => article.classList.contains("guessing") && toggle(strip, Math.round(placeAt(strip, event.clientX)))));
    article.addEventListener("keydown", (event) => {
      const strip = event.target.closest(".strip .scroll");
      if (event.key === "Enter" && strip?.closest(".guessing")) toggle(strip, (strip.at ?? -1) + 1);
    });
    bar.append(make("span", { class: "ask" }, button("", "Guess first", "先猜", ask)));
    bar.after(said);
    const [, told] = location.hash.match(/^#guess=([\d,;]*)$/) || [];
    if (told !== undefined) {
      told.split(";").forEach((cut, n) => strips[n] && cut.split(",").filter(Boolean).forEach((at) => toggle(strips[n], Number(at))));
      look();
    }
    if (location.hash === "#quiz") ask();
  };

  // A link to an event: `#e10`.
  const arrive = () => {
    const [, prefix, seq] = location.hash.match(/^#(.*?)e(\d+)$/) || [];
    if (!seq) return;
    const article = document.getElementById(`${prefix}run`);
    const rows = article ? all(article, ".rows .call,.rows .packet").filter((row) => number(row, "e") <= Number(seq)) : [];
    const row = rows.at(-1);
    if (!row) return;
    const choice = article.querySelector(".ladder input[value=rows]");
    if (choice) choice.checked = true;
    row.scrollIntoView({ block: "center" });
    light(article, { events: [number(row, "e")] });
    shown = `e${row.dataset.e}`;
    pinned = "link";
  };

  // Step by step: what has not happened yet is not seen.
  const button = (sign, en, zh, act) => {
    const made = make("button", { type: "button" }, make("span", { "aria-hidden": "true" }, sign), say(en, zh, sign !== ""));
    made.addEventListener("click", act);
    return made;
  };
  const stepper = (article) => {
    const rows = all(article, ".rows .call,.rows .packet");
    const seqs = rows.map((row) => number(row, "e"));
    const timed = all(article, ".tapes [data-e],.ladder [data-e]");
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
      for (const element of timed) {
        element.classList.toggle("later", number(element, "e") > limit);
        element.classList.toggle("now", !ended && number(element, "e") === last);
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
    const named = make("label", {}, say("Step", "步", true), slider);
    const bar = make("div", { class: "stepper", role: "group" },
      button("▶", "Play or pause", "播放或暂停", play), button("←", "One event back", "后退一个事件", () => move(-1)),
      button("→", "One event forward", "前进一个事件", () => move(1)), named, label);
    const tapes = article.querySelector(".tapes") || article.querySelector(".ladder");
    tapes.prepend(bar);
    article.stepper = { move, play, active: () => Number(slider.value) < seqs.length, first: () => show(0) };
    show(seqs.length);
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
    else if (event.key === "b") document.documentElement.classList.toggle("blank");
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
