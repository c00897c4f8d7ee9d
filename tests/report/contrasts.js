// Return [WCAG contrast ratio, what it is] for each element that has letters of its own to be seen, drawings aside.
() => {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const mixed = layers => {
    context.reset();
    for (const layer of layers) {
      context.fillStyle = layer;
      context.fillRect(0, 0, 1, 1);
    }
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const linear = value => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const grounds = element =>
    element ? [...grounds(element.parentElement), getComputedStyle(element).backgroundColor] : ["white"];
  const ratio = element => {
    const under = grounds(element), letters = [...under, getComputedStyle(element).color];
    const [dark, light] = [under, letters].map(layers => luminance(mixed(layers))).sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const hasLetters = element => [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
  return [...document.querySelectorAll("body *")]
    .filter(element => !element.closest("svg") && element.checkVisibility() && hasLetters(element))
    .map(element => [ratio(element), `${element.tagName} ${element.className}: ${element.textContent.slice(0, 40)}`]);
}
