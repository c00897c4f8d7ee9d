for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  table.querySelectorAll("thead th").forEach((heading, column) => {
    heading.querySelector("button")?.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      for (const other of table.querySelectorAll("thead th")) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = row => row.cells[column].dataset.sort;
      const rank = (a, b) => {
        if (a === "nan" || b === "nan") return (a === "nan") - (b === "nan");
        const order = isNaN(a) && a !== "inf" || isNaN(b) && b !== "inf"
          ? a.localeCompare(b) : Number(a.replace("inf", "Infinity")) - Number(b.replace("inf", "Infinity"));
        return down ? -order : order;
      };
      [...body.rows].sort((a, b) => rank(key(a), key(b))).forEach(row => body.append(row));
    });
  });
}
