/** Light, dark, or as the system has it. */

import { byId } from './dom';
import { recall, remember } from './memory';

const themes = [
  { name: 'system', icon: '◐', label: 'Colours: as the system' },
  { name: 'light', icon: '☀', label: 'Colours: light' },
  { name: 'dark', icon: '☾', label: 'Colours: dark' },
] as const;

/** Where the choice is kept. */
const storageKey = 'mqtide-demo-theme';

/** Raised on the document when the colours change, for what is painted and not styled. */
export const themeChanged = 'theme-changed';

/** Wires the button that goes through the themes. */
export function startTheme(): void {
  const button = byId('theme', HTMLButtonElement);
  const icon = byId('theme-icon', HTMLElement);
  const wished = recall('localStorage', storageKey);
  let current = Math.max(
    0,
    themes.findIndex(({ name }) => name === wished),
  );

  const apply = () => {
    const theme = themes[current] ?? themes[0];
    if (theme.name === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme.name;
    icon.textContent = theme.icon;
    button.setAttribute('aria-label', theme.label);
    button.title = theme.label;
    remember('localStorage', storageKey, theme.name);
    document.dispatchEvent(new Event(themeChanged));
  };

  button.addEventListener('click', () => {
    current = (current + 1) % themes.length;
    apply();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () =>
    document.dispatchEvent(new Event(themeChanged)),
  );
  apply();
}
