// A file that the page holds is saved from it, by the links that otherwise lead to the file beside the page.
for (const { dataset, content } of document.querySelectorAll("template[data-file]")) {
  const address = URL.createObjectURL(new Blob([content.textContent]));
  for (const link of document.querySelectorAll(`a[href="${dataset.file}"]:has(+ .beside)`)) {
    link.href = address;
    link.download = dataset.file.split("/").at(-1);
    link.nextElementSibling.hidden = true;
  }
}
