// What makes the written page answer: theme, printing, copying, pictures, layers.

const heatsOf = new Map();

function theme() {
  const button = document.getElementById("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const now = () => root.dataset.theme || (dark.matches ? "dark" : "light");
  const name = () => { button.textContent = now() === "dark" ? "Light" : "Dark"; };
  try { // a browser may keep nothing for pages that are opened from disk
    const kept = localStorage.getItem("diagnose-theme");
    if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  } catch { /* then the system's choice holds */ }
  button.addEventListener("click", () => {
    root.dataset.theme = now() === "dark" ? "light" : "dark";
    try { localStorage.setItem("diagnose-theme", root.dataset.theme); } catch { /* holds until the page is closed */ }
    name();
  });
  dark.addEventListener("change", name);
  name();
  button.hidden = false;
}

function printing() {
  const button = document.getElementById("print");
  button.hidden = false;
  button.addEventListener("click", () => print());
}

async function copied(button) {
  const code = button.parentElement.querySelector("code");
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch { // no clipboard for this page: select the code, so that the keyboard can
    getSelection().selectAllChildren(code);
    button.textContent = "Selected";
    return;
  }
  button.textContent = "Copied";
  told.textContent = "copied";
}

function pictures() {
  document.querySelectorAll("svg.chart").forEach(linkChart);
  document.querySelectorAll(".heats").forEach((box) => {
    const panels = [...box.querySelectorAll(".heat-panel")].map(linkPanel);
    heatsOf.set(panels[0][0].svg.dataset.group, panels);
    switcher(box, panels);
  });
  document.querySelectorAll(".layer-name").forEach((word) => {
    word.setAttribute("role", "button");
    word.setAttribute("tabindex", "0");
  });
  document.addEventListener("click", layerNamed);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") layerNamed(event);
  });
  document.querySelectorAll(".script-only").forEach((one) => { one.hidden = false; });
}

function layerNamed(event) {
  const word = event.target.closest(".layer-name");
  if (!word) return;
  event.preventDefault();
  opened(word.closest("[data-group]").dataset.group, word.dataset.layer);
}

let waiting = 0;
addEventListener("resize", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => groups.forEach((group) => group.members.forEach(labels)), 150);
});

theme();
printing();
document.querySelectorAll(".copy").forEach((button) => {
  button.hidden = false;
  button.addEventListener("click", () => copied(button));
});
pictures();
