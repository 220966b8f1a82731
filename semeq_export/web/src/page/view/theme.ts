/** Dark or light: as the system says, until a person says otherwise. */

const KEY = "semeq-studio-theme";
type Theme = "dark" | "light";

/** Take the theme that was chosen last, and follow the system where none was. */
export function startTheme(): void {
  const system = matchMedia("(prefers-color-scheme: light)");
  const show = (): void => setTheme(chosen() ?? (system.matches ? "light" : "dark"));
  system.addEventListener("change", show);
  show();
}

export function toggleTheme(): void {
  const next: Theme = document.documentElement.dataset["theme"] === "light" ? "dark" : "light";
  setTheme(next);
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // no storage in this window: the choice lasts as long as the page
  }
}

function setTheme(theme: Theme): void {
  document.documentElement.dataset["theme"] = theme;
}

function chosen(): Theme | null {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === "dark" || kept === "light" ? kept : null;
  } catch {
    return null;
  }
}
