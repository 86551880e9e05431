"use strict";
// The browser of rows. Everything from the data is put in place as text, never as markup.
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
  const whole = (value) => value.toLocaleString("en");
  const percent = (value) => `${(100 * value).toFixed(1)}\u00a0%`;
  const right = (row, at) => row.answers[at][0] === row.label;

  const fill = (select, names) => {
    for (const [value, name] of names) {
      const option = element("option", "", name);
      option.value = value;
      select.append(option);
    }
  };

  // Parts of the text where the search was found, in <mark>.
  const marked = (text, wanted) => {
    const found = document.createDocumentFragment();
    if (!wanted) return text;
    const lower = text.toLocaleLowerCase();
    if (lower.length !== text.length) return text; // places would not fit
    let from = 0;
    for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
      found.append(text.slice(from, at), element("mark", "", text.slice(at, at + wanted.length)));
      from = at + wanted.length;
    }
    found.append(text.slice(from));
    return found;
  };

  const passage = (row, key, wanted) => {
    const shown = element("p", "passage", marked(row[key], wanted));
    shown.dir = "auto";
    const length = row[`${key}_characters`];
    if (length) shown.append(element("span", "cut", ` … cut here, of ${whole(length)} characters`));
    return shown;
  };

  const answer = (row, at, name) => {
    const [label, sure] = row.answers[at];
    const good = right(row, at);
    return [
      element("dt", "", element("bdi", "", name)),
      element("dd", good ? "right" : "wrong", element("bdi", "", data.classes[label]), ` ${percent(sure)} `,
        element("span", "judged", good ? "right" : "wrong")),
    ];
  };

  const item = (row, wanted) => {
    const answers = element("dl", "answers",
      element("dt", "", "true class"), element("dd", "", element("bdi", "", data.classes[row.label])),
      ...answer(row, 0, data.winner));
    data.others.forEach((other, at) => answers.append(...answer(row, at + 1, other.name)));
    const texts = [passage(row, "text", wanted)];
    if ("pair" in row) texts.push(passage(row, "pair", wanted));
    return element("li", "", ...texts, answers, element("p", "origin", element("bdi", "", row.id)));
  };

  const draw = () => {
    const wanted = control("search").value.trim().toLocaleLowerCase();
    const next = matching.slice(drawn, drawn + STEP);
    list.append(...next.map((row) => item(row, wanted)));
    drawn += next.length;
    more.hidden = drawn >= matching.length;
    more.textContent = `Show ${whole(Math.min(STEP, matching.length - drawn))} more`;
    status.textContent = matching.length
      ? `${whole(drawn)} of ${whole(matching.length)} matching rows are shown.`
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
    const label = control("label").value, said = control("answer").value;
    const wanted = control("search").value.trim().toLocaleLowerCase();
    matching = data.rows.filter((row) =>
      kinds(row, Number(against)) === kind &&
      (label === "" || row.label === Number(label)) &&
      (said === "" || row.answers[0][0] === Number(said)) &&
      (!wanted || [row.text, row.pair || "", row.id].some((part) => part.toLocaleLowerCase().includes(wanted))));
    matching.sort(order[control("order").value]);
    list.replaceChildren();
    drawn = 0;
    draw();
  };

  fill(control("kind"), data.others.flatMap((other, at) => [
    [`gained:${at}`, `${data.winner} right, ${other.name} wrong (${whole(other.gained)})`],
    [`lost:${at}`, `${other.name} right, ${data.winner} wrong (${whole(other.lost)})`],
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
