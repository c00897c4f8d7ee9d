// What a walk becomes when its gates are moved; anatomy/walk.py has the same equations.
const recompute = gates => {
  let c = 0, h = 0;
  return gates.map(({ f, i, g, o }) => {
    const n = { f, i, g, o, h_before: h, c_before: c, keep: f * c, written: i * g };
    c = n.c = n.keep + n.written;
    n.tanh_c = Math.tanh(c);
    h = n.h = o * n.tanh_c;
    return n;
  });
};
const decide = ({ f, written, o }, thresholds) => {
  const name = (value, quantity) => thresholds[quantity].find(([least]) => value >= least)[1];
  const size = Math.abs(written), sizes = thresholds["|i g|"];
  const isNegative = written < 0 && size >= sizes.at(-2)[0];
  const write = name(size, "|i g|");
  return [name(f, "f"), isNegative ? write.replace("write", "negative write") : write, name(o, "o")].join(", ");
};
const fillIn = (template, texts) => template.replace(/\{(\(?)(\w+)\)?\}/g, (_, bracket, name) =>
  bracket && texts[name].startsWith("−") ? `(${texts[name]})` : texts[name]);

// Set a number of the diagram, and fit the pill around it where it is visible.
const setPill = (pill, text) => {
  const letters = pill.querySelector("text"), outline = pill.querySelector("path");
  letters.textContent = text;
  const { x, y, width, height } = letters.getBBox(), pad = 3, corner = 3;
  if (!width) return;
  const [left, right, top, bottom] = [x - pad, x + width + pad, y - pad / 2, y + height + pad / 2];
  outline.setAttribute("d", `M ${left + corner} ${top} H ${right - corner} Q ${right} ${top} ${right} ${top + corner}
    V ${bottom - corner} Q ${right} ${bottom} ${right - corner} ${bottom} H ${left + corner}
    Q ${left} ${bottom} ${left} ${bottom - corner} V ${top + corner} Q ${left} ${top} ${left + corner} ${top} Z`);
};
// Fill the box of a gate from below as far as the gate is open.
const setOpening = (svg, gate, value) => {
  const box = svg.querySelector(`[id$="box-${gate}"] path`), opening = svg.querySelector(`[id$="opening-${gate}"] path`);
  const [xs, ys] = [0, 1].map(axis => box.getAttribute("d").match(/-?[\d.]+/g).map(Number).filter((_, k) => k % 2 === axis));
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  opening.setAttribute("d", `M ${left} ${bottom} H ${right} V ${bottom - value * (bottom - top)} H ${left} Z`);
};

for (const player of document.querySelectorAll(".player:has(.dials)")) {
  const steps = [...player.querySelectorAll("article")], thresholds = JSON.parse(player.dataset.decisions);
  const bars = [...player.querySelectorAll(".words i")], live = player.querySelector(".live");
  const every = player.querySelector(".every"), reset = player.querySelector(".reset");
  const dials = steps.map(step => [...step.querySelectorAll(".dials input")]);
  const given = dials.map(row => Object.fromEntries(row.map(dial => [dial.name, Number(dial.dataset.given)])));
  const gates = given.map(gate => ({ ...gate }));
  const largest = Math.max(1e-9, ...recompute(given).map(n => Math.abs(n.c)));

  // The last row of the printed numbers holds the results of the given gates; one more is added for moved gates.
  for (const body of player.querySelectorAll(".in-print tbody")) {
    const mine = body.lastElementChild, fixedRow = mine.cloneNode(true);
    for (const number of fixedRow.querySelectorAll("[data-fill]")) number.removeAttribute("data-fill");
    mine.before(fixedRow);
    mine.classList.add("moved");
    mine.cells[0].textContent = "With these gates";
  }
  const fills = [...player.querySelectorAll("[data-fill]")];
  for (const part of fills) part.dataset.given = part.textContent;
  const stepOf = steps.flatMap((step, place) => fills.filter(part => step.contains(part)).map(part => [part, place]));
  player.querySelectorAll(".words a").forEach((word, place) => stepOf.push([word.querySelector("[data-fill]"), place]));

  const update = () => {
    const walk = recompute(gates);
    const texts = walk.map((n, place) => ({
      ...Object.fromEntries(Object.entries(n).map(([name, value]) => [name, minus(short(value))])),
      t: `${place + 1}`, x: steps[place].dataset.word, decision: decide(n, thresholds),
    }));
    const top = Math.max(largest, ...walk.map(n => Math.abs(n.c)));
    walk.forEach((n, place) => bars[place].style.setProperty("--share", Math.abs(n.c) / top));
    for (const [part, place] of stepOf) {
      part.textContent = fillIn(part.dataset.fill, texts[place]);
      part.classList.toggle("changed", part.textContent !== part.dataset.given);
    }
    steps.forEach((step, place) => {
      const { decision } = texts[place], svg = step.querySelector("svg");
      step.querySelector(".decision").textContent = `${decision[0].toUpperCase()}${decision.slice(1)}.`;
      svg.setAttribute("aria-label", fillIn(step.dataset.alt, texts[place]));
      for (const pill of svg.querySelectorAll("[id*='value-']:not([id$='value-x'])")) {
        setPill(pill, texts[place][pill.id.replace(/.*value-/, "")]);
      }
      for (const gate of "fio") setOpening(svg, gate, gates[place][gate]);
      for (const dial of dials[place]) setDial(dial, gates[place][dial.name], given[place][dial.name]);
    });
    const isMoved = gates.some((row, place) => Object.keys(row).some(gate => row[gate] !== given[place][gate]));
    player.classList.toggle("what-if", isMoved);
    reset.disabled = !isMoved;
  };
  const setDial = (dial, value, was) => {
    const text = minus(short(value)), isMoved = value !== was;
    if (dial.valueAsNumber !== value) dial.value = value;
    dial.setAttribute("aria-valuetext", isMoved ? `${text}, ${player.dataset.source}: ${minus(short(was))}` : text);
    const readout = dial.parentElement.querySelector(".told");
    readout.textContent = isMoved ? `${text} ≠ ${minus(short(was))}` : text;
    dial.parentElement.classList.toggle("changed", isMoved);
  };
  const say = () => { live.textContent = player.querySelector("article:not([hidden]) .description").textContent; };
  dials.forEach((row, place) => row.forEach(dial => {
    dial.addEventListener("input", () => {
      for (const gate of every.checked ? gates : [gates[place]]) gate[dial.name] = dial.valueAsNumber;
      update();
    });
    dial.addEventListener("change", say);
  }));
  reset.addEventListener("click", () => {
    gates.forEach((gate, place) => Object.assign(gate, given[place]));
    update();
    say();
  });
  player.addEventListener("step", () => { if (player.classList.contains("what-if")) update(); });
  for (const part of player.querySelectorAll(".dials")) part.hidden = false;
  update();
}
