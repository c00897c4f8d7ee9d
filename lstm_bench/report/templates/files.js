for (const { dataset, content } of document.querySelectorAll("template[data-file]")) {
  const address = URL.createObjectURL(new Blob([content.textContent]));
  for (const link of document.querySelectorAll(`a[download][href="${dataset.file}"]`)) link.href = address;
}
