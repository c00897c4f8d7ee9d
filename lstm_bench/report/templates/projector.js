// The walk alone on the whole screen, in large letters: the button or p; Escape leaves. Remote controls page up and down.
for (const player of document.querySelectorAll(".player")) {
  const button = player.querySelector(".project"), root = document.documentElement;
  const project = isOn => {
    root.classList.toggle("projector", isOn);
    button.setAttribute("aria-pressed", isOn);
    if (isOn) scrollTo({ top: 0, behavior: "instant" });
    else player.scrollIntoView({ block: "start", behavior: "instant" });
    player.dispatchEvent(new Event("step"));
  };
  button.addEventListener("click", () => project(!root.classList.contains("projector")));
  addEventListener("keydown", event => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const isOn = root.classList.contains("projector");
    if (event.key === "p") project(!isOn);
    if (event.key === "Escape" && isOn) project(false);
    const turn = { PageUp: ".previous", PageDown: ".next" }[event.key];
    if (!isOn || !turn || event.target.closest?.("input, .scroll")) return;
    event.preventDefault();
    player.querySelector(turn).click();
  });
}
