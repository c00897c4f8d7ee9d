const sortKey = text => ({ inf: Infinity, "-inf": -Infinity })[text] ?? (isNaN(text) ? text : Number(text));
const inOrder = (a, b) =>
  typeof a === "number" && typeof b === "number" ? a - b || 0 : `${a}`.localeCompare(`${b}`, "en", { numeric: true });

for (const table of document.querySelectorAll("table")) {
  const headings = [...table.querySelectorAll("thead th")], body = table.tBodies[0];
  headings.forEach((heading, column) => heading.querySelector("button")?.addEventListener("click", () => {
    const sign = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of headings) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const textOf = row => row.cells[column].dataset.sort;
    const isUnknown = row => ["nan", ""].includes(textOf(row));
    const rows = [...body.rows].sort((a, b) =>
      isUnknown(a) - isUnknown(b) || sign * inOrder(sortKey(textOf(a)), sortKey(textOf(b))));
    body.append(...rows);
  }));
}
