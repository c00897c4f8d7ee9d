for (const player of document.querySelectorAll(".player")) {
  const find = selector => player.querySelector(selector);
  const steps = [...player.querySelectorAll("article")], words = [...player.querySelectorAll(".words a")];
  const slider = find(".controls input"), live = find(".live");
  const addressed = () => Number(/^#t=(\d+)$/.exec(decodeURIComponent(location.hash))?.[1]);
  let now = 0;
  const show = t => {
    t = Math.min(Math.max(t || 1, 1), steps.length);
    if (t === now) return;
    steps.forEach((step, place) => { step.hidden = place + 1 !== t; });
    words.forEach((word, place) => {
      word.classList.toggle("later", place + 1 > t);
      if (place + 1 === t) word.setAttribute("aria-current", "step"); else word.removeAttribute("aria-current");
    });
    slider.value = t;
    slider.setAttribute("aria-valuetext", `${t}, ${steps[t - 1].dataset.word}`);
    find(".controls output").textContent = `t = ${t}`;
    find(".previous").disabled = t === 1;
    find(".next").disabled = t === steps.length;
    if (now) {
      live.textContent = steps[t - 1].querySelector(".description").textContent;
      history.replaceState(null, "", `#t=${t}`);
    }
    now = t;
    player.dispatchEvent(new Event("step"));
  };
  player.classList.add("stepping");
  for (const part of [".controls", ".tools", ".hint"]) find(part).hidden = false;
  slider.addEventListener("input", () => show(slider.valueAsNumber));
  find(".previous").addEventListener("click", () => show(now - 1));
  find(".next").addEventListener("click", () => show(now + 1));
  words.forEach((word, place) => word.addEventListener("click", event => { event.preventDefault(); show(place + 1); }));
  addEventListener("hashchange", () => { if (addressed()) show(addressed()); });
  addEventListener("keydown", event => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const isTaken = event.altKey || event.ctrlKey || event.metaKey || event.shiftKey;
    if (!by || isTaken || event.target.closest?.("input, .scroll")) return;
    event.preventDefault();
    show(now + by);
  });
  show(addressed());
}
