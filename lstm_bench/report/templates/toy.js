// A toy cell that holds a cue; anatomy/toy_cell.py has the same equations.
const unitBiases = (bias, n) => Array.from({ length: n }, (_, k) => Math.log(1 + (k + 1) / n * (Math.exp(bias) - 1)));
const sigmoid = x => 1 / (1 + Math.exp(-x));
const halfLife = f => Math.log(0.5) / Math.log(f);

const UNIT_HEADINGS = ["Unit", "Bias", "f", "Half-life<small>steps</small>", "Left at T"];
const unitsTable = (units, lag) => {
  const rows = units.map(({ b, f }, k) => {
    const numbers = [short(b), fixed(f, 4), fixed(halfLife(f), 1), short(f ** lag)];
    return `<tr><th scope="row">${k + 1}</th>${numbers.map(text => `<td>${minus(text)}</td>`).join("")}</tr>`;
  });
  const headings = UNIT_HEADINGS.map(heading => `<th scope="col">${heading}</th>`);
  return `<table class="toy-units"><caption class="unseen">Units</caption><thead><tr>${headings.join("")}</tr></thead>
    <tbody>${rows.join("")}</tbody></table>`;
};

// The curves of f^t, 0 <= t <= lag, a thin one per unit, and their mean where there are several.
const curves = (units, mean, lag) => {
  const left = 24, right = 410, top = 12, bottom = 216, middle = (top + bottom) / 2, most = 150;
  const point = (t, share) => `${(left + t / lag * (right - left)).toFixed(1)},${(bottom - share * (bottom - top)).toFixed(1)}`;
  const line = (share, name) => {
    const count = Math.min(lag, most), times = Array.from({ length: count + 1 }, (_, k) => k / count * lag);
    return `<polyline class="${name}" points="${times.map(t => point(t, share(t))).join(" ")}"/>`;
  };
  const letters = (x, y, anchor, text) => `<text x="${x}" y="${y}" text-anchor="${anchor}">${text}</text>`;
  const isOne = units.length === 1;
  const whose = isOne ? "" : `, the mean of ${units.length} units, each of which has a curve`;
  return `<svg
    role="img" viewBox="0 0 420 250"
    aria-label="Line plot of what is left of the cue: 1 at step 0, ${minus(short(mean(lag)))} at step ${lag}${whose}.">
    <path class="axes" d="M ${left} ${top} V ${bottom} H ${right}"/><path class="half" d="M ${left} ${middle} H ${right}"/>
    ${units.map(({ f }) => line(t => f ** t, "unit")).join("")}${isOne ? "" : line(mean, "mean")}
    ${letters(left - 5, top + 5, "end", "1")}${letters(left - 5, middle + 4, "end", "½")}${letters(left - 5, bottom + 4, "end", "0")}
    ${letters(left, bottom + 16, "middle", "0")}${letters(right, bottom + 16, "end", `T = ${lag}`)}
    ${letters((left + right) / 2, bottom + 29, "middle", "steps since the cue")}
    ${letters(right, top + 4, "end", isOne ? "c left" : "c left (thin: a unit, thick: the mean)")}</svg>`;
};

for (const toy of document.querySelectorAll(".toy")) {
  const dials = Object.fromEntries([...toy.querySelectorAll("input")].map(dial => [dial.name, dial]));
  const draw = () => {
    const [bias, n, lag] = ["bias", "units", "lag"].map(name => dials[name].valueAsNumber);
    const units = unitBiases(bias, n).map(b => ({ b, f: sigmoid(b) })), { f } = units.at(-1);
    const mean = t => units.reduce((sum, unit) => sum + unit.f ** t, 0) / n;
    for (const dial of Object.values(dials)) dial.parentElement.querySelector(".told").textContent = minus(dial.value);
    const sums = [
      `f = σ(${minus(short(bias))}) = ${fixed(f, 4)}`,
      `half-life = ln ½ / ln f = ${fixed(halfLife(f), 1)} steps`,
      `c<sub>T</sub> = f<sup>T</sup> × c₀ = ${fixed(f, 4)}<sup>${lag}</sup> × 1 = <b>${minus(short(f ** lag))}</b>`,
    ];
    if (n > 1) sums.push(`mean of ${n} units at T = <b>${minus(short(mean(lag)))}</b>`);
    toy.querySelector(".toy-sums").innerHTML = sums.map(sum => `<li>${sum}</li>`).join("");
    toy.querySelector(".scroll").innerHTML = unitsTable(units, lag);
    toy.querySelector("figure").innerHTML = curves(units, mean, lag);
  };
  for (const dial of Object.values(dials)) dial.addEventListener("input", draw);
  toy.hidden = toy.querySelector(".dials").hidden = false;
  draw();
}
