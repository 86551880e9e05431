"use strict";
// The browser of rows. Everything from the data is inserted as text, never as markup.
(() => {
  const source = document.getElementById("rows-data");
  const browser = document.getElementById("browser");
  if (!source || !browser) return;
  const data = JSON.parse(source.textContent);
  const STEP = 20;
  const control = (name) => document.getElementById(name);
  const list = control("found"), status = control("status"), more = control("more");
  let matching = [], drawn = 0;

  const element = (name, look, ...children) => {
    const made = document.createElement(name);
    if (look) made.className = look;
    made.append(...children);
    return made;
  };
  const grouped = (value) => value.toLocaleString("en");
  const percent = (value) => `${(100 * value).toFixed(1)}\u00a0%`;
  const right = (row, at) => row.answers[at][0] === row.label;

  const fill = (select, names) => {
    for (const [value, name] of names) {
      const option = element("option", "", name);
      option.value = value;
      select.append(option);
    }
  };

  // The text, with every occurrence of the query in <mark>.
  const marked = (text, query) => {
    const pieces = document.createDocumentFragment();
    if (!query) return text;
    const lower = text.toLocaleLowerCase();
    if (lower.length !== text.length) return text; // positions in it would differ
    let from = 0;
    for (let at = lower.indexOf(query); at >= 0; at = lower.indexOf(query, from)) {
      pieces.append(text.slice(from, at), element("mark", "", text.slice(at, at + query.length)));
      from = at + query.length;
    }
    pieces.append(text.slice(from));
    return pieces;
  };

  const passage = (row, key, query) => {
    const shown = element("p", "passage", marked(row[key], query));
    shown.dir = "auto";
    const length = row[`${key}_characters`];
    if (length) shown.append(element("span", "cut", ` … cut here, of ${grouped(length)} characters`));
    return shown;
  };

  const answer = (row, at, name) => {
    const [label, confidence] = row.answers[at];
    const isRight = right(row, at);
    return [
      element("dt", "", element("bdi", "", name)),
      element("dd", isRight ? "right" : "wrong", element("bdi", "", data.classes[label]), ` ${percent(confidence)} `,
        element("span", "judged", isRight ? "right" : "wrong")),
    ];
  };

  const item = (row, query) => {
    const answers = element("dl", "answers",
      element("dt", "", "true class"), element("dd", "", element("bdi", "", data.classes[row.label])),
      ...answer(row, 0, data.winner));
    data.others.forEach((other, at) => answers.append(...answer(row, at + 1, other.name)));
    const texts = [passage(row, "text", query)];
    if ("pair" in row) texts.push(passage(row, "pair", query));
    return element("li", "", ...texts, answers, element("p", "origin", element("bdi", "", row.id)));
  };

  const draw = () => {
    const query = control("search").value.trim().toLocaleLowerCase();
    const next = matching.slice(drawn, drawn + STEP);
    list.append(...next.map((row) => item(row, query)));
    drawn += next.length;
    more.hidden = drawn >= matching.length;
    more.textContent = `Show ${grouped(Math.min(STEP, matching.length - drawn))} more`;
    status.textContent = matching.length
      ? `${grouped(drawn)} of ${grouped(matching.length)} matching rows are shown.`
      : "No row matches: widen the search or the filters.";
  };

  const kinds = (row, at) => {
    if (right(row, 0) === right(row, at + 1)) return "";
    return right(row, 0) ? "gained" : "lost";
  };

  const order = {
    file: () => 0,
    winner: (one, other) => other.answers[0][1] - one.answers[0][1],
    unsure: (one, other) => one.answers[0][1] - other.answers[0][1],
    short: (one, other) => one.text.length - other.text.length,
    long: (one, other) => other.text.length - one.text.length,
  };

  const search = () => {
    const [kind, against] = control("kind").value.split(":");
    const label = control("label").value, chosen = control("answer").value;
    const query = control("search").value.trim().toLocaleLowerCase();
    matching = data.rows.filter((row) =>
      kinds(row, Number(against)) === kind &&
      (label === "" || row.label === Number(label)) &&
      (chosen === "" || row.answers[0][0] === Number(chosen)) &&
      (!query || [row.text, row.pair || "", row.id].some((part) => part.toLocaleLowerCase().includes(query))));
    matching.sort(order[control("order").value]);
    list.replaceChildren();
    drawn = 0;
    draw();
  };

  fill(control("kind"), data.others.flatMap((other, at) => [
    [`gained:${at}`, `${data.winner} right, ${other.name} wrong (${grouped(other.gained)})`],
    [`lost:${at}`, `${other.name} right, ${data.winner} wrong (${grouped(other.lost)})`],
  ]));
  const classes = [["", "any"], ...data.classes.map((name, at) => [at, name])];
  fill(control("label"), classes);
  fill(control("answer"), classes);
  for (const name of ["kind", "label", "answer", "order"]) control(name).addEventListener("change", search);
  control("search").addEventListener("input", search);
  more.addEventListener("click", () => {
    const first = drawn;
    draw();
    const reached = list.children[first];
    if (reached) {
      reached.tabIndex = -1;
      reached.focus({ preventScroll: true });
    }
  });
  browser.hidden = false;
  search();
})();
