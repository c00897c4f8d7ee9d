// Links to an embedded file save it from the page; without a script they lead to the file next to the page.
for (const { dataset, content } of document.querySelectorAll("template[data-file]")) {
  const address = URL.createObjectURL(new Blob([content.textContent]));
  for (const link of document.querySelectorAll(`a[href="${dataset.file}"]:has(+ .beside)`)) {
    link.href = address;
    link.download = dataset.file.split("/").at(-1);
    link.nextElementSibling.hidden = true;
  }
}
