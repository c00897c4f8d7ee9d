const NONE = 65535, LARGEST = 65534;
const numbersOf = text => {
  const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  return Array.from({ length: bytes.length / 2 }, (_, n) => bytes[2 * n] + 256 * bytes[2 * n + 1]);
};
const signed = text => (Number(text) ? text.replace("-", "−") : text.replace("-", ""));
const numeral = value => signed(value < 1e-3 || value >= 1e4 ? value.toExponential(1) : value.toFixed(3));
const columnsFollow = [];
for (const block of document.querySelectorAll(".heatmaps")) {
  const [rows, columns, letters] = ["rows", "columns", "letters"].map(name => JSON.parse(block.dataset[name]));
  const find = selector => block.querySelector(selector), sliders = [find(".row"), find(".column")];
  const maps = [...block.querySelectorAll(".heatmap")].map(figure => {
    const { values, low, high, scale } = figure.dataset, shares = numbersOf(values);
    const [from, to] = [Number(low), Number(high)], isLog = scale === "log";
    const places = Math.min(Math.max(Math.floor(-Math.log10((to - from) / LARGEST)) - 1, 0), 20); // decimals without error
    const text = place => {
      const share = shares[place] / LARGEST;
      if (shares[place] === NONE) return "–";
      if (isLog) return (shares[place] ? "" : "≤ ") + numeral(from * (to / from) ** share);
      return signed((from + (to - from) * share).toFixed(places));
    };
    const name = figure.querySelector("figcaption b").textContent;
    return { figure, name, shares, text, zero: isLog || from >= 0 ? 1 : to / (to - from) };
  });
  const draw = ({ figure, shares, text, zero }, row, column) => {
    const cross = figure.querySelector(".cross"), line = figure.querySelector("svg.line"), start = row * columns.length;
    figure.querySelector("output").textContent = text(start + column);
    cross.classList.add("is-set");
    line.classList.add("is-set");
    const [width, height] = [100 / columns.length, 100 / rows.length];
    Object.assign(cross.style, {
      left: `${column * width}%`, top: `${row * height}%`, width: `max(${width}%, 7px)`, height: `max(${height}%, 7px)`,
    });
    const points = columns.map((_, step) => [step + 0.5, shares[start + step]]).filter(([, share]) => share !== NONE);
    const path = points.map(([x, share]) => `${x},${(100 * (1 - share / LARGEST)).toFixed(1)}`).join(" ");
    line.innerHTML = `<line class="zero" x1="0" x2="${columns.length}" y1="${100 * zero}" y2="${100 * zero}"/>` +
      `<line class="step" x1="${column + 0.5}" x2="${column + 0.5}" y1="0" y2="100"/><polyline points="${path}"/>`;
  };
  const around = column => {
    const mark = document.createElement("mark");
    mark.textContent = letters[column];
    find(".around").replaceChildren(letters.slice(Math.max(0, column - 24), column).join(""), mark,
      letters.slice(column + 1, column + 25).join(""));
  };
  const show = (row, column) => {
    sliders[0].value = row;
    sliders[1].value = column;
    sliders[0].setAttribute("aria-valuetext", rows[row]);
    sliders[1].setAttribute("aria-valuetext", columns[column]);
    find(".place").textContent = `${rows[row]}; ${columns[column]}`;
    if (letters.length) around(column);
    for (const map of maps) draw(map, row, column);
  };
  const choose = (row, column) => {
    show(row, column);
    const at = row * columns.length + column;
    find(".live").textContent = maps.map(({ name, text }) => `${name} ${text(at)}`).join(", ");
    for (const follow of columnsFollow) follow(column);
  };
  columnsFollow.push(column => { if (column < columns.length) show(sliders[0].valueAsNumber, column); });
  const placed = (position, count) => Math.min(Math.max(Math.floor(position * count), 0), count - 1);
  for (const { figure } of maps) {
    const point = event => {
      const box = figure.querySelector("img").getBoundingClientRect();
      choose(placed((event.clientY - box.top) / box.height, rows.length),
        placed((event.clientX - box.left) / box.width, columns.length));
    };
    figure.querySelector(".map").addEventListener("click", point);
    figure.querySelector(".map").addEventListener("pointermove", event => { if (event.buttons) point(event); });
  }
  for (const slider of sliders) {
    slider.addEventListener("input", () => choose(sliders[0].valueAsNumber, sliders[1].valueAsNumber));
  }
  block.style.setProperty("--rows", rows.length);
  find(".chosen").hidden = false;
  show(sliders[0].valueAsNumber, sliders[1].valueAsNumber);
}
