// Numbers as text, as anatomy/numerals.py writes them.
const fixed = (value, places) => {
  const text = (value + (value < 0 ? -1e-12 : 1e-12)).toFixed(places);
  return Number(text) === 0 ? text.replace("-", "") : text;
};
const short = value => {
  const size = Math.abs(value);
  if (value && !(size >= 5e-4 && size < 1e4)) {
    return value.toExponential(size < 1 ? 0 : 1).replace(/e([-+])(\d)$/, "e$10$2");
  }
  const text = fixed(value, 3);
  return text.replace(/0+$/, "").replace(/\.$/, "");
};
const minus = text => text.replaceAll("-", "−");
